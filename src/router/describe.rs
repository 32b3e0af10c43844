//! What a client sees of the bridge itself in router mode: the `mcp` tool and the instructions.

use serde_json::json;

use super::action::{ACTIONS, ADMIN_ACTIONS, CATALOG_ACTIONS};
use super::settings::Settings;
use crate::base::text::shorten;

/// The name of the one tool.
pub const TOOL: &str = "mcp";

/// Told to clients that read `instructions`.
pub const INSTRUCTIONS: &str = "All tools are reached through the tool `mcp`: `intent` finds one by what is to be done; action=list shows the servers, with \
    `server` the tools of one and how they are called; action=schema shows a tool in full; `server`, `tool` and \
    `params` call it; `calls` makes several calls at once; `select` picks from a result with jq.";

/// Which actions there are beside those that there always are.
#[derive(Debug, Clone, Copy)]
pub struct Offered {
    /// Those about servers that could be installed.
    pub catalog: bool,
    /// Those that change the config.
    pub admin: bool,
}

/// The answer to `tools/list`. It depends on nothing but the config, so that prompt caches hold.
pub fn tool_list(settings: &Settings, offered: Offered) -> Box<str> {
    let compression = &settings.schema_compression;
    let catalog = if offered.catalog { &CATALOG_ACTIONS[..] } else { &[] };
    let admin = if offered.admin { &ADMIN_ACTIONS[..] } else { &[] };
    let actions: Vec<&str> = ACTIONS.iter().chain(catalog).chain(admin).copied().collect();
    let mut description = String::from(
        "Use the tools of other MCP servers. Find one: `intent`, or action=list with `server`, which gives signatures (no type: \
         string; ?: optional; =: default; `...A`: the parameters in types.A); in full: action=schema with `server` and \
         `tool`. Call it: `server`, `tool`, `params`; several at once: `calls`; only a part of the result: `select`. A \
         result with a resultId was cut: action=read has the rest. ",
    );
    if offered.catalog {
        description.push_str("Servers that could be added: action=search with `intent`. ");
    }
    description.push_str("Servers: ");
    let mut first = true;
    for (name, server) in &settings.servers {
        if !first {
            description.push_str("; ");
        }
        first = false;
        description.push_str(name.as_str());
        if let Some(about) = server.description.as_deref().filter(|about| !about.is_empty()) {
            description.push_str(" — ");
            if compression.enabled {
                description.push_str(&shorten(about, compression.max_description_length));
            } else {
                description.push_str(about);
            }
        }
    }
    if first {
        description.push_str("none is configured");
    }
    let list = json!({ "tools": [{
        "name": TOOL,
        "title": "MCP servers",
        "description": description,
        "inputSchema": {
            "type": "object",
            "properties": {
                "server": { "type": "string", "description": "a server's name; may be left out for a unique tool name" },
                "action": { "type": "string", "enum": actions, "default": ACTIONS[0] },
                "tool": { "type": "string" },
                "intent": { "type": "string", "description": "what is to be done, in plain words: answers with the tool for it" },
                "params": { "type": "object", "description": "the tool's own arguments" },
                "calls": {
                    "type": "array",
                    "description": "a batch of {id?, server?, tool, params?, select?}; in params, {\"$ref\": id, \
                                    \"select\"?: jq} stands for another call's result",
                    "items": { "type": "object" },
                },
                "select": { "type": "string", "description": "jq filter for the result of call or read" },
                "id": { "type": "string", "description": "for read: the id of a shortened result" },
                "offset": { "type": "integer", "minimum": 0, "description": "for read: where to go on" },
            },
            "additionalProperties": false,
        },
    }] });
    list.to_string().into()
}
