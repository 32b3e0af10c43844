//! `bridge lock`: writes down what is installed now.

use std::collections::BTreeMap;

use clap::Args;
use serde_json::{Value, json};

use super::edited::{failure, list};
use super::exit::{Exit, Failure};
use super::install::reach;
use super::listed::sources;
use super::printer::counted;
use super::setup::{Setup, error_chain};
use crate::catalog::install::{Plan, Standing, Wish, version};
use crate::catalog::lock::{Lock as LockFile, Locked};
use crate::config::ServerName;
use crate::config::edit;

const EXAMPLES: &str = "\
Examples:
  bridge lock                  write bridge.lock for the servers of the config
  bridge install --frozen      install exactly these on another machine
  bridge diff                  how their tools differ from it later

Every server that came from a recipe is reached once and its tools are hashed. Servers that came from no recipe are not in
the lock. The file holds no secret and may be kept with a project.";

/// What `bridge lock` takes.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Lock {}

pub(super) fn run(_arguments: &Lock, setup: &Setup) -> Result<Exit, Failure> {
    let printer = setup.printer;
    let path = LockFile::path(&setup.source);
    let failed = |error: &dyn std::error::Error| Failure::new(Exit::Failed, error_chain(error));
    let old = LockFile::read(&path).map_err(|error| failed(&error))?.unwrap_or_default();
    // A missing config is a fault here: there is nothing to lock.
    setup.config(|text| printer.warn(text))?;
    let configured = edit::configured(&setup.target()).map_err(|error| failure(&error.into()))?;
    let (mut plans, mut strangers) = (BTreeMap::new(), Vec::new());
    for (name, entry) in &configured {
        match plan_of(name, entry, old.servers.get(name), setup)? {
            Some(plan) => drop(plans.insert(name.clone(), plan)),
            None => strangers.push(name.clone()),
        }
    }
    let names: Vec<String> = plans.keys().cloned().collect();
    let mut reached = reach(setup, &names)?;
    let mut exit = Exit::Done;
    let mut new = BTreeMap::new();
    for (name, plan) in &plans {
        let tools = match reached.remove(name).map(|reached| reached.tools) {
            Some(Ok(tools)) => Some(tools),
            Some(Err((error, _))) => {
                printer.warn(&format!(
                    "`{name}` cannot be reached, so its tools are not locked: {error}"
                ));
                exit = Exit::Upstream;
                None
            }
            None => None,
        };
        new.insert(name.clone(), Locked::new(plan, tools));
    }
    let changed = LockFile::update(&path, |lock| lock.servers.clone_from(&new));
    let changed = changed.map_err(|error| failed(&error))?;
    if !strangers.is_empty() {
        printer.talk(&format!("not from a recipe, so not locked: {}", list(&strangers)));
    }
    if printer.json {
        let servers: Vec<Value> = new.iter().map(|(name, locked)| {
            json!({ "name": name, "version": locked.version, "tools": locked.tools.as_ref().map(BTreeMap::len) })
        }).collect();
        let answer =
            json!({ "file": path, "changed": changed, "servers": servers, "notLocked": strangers });
        printer.json(&answer);
    } else {
        let what = if changed { "wrote" } else { "kept" };
        printer.line(&format!("{what} {} with {}", path.display(), counted(new.len(), "server")));
    }
    Ok(exit)
}

/// The plan by which the entry was written, if a recipe says the same: the one in the lock, or the one of the server's
/// name; in the version that the entry has.
fn plan_of(
    name: &str,
    entry: &Value,
    locked: Option<&Locked>,
    setup: &Setup,
) -> Result<Option<Plan>, Failure> {
    let Ok(alias) = ServerName::parse(name) else { return Ok(None) };
    let sources = sources(setup)?;
    let wanted = locked.map_or(name, Locked::name);
    let Ok(source) = setup.block_on(async { Ok(sources.find(wanted).await) })? else {
        return Ok(None);
    };
    let args: Vec<String> = entry["args"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .map(str::to_owned)
        .collect();
    let install = source.recipe.install.as_ref();
    let running = install.and_then(|install| version(install, &args)).map(str::to_owned);
    let versions = [running, locked.and_then(|locked| locked.version.clone()), None];
    let transport = entry["transport"].as_str().map(str::to_owned);
    let plans = versions.into_iter().filter_map(|version| {
        let wish = Wish { alias: Some(alias.clone()), version, transport: transport.clone() };
        Plan::new(&source, &wish, &setup.paths, setup.environment()).ok()
    });
    let mut plans = plans.filter(|plan| plan.standing(Some(entry)) == Standing::Done);
    Ok(plans.next())
}
