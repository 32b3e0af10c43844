//! `bridge auth logout SERVER`: forgets tokens, and the files that were made of them.

use std::io;
use std::path::Path;

use serde_json::json;

use super::accounts::{self, Login, failure};
use super::arguments::Logout;
use crate::cli::exit::{Exit, Failure};
use crate::cli::setup::Setup;
use crate::config::Transport;
use crate::upstream::login::credentials_file;

/// Forgets the login of one server, or of all.
pub(super) fn run(arguments: &Logout, setup: &Setup) -> Result<Exit, Failure> {
    let printer = setup.printer;
    let config = setup.config(|text| printer.warn(text))?;
    let logins = match &arguments.server {
        Some(server) => vec![accounts::find(&config, server)?],
        None => accounts::all(&config),
    };
    let mut forgotten = Vec::new();
    for login in &logins {
        if forget(login, setup)? {
            forgotten.push(login.account.server.as_str());
        }
    }
    if arguments.all {
        sweep(&setup.paths.tokens())?;
    }
    if printer.json {
        printer.json(&json!({ "loggedOut": forgotten }));
    } else if forgotten.is_empty() {
        printer.talk("nobody was logged in");
    } else {
        for server in &forgotten {
            printer.data(&format!("logged out of `{server}`"));
        }
    }
    Ok(Exit::Done)
}

/// Whether there was something to forget.
fn forget(login: &Login, setup: &Setup) -> Result<bool, Failure> {
    let tokens = login.tokens(setup);
    let was_there =
        setup.block_on(async { tokens.forget().await.map_err(|error| failure(&error)) })?;
    if let Transport::Stdio(stdio) = &login.transport
        && let Some(file) =
            credentials_file(stdio, &setup.paths.server_folder(&login.account.server))
    {
        remove(&file)?;
    }
    Ok(was_there)
}

/// Removes the tokens of servers that the config no longer has.
fn sweep(folder: &Path) -> Result<(), Failure> {
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(failed(folder, &error)),
    };
    let files = entries.flatten().map(|entry| entry.path());
    for file in files.filter(|file| file.extension().is_some_and(|it| it == "json")) {
        remove(&file)?;
    }
    Ok(())
}

fn remove(file: &Path) -> Result<(), Failure> {
    match std::fs::remove_file(file) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(failed(file, &error)),
        _ => Ok(()),
    }
}

fn failed(path: &Path, error: &io::Error) -> Failure {
    Failure::new(Exit::Failed, format!("`{}` cannot be removed: {error}", path.display()))
}
