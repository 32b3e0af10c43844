//! What clients have of the bridge, and whether what they have can be started.

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::client::Client;
use super::entry::{self, command};
use super::file::{ClientFile, Error};
use crate::base::environment::Environment;
use crate::base::program::find_for_servers;
use crate::cli::setup::{Setup, error_chain};

/// The servers in a client's file.
pub(super) struct Content {
    /// The entries that start a bridge, by their names.
    pub(super) bridges: Vec<(String, Value)>,
    /// How many others there are.
    pub(super) others: usize,
}

/// A client with the bridge in its file, or with a file that nobody can read.
pub(in crate::cli) struct Registered {
    pub(in crate::cli) client: Client,
    pub(in crate::cli) file: PathBuf,
    /// How each entry stands, or why that cannot be told.
    pub(in crate::cli) entries: Result<Vec<(String, State)>, String>,
}

/// How an entry stands that starts a bridge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::cli) enum State {
    /// It starts this program with this config.
    This,
    /// It starts another program, or with another config.
    Other,
    /// There is no such program.
    NoProgram(String),
    /// There is no such config.
    NoConfig(PathBuf),
}

impl ClientFile {
    /// What stands in the file; nothing where there is none.
    pub(super) fn content(&self) -> Result<Option<Content>, Error> {
        let Some(text) = self.read()? else { return Ok(None) };
        let servers = self.servers(&text)?;
        let (bridges, others): (Vec<_>, Vec<_>) =
            servers.into_iter().partition(|(_, entry)| entry::is_bridge(entry));
        Ok(Some(Content { bridges, others: others.len() }))
    }
}

/// All clients that have the bridge, or may have it.
pub(in crate::cli) fn registered(setup: &Setup) -> Vec<Registered> {
    let files =
        Client::ALL.into_iter().filter_map(|client| ClientFile::of(client, false, setup).ok());
    let look = |file: ClientFile| {
        let new = entry::of(file.client, setup);
        let entries = match file.content() {
            Ok(content) => {
                let bridges = content.map(|content| content.bridges).unwrap_or_default();
                let state = |entry: &Value| state(entry, &new, setup.environment());
                Ok(bridges.iter().map(|(name, entry)| (name.clone(), state(entry))).collect())
            }
            Err(error) => Err(error_chain(&error)),
        };
        Registered { client: file.client, file: file.path, entries }
    };
    let has_none = |found: &Registered| found.entries.as_ref().is_ok_and(Vec::is_empty);
    files.map(look).filter(|found| !has_none(found)).collect()
}

/// `new` is the entry of this program with this config.
fn state(entry: &Value, new: &Value, environment: &Environment) -> State {
    let program = command(entry).unwrap_or_default();
    if find_for_servers(program, environment).is_none() {
        return State::NoProgram(program.to_owned());
    }
    match config(entry) {
        Some(config) if !config.exists() => State::NoConfig(config.to_owned()),
        _ if entry::updated(entry, new) == *entry => State::This,
        _ => State::Other,
    }
}

/// The config that an entry names by its full path. Where another one starts is for the client to say.
fn config(entry: &Value) -> Option<&Path> {
    let args = entry["args"].as_array().or_else(|| entry["command"]["args"].as_array());
    let mut words = args?.iter().filter_map(Value::as_str);
    let named = words.find_map(|word| match word {
        "--config" | "-c" => Some(None),
        _ => word.strip_prefix("--config=").map(Some),
    })?;
    named.or_else(|| words.next()).map(Path::new).filter(|path| path.is_absolute())
}

#[cfg(all(test, unix))]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn entries_are_told_apart_by_what_they_would_start() {
        let environment = Environment::from_pairs([("PATH", "/bin")]);
        let new = json!({"command": "/bin/sh"});
        let check = |entry: Value, expected: State| {
            assert_eq!(state(&entry, &new, &environment), expected, "{entry}");
        };
        check(json!({"command": "/bin/sh", "disabled": true}), State::This);
        check(json!({"command": "sh"}), State::Other);
        check(json!({"command": "/bin/sh", "args": ["--config", "/etc/passwd"]}), State::Other);
        check(
            json!({"command": "/nowhere/bridge"}),
            State::NoProgram("/nowhere/bridge".to_owned()),
        );
        check(json!({"command": "no-such-bridge"}), State::NoProgram("no-such-bridge".to_owned()));
        for args in [
            json!(["--config", "/nowhere/c"]),
            json!(["-c", "/nowhere/c"]),
            json!(["--config=/nowhere/c"]),
        ] {
            check(
                json!({"command": "/bin/sh", "args": args}),
                State::NoConfig("/nowhere/c".into()),
            );
        }
        check(json!({"command": "/bin/sh", "args": ["--config", "c"]}), State::Other);
        check(json!({"command": "/bin/sh", "args": ["--config"]}), State::Other);
    }
}
