//! One tool, with what each call asks about it worked out beforehand. What is asked seldom is read from its definition.

use std::sync::{Arc, OnceLock};

use indexmap::IndexMap;
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::arguments::Checks;
use crate::base::text::shorten;
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
    /// What its server says about its effects.
    pub hints: Hints,
    /// What checks its arguments, made when first needed: most tools are never called.
    checks: OnceLock<Arc<Checks>>,
}

/// The parameters of a tool.
#[derive(Debug, Default)]
pub struct Parameters {
    /// All that are named, in the schema's order.
    pub named: Vec<String>,
    /// Those that must be given.
    pub required: Vec<String>,
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
    properties: IndexMap<String, IgnoredAny>,
    #[serde(default)]
    required: Vec<String>,
}

impl Tool {
    /// As the server sent it.
    pub fn original(&self) -> &Definition {
        self.original.as_deref().unwrap_or(&self.definition)
    }

    pub(super) fn new(definition: Definition) -> Self {
        let hints = Hints::of(&definition);
        Self { definition, original: None, unusable: None, hints, checks: OnceLock::new() }
    }

    /// The description for lists, which is no longer than `limit` characters where there is one.
    pub fn summary(&self, limit: Option<usize>) -> String {
        let description = self.definition.description().unwrap_or_default();
        match limit {
            Some(limit) => shorten(&description, limit).into_owned(),
            None => description.into_owned(),
        }
    }

    /// The parameters that its input schema names.
    pub fn parameters(&self) -> Parameters {
        let schema = self.definition.input_schema();
        let schema: InputSchema =
            schema.and_then(|schema| serde_json::from_str(schema).ok()).unwrap_or_default();
        Parameters { named: schema.properties.into_keys().collect(), required: schema.required }
    }

    pub(super) fn checks(&self) -> &Arc<Checks> {
        self.checks.get_or_init(Arc::default)
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
            let parameters = Tool::new(definition).parameters();
            assert!(parameters.required.is_empty() && parameters.named.is_empty(), "{schema}");
        }
    }
}
