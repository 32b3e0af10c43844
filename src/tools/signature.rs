//! A tool's arguments in one line of TypeScript, which suffices to call it.

use std::cell::Cell;
use std::collections::HashSet;
use std::fmt::Write;

use serde_json::{Map, Value};

use crate::protocol::tool::Definition;

/// Objects within objects are spelt out this deep, and references followed as far.
const MAX_DEPTH: usize = 4;
/// So many types are spelt out, the rest is `any`: references can multiply without end.
const MAX_TYPES: usize = 300;
/// A longer signature is of no use; the schema is the better answer then.
const MAX_LENGTH: usize = 2000;

/// Such as `search(query: string, limit?: number = 10, sort?: "asc"|"desc")`.
pub fn signature(definition: &Definition) -> String {
    let schema: Value = definition
        .input_schema
        .as_ref()
        .and_then(|schema| serde_json::from_str(schema.get()).ok())
        .unwrap_or_default();
    let spelling = Spelling { root: &schema, left: Cell::new(MAX_TYPES) };
    let mut line = format!("{}({})", definition.name, spelling.members(&schema, 0));
    if let Some((cut, _)) = line.char_indices().nth(MAX_LENGTH) {
        line.truncate(cut);
        line.push('…');
    }
    line
}

struct Spelling<'a> {
    /// Where references lead to.
    root: &'a Value,
    /// Types that may still be spelt out.
    left: Cell<usize>,
}

impl Spelling<'_> {
    /// The properties of an object, those that must be given first.
    fn members(&self, object: &Value, depth: usize) -> String {
        let empty = Map::new();
        let properties = object["properties"].as_object().unwrap_or(&empty);
        let required: HashSet<&str> = object["required"]
            .as_array()
            .map(|names| names.iter().filter_map(Value::as_str).collect())
            .unwrap_or_default();
        let is_required = |name: &str| required.contains(name);
        let member = |(name, schema): (&String, &Value)| {
            let mark = if is_required(name) { "" } else { "?" };
            let mut text = format!("{name}{mark}: {}", self.kind(schema, depth));
            if let Some(default) = schema.get("default").filter(|default| !default.is_null()) {
                write!(text, " = {default}").expect("a string takes all");
            }
            text
        };
        let (first, rest): (Vec<_>, Vec<_>) =
            properties.iter().partition(|(name, _)| is_required(name));
        first.into_iter().chain(rest).map(member).collect::<Vec<_>>().join(", ")
    }

    fn kind(&self, schema: &Value, depth: usize) -> String {
        let left = self.left.get();
        self.left.set(left.saturating_sub(1));
        if depth > MAX_DEPTH || left == 0 {
            return "any".to_owned();
        }
        if let Some(target) = schema["$ref"].as_str().and_then(|to| to.strip_prefix('#')) {
            return self.root.pointer(target).map_or_else(any, |to| self.kind(to, depth + 1));
        }
        if let Some(constant) = schema.get("const") {
            return constant.to_string();
        }
        if let Some(values) = schema["enum"].as_array() {
            return union(values.iter().map(Value::to_string));
        }
        if let Some(choices) = ["anyOf", "oneOf"].iter().find_map(|key| schema[*key].as_array()) {
            return union(choices.iter().map(|choice| self.kind(choice, depth + 1)));
        }
        match &schema["type"] {
            Value::String(name) => self.named(name, schema, depth),
            Value::Array(names) => union(
                names.iter().filter_map(Value::as_str).map(|name| self.named(name, schema, depth)),
            ),
            _ if schema["properties"].is_object() => self.named("object", schema, depth),
            _ => any(),
        }
    }

    fn named(&self, name: &str, schema: &Value, depth: usize) -> String {
        match name {
            "integer" => "number".to_owned(),
            "array" => {
                let item =
                    schema.get("items").map_or_else(any, |items| self.kind(items, depth + 1));
                if item.contains(['|', ' ']) { format!("({item})[]") } else { format!("{item}[]") }
            }
            "object" if schema["properties"].is_object() && depth < MAX_DEPTH => {
                format!("{{{}}}", self.members(schema, depth + 1))
            }
            other => other.to_owned(),
        }
    }
}

fn any() -> String {
    "any".to_owned()
}

/// The different ones of several types.
fn union(kinds: impl Iterator<Item = String>) -> String {
    let mut different: Vec<String> = Vec::new();
    for kind in kinds {
        if !different.contains(&kind) {
            different.push(kind);
        }
    }
    if different.is_empty() { any() } else { different.join("|") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use serde_json::value::to_raw_value;

    fn check(schema: &Value, expected: &str) {
        let raw = to_raw_value(&json!({ "name": "t", "inputSchema": schema })).expect("plain JSON");
        let definition = Definition::parse(&raw).expect("a tool");
        assert_eq!(signature(&definition), expected);
    }

    #[test]
    fn a_line_says_how_to_call_a_tool() {
        check(&json!({}), "t()");
        check(
            &json!({"properties": {
                "b": {"type": "integer", "default": 5},
                "a": {"type": "string"},
                "c": {"enum": ["x", "y"]},
            }, "required": ["a"]}),
            r#"t(a: string, b?: number = 5, c?: "x"|"y")"#,
        );
        check(
            &json!({"properties": {
                "list": {"type": "array", "items": {"type": ["string", "null"]}},
                "any": {},
                "either": {"anyOf": [{"type": "number"}, {"type": "integer"}, {"const": null}]},
                "nested": {"type": "object", "properties": {"x": {"type": "boolean"}}},
                "free": {"type": "object"},
            }}),
            "t(list?: (string|null)[], any?: any, either?: number|null, nested?: {x?: boolean}, free?: object)",
        );
    }

    #[test]
    fn references_are_followed_but_not_for_ever() {
        check(
            &json!({"properties": {"a": {"$ref": "#/$defs/a"}}, "$defs": {"a": {"type": "string"}}}),
            "t(a?: string)",
        );
        check(
            &json!({"properties": {"a": {"$ref": "#/$defs/a"}}, "$defs": {"a": {"$ref": "#/$defs/a"}}}),
            "t(a?: any)",
        );
        check(&json!({"properties": {"a": {"$ref": "https://else.where/schema"}}}), "t(a?: any)");
    }

    #[test]
    fn schemas_that_multiply_are_cut_short() {
        let references = (0..1000).map(|n| (format!("p{n}"), json!({"$ref": "#"})));
        let properties: Map<String, Value> = references.collect();
        let schema = json!({"type": "object", "properties": properties});
        let raw = to_raw_value(&json!({ "name": "t", "inputSchema": schema })).expect("plain JSON");
        let line = signature(&Definition::parse(&raw).expect("a tool"));
        assert_eq!(line.chars().count(), MAX_LENGTH + 1);
    }
}
