//! What is wrong with arguments, in words that help to mend them.

use std::fmt;

use jsonschema::ValidationError;
use jsonschema::error::{TypeKind, ValidationErrorKind};
use serde_json::Value;

use crate::base::text::nearest;

/// Names that are told at once.
const MAX_NAMES: usize = 5;
/// Values that are offered instead of a wrong one.
const MAX_OPTIONS: usize = 12;
/// Characters of a value that is shown.
const MAX_SHOWN: usize = 60;

/// One thing that is wrong with the arguments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Names the parameter, what was expected and what was given. It repeats words of the schema as the server sent it.
    pub message: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.message)
    }
}

/// Tells a fault that a schema finds. Names and values are those of the schema and of the arguments, as they are.
pub(super) fn told(error: &ValidationError<'_>, schema: &Value) -> Fault {
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
            let known = known_names(error, schema);
            let one = |name: &String| match nearest(name, known.iter().copied()) {
                Some(near) => format!("`{}` is unknown, did you mean `{near}`?", short(name)),
                None => format!("`{}` is unknown", short(name)),
            };
            let unknown: Vec<String> = unexpected.iter().take(MAX_NAMES).map(one).collect();
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
    Fault { message }
}

/// The properties that the object has where something unknown was given.
fn known_names<'a>(error: &ValidationError<'_>, schema: &'a Value) -> Vec<&'a str> {
    let path = error.schema_path().as_str();
    let object = path.rsplit_once('/').and_then(|(object, _)| schema.pointer(object));
    let properties = object.and_then(|object| object["properties"].as_object());
    properties.into_iter().flat_map(|names| names.keys().map(String::as_str)).collect()
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
