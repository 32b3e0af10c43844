//! `--frozen`: what keeps a server from being taken for the one in the lock, and its being taken out again.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::reach::Reached;
use crate::catalog::install::{Candidate, Forgotten, clear, places};
use crate::cli::edited::{failure, list};
use crate::cli::exit::{Exit, Failure};
use crate::cli::setup::Setup;
use crate::config::edit::{self, Added};

/// What was there before, which stays.
pub(super) fn existing(setup: &Setup, chosen: &[Candidate]) -> Vec<PathBuf> {
    let places = chosen.iter().flat_map(|one| places(&setup.paths, &one.plan.name));
    places.filter(|path| path.exists()).collect()
}

/// Refuses, before anything is done, what could not be compared with the lock.
pub(super) fn check(chosen: &[Candidate]) -> Result<(), Failure> {
    for one in chosen {
        let missing: Vec<String> = one.missing().map(|variable| variable.name.clone()).collect();
        let name = &one.plan.name;
        if one.locked.as_ref().is_none_or(|locked| locked.tools.is_none()) {
            let message =
                format!("nothing was installed: the lock has no tools of `{name}` to compare with");
            let hint =
                "`bridge lock` writes them, where the server is installed and can be reached";
            return Err(Failure::new(Exit::Failed, message).hint(Some(hint.to_owned())));
        }
        if !missing.is_empty() {
            let message = format!(
                "nothing was installed: the tools of `{name}` can be compared with the lock only once {} set",
                if missing.len() == 1 {
                    format!("{} is", list(&missing))
                } else {
                    format!("{} are", list(&missing))
                }
            );
            let hint =
                "write it into the file `.env` beside the config, or set it in the environment";
            return Err(Failure::new(Exit::Failed, message).hint(Some(hint.to_owned())));
        }
        if !one.plan.by_hand.is_empty() {
            let message = format!(
                "nothing was installed: the tools of `{name}` cannot be compared with the lock yet"
            );
            let hint = format!("what you have to do: {}", one.plan.by_hand.join("; "));
            return Err(Failure::new(Exit::Failed, message).hint(Some(hint)));
        }
    }
    Ok(())
}

/// Why a server is not the one in the lock, or cannot be told to be.
pub(super) fn refusal(
    chosen: &[Candidate],
    reached: &BTreeMap<String, Reached>,
) -> Result<(), Failure> {
    for one in chosen {
        let (Some(locked), name) = (&one.locked, one.plan.name.as_str()) else { continue };
        let tools = match reached.get(name).map(|reached| &reached.tools) {
            Some(Ok(tools)) => tools,
            found => {
                let error = found.and_then(|found| found.as_ref().err());
                let reason = error.map_or("its tools are not known", |(error, _)| error);
                let message = format!(
                    "nothing was installed: `{name}` cannot be reached, so that its tools cannot be compared with the \
                     lock: {reason}"
                );
                let hint = error.and_then(|(_, hint)| hint.clone());
                return Err(Failure::new(Exit::Failed, message).hint(hint));
            }
        };
        let difference = locked.difference(tools);
        if difference.is_empty() {
            continue;
        }
        let list = |what: &str, names: &[String]| {
            (!names.is_empty()).then(|| format!("{what}: {}", names.join(", ")))
        };
        let parts = [
            list("added", &difference.added),
            list("removed", &difference.removed),
            list("changed", &difference.changed),
        ];
        let parts: Vec<String> = parts.into_iter().flatten().collect();
        let message = format!(
            "nothing was installed: the tools of `{name}` are not those in the lock ({})",
            parts.join("; ")
        );
        let hint = if one.is_done {
            format!("`bridge diff {name}` shows them; `bridge lock` takes them as the measure")
        } else {
            "without `--frozen` it is installed as it is now, and locked so".to_owned()
        };
        return Err(Failure::new(Exit::Failed, message).hint(Some(hint)));
    }
    Ok(())
}

/// Takes out what was put in, but for what was there before.
pub(super) fn take_back(setup: &Setup, added: &Added, spared: &[PathBuf]) -> Result<(), Failure> {
    for new in added.servers.iter().filter(|server| server.is_new) {
        edit::remove(&setup.target(), new.name.as_str()).map_err(|error| failure(&error))?;
        for Forgotten { what, fault } in clear(&setup.paths, &new.name, spared) {
            if let Some(reason) = fault {
                setup.printer.warn(&format!("{what} stays: {reason}"));
            }
        }
    }
    Ok(())
}
