//! `bridge lock`: writes down what is installed now.

use std::collections::BTreeMap;
use std::path::Path;

use clap::Args;
use serde_json::{Value, json};

use super::edited::{failure, list};
use super::exit::{Exit, Failure};
use super::install::reach;
use super::listed::sources;
use super::printer::{Printer, counted};
use super::setup::{Setup, error_chain};
use crate::catalog::Sources;
use crate::catalog::install::{Plan, Wish, version};
use crate::catalog::lock::Lock as LockFile;
use crate::config::ServerName;
use crate::config::edit;

const EXAMPLES: &str = "\
Examples:
  bridge lock                  write bridge.lock for the servers of the config
  bridge install --frozen      install exactly these on another machine
  bridge diff                  how their tools differ from it later

Every server that came from a recipe is reached once and its tools are hashed. Servers that came from no recipe are not in
the lock; what was locked before and cannot be locked anew, since its recipe is gone or its entry is another, stays in it as
it was. The file holds no secret and may be kept with a project.
Exit codes: 0 all is locked; 1 a server stays as it was; 5 one cannot be reached, so that its tools stay as they were.";

/// What `bridge lock` takes.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Lock {}

/// What is known of one server of the config.
enum Known {
    /// A recipe says the same as its entry.
    Plan(Box<Plan>),
    /// It is locked, and cannot be locked anew.
    Kept(String),
    /// It is from no recipe.
    Stranger,
}

pub(super) fn run(_arguments: &Lock, setup: &Setup) -> Result<Exit, Failure> {
    let printer = setup.printer;
    let path = LockFile::path(&setup.source);
    let failed = |error: &dyn std::error::Error| Failure::new(Exit::Failed, error_chain(error));
    let old = LockFile::read(&path).map_err(|error| failed(&error))?;
    let old = old.unwrap_or_else(|| LockFile::empty(&path));
    // A missing config is a fault here: there is nothing to lock.
    setup.config(|text| printer.warn(text))?;
    let configured = edit::configured(&setup.target()).map_err(|error| failure(&error.into()))?;
    let sources = sources(setup)?;
    let (mut plans, mut strangers, mut kept) = (BTreeMap::new(), Vec::new(), Vec::new());
    for (name, entry) in &configured {
        match look_up(name, entry, &old, &sources, setup)? {
            Known::Plan(plan) => drop(plans.insert(name.clone(), plan)),
            Known::Kept(reason) => {
                printer.warn(&format!("`{name}` stays in the lock as it was: {reason}"));
                kept.push(name.clone());
            }
            Known::Stranger => strangers.push(name.clone()),
        }
    }
    let names: Vec<String> = plans.keys().cloned().collect();
    let mut reached = reach(setup, &names)?;
    let mut exit = if kept.is_empty() { Exit::Done } else { Exit::Failed };
    let mut locked = Vec::with_capacity(plans.len());
    for (name, plan) in &plans {
        let tools = match reached.remove(name).map(|reached| reached.tools) {
            Some(Ok(tools)) => Some(tools),
            Some(Err((error, _))) => {
                printer.warn(&format!(
                    "`{name}` cannot be reached, so its tools are not locked anew: {error}"
                ));
                exit = Exit::Upstream;
                None
            }
            None => None,
        };
        locked.push((plan, tools));
    }
    let changed = LockFile::update(&path, |lock| {
        // What somebody has installed meanwhile stays.
        let is_gone =
            |name: &String| old.servers.contains_key(name) && !configured.contains_key(name);
        lock.servers.retain(|name, _| !is_gone(name));
        for (plan, tools) in &locked {
            lock.put(plan, tools.clone());
        }
    });
    let changed = changed.map_err(|error| failed(&error))?;
    let now = LockFile::read(&path).map_err(|error| failed(&error))?;
    tell(printer, &path, changed, now.as_ref(), &kept, &strangers);
    Ok(exit)
}

fn tell(
    printer: Printer,
    path: &Path,
    changed: bool,
    now: Option<&LockFile>,
    kept: &[String],
    strangers: &[String],
) {
    if !strangers.is_empty() {
        printer.talk(&format!("not from a recipe, so not locked: {}", list(strangers)));
    }
    let servers = now.map(|lock| &lock.servers);
    let count = servers.map_or(0, BTreeMap::len);
    if printer.json {
        let servers: Vec<Value> = servers.into_iter().flatten().map(|(name, locked)| {
            json!({ "name": name, "version": locked.version, "tools": locked.tools.as_ref().map(BTreeMap::len) })
        }).collect();
        let answer = json!({ "file": path, "changed": changed, "servers": servers, "kept": kept, "notLocked": strangers });
        printer.json(&answer);
    } else {
        let what = if changed { "wrote" } else { "kept" };
        printer.line(&format!("{what} {} with {}", path.display(), counted(count, "server")));
    }
}

/// Looks for the plan by which the entry was written: by the recipe in the lock, or by the one of the server's name; in the
/// version that the entry has.
fn look_up(
    name: &str,
    entry: &Value,
    old: &LockFile,
    sources: &Sources,
    setup: &Setup,
) -> Result<Known, Failure> {
    let locked = old.servers.get(name);
    let unknown = |reason: String| match locked {
        Some(_) => Known::Kept(reason),
        None => Known::Stranger,
    };
    let Ok(alias) = ServerName::parse(name) else {
        return Ok(unknown("its name is no name of a server".to_owned()));
    };
    let wanted = locked.map_or_else(|| name.to_owned(), |locked| old.recipe_of(locked));
    let source = match setup.block_on(async { Ok(sources.find(&wanted).await) })? {
        Ok(source) => source,
        Err(error) => return Ok(unknown(error_chain(&error))),
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
    let mut plans = plans.filter(|plan| plan.is_entry(entry));
    Ok(plans.next().map_or_else(
        || unknown(format!("its entry is not what the recipe `{}` says", source.recipe.id)),
        |plan| Known::Plan(Box::new(plan)),
    ))
}
