//! What the commands that change files have in common.

use super::exit::{Exit, Failure};
use super::printer::Printer;
use super::setup::error_chain;
use crate::config::edit::{Edited, Error};

/// Says when a change counts, if there is one.
pub(super) fn tell_when(printer: Printer, edited: &Edited) {
    if edited.changed {
        printer.talk("comes into force within seconds in every bridge that runs by this config");
    }
}

/// Names in one line.
pub(super) fn list(names: &[String]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

/// A fault with its exit code.
pub(super) fn failure(error: &Error) -> Failure {
    let exit = match error {
        Error::UnknownServer { .. } => Exit::NotFound,
        Error::InvalidName | Error::ReservedName { .. } | Error::InvalidValue { .. } => Exit::Usage,
        Error::File(_) | Error::Taken { .. } => Exit::Failed,
        Error::Config(_)
        | Error::Repeated { .. }
        | Error::NotAnObject { .. }
        | Error::NotUtf8 { .. }
        | Error::Hidden { .. }
        | Error::Refused { .. } => Exit::Config,
    };
    let hint = match error {
        Error::Config(error) => error.hint().map(str::to_owned),
        Error::UnknownServer { nearest, .. } if !nearest.is_empty() => {
            Some(format!("there are {}", list(nearest)))
        }
        Error::InvalidName => {
            Some("the value is a word of its own: `bridge set-env KEY VALUE`".to_owned())
        }
        Error::Taken { name, .. } => {
            Some(format!("give this one another name, or `bridge remove {name}` first"))
        }
        Error::UnknownServer { .. } => Some("there are no servers in it".to_owned()),
        _ => None,
    };
    Failure::new(exit, error_chain(error)).hint(hint)
}
