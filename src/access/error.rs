//! Why a call is not admitted.

use std::io;
use std::path::PathBuf;
use std::time::SystemTime;

use super::standing::Period;
use crate::config::ServerName;

/// Why calls cannot be counted.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The system refuses.
    #[error("`{}`: {source}", path.display())]
    Io {
        /// What was to be read, written or locked.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Another process holds the lock and does not give it up.
    #[error("`{}` stays locked by another process", path.display())]
    Busy {
        /// The lock.
        path: PathBuf,
    },
    /// The system does not come to an end with it.
    #[error("`{}` can neither be read nor written in time", path.display())]
    Slow {
        /// The file.
        path: PathBuf,
    },
    /// The file system has no locks.
    #[error("`{}` cannot be locked, since its file system has no locks", path.display())]
    Unlockable {
        /// The lock.
        path: PathBuf,
    },
    /// The file is not what was written.
    #[error("`{}` is damaged", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
    },
    /// The file has a format that this version does not know.
    #[error("`{}` was written by a newer version of the bridge", path.display())]
    Newer {
        /// The file.
        path: PathBuf,
    },
}

/// A limit that leaves no room for another call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exceeded {
    /// The server.
    pub server: ServerName,
    /// The period that the limit is for.
    pub period: Period,
    /// The limit.
    pub limit: u64,
    /// Successful calls in the period so far, of all bridges that share the home folder.
    pub used: u64,
    /// Calls under way, each of which may become a successful one.
    pub open: u64,
    /// When the next period begins.
    pub resets: SystemTime,
}

/// Why a call is not admitted.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// The server has had its calls.
    #[error("{}", told(.0))]
    Exceeded(Exceeded),
    /// Without counts, the limit could not be kept.
    #[error("server `{server}` has a `rateLimit`, and its calls cannot be counted: {source}")]
    Uncountable {
        /// The server.
        server: ServerName,
        /// What is in the way.
        source: Error,
    },
}

impl Refused {
    /// What to do about it.
    pub fn hint(&self) -> String {
        match self {
            Self::Exceeded(Exceeded { limit, used, resets, .. }) => {
                let resets = humantime::format_rfc3339_seconds(*resets);
                let wait = if used < limit {
                    "try again when those under way have ended, or"
                } else {
                    "try again"
                };
                format!(
                    "{wait} from {resets} on; `bridge limit` changes the limit, `bridge usage` shows the counts"
                )
            }
            Self::Uncountable { source: Error::Newer { .. }, .. } => {
                "update this bridge, or remove the file to count anew".to_owned()
            }
            Self::Uncountable { source: Error::Busy { .. }, .. } => {
                "end the other process; it may be a bridge that was stopped".to_owned()
            }
            Self::Uncountable { source: Error::Unlockable { .. } | Error::Slow { .. }, .. } => {
                "set BRIDGE_HOME to a folder on a disk of this computer, or take the limit away with `bridge limit`"
                    .to_owned()
            }
            Self::Uncountable { .. } => {
                "let the bridge write there, or take the limit away with `bridge limit`".to_owned()
            }
        }
    }
}

fn told(exceeded: &Exceeded) -> String {
    let Exceeded { server, period, limit, used, open, .. } = exceeded;
    let (key, period) = (period.key(), period.as_str());
    let under_way = match open {
        0 => String::new(),
        open => format!(", with {open} more under way"),
    };
    format!("server `{server}` has had {used} of {limit} calls {period} (`{key}`){under_way}")
}
