//! The lists, read from JSON beside this file.

use rmcp::model::{Prompt, Resource, ResourceTemplate, Tool};
use serde::de::DeserializeOwned;

/// Everything that can be listed.
pub struct Lists {
    /// Every tool, the one that comes and goes last.
    pub tools: Vec<Tool>,
    /// Every prompt, the one that comes and goes last.
    pub prompts: Vec<Prompt>,
    /// The resources.
    pub resources: Vec<Resource>,
    /// Their templates.
    pub templates: Vec<ResourceTemplate>,
}

impl Lists {
    /// Reads them.
    pub fn new() -> Self {
        Self {
            tools: read(include_str!("lists/tools.json")),
            prompts: read(include_str!("lists/prompts.json")),
            resources: read(include_str!("lists/resources.json")),
            templates: read(include_str!("lists/templates.json")),
        }
    }
}

fn read<T: DeserializeOwned>(text: &str) -> Vec<T> {
    serde_json::from_str(text).expect("the lists are part of the program and were tried with it")
}
