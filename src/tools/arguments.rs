//! Whether the arguments of a call are what the tool's input schema asks for, found out before they travel. Schemas
//! come from servers that may be hostile: what is costly to check is not checked, and travels as it is.

use std::fmt;

use jsonschema::error::{TypeKind, ValidationErrorKind};
use jsonschema::{PatternOptions, ValidationError, Validator};
use serde_json::Value;

use super::Tool;
use super::expense::Expense;
use super::quick::Quick;
use crate::base::text::nearest;

/// Longer schemas are not compiled.
const MAX_SCHEMA: usize = 64 * 1024;
/// What one regular expression may take, in bytes.
const MAX_PATTERN: usize = 64 * 1024;
/// Longer arguments are not matched against regular expressions.
const MAX_MATCHED: usize = 256 * 1024;
/// Faults that are told at once.
const MAX_FAULTS: usize = 5;
/// Values that are offered instead of a wrong one.
const MAX_OPTIONS: usize = 12;
/// Characters of a value that is shown.
const MAX_SHOWN: usize = 60;

/// One thing that is wrong with the arguments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Names the parameter, what was expected and what was given.
    pub message: String,
    /// Where it stands in the arguments, as a JSON pointer.
    pub pointer: String,
}

/// A compiled schema.
#[derive(Debug)]
pub(super) struct Checker {
    validator: Validator,
    expense: Expense,
    schema: Value,
}

/// Checks the JSON text of an object against the tool's input schema. What cannot be checked passes: a schema that is
/// missing, faulty, too large or too costly.
pub fn check(tool: &Tool, params: &str) -> Result<(), Vec<Fault>> {
    let quick = tool.quick.get_or_init(|| Quick::of(&schema_of(tool)?));
    if quick.as_ref().is_some_and(|quick| quick.permits(params)) {
        return Ok(());
    }
    match tool.checker.get_or_init(|| Checker::new(tool)) {
        Some(checker) => checker.check(params),
        None => Ok(()),
    }
}

/// The tool's input schema, if it has one that is short enough.
fn schema_of(tool: &Tool) -> Option<Value> {
    let text = tool.definition.input_schema.as_ref()?.get();
    if text.len() > MAX_SCHEMA { None } else { serde_json::from_str(text).ok() }
}

impl fmt::Display for Fault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.message)
    }
}

impl Checker {
    fn new(tool: &Tool) -> Option<Self> {
        let mut schema = schema_of(tool)?;
        // Arguments are an object in any case; a schema that is about something else was not meant for them.
        let is_about_objects = match &schema["type"] {
            Value::Null => true,
            Value::String(name) => name == "object",
            Value::Array(names) => names.iter().any(|name| name == "object"),
            _ => false,
        };
        if !is_about_objects || schema.as_object().is_none_or(serde_json::Map::is_empty) {
            return None;
        }
        let expense = Expense::of(&schema)?;
        require_no_defaults(&mut schema);
        let patterns =
            PatternOptions::regex().size_limit(MAX_PATTERN).dfa_size_limit(4 * MAX_PATTERN);
        let validator = jsonschema::options()
            .offline()
            .with_pattern_options(patterns)
            .should_validate_formats(false)
            .should_ignore_unknown_formats(true)
            .without_content_media_type_support("application/json")
            .without_content_encoding_support("base64")
            .build(&schema)
            .inspect_err(|error| {
                tracing::debug!("the schema of `{}` is not used: {error}", tool.definition.name);
            })
            .ok()?;
        Some(Self { validator, expense, schema })
    }

    fn check(&self, params: &str) -> Result<(), Vec<Fault>> {
        if self.expense.has_patterns() && params.len() > MAX_MATCHED {
            return Ok(());
        }
        let Ok(params_value) = serde_json::from_str::<Value>(params) else {
            return Ok(());
        };
        if !self.expense.is_bearable(params, &params_value)
            || self.validator.is_valid(&params_value)
        {
            return Ok(());
        }
        let errors = self.validator.iter_errors(&params_value);
        let mut faults: Vec<Fault> =
            errors.take(MAX_FAULTS).map(|error| self.fault(&error)).collect();
        faults.dedup();
        if faults.is_empty() { Ok(()) } else { Err(faults) }
    }

