//! `bridge read ID`: a result that was kept, as the server gave it.

use clap::Args;
use serde_json::{Value, json};

use super::exit::{Exit, Failure};
use super::setup::Setup;
use crate::cache::{Kept, document};

pub(super) const EXAMPLES: &str = "\
Examples:
  bridge read 0123456789abcdef0123456789abcdef
  bridge read 0123456789abcdef0123456789abcdef --json

What `trust: sanitize` takes out of a result is only there for people: agents read the cleaned text.";

/// What `bridge read` takes.
#[derive(Debug, Args)]
pub(super) struct Read {
    /// The result's id, as the answer names it
    pub(super) id: String,
}

/// Prints what a result was before it was cut or cleaned.
pub(super) fn run(arguments: &Read, setup: &Setup) -> Result<Exit, Failure> {
    let id = &arguments.id;
    let kept = Kept::new(setup.paths.results());
    let found = setup.block_on(async {
        let found = kept.read(id).await;
        found.map_err(|error| Failure::new(Exit::Failed, format!("cannot read `{id}`: {error}")))
    })?;
    let Some((server, result)) = found else {
        let hint = "results are kept for a day, and those that were only too long at first in the memory of the bridge \
                    that an agent uses: its action `read` has them";
        let failure = Failure::new(Exit::NotFound, format!("there is no kept result `{id}`"));
        return Err(failure.hint(Some(hint.to_owned())));
    };
    if setup.printer.json {
        let value: Value = serde_json::from_str(&result).unwrap_or(Value::Null);
        setup.printer.json(&json!({ "id": id, "server": server, "result": value }));
    } else {
        setup.printer.data(&document(&result));
    }
    Ok(Exit::Done)
}
