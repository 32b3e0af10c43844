//! Why there is no recipe of a name.

use std::path::PathBuf;

use super::note::Note;
use crate::config::Finding;
use crate::recipe;

/// Why there is no recipe of a name.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No source has it.
    #[error("there is no recipe `{name}`")]
    Unknown {
        /// What was asked for.
        name: String,
        /// Ids that are most like it, the most like first.
        nearest: Vec<String>,
        /// Why it may be missing: catalogs that could not be had, recipes that are left out.
        notes: Vec<Note>,
    },
    /// Its file cannot be read.
    #[error(transparent)]
    Unreadable(#[from] recipe::Error),
    /// It is there and has errors.
    #[error("the recipe in `{}` has errors", file.display())]
    Faulty {
        /// Its file.
        file: PathBuf,
        /// All that is wrong with it.
        findings: Vec<Finding>,
    },
    /// The user's recipe stands in a folder of another name, so that either might be meant.
    #[error("the recipe in `{}` has the id `{id}`, which is not the name of its folder", file.display())]
    Misplaced {
        /// Its file.
        file: PathBuf,
        /// The id that stands in it.
        id: String,
    },
}

impl Error {
    /// Whether there is nothing of this name, as against something that cannot be used.
    pub fn is_not_found(&self) -> bool {
        use recipe::Error::{NoRecipe, NotFound};
        matches!(self, Self::Unknown { .. } | Self::Unreadable(NotFound { .. } | NoRecipe { .. }))
    }
}
