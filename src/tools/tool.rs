//! One tool, with what is asked about it worked out beforehand.

use serde::Deserialize;
use serde_json::Value;

use crate::base::text::shorten;
use crate::config::SchemaCompression;
use crate::protocol::tool::Definition;

/// A tool as its server defines it, and what is derived from that.
#[derive(Debug)]
pub struct Tool {
    /// As the server sent it.
    pub definition: Definition,
    /// The description for lists, shortened where that is wanted.
    pub summary: String,
    /// Parameters that must be given.
    pub required: Vec<String>,
    /// All named parameters, in the schema's order.
    pub parameters: Vec<String>,
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
    pub(super) fn new(definition: Definition, compression: &SchemaCompression) -> Self {
        let schema: InputSchema = definition
            .input_schema
            .as_ref()
            .and_then(|schema| serde_json::from_str(schema.get()).ok())
            .unwrap_or_default();
        let description = definition.description.as_deref().unwrap_or_default();
        let summary = if compression.enabled {
            shorten(description, compression.max_description_length).into_owned()
        } else {
            description.to_owned()
        };
        let parameters = schema.properties.into_iter().map(|(name, _)| name).collect();
        Self { definition, summary, required: schema.required, parameters }
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