    fn fault(&self, error: &ValidationError<'_>) -> Fault {
        let pointer = error.instance_path().as_str().to_owned();
        let subject = subject(&pointer);
        let given = shown(error.instance());
        let message = match error.kind() {
            ValidationErrorKind::Required { property } => {
                let name = property.as_str().unwrap_or_default();
                format!("`{name}` is missing{}", within(&pointer))
            }
            ValidationErrorKind::AdditionalProperties { unexpected }
            | ValidationErrorKind::UnevaluatedProperties { unexpected } => {
                let known = self.known_names(error);
                let one = |name: &String| match nearest(name, known.iter().copied()) {
                    Some(near) => format!("`{}` is unknown, did you mean `{near}`?", short(name)),
                    None => format!("`{}` is unknown", short(name)),
                };
                let unknown: Vec<String> = unexpected.iter().take(MAX_FAULTS).map(one).collect();
                format!("{}{}", unknown.join("; "), within(&pointer))
            }
            ValidationErrorKind::Type { kind } => {
                format!("{subject} should be {}, not {given}", kinds(kind))
            }
            ValidationErrorKind::Enum { options } => {
                format!("{subject} should be {}, not {given}", one_of(options))
            }
            ValidationErrorKind::Constant { expected_value } => {
                format!("{subject} should be {}, not {given}", shown(expected_value))
            }
            ValidationErrorKind::AnyOf { .. } | ValidationErrorKind::OneOfNotValid { .. } => {
                format!("{subject} has none of the forms that it may have: {given}")
            }
            ValidationErrorKind::Pattern { pattern } => {
                format!("{subject} should match `{}`, not be {given}", short(pattern))
            }
            _ => {
                let reason = error.masked_with("the value").to_string();
                format!("{subject} is {given}: {}", short(&reason))
            }
        };
        Fault { message, pointer }
    }

    /// The properties that the object has where something unknown was given.
    fn known_names(&self, error: &ValidationError<'_>) -> Vec<&str> {
        let path = error.schema_path().as_str();
        let object = path.rsplit_once('/').and_then(|(object, _)| self.schema.pointer(object));
        let properties = object.and_then(|object| object["properties"].as_object());
        properties.into_iter().flat_map(|names| names.keys().map(String::as_str)).collect()
    }
}

/// A property with a default can be left out, whatever `required` says: generators of schemas name it there when they
/// describe what comes out of parsing.
fn require_no_defaults(schema: &mut Value) {
    match schema {
        Value::Array(items) => items.iter_mut().for_each(require_no_defaults),
        Value::Object(members) => {
            let has_default = |properties: Option<&Value>, name: &str| {
                properties.is_some_and(|all| all[name].get("default").is_some())
            };
            if let Some(Value::Array(mut names)) = members.get_mut("required").map(Value::take) {
                let properties = members.get("properties");
                names.retain(|name| {
                    !name.as_str().is_some_and(|name| has_default(properties, name))
                });
                members.insert("required".to_owned(), Value::Array(names));
            }
            for (name, member) in members {
                if !["const", "enum", "default", "examples", "required"].contains(&name.as_str()) {
                    require_no_defaults(member);
                }
            }
        }
        _ => {}
    }
}

fn subject(pointer: &str) -> String {
    if pointer.is_empty() {
        return "what is given".to_owned();
    }
    let name = pointer[1..].replace("~1", "/").replace("~0", "~");
    format!("`{}`", short(&name))
}

fn within(pointer: &str) -> String {
    if pointer.is_empty() { String::new() } else { format!(" in {}", subject(pointer)) }
}

fn kinds(kind: &TypeKind) -> String {
    match kind {
        TypeKind::Single(one) => one.to_string(),
        TypeKind::Multiple(several) => {
            several.iter().map(|one| one.to_string()).collect::<Vec<_>>().join(" or ")
        }
    }
}

fn one_of(options: &Value) -> String {
    let all = options.as_array().map(Vec::as_slice).unwrap_or_default();
    let mut shown: Vec<String> = all.iter().take(MAX_OPTIONS).map(shown).collect();
    if all.len() > MAX_OPTIONS {
        shown.push("…".to_owned());
    }
    format!("one of {}", shown.join(", "))
}

