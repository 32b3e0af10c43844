//! Plans carried out, as far as files go.

use std::io;
use std::path::PathBuf;

use super::{Plan, write_files};
use crate::base::secret::Secret;
use crate::config::edit::{self, Added, Addition, Target};

/// The keys of an entry that decide what runs, whether a recipe has them or not.
const DECIDING: [&str; 6] = ["command", "args", "env", "cwd", "url", "headers"];

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

/// Writes the entries of all plans and the variables in one step, then the files of the servers. Whatever is there
/// already and is the same stays.
pub fn write<'a>(
    target: &Target<'_>,
    plans: impl Iterator<Item = &'a Plan> + Clone,
    variables: Vec<(String, Secret)>,
) -> Result<Added, Unwritten> {
    let servers = plans.clone().map(|plan| (plan.name.clone(), plan.entry.clone())).collect();
    let added = edit::add(target, &Addition { servers, variables })?;
    for plan in plans {
        let folder = target.paths.server_folder(plan.name.as_str());
        write_files(&folder, &plan.files)
            .map_err(|(path, source)| Unwritten::File { path, source })?;
    }
    Ok(added)
}

impl Plan {
    /// What the entry of this name in the config means for the plan: nothing is there, it was carried out, or something
    /// else has the name. What its owner has added to the entry does not matter, unless it decides what runs.
    pub fn standing(&self, entry: Option<&serde_json::Value>) -> Standing {
        let Some(entry) = entry else { return Standing::Open };
        let keys = self.entry.keys().map(String::as_str).chain(DECIDING);
        let is_same = |key: &str| entry.get(key) == self.entry.get(key);
        if keys.into_iter().all(is_same) { Standing::Done } else { Standing::Taken }
    }
}

/// How a plan stands to the config.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It can be carried out.
    Open,
    /// It was.
    Done,
    /// Another entry has the name.
    Taken,
}
