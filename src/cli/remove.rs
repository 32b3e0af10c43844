//! `bridge remove NAME`: takes a server out of the config.

use serde_json::json;

use super::arguments::Remove;
use super::edited::{failure, tell_when};
use super::exit::{Exit, Failure};
use super::setup::Setup;
use crate::config::edit;

pub(super) fn run(arguments: &Remove, setup: &Setup) -> Result<Exit, Failure> {
    let server = &arguments.server;
    let removed = edit::remove(&setup.target(), server).map_err(|error| failure(&error))?;
    let printer = setup.printer;
    if printer.json {
        let leftovers = removed
            .leftovers
            .iter()
            .map(|left| json!({ "name": left.name, "file": left.file.display().to_string() }));
        printer.json(&json!({
            "server": server,
            "file": removed.edited.file.display().to_string(),
            "removed": removed.pointers,
            "leftoverVariables": leftovers.collect::<Vec<_>>(),
        }));
    } else {
        for pointer in &removed.pointers {
            printer.data(&format!("removed `{pointer}` from {}", removed.edited.file.display()));
        }
    }
    for left in &removed.leftovers {
        let file = left.file.display();
        printer.talk(&format!("`{}` stays in {file}; no server needs it any more", left.name));
    }
    tell_when(printer, &removed.edited);
    Ok(Exit::Done)
}
