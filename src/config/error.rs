//! Why there is no configuration at all.

use std::fmt::Write;
use std::io;
use std::path::PathBuf;

use super::finding::Finding;

/// Why loading stopped.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no such file.
    #[error("no configuration at `{}`", path.display())]
    NotFound {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// The file is there and cannot be read.
    #[error("cannot read `{}`", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The text is not JSON.
    #[error("`{}` is not JSON: line {line}, column {column}: {reason}", path.display())]
    NotJson {
        /// The file.
        path: PathBuf,
        /// Line of the fault, counted from 1.
        line: usize,
        /// Column of the fault, counted from 1 in bytes.
        column: usize,
        /// What is wrong there, in words for people.
        reason: String,
    },
    /// The text is JSON, but no object.
    #[error("`{}` holds {found} where an object `{{…}}` belongs", path.display())]
    NotAnObject {
        /// The file.
        path: PathBuf,
        /// What stands there instead.
        found: &'static str,
    },
    /// Values that belong to no single server are wrong.
    #[error("`{}` has faults:{}", path.display(), list(findings))]
    Invalid {
        /// The file.
        path: PathBuf,
        /// Everything that was found, warnings and faults of servers included.
        findings: Vec<Finding>,
    },
}

impl Error {
    /// What the user can do about it.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::NotFound { .. } => {
                Some("`bridge init`, with the same `--config` if there is one, writes it")
            }
            _ => None,
        }
    }
}

fn list(findings: &[Finding]) -> String {
    findings.iter().fold(String::new(), |mut text, finding| {
        write!(text, "\n  {finding}").expect("writing to a string cannot fail");
        text
    })
}
