//! Why a change was not made.

use std::path::PathBuf;

use crate::base::rewrite;
use crate::config;

/// Why a change was not made. The file is as it was.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no configuration, or it is no JSON.
    #[error(transparent)]
    Config(#[from] config::Error),
    /// The file cannot be read or written.
    #[error(transparent)]
    File(#[from] rewrite::Error),
    /// No entry has this name.
    #[error("there is no server `{name}` in `{}`", file.display())]
    UnknownServer {
        /// The name that was asked for.
        name: String,
        /// Where it was looked for.
        file: PathBuf,
        /// The names that there are, the nearest ones first.
        nearest: Vec<String>,
    },
    /// Another server has the name.
    #[error("`{}` has another server `{name}`, in line {line}", file.display())]
    Taken {
        /// The name.
        name: String,
        /// The file.
        file: PathBuf,
        /// Where it stands, counted from 1.
        line: usize,
    },
    /// What is to be changed stands there more than once, so that it is not clear what counts.
    #[error("`{}` has {what} more than once, in lines {lines}; keep one", file.display())]
    Repeated {
        /// The file.
        file: PathBuf,
        /// What stands there.
        what: String,
        /// Where, as text.
        lines: String,
    },
    /// Something else stands where an object belongs.
    #[error("`{pointer}` in `{}` is no object `{{…}}`, so nothing can be put into it", file.display())]
    NotAnObject {
        /// The file.
        file: PathBuf,
        /// JSON pointer to the value.
        pointer: String,
    },
    /// A variable cannot be called so. The name is not repeated: it may be a value in the wrong place.
    #[error(
        "a variable's name has letters of English, digits and `_` only, and begins with no digit"
    )]
    InvalidName,
    /// The bridge itself gives this variable its value.
    #[error("`{name}` is filled in by the bridge itself and cannot be set")]
    ReservedName {
        /// The name.
        name: String,
    },
    /// No environment variable can hold the value.
    #[error("the value for `{name}` holds a NUL character, which no variable can")]
    InvalidValue {
        /// The variable.
        name: String,
    },
    /// The file of variables is not text.
    #[error("`{}` is not UTF-8; save it in that encoding", file.display())]
    NotUtf8 {
        /// The file.
        file: PathBuf,
    },
    /// Something in the file keeps the new variable from being read as it was given.
    #[error(
        "line {line} of `{}` is not `NAME=value` and hides what comes after it; mend it first, a quote may be open",
        file.display()
    )]
    Hidden {
        /// The file.
        file: PathBuf,
        /// The faulty line, counted from 1.
        line: usize,
    },
    /// What runs now would not run any more.
    #[error("not changed, since `{}` would be at fault then: {reason}", file.display())]
    Refused {
        /// The configuration.
        file: PathBuf,
        /// What the check of the configuration says.
        reason: String,
    },
}
