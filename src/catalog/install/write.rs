//! Plans carried out and written down, as far as files go.

use std::io;
use std::path::PathBuf;

use super::{Candidate, write_files};
use crate::base::secret::Secret;
use crate::catalog::lock::{self, Lock, Tools};
use crate::config::Source;
use crate::config::edit::{self, Added, Addition, Target};

/// Why nothing, or not everything, was written.
#[derive(Debug, thiserror::Error)]
pub enum Unwritten {
    /// The config and the variables are as they were.
    #[error(transparent)]
    Config(#[from] edit::Error),
    /// The entries are there, and one of their files is not.
    #[error("cannot write `{}`: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// Writes the entries of all that is not done yet, and the variables, in one step, then the files of the servers. Whatever
/// is there already and is the same stays.
pub fn write(
    target: &Target<'_>,
    candidates: &[Candidate],
    variables: Vec<(String, Secret)>,
) -> Result<Added, Unwritten> {
    let plans = || candidates.iter().filter(|one| !one.is_done).map(|one| &one.plan);
    let servers = plans().map(|plan| (plan.name.clone(), plan.entry.clone())).collect();
    let added = edit::add(target, &Addition { servers, variables, ..Addition::default() })?;
    for plan in plans() {
        let folder = target.paths.server_folder(plan.name.as_str());
        write_files(&folder, &plan.files)
            .map_err(|(path, source)| Unwritten::File { path, source })?;
    }
    Ok(added)
}

/// Writes down what was installed, with the tools that each server showed, by its name.
pub fn lock(
    source: &Source,
    candidates: &[Candidate],
    tools: impl Fn(&str) -> Option<Tools>,
) -> Result<(), lock::Error> {
    let changed = Lock::update(&Lock::path(source), |lock| {
        for one in candidates {
            lock.put(&one.plan, tools(one.plan.name.as_str()));
        }
    });
    changed.map(drop)
}
