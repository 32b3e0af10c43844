//! What `bridge import` has planned, carried out: all of it, or nothing.

use serde_json::Value;

use super::entry;
use super::file::{Changed, ClientFile, Error, failure};
use super::plan::{Plan, Source};
use super::register::{NAME, put_bridge};
use super::taken;
use crate::base::replaced::Replaced;
use crate::cli::edited;
use crate::cli::exit::{Exit, Failure};
use crate::cli::setup::Setup;
use crate::config::edit;

/// A client's file after the change.
pub(super) struct Left {
    pub(super) file: ClientFile,
    pub(super) changed: Changed,
}

/// What was changed before something failed is put back.
pub(super) fn carry_out(
    sources: &[Source],
    plan: &Plan,
    leaves_only_bridge: bool,
    setup: &Setup,
) -> Result<Vec<Left>, Failure> {
    let added = edit::add(&setup.target(), &plan.addition);
    let mut done = added.map_err(|error| edited::failure(&error))?.replaced;
    let mut files = Vec::new();
    if !leaves_only_bridge {
        return Ok(files);
    }
    for source in sources {
        let names = plan.taken(source.file.client);
        if names.is_empty() {
            continue;
        }
        match take_out(source, &names, setup, &mut done) {
            Ok(changed) => files.push(Left { file: source.file.clone(), changed }),
            Err(error) => return Err(put_back(&error, &done)),
        }
    }
    Ok(files)
}

/// The failure, once all that was done is put back.
fn put_back(error: &Error, done: &[Replaced]) -> Failure {
    let is_lost = |replaced: &&Replaced| !replaced.put_back().is_ok_and(|is_back| is_back);
    let lost = done.iter().rev().filter(is_lost);
    let lost: Vec<String> = lost.map(|replaced| replaced.file.display().to_string()).collect();
    let failure = failure(error);
    let message = format!("{}; nothing was taken over", failure.message);
    let hint = match lost.as_slice() {
        [] => failure.hint,
        lost => Some(format!("these could not be put back: {}", edited::list(lost))),
    };
    Failure::new(Exit::Failed, message).hint(hint)
}

fn take_out(
    source: &Source,
    names: &[&str],
    setup: &Setup,
    done: &mut Vec<Replaced>,
) -> Result<Changed, Error> {
    done.push(taken::add(&setup.paths, &source.file.path, names)?);
    let mut changed = leave_only_bridge(source, names, setup)?;
    done.extend(changed.replaced.take());
    Ok(changed)
}

fn leave_only_bridge(source: &Source, names: &[&str], setup: &Setup) -> Result<Changed, Error> {
    let file = &source.file;
    let new = entry::of(file.client, setup);
    file.change(|text| {
        let now = file.servers(text)?;
        let is_same = |name: &&str| {
            let find = |all: &[(String, Value)]| {
                all.iter().find(|(known, _)| known == name).map(|(_, entry)| entry.clone())
            };
            find(&now) == find(&source.servers)
        };
        if !names.iter().all(is_same) {
            return Err(Error::Meanwhile { path: file.path.clone() });
        }
        let bridge = now
            .iter()
            .find(|(name, value)| entry::is_bridge(value) && !names.contains(&name.as_str()));
        let name = bridge.map_or(NAME, |(name, _)| name.as_str());
        let left = file.shape().take(text, names).map_err(|fault| file.fault(fault))?;
        put_bridge(file, &left, name, &new)
    })
}
