//! One tool, with what is asked about it worked out beforehand.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::Value;

use super::arguments::Checks;
use crate::base::text::shorten;
use crate::config::SchemaCompression;
use crate::guard::UnusableName;
use crate::protocol::tool::Definition;

/// A tool as its server defines it, and what is derived from that.
#[derive(Debug)]
pub struct Tool {
    /// As it may reach the model.
    pub definition: Definition,
    /// As the server sent it, where that is another.
    pub(super) original: Option<Box<Definition>>,
    /// Why nobody may see it.
    pub(super) unusable: Option<UnusableName>,
    /// The description for lists, shortened where that is wanted.
    pub summary: String,
    /// Parameters that must be given.
    pub required: Vec<String>,
    /// All named parameters, in the schema's order.
    pub parameters: Vec<String>,
    /// What its server says about its effects.
    pub hints: Hints,
    /// What checks its arguments, made when first needed.
    pub(super) checks: Arc<Checks>,
}

/// The hints among the annotations of a tool (specification, Schema, `ToolAnnotations`).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Hints {
    /// It changes nothing.
    #[serde(rename = "readOnlyHint")]
    pub read_only: Option<bool>,
    /// It may take away what was there.
    #[serde(rename = "destructiveHint")]
    pub destructive: Option<bool>,
    /// Calling it again with the same arguments changes nothing more.
    #[serde(rename = "idempotentHint")]
    pub idempotent: Option<bool>,
}

impl Hints {
    fn of(definition: &Definition) -> Self {
        let annotations = definition.annotations();
        annotations.and_then(|json| serde_json::from_str(json).ok()).unwrap_or_default()
    }

    /// A call that may have run may run again.
    pub fn may_repeat(&self) -> bool {
        self.is_read_only() || self.idempotent == Some(true)
    }

    /// It surely changes nothing.
    pub fn is_read_only(&self) -> bool {
        self.read_only == Some(true)
    }

    /// It surely changes something.
    pub fn is_write(&self) -> bool {
        !self.is_read_only() && (self.read_only == Some(false) || self.destructive == Some(true))
    }
}

/// What is read of an input schema; other members do not matter here, and a faulty one counts as empty.
#[derive(Default, Deserialize)]
struct InputSchema {
    #[serde(default)]
    properties: serde_json::Map<String, Value>,
    #[serde(default)]
    required: Vec<String>,
}

impl Tool {
    /// As the server sent it.
    pub fn original(&self) -> &Definition {
        self.original.as_deref().unwrap_or(&self.definition)
    }

    /// The same tool with a description for lists as these settings want it.
    pub(super) fn summarized(&self, compression: &SchemaCompression) -> Self {
        Self {
            original: self.original.clone(),
            unusable: self.unusable,
            checks: self.checks.clone(),
            ..Self::new(self.definition.clone(), compression)
        }
    }

    pub(super) fn new(definition: Definition, compression: &SchemaCompression) -> Self {
        let schema: InputSchema = definition
            .input_schema()
            .and_then(|schema| serde_json::from_str(schema).ok())
            .unwrap_or_default();
        let description = definition.description().unwrap_or_default();
        let summary = if compression.enabled {
            shorten(&description, compression.max_description_length).into_owned()
        } else {
            description.into_owned()
        };
        let parameters = schema.properties.into_iter().map(|(name, _)| name).collect();
        let hints = Hints::of(&definition);
        Self {
            definition,
            original: None,
            unusable: None,
            summary,
            required: schema.required,
            parameters,
            hints,
            checks: Arc::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::value::RawValue;

    #[test]
    fn faulty_schemas_count_as_empty() {
        for schema in ["true", "{}", r#"{"required":"a"}"#, r#"{"properties":[]}"#] {
            let raw = RawValue::from_string(format!(r#"{{"name":"t","inputSchema":{schema}}}"#))
                .expect("valid");
            let definition = Definition::parse(&raw).expect("a tool");
            let compression = SchemaCompression { enabled: true, max_description_length: 80 };
            let tool = Tool::new(definition, &compression);
            assert!(tool.required.is_empty() && tool.parameters.is_empty(), "{schema}");
        }
    }
}
