//! What the bridge says of itself in direct mode: what its servers say, as far as it is known.

use serde_json::json;

use crate::router::routing::{Introduction, Router};

/// Told to clients where no server has instructions.
const INSTRUCTIONS: &str = "The tools, prompts and resources of several MCP servers; a name begins with that of its \
    server, where it does not stand for itself.";

impl Router {
    pub(in crate::router) fn introduction_direct(&self) -> Introduction {
        let lists = json!({ "listChanged": true });
        Introduction {
            capabilities: json!({
                "tools": lists,
                "prompts": lists,
                "resources": { "listChanged": true, "subscribe": true },
                "completions": {},
                "logging": {},
            }),
            instructions: INSTRUCTIONS.to_owned(),
        }
    }
}
