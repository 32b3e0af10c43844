//! `bridge unregister CLIENT…`: exactly the bridge taken out of the files of clients; with `--restore`, the servers that
//! were taken out before are put back.

use std::collections::BTreeSet;

use clap::Args;
use serde_json::Value;

use super::backup;
use super::client::Client;
use super::document::{Fault, Shape};
use super::entry::is_bridge;
use super::file::{Changed, ClientFile, Error};
use super::register::{Outcome, Which, chosen, each, finish};
use super::taken;
use crate::cli::exit::{Exit, Failure};
use crate::cli::setup::Setup;

#[derive(Debug, Args)]
pub(in crate::cli) struct Unregister {
    /// The clients
    #[arg(value_name = "CLIENT", required_unless_present = "all")]
    pub(super) clients: Vec<Client>,
    #[command(flatten)]
    pub(super) which: Which,
    /// Only the entry of this name
    #[arg(long, value_name = "NAME")]
    pub(super) name: Option<String>,
    /// Put the servers back that `import --leave-only-bridge` has taken out
    #[arg(long)]
    pub(super) restore: bool,
    /// Say what would be done, and do nothing
    #[arg(long)]
    pub(super) dry_run: bool,
}

pub(in crate::cli) fn run(arguments: &Unregister, setup: &Setup) -> Result<Exit, Failure> {
    let clients = chosen(&arguments.clients, arguments.which, setup)?;
    let work =
        |client| one(&ClientFile::of(client, arguments.which.project, setup)?, arguments, setup);
    finish(each(&clients, work), setup)
}

fn one(file: &ClientFile, arguments: &Unregister, setup: &Setup) -> Result<Outcome, Error> {
    let client = file.client.name();
    let outcome = |state, changed, said| Outcome { file: file.clone(), state, changed, said };
    let nothing = || {
        Ok(outcome("unchanged", Changed::default(), format!("{client} does not have the bridge")))
    };
    let Some(text) = file.read()? else { return nothing() };
    let backups = backup::texts(&file.path);
    let taken_out =
        if arguments.restore { taken::of(&setup.paths, &file.path)? } else { BTreeSet::new() };
    let change = |text: &str| {
        let text = if arguments.restore {
            restored(file, text, &backups, &taken_out)?
        } else {
            text.to_owned()
        };
        without_bridge(file, &text, arguments.name.as_deref(), &backups)
    };
    let Some(new) = change(&text)? else {
        if !arguments.dry_run && !file.remove(&text)? {
            file.change(|text| taken(file, text, arguments.name.as_deref()))?;
        }
        let changed = Changed { is_changed: true, ..Changed::default() };
        let said = format!("taken out of {client}, whose file the bridge had made and is gone");
        return Ok(outcome("unregistered", changed, said));
    };
    if new == text {
        return nothing();
    }
    let changed = if arguments.dry_run {
        Changed { is_changed: true, ..Changed::default() }
    } else {
        file.change(|text| Ok(change(text)?.unwrap_or_default()))?
    };
    if arguments.restore && !arguments.dry_run {
        taken::forget(&setup.paths, &file.path)?;
    }
    let (state, said) = match (arguments.dry_run, arguments.restore) {
        (false, false) => ("unregistered", format!("taken out of {client}")),
        (false, true) => ("restored", format!("taken out of {client}, its servers put back")),
        (true, _) => ("would unregister", format!("would be taken out of {client}")),
    };
    Ok(outcome(state, changed, said))
}

/// The text as it was before the bridge came in; nothing if there was no file then.
///
/// Libraries that keep formats do not undo to the byte what they have done. Where a copy becomes this very text by
/// putting the bridge in, it is that copy which was there.
fn without_bridge(
    file: &ClientFile,
    text: &str,
    name: Option<&str>,
    backups: &[String],
) -> Result<Option<String>, Error> {
    let shape = file.shape();
    let bridges = bridges(file, text, name)?;
    if let [(name, entry)] = bridges.as_slice() {
        for backup in backups {
            let lacks =
                |servers: Vec<(String, Value)>| servers.iter().all(|(known, _)| known != name);
            if shape.servers(backup).is_ok_and(lacks)
                && becomes(shape.put(backup, name, entry), text)
            {
                return Ok(Some(backup.clone()));
            }
        }
        if becomes(shape.put("", name, entry), text) {
            return Ok(None);
        }
    }
    taken(file, text, name).map(Some)
}

fn taken(file: &ClientFile, text: &str, name: Option<&str>) -> Result<String, Error> {
    let bridges = bridges(file, text, name)?;
    let names: Vec<&str> = bridges.iter().map(|(name, _)| name.as_str()).collect();
    file.shape().take(text, &names).map_err(|fault| file.fault(fault))
}

/// The bridge's entries; a fault if the name that was asked for is that of another server.
fn bridges(
    file: &ClientFile,
    text: &str,
    name: Option<&str>,
) -> Result<Vec<(String, Value)>, Error> {
    let mut servers = file.servers(text)?;
    if let Some(name) = name {
        servers.retain(|(known, _)| known == name);
        if let Some((name, _)) = servers.iter().find(|(_, entry)| !is_bridge(entry)) {
            return Err(Error::Foreign { path: file.path.clone(), name: name.clone() });
        }
    }
    servers.retain(|(_, entry)| is_bridge(entry));
    Ok(servers)
}

/// The text with the servers that were taken out of it and that it lacks, each as the newest copy has it.
fn restored(
    file: &ClientFile,
    text: &str,
    backups: &[String],
    taken_out: &BTreeSet<String>,
) -> Result<String, Error> {
    let shape = file.shape();
    let now = file.servers(text)?;
    let mut missing = taken_out.clone();
    missing.retain(|name| !now.iter().any(|(known, _)| known == name));
    let mut restored = text.to_owned();
    for backup in backups {
        let Ok(servers) = shape.servers(backup) else { continue };
        let lost = servers.iter().filter(|(name, _)| missing.contains(name));
        let lost: Vec<&(String, Value)> = lost.collect();
        let names: Vec<&str> = lost.iter().map(|(name, _)| name.as_str()).collect();
        let mut bridges = now.iter().filter(|(_, entry)| is_bridge(entry));
        if let (Some((name, entry)), None) = (bridges.next(), bridges.next())
            && !lost.is_empty()
            && becomes(left_only(shape, backup, &names, name, entry), text)
        {
            return Ok(backup.clone());
        }
        for (name, entry) in lost {
            restored = shape.put(&restored, name, entry).map_err(|fault| file.fault(fault))?;
            missing.remove(name);
        }
    }
    if restored == text {
        return Err(Error::NothingKept { path: file.path.clone() });
    }
    Ok(restored)
}

/// The text without these servers and with the bridge.
pub(super) fn left_only(
    shape: Shape,
    text: &str,
    gone: &[&str],
    name: &str,
    entry: &Value,
) -> Result<String, Fault> {
    shape.put(&shape.take(text, gone)?, name, entry)
}

fn becomes(made: Result<String, Fault>, text: &str) -> bool {
    made.is_ok_and(|made| made == text)
}

pub(in crate::cli) const EXAMPLES: &str = "\
Examples:
  bridge unregister cursor
  bridge unregister --all
  bridge unregister claude-desktop --restore   with the servers that `import --leave-only-bridge` took out";
