//! Why there are no vectors, in words that the user can act upon.

use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::frame::exact;

/// Why texts were not turned into vectors.
#[derive(Debug, Clone, thiserror::Error, Serialize, Deserialize)]
pub enum EmbedError {
    /// Something that the engine needs is not on this machine.
    #[error("{missing} is not installed; {remedy}")]
    NotInstalled {
        /// What is not there.
        missing: String,
        /// What the user can do.
        remedy: String,
    },
    /// A file of the engine is there, but is not what it should be.
    #[error("`{}` cannot be used: {reason}; {remedy}", path.display())]
    Broken {
        /// The file or folder.
        #[serde(with = "exact")]
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
        /// What the user can do.
        remedy: String,
    },
    /// The engine could not work on these texts, though nothing is wrong with its files.
    #[error("the embedding model failed: {reason}")]
    Failed {
        /// What it said.
        reason: String,
    },
    /// The process that runs the model is gone, or cannot be started.
    #[error("the embedding model's process failed: {reason}")]
    Ended {
        /// How it ended, and what it said last.
        reason: String,
    },
    /// A service answered that it will not.
    #[error("{service} refused to embed: {reason}")]
    Refused {
        /// Which service.
        service: String,
        /// The HTTP status of its answer.
        status: u16,
        /// What it said, without secrets.
        reason: String,
        /// How long it asks to be left alone.
        retry_after: Option<Duration>,
    },
    /// A service cannot be asked as things are set.
    #[error("{service} cannot be asked: {problem}; {remedy}")]
    Unconfigured {
        /// Which service.
        service: String,
        /// What is missing or wrong.
        problem: String,
        /// What the user can do.
        remedy: String,
    },
    /// A service answered with something else than the vectors that were asked for.
    #[error("{service} did not answer with vectors: {problem}")]
    WrongShape {
        /// Which service.
        service: String,
        /// What is wrong with the answer.
        problem: String,
    },
    /// A service gave no answer, or broke off.
    #[error("{service} cannot be reached: {reason}")]
    Unreachable {
        /// Which service.
        service: String,
        /// What went wrong, without secrets.
        reason: String,
    },
}

impl EmbedError {
    /// Whether the same texts may succeed later without anybody doing anything.
    pub fn retryable(&self) -> bool {
        match self {
            Self::NotInstalled { .. }
            | Self::Broken { .. }
            | Self::Failed { .. }
            | Self::Unconfigured { .. }
            | Self::WrongShape { .. } => false,
            Self::Refused { status, .. } => matches!(status, 408 | 429 | 500..),
            Self::Ended { .. } | Self::Unreachable { .. } => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_passes_by_itself_is_retried() {
        let check = |error: EmbedError, expected| {
            assert_eq!(error.retryable(), expected, "{error}");
        };
        let refused = |status| EmbedError::Refused {
            service: "the service".to_owned(),
            status,
            reason: "no".to_owned(),
            retry_after: None,
        };
        check(refused(401), false);
        check(refused(408), true);
        check(refused(429), true);
        check(refused(503), true);
        check(
            EmbedError::Unreachable { service: "it".to_owned(), reason: "refused".to_owned() },
            true,
        );
        check(EmbedError::Ended { reason: "it ended".to_owned() }, true);
        check(
            EmbedError::NotInstalled { missing: "it".to_owned(), remedy: "get it".to_owned() },
            false,
        );
    }
}