fn shown(value: &Value) -> String {
    match value {
        // A long text is not copied to show its beginning.
        Value::String(text) => Value::from(short(text)).to_string(),
        Value::Array(items) if items.len() > MAX_SHOWN => format!("an array of {}", items.len()),
        Value::Object(members) if members.len() > MAX_SHOWN => "an object".to_owned(),
        other => short(&other.to_string()),
    }
}

fn short(text: &str) -> String {
    match text.char_indices().nth(MAX_SHOWN) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::SchemaCompression;
    use crate::protocol::tool::Definition;
    use serde_json::json;
    use serde_json::value::to_raw_value;

    fn tool(schema: &Value) -> Tool {
        let raw = to_raw_value(&json!({ "name": "t", "inputSchema": schema })).expect("plain JSON");
        Tool::new(Definition::parse(&raw).expect("a tool"), &SchemaCompression::default())
    }

    fn faults(schema: &Value, params: &Value) -> Vec<String> {
        let outcome = check(&tool(schema), &params.to_string());
        outcome.err().into_iter().flatten().map(|fault| fault.message).collect()
    }

    #[track_caller]
    fn passes(schema: &Value, params: &Value) {
        assert_eq!(faults(schema, params), Vec::<String>::new(), "{schema} {params}");
    }

    #[track_caller]
    fn refuses(schema: &Value, params: &Value, expected: &[&str]) {
        assert_eq!(faults(schema, params), expected, "{schema} {params}");
    }

    fn typical() -> Value {
        json!({"type": "object", "additionalProperties": false, "required": ["owner"], "properties": {
            "owner": {"type": "string"},
            "limit": {"type": "integer", "minimum": 1},
            "sort": {"enum": ["asc", "desc"]},
            "date": {"type": "string", "format": "date"},
            "code": {"type": "string", "pattern": "^[a-z]+$"},
            "either": {"anyOf": [{"type": "string"}, {"type": "null"}]},
            "files": {"type": "array", "items": {"type": "object", "required": ["path"], "properties": {"path": {}}}},
        }})
    }

    #[test]
    fn faults_name_the_parameter_and_what_was_expected() {
        let schema = typical();
        passes(
            &schema,
            &json!({"owner": "me", "limit": 5.0, "sort": "asc", "either": null, "date": "soon"}),
        );
        refuses(&schema, &json!({}), &["`owner` is missing"]);
        refuses(
            &schema,
            &json!({"owner": "x", "onwer": 1}),
            &["`onwer` is unknown, did you mean `owner`?"],
        );
        refuses(&schema, &json!({"owner": "x", "zzz": 1}), &["`zzz` is unknown"]);
        refuses(&schema, &json!({"owner": 7}), &["`owner` should be string, not 7"]);
        refuses(
            &schema,
            &json!({"owner": "x", "limit": "ten"}),
            &["`limit` should be integer, not \"ten\""],
        );
        refuses(
            &schema,
            &json!({"owner": "x", "sort": "up"}),
            &["`sort` should be one of \"asc\", \"desc\", not \"up\""],
        );
        refuses(
            &schema,
            &json!({"owner": "x", "code": "A1"}),
            &["`code` should match `^[a-z]+$`, not be \"A1\""],
        );
        refuses(
            &schema,
            &json!({"owner": "x", "either": 1}),
            &["`either` has none of the forms that it may have: 1"],
        );
        refuses(
            &schema,
            &json!({"owner": "x", "limit": 0}),
            &["`limit` is 0: the value is less than the minimum of 1"],
        );
        refuses(
            &schema,
            &json!({"owner": "x", "files": [{}]}),
            &["`path` is missing in `files/0`"],
        );
    }

    #[test]
    fn no_more_faults_than_a_model_reads() {
        let schema = json!({"additionalProperties": {"type": "string"}});
        let params: serde_json::Map<String, Value> =
            (0..100).map(|n| (format!("p{n}"), json!(n))).collect();
        let faults = faults(&schema, &Value::Object(params));
        assert_eq!(faults.len(), MAX_FAULTS);
        let long = json!({"a": "x".repeat(1_000_000)});
        let schema = json!({"properties": {"a": {"type": "integer"}}});
        let fault = check(&tool(&schema), &long.to_string()).expect_err("no integer");
        assert!(fault[0].message.len() < 200 && fault[0].pointer == "/a", "{fault:?}");
    }

    #[test]
    fn what_asks_for_nothing_accepts_anything() {
        let wild = json!({"anything": [1, {"x": null}]});
        for schema in [
            json!({}),
            json!(true),
            json!({"type": "string"}),
            json!({"type": "array"}),
            json!([]),
            json!(7),
        ] {
            passes(&schema, &wild);
        }
        passes(&json!({"type": 7}), &wild);
        passes(&json!({"properties": {"anything": {"pattern": "("}}}), &json!({"anything": ""}));
        let raw = to_raw_value(&json!({"name": "t"})).expect("plain JSON");
        let tool =
            Tool::new(Definition::parse(&raw).expect("a tool"), &SchemaCompression::default());
        assert_eq!(check(&tool, "{}"), Ok(()));
    }

    #[test]
    fn what_has_a_default_is_never_missing() {
        let schema = json!({"properties": {"a": {"type": "string", "default": "x"}, "b": {}}, "required": ["a", "b"]});
        passes(&schema, &json!({"b": 1}));
        refuses(&schema, &json!({}), &["`b` is missing"]);
    }

    #[test]
    fn drafts_are_honoured() {
        // In draft 7 what stands beside a reference does not count; since 2019-09 it does.
        let beside = |draft: &str| {
            json!({"$schema": draft, "type": "object", "definitions": {"text": {"type": "string"}},
                "properties": {"a": {"$ref": "#/definitions/text", "maxLength": 1}}})
        };
        passes(&beside("http://json-schema.org/draft-07/schema#"), &json!({"a": "long"}));
        refuses(
            &beside("http://json-schema.org/draft-07/schema#"),
            &json!({"a": 1}),
            &["`a` should be string, not 1"],
        );
        refuses(
            &beside("https://json-schema.org/draft/2020-12/schema"),
            &json!({"a": "long"}),
            &["`a` is \"long\": the value is longer than 1 character"],
        );
        passes(&beside("https://else.where/schema"), &json!({"a": 1}));
    }

    #[test]
    fn nothing_is_fetched_and_what_cannot_be_followed_passes() {
        for reference in [
            "https://else.where/a.json",
            "file:///etc/passwd",
            "other.json#/a",
            "#name",
            "#/nowhere",
            "#",
        ] {
            let schema = json!({"type": "object", "properties": {"a": {"allOf": [{"$ref": reference}]}}, "required": ["b"]});
            let expected = usize::from(reference == "#");
            assert_eq!(faults(&schema, &json!({"a": {"b": 1}})).len(), expected, "{reference}");
        }
    }

    /// Schemas that hang or overflow a checker that is not careful, with arguments to match.
    fn hostile() -> Vec<(Value, Value)> {
        let doubled = |count: usize| {
            let level = |n: usize| {
                let next = json!({"$ref": format!("#/$defs/a{}", n + 1)});
                (format!("a{n}"), json!({"allOf": [next, next]}))
            };
            let mut defs: serde_json::Map<String, Value> = (0..count).map(level).collect();
            defs.insert(format!("a{count}"), json!({"type": "string"}));
            json!({"$defs": defs, "properties": {"x": {"$ref": "#/$defs/a0"}}})
        };
        let chained = |count: usize, wrap: &dyn Fn(Value) -> Value| {
            let level =
                |n: usize| (format!("a{n}"), wrap(json!({"$ref": format!("#/$defs/a{}", n + 1)})));
            let mut defs: serde_json::Map<String, Value> = (0..count).map(level).collect();
            defs.insert(format!("a{count}"), json!({"type": "string"}));
            json!({"$defs": defs, "properties": {"x": {"$ref": "#/$defs/a0"}}})
        };
        // A chain whose end is met before its beginning.
        let nested = |next: Value| (0..25).fold(next, |inner, _| json!({"not": inner}));
        let mut backwards = chained(250, &|next| json!({"properties": {"x": nested(next)}}));
        backwards["properties"] = (0..250)
            .rev()
            .map(|n| (format!("p{n}"), json!({"$ref": format!("#/$defs/a{n}")})))
            .collect();
        let same = json!({"anyOf": [{"properties": {"x": {"$ref": "#"}}, "required": ["y"]},
            {"properties": {"x": {"$ref": "#"}}, "required": ["z"]}]});
        let patterns: serde_json::Map<String, Value> =
            (0..1500).map(|n| (format!("p{n}"), json!({"pattern": "(a{900}){900}"}))).collect();
        let bomb = json!({"properties": {"x": {"pattern": "((((a{60}){60}){60}){60}){60}"}}});
        let backtracking = json!({"properties": {"x": {"pattern": "^(a+)+$"}}});
        vec![
            (doubled(60), json!({"x": 1})),
            (chained(250, &|next| next), json!({"x": 1})),
            (chained(250, &|next| json!({"properties": {"x": next}})), deep("x", 120)),
            (chained(2000, &|next| next), json!({"x": 1})),
            (chained(2000, &|next| json!({"properties": {"x": next}})), deep("x", 120)),
            (backwards, json!({"p0": deep("x", 100)})),
            (json!({"$ref": "#"}), json!({"x": 1})),
            (json!({"allOf": [{"$ref": "#"}]}), json!({"x": 1})),
            (same, deep("x", 120)),
            (json!({"properties": patterns}), json!({"p1": "a"})),
            (bomb, json!({"x": "a"})),
            (backtracking, json!({"x": format!("{}b", "a".repeat(200_000))})),
            (json!({"properties": {"x": {"enum": vec!["y"; 100_000]}}}), json!({"x": 1})),
        ]
    }

    fn deep(name: &str, levels: usize) -> Value {
        (0..levels).fold(json!({}), |inner, _| json!({ name: inner }))
    }

    #[test]
    fn hostile_schemas_neither_hang_nor_overflow_a_small_stack() {
        let run = || {
            for (schema, params) in hostile() {
                let start = tokio::time::Instant::now();
                let _ = check(&tool(&schema), &params.to_string());
                let taken = start.elapsed();
                let shown = short(&schema.to_string());
                assert!(taken < std::time::Duration::from_secs(5), "{shown} took {taken:?}");
            }
        };
        let thread = std::thread::Builder::new().stack_size(2 << 20).spawn(run).expect("a thread");
        thread.join().expect("nothing panicked");
    }

    #[test]
    fn recursive_schemas_reach_deep_arguments() {
        let tree = json!({"$defs": {"node": {"type": "object", "required": ["name"], "properties": {
            "name": {"type": "string"}, "child": {"anyOf": [{"$ref": "#/$defs/node"}, {"type": "null"}]}}}},
            "properties": {"root": {"$ref": "#/$defs/node"}}});
        let nested = |levels: usize, name: Value| {
            let leaf = json!({ "name": name });
            json!({"root": (0..levels).fold(leaf, |child, _| json!({"name": "x", "child": child}))})
        };
        let run = move || {
            let tool = tool(&tree);
            for levels in [0, 10, 60, 120] {
                let good = nested(levels, json!("leaf")).to_string();
                assert_eq!(check(&tool, &good), Ok(()), "{levels} levels");
                let bad = nested(levels, json!(1)).to_string();
                assert!(check(&tool, &bad).is_err(), "{levels} levels");
            }
        };
        let thread = std::thread::Builder::new().stack_size(2 << 20).spawn(run).expect("a thread");
        thread.join().expect("nothing panicked");
    }

    #[test]
    fn a_schema_is_compiled_once() {
        let tool = tool(&typical());
        assert!(tool.checker.get().is_none(), "not before the first call");
        let _ = check(&tool, "{}");
        let first = std::ptr::from_ref(tool.checker.get().expect("it was compiled"));
        let _ = check(&tool, "{}");
        assert_eq!(first, std::ptr::from_ref(tool.checker.get().expect("it is kept")));
    }
}
