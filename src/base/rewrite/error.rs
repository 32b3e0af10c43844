//! Why a file could not be changed.

use std::io;
use std::path::PathBuf;

use crate::base::system::owners;

/// Why a file could not be changed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It is there and cannot be read, or links lead in a circle.
    #[error("cannot read `{}`", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The new text cannot be put in its place.
    #[error("cannot write `{}`", path.display())]
    Unwritable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// It is a device, a pipe or a folder.
    #[error("`{}` is no regular file", path.display())]
    NotAFile {
        /// What it is instead of a file.
        path: PathBuf,
    },
    /// Its owner has write-protected it.
    #[error("`{}` is write-protected; `{}` makes it writable", path.display(), owners::UNPROTECT)]
    WriteProtected {
        /// The file.
        path: PathBuf,
    },
    /// Other programs do not leave it alone for long enough.
    #[error("another program keeps changing or locking `{}`; try again", path.display())]
    Busy {
        /// The file.
        path: PathBuf,
    },
}
