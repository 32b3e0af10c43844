//! A compiled input schema. Schemas come from servers that may be hostile: what is costly to check is not checked.

use std::time::Duration;

use jsonschema::{PatternOptions, Validator};
use serde_json::Value;

use super::expense::Expense;
use super::fault::{self, Fault};

/// What one regular expression may take, in bytes.
const MAX_PATTERN: usize = 64 * 1024;
/// Faults that are told at once.
const MAX_FAULTS: usize = 5;

/// A compiled schema.
#[derive(Debug)]
pub(super) struct Checker {
    validator: Validator,
    expense: Expense,
    schema: Value,
}

/// Arguments that need more time than there is.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct TooCostly;

impl Checker {
    /// Nothing for a schema that does not mean the arguments of a tool, or that had better not be used. Where only
    /// little time is to be spent, the schema has to be small.
    pub(super) fn new(mut schema: Value, only_small: bool) -> Result<Option<Self>, TooCostly> {
        // Arguments are an object in any case; a schema that is about something else was not meant for them.
        let is_about_objects = match &schema["type"] {
            Value::Null => true,
            Value::String(name) => name == "object",
            Value::Array(names) => names.iter().any(|name| name == "object"),
            _ => false,
        };
        if !is_about_objects || schema.as_object().is_none_or(serde_json::Map::is_empty) {
            return Ok(None);
        }
        let Some(expense) = Expense::of(&schema) else {
            return Ok(None);
        };
        if only_small && !expense.is_small() {
            return Err(TooCostly);
        }
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
            .inspect_err(|error| tracing::debug!("a tool's schema is not used: {error}"))
            .ok();
        Ok(validator.map(|validator| Self { validator, expense, schema }))
    }

    /// What is wrong with the arguments, unless it could take longer than `most` to find out.
    /// What is no JSON is for others to refuse.
    pub(super) fn check(&self, arguments: &str, most: Duration) -> Result<Vec<Fault>, TooCostly> {
        let Ok(arguments) = serde_json::from_str::<Value>(arguments) else {
            return Ok(Vec::new());
        };
        if self.expense.time(&arguments).is_none_or(|time| time > most) {
            return Err(TooCostly);
        }
        if self.validator.is_valid(&arguments) {
            return Ok(Vec::new());
        }
        let errors = self.validator.iter_errors(&arguments).take(MAX_FAULTS);
        let mut faults: Vec<Fault> =
            errors.map(|error| fault::told(&error, &self.schema)).collect();
        faults.dedup();
        Ok(faults)
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
