//! One connection to each of some servers, to see whether they work and what tools they have.

use std::collections::BTreeMap;

use crate::catalog::lock::Tools;
use crate::cli::exit::{Exit, Failure};
use crate::cli::setup::{Setup, error_chain};
use crate::guard::pin;
use crate::protocol::tool::Definition;
use crate::router::Enough;

/// What came of it for one server.
#[derive(Debug)]
pub(in crate::cli) struct Reached {
    /// The hashes of its tools, or why there are none and what to do about it.
    pub(in crate::cli) tools: Result<Tools, (String, Option<String>)>,
    /// How many of them may be called.
    pub(in crate::cli) callable: usize,
}

/// Connects to the servers of these names and ends them again. The others stay as they are.
pub(in crate::cli) fn reach(
    setup: &Setup,
    names: &[String],
) -> Result<BTreeMap<String, Reached>, Failure> {
    let mut reached = BTreeMap::new();
    if names.is_empty() {
        return Ok(reached);
    }
    let loaded = setup.load().map_err(|error| {
        let hint = error.hint().map(str::to_owned);
        Failure::new(Exit::Config, error_chain(&error)).hint(hint)
    })?;
    let mut config = loaded.config;
    config.servers.retain(|name, _| names.iter().any(|wanted| wanted == name.as_str()));
    config.skipped.retain(|skipped| names.contains(&skipped.name));
    // What there is to say is said with each server.
    setup.patiently(
        config,
        |_| {},
        async |app, _| {
            let overview = app.router().overview(Enough::Shown).await;
            let snapshot = app.router().tools();
            for server in overview {
                let tools = snapshot.get(&server.name);
                let found = match (server.error, tools) {
                    (Some(error), _) => Err((error, server.hint)),
                    (None, Some(tools)) => Ok(hashes(tools.originals())),
                    (None, None) => Err(("its tools are not known".to_owned(), None)),
                };
                let callable = server.tools.unwrap_or_default();
                reached.insert(server.name, Reached { tools: found, callable });
            }
            Ok(Exit::Done)
        },
    )?;
    Ok(reached)
}

fn hashes<'a>(definitions: impl Iterator<Item = &'a Definition>) -> Tools {
    definitions.map(|definition| (definition.name.clone(), pin::hash(definition))).collect()
}
