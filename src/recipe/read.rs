//! Recipes in files.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::check::{Checked, MAX_BYTES, check};
use crate::base::fs::open_regular;

/// What a folder of a recipe may hold, of which the first that is there counts.
const FILES: [&str; 2] = ["recipe.json", "config.json"];

/// Why there is nothing to check.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no such file or folder.
    #[error("there is nothing at `{}`", path.display())]
    NotFound {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// The folder holds no recipe.
    #[error("the folder `{}` holds no `recipe.json`", path.display())]
    NoRecipe {
        /// The folder.
        path: PathBuf,
    },
    /// The folder's recipe is a link to a file that does not belong to it.
    #[error("`{}` leads out of its folder; put the file itself there, or link the whole folder", path.display())]
    LeadsOut {
        /// The link.
        path: PathBuf,
    },
    /// It is there and cannot be read.
    #[error("cannot read `{}`: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// A file that may hold a recipe, not looked at yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text {
    /// The file that was read, where a folder was named.
    pub file: PathBuf,
    /// What stands in it; of a file that is too long for a recipe, one byte too many.
    pub bytes: Vec<u8>,
}

impl Error {
    /// Whether there is nothing at the place.
    pub fn is_missing(&self) -> bool {
        matches!(self, Self::NotFound { .. } | Self::NoRecipe { .. })
    }
}

/// Reads and checks the recipe in a file, or in the folder that holds it.
pub fn read(path: &Path, now: SystemTime) -> Result<Checked, Error> {
    Ok(check(&open(path)?.bytes, now))
}

/// Reads the file of a recipe, or that in the folder, for whoever needs its text as well.
pub fn open(path: &Path) -> Result<Text, Error> {
    let file = find(path)?;
    let bytes = bytes(&file).map_err(|fault| match fault.kind() {
        io::ErrorKind::NotFound => Error::NotFound { path: file.clone() },
        _ => Error::Unreadable { path: file.clone(), source: fault },
    })?;
    Ok(Text { file, bytes })
}

fn find(path: &Path) -> Result<PathBuf, Error> {
    if !path.is_dir() {
        return Ok(path.to_owned());
    }
    let mut files = FILES.iter().map(|name| path.join(name));
    let file = files.find(|file| file.exists());
    let file = file.ok_or_else(|| Error::NoRecipe { path: path.to_owned() })?;
    if is_below(&file, path) { Ok(file) } else { Err(Error::LeadsOut { path: file }) }
}

/// Whether the file lies in the folder, wherever links lead. The folder may come from a stranger, and what it links to is
/// not his.
fn is_below(file: &Path, folder: &Path) -> bool {
    match (file.canonicalize(), folder.canonicalize()) {
        (Ok(file), Ok(folder)) => file.starts_with(folder),
        _ => false,
    }
}

/// No more of them than are looked at, and one that shows that there are more.
fn bytes(file: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let file = open_regular(file, File::options().read(true))?;
    file.take(MAX_BYTES as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}
