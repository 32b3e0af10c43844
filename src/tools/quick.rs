//! Arguments that are permitted beyond doubt, told from their text alone: most schemas name parameters of one simple
//! type each, and most calls are right. Whatever is not that plain is left to the whole check.

use std::collections::HashSet;

use serde_json::{Map, Value};

use crate::base::json::members;

/// Keywords that permit and forbid nothing (JSON Schema 2020-12, Validation, sections 7 and 9); formats are not checked.
const ANNOTATIONS: [&str; 12] = [
    "$comment",
    "$id",
    "$schema",
    "default",
    "deprecated",
    "description",
    "examples",
    "format",
    "id",
    "readOnly",
    "title",
    "writeOnly",
];

/// A schema as far as it is plain.
#[derive(Debug)]
pub(super) struct Quick {
    /// Sorted by name.
    parameters: Vec<(String, Parameter)>,
    required: usize,
    /// Other parameters are not permitted.
    closed: bool,
}

#[derive(Debug)]
struct Parameter {
    kind: Kind,
    required: bool,
}

/// What is permitted.
#[derive(Debug, Clone, Copy)]
enum Kind {
    Anything,
    Text,
    Number,
    Whole,
    Truth,
    /// Not to be told from the text alone.
    Intricate,
}

impl Quick {
    /// Nothing for a schema that is not plain as a whole.
    pub(super) fn of(schema: &Value) -> Option<Self> {
        let schema = schema.as_object()?;
        let is_known = |keyword: &String| {
            ANNOTATIONS.contains(&keyword.as_str())
                || matches!(
                    keyword.as_str(),
                    "type"
                        | "properties"
                        | "required"
                        | "additionalProperties"
                        | "definitions"
                        | "$defs"
                )
        };
        if schema.get("type")? != "object" || !schema.keys().all(is_known) {
            return None;
        }
        let closed = match schema.get("additionalProperties") {
            None | Some(Value::Bool(true)) => false,
            Some(Value::Bool(false)) => true,
            Some(_) => return None,
        };
        let none = Map::new();
        let properties = match schema.get("properties") {
            None => &none,
            Some(properties) => properties.as_object()?,
        };
        let required: HashSet<&str> = match schema.get("required") {
            None => HashSet::new(),
            Some(names) => names.as_array()?.iter().map(Value::as_str).collect::<Option<_>>()?,
        };
        if !required.iter().all(|name| properties.contains_key(*name)) {
            return None;
        }
        let parameter = |(name, schema): (&String, &Value)| {
            let parameter =
                Parameter { kind: kind(schema), required: required.contains(name.as_str()) };
            (name.clone(), parameter)
        };
        let mut parameters: Vec<_> = properties.iter().map(parameter).collect();
        parameters.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
        Some(Self { parameters, required: required.len(), closed })
    }

    fn parameter(&self, name: &str) -> Option<&Parameter> {
        let place = self.parameters.binary_search_by(|(known, _)| known.as_str().cmp(name)).ok()?;
        Some(&self.parameters[place].1)
    }

    /// Whether the arguments, the JSON text of an object, are permitted beyond doubt.
    pub(super) fn permits(&self, params: &str) -> bool {
        let mut found = 0;
        for member in members(params) {
            match self.parameter(&member.name()) {
                Some(parameter) if parameter.kind.has(member.value) => {
                    found += usize::from(parameter.required);
                }
                None if !self.closed => {}
                _ => return false,
            }
        }
        found == self.required
    }
}

fn kind(schema: &Value) -> Kind {
    let schema = match schema {
        Value::Bool(true) => return Kind::Anything,
        Value::Object(schema) => schema,
        _ => return Kind::Intricate,
    };
    let is_plain = |keyword: &String| ANNOTATIONS.contains(&keyword.as_str()) || keyword == "type";
    if !schema.keys().all(is_plain) {
        return Kind::Intricate;
    }
    match schema.get("type") {
        None => Kind::Anything,
        Some(Value::String(name)) => match name.as_str() {
            "string" => Kind::Text,
            "number" => Kind::Number,
            "integer" => Kind::Whole,
            "boolean" => Kind::Truth,
            _ => Kind::Intricate,
        },
        Some(_) => Kind::Intricate,
    }
}

impl Kind {
    fn has(self, value: &str) -> bool {
        let is_number = || value.starts_with(|c: char| c == '-' || c.is_ascii_digit());
        match self {
            Self::Anything => true,
            Self::Text => value.starts_with('"'),
            Self::Number => is_number(),
            // What has a fraction or an exponent may still be whole.
            Self::Whole => is_number() && !value.contains(['.', 'e', 'E']),
            Self::Truth => matches!(value, "true" | "false"),
            Self::Intricate => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check(schema: &Value, permitted: &[&str], doubtful: &[&str]) {
        let quick = Quick::of(schema).expect("a plain schema");
        for params in permitted {
            assert!(quick.permits(params), "{params}");
        }
        for params in doubtful {
            assert!(!quick.permits(params), "{params}");
        }
    }

    #[test]
    fn plain_arguments_are_permitted() {
        let schema = json!({
            "type": "object", "$schema": "x",
            "properties": {
                "s": {"type": "string", "description": "d", "default": "x"},
                "n": {"type": "number"}, "i": {"type": "integer"}, "b": {"type": "boolean"}, "any": {},
                "l": {"type": "array", "items": {"type": "string"}},
            },
            "required": ["s"],
        });
        check(
            &schema,
            &[
                r#"{"s":"x"}"#,
                r#"{"n":-1.5e3,"i":-7,"b":true,"any":[1],"s":"","other":{}}"#,
                r#"{"\u0073":"x"}"#,
            ],
            &[
                "{}",
                r#"{"s":5}"#,
                r#"{"s":"x","n":"1"}"#,
                r#"{"s":"x","i":1.0}"#,
                r#"{"s":"x","b":null}"#,
                r#"{"s":"x","l":["a"]}"#,
            ],
        );
        let closed =
            json!({"type": "object", "properties": {"a": true}, "additionalProperties": false});
        check(&closed, &["{}", r#"{"a":null}"#], &[r#"{"b":1}"#]);
    }

    #[test]
    fn other_schemas_are_not_plain() {
        for schema in [
            json!(true),
            json!({}),
            json!({"type": "object", "minProperties": 1}),
            json!({"type": "object", "required": ["x"]}),
            json!({"type": "object", "additionalProperties": {"type": "string"}}),
            json!({"type": ["object", "null"]}),
        ] {
            assert!(Quick::of(&schema).is_none(), "{schema}");
        }
    }
}
