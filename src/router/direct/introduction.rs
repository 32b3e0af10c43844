//! What the bridge says of itself in direct mode: what its servers say, as far as it is known.

use serde_json::{Value, json};

use crate::base::text::shorten;
use crate::protocol::capabilities::union;
use crate::protocol::era::Era;
use crate::router::caller::Client;
use crate::router::routing::{Introduction, Router};

/// Told to clients where no server has instructions.
const INSTRUCTIONS: &str = "The tools, prompts and resources of several MCP servers.";
/// Characters of the instructions of one server.
const LONGEST: usize = 2000;

impl Router {
    pub(in crate::router) fn introduction_direct(&self, client: &Client) -> Introduction {
        let known: Vec<_> = {
            let known = self.direct.known();
            let servers = self.pool.iter().map(|(server, _)| server);
            servers.map(|server| (server, known.established(server))).collect()
        };
        let mut capabilities = if known.iter().all(|(_, established)| established.is_some()) {
            let all = known.iter().filter_map(|(_, established)| established.as_ref());
            passed_on(&union(all.map(|established| &*established.capabilities)))
        } else {
            everything()
        };
        // The bridge tells when a list changes, whatever the servers do, and keeps a level of its own.
        for list in ["tools", "prompts", "resources"] {
            if let Some(list) = capabilities.get_mut(list).filter(|list| list.is_object()) {
                list["listChanged"] = json!(true);
            }
        }
        if client.revision.era() == Era::Session {
            capabilities["logging"] = json!({});
        }
        let said = known.iter().filter_map(|(server, established)| {
            let said = established.as_ref()?.instructions.as_deref()?;
            Some(format!("{server}: {}", shorten(&self.fit(server, said), LONGEST)))
        });
        let said: Vec<String> = said.collect();
        let instructions =
            if said.is_empty() { INSTRUCTIONS.to_owned() } else { said.join("\n\n") };
        Introduction { capabilities, instructions }
    }
}

/// All that can be passed on.
fn everything() -> Value {
    json!({
        "tools": {},
        "prompts": {},
        "resources": { "subscribe": true },
        "completions": {},
        "logging": {},
    })
}

/// Of what servers offer, what can be passed on: tools are always there, since servers may get some.
fn passed_on(offered: &Value) -> Value {
    let mut passed = json!({ "tools": {} });
    for (name, value) in offered.as_object().into_iter().flatten() {
        if everything().get(name).is_some() && value.is_object() {
            passed[name] = value.clone();
        }
    }
    passed
}
