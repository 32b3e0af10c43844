//! What of the protocol a server uses.

use serde::Serialize;

use crate::config::reader::Reader;

/// Catalogs write these as well; they say nothing that a running server does not say better.
pub(super) const UNUSED: [&str; 6] =
    ["elicitation", "logging", "roots", "sideEffects", "toolCount", "toolNames"];

/// `capabilities` of a recipe, for people who choose; what counts is what the server says when it runs.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Capabilities {
    /// It has tools.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tools: Option<bool>,
    /// It has resources.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resources: Option<bool>,
    /// It has prompts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prompts: Option<bool>,
    /// It asks the client for completions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sampling: Option<bool>,
}

impl Capabilities {
    pub(super) fn read(section: Option<Reader<'_>>) -> Self {
        let Some(mut reader) = section else { return Self::default() };
        let capabilities = Self {
            tools: reader.bool("tools"),
            resources: reader.bool("resources"),
            prompts: reader.bool("prompts"),
            sampling: reader.bool("sampling"),
        };
        reader.skip(&UNUSED);
        reader.finish();
        capabilities
    }

    pub(super) fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}
