//! What the bridge says of itself in direct mode: what its servers say, as far as it is known.

use std::borrow::Cow;

use serde_json::{Value, json};

use crate::base::text::shorten;
use crate::protocol::capabilities::{TASKS_EXTENSION, across, union};
use crate::protocol::era::Era;
use crate::router::caller::Client;
use crate::router::routing::{Introduction, Router};
use crate::upstream::Established;

/// Told to clients where no server has instructions.
const INSTRUCTIONS: &str = "The tools, prompts and resources of several MCP servers.";
/// Characters of the instructions of one server.
const LONGEST: usize = 2000;

impl Router {
    pub(in crate::router) fn introduction_direct(&self, client: &Client) -> Introduction {
        let era = client.revision.era();
        let known: Vec<_> = {
            let known = self.direct.known();
            let servers = self.pool.iter().map(|(server, _)| server);
            servers.map(|server| (server, known.established(server, era))).collect()
        };
        let mut capabilities = if known.iter().all(|(_, established)| established.is_some()) {
            let all = known.iter().filter_map(|(_, established)| established.as_ref());
            let all: Vec<_> = all.map(|established| in_terms_of(era, established)).collect();
            passed_on(&union(all.iter().map(|capabilities| &**capabilities)), era, known.len() == 1)
        } else {
            everything(era)
        };
        // The bridge tells when a list changes, whatever the servers do, and keeps a level of its own.
        for list in ["tools", "prompts", "resources"] {
            if let Some(list) = capabilities.get_mut(list).filter(|list| list.is_object()) {
                list["listChanged"] = json!(true);
            }
        }
        if era == Era::Session {
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

/// What a server offers, as it holds for clients of this era.
fn in_terms_of(era: Era, established: &Established) -> Cow<'_, str> {
    if established.era == era {
        Cow::Borrowed(&established.capabilities)
    } else {
        across(era, &established.capabilities)
    }
}

/// All that can be passed on. Which calls can be tasks is for the tools to say.
fn everything(era: Era) -> Value {
    let mut everything = json!({
        "tools": {},
        "prompts": {},
        "resources": { "subscribe": true },
        "completions": {},
        "logging": {},
    });
    match era {
        Era::Session => {
            let calls = json!({ "tools": { "call": {} } });
            everything["tasks"] = json!({ "list": {}, "cancel": {}, "requests": calls });
        }
        Era::Stateless => everything["extensions"] = json!({ TASKS_EXTENSION: {} }),
    }
    everything
}

/// Of what servers offer, what can be passed on: tools are always there, since servers may get some. Methods of other
/// extensions than that for tasks reach a server only if it is `alone`.
fn passed_on(offered: &Value, era: Era, alone: bool) -> Value {
    let mut passed = json!({ "tools": {} });
    let known = everything(era);
    for (name, value) in offered.as_object().into_iter().flatten() {
        if name == "extensions" {
            let mut extensions = value.clone();
            if let Some(extensions) = extensions.as_object_mut().filter(|_| !alone) {
                extensions.retain(|name, _| name == TASKS_EXTENSION);
            }
            if extensions.as_object().is_some_and(|extensions| !extensions.is_empty()) {
                passed["extensions"] = extensions;
            }
        } else if known.get(name).is_some() && value.is_object() {
            passed[name] = value.clone();
        }
    }
    passed
}
