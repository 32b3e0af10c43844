//! One connection to each of some servers, to see whether they work and what tools they have.

use std::collections::{BTreeMap, HashMap};

use crate::base::blotter::Blotter;
use crate::catalog::lock::Tools;
use crate::cli::exit::{Exit, Failure};
use crate::cli::setup::{Setup, error_chain};
use crate::config::{Config, Pinning, ServerName};
use crate::guard::pin::{self, PATIENCE, Pins};
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

/// Servers that were reached before anything of them is taken for granted.
#[derive(Debug)]
pub(super) struct Trial {
    pub(super) reached: BTreeMap<String, Reached>,
    definitions: Vec<(ServerName, Vec<Definition>)>,
    pinning: HashMap<ServerName, (Pinning, Blotter)>,
}

/// Connects to the servers of these names and ends them again. The others stay as they are.
pub(in crate::cli) fn reach(
    setup: &Setup,
    names: &[String],
) -> Result<BTreeMap<String, Reached>, Failure> {
    if names.is_empty() {
        return Ok(BTreeMap::new());
    }
    Ok(connect(setup, config(setup, names)?)?.0)
}

/// The same without pins: what is shown may be refused, and then must not be what later changes are measured by.
pub(super) fn try_out(setup: &Setup, names: &[String]) -> Result<Trial, Failure> {
    let mut pinning = HashMap::new();
    if names.is_empty() {
        return Ok(Trial { reached: BTreeMap::new(), definitions: Vec::new(), pinning });
    }
    let mut config = config(setup, names)?;
    for (name, server) in &mut config.servers {
        let usual = std::mem::replace(&mut server.protection.pinning, Pinning::Off);
        pinning.insert(name.clone(), (usual, Blotter::new(&server.secrets)));
    }
    let (reached, definitions) = connect(setup, config)?;
    Ok(Trial { reached, definitions, pinning })
}

impl Trial {
    /// Pins what was shown, as the first connection usually does.
    pub(super) fn accept(self, setup: &Setup) -> BTreeMap<String, Reached> {
        let pins = Pins::new(setup.paths.pins(), self.pinning);
        for (name, definitions) in &self.definitions {
            pins.review(name, definitions.iter(), PATIENCE);
        }
        self.reached
    }
}

/// The config with these servers only.
fn config(setup: &Setup, names: &[String]) -> Result<Config, Failure> {
    let loaded = setup.load().map_err(|error| {
        let hint = error.hint().map(str::to_owned);
        Failure::new(Exit::Config, error_chain(&error)).hint(hint)
    })?;
    let mut config = loaded.config;
    config.servers.retain(|name, _| names.iter().any(|wanted| wanted == name.as_str()));
    config.skipped.retain(|skipped| names.contains(&skipped.name));
    Ok(config)
}

type Found = (BTreeMap<String, Reached>, Vec<(ServerName, Vec<Definition>)>);

fn connect(setup: &Setup, config: Config) -> Result<Found, Failure> {
    let (mut reached, mut definitions) = (BTreeMap::new(), Vec::new());
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
                if let (Ok(_), Some(tools), Ok(name)) =
                    (&found, tools, ServerName::parse(&server.name))
                {
                    definitions.push((name, tools.originals().cloned().collect()));
                }
                let callable = server.tools.unwrap_or_default();
                reached.insert(server.name, Reached { tools: found, callable });
            }
            Ok(Exit::Done)
        },
    )?;
    Ok((reached, definitions))
}

fn hashes<'a>(definitions: impl Iterator<Item = &'a Definition>) -> Tools {
    definitions.map(|definition| (definition.name.clone(), pin::hash(definition))).collect()
}
