//! `bridge auth logout SERVER`: forgets tokens, and the files that were made of them, and has tokens revoked where the
//! service does that.

use std::io;
use std::path::Path;

use serde_json::{Value, json};

use super::accounts::{self, Login, failure};
use super::arguments::Logout;
use crate::cli::exit::{Exit, Failure};
use crate::cli::setup::Setup;
use crate::config::{Config, Transport};
use crate::oauth::{Revocation, Store};
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
        if let Some(revocation) = forget(login, setup)? {
            forgotten.push((login.account.server.clone(), revocation));
        }
    }
    if arguments.all {
        let swept = sweep(setup, None)?;
        forgotten.extend(swept.into_iter().map(|server| (server, Revocation::Unasked)));
    }
    if printer.json {
        let names: Vec<&String> = forgotten.iter().map(|(server, _)| server).collect();
        let revoked: Vec<Value> = forgotten.iter().filter_map(told).collect();
        printer.json(&json!({ "loggedOut": names, "revocations": revoked }));
    } else if forgotten.is_empty() {
        printer.talk("nobody was logged in");
    } else {
        for (server, revocation) in &forgotten {
            printer.data(&format!("logged out of `{server}`{}", words(revocation)));
        }
    }
    Ok(Exit::Done)
}

/// What became of the tokens, to follow what was done to them here.
pub(in crate::cli) fn words(revocation: &Revocation) -> String {
    match revocation {
        Revocation::NoToken => String::new(),
        Revocation::Unasked => {
            "; what was left of an earlier entry's login was deleted, and not revoked".to_owned()
        }
        Revocation::Done { host } => format!("; its tokens were revoked at {host}"),
        Revocation::Unsupported { issuer } => {
            format!(
                "; {issuer} revokes no tokens as far as is known: they are good until they expire"
            )
        }
        Revocation::Failed { host, reason } => {
            format!(
                "; its tokens were not revoked at {host} and are good until they expire: {reason}"
            )
        }
    }
}

fn told((server, revocation): &(String, Revocation)) -> Option<Value> {
    let (revoked, reason) = match revocation {
        Revocation::NoToken => return None,
        Revocation::Unasked => (false, Some("it is the login of an earlier entry".to_owned())),
        Revocation::Done { .. } => (true, None),
        Revocation::Unsupported { issuer } => {
            (false, Some(format!("no way to revoke them at {issuer} is known")))
        }
        Revocation::Failed { reason, .. } => (false, Some(reason.clone())),
    };
    Some(json!({ "server": server, "revoked": revoked, "reason": reason }))
}

/// The login of a server, if it has one.
pub(in crate::cli) fn login_of(config: &Config, server: &str) -> Option<Login> {
    accounts::all(config).into_iter().find(|login| login.account.server == server)
}

/// What became of the tokens, if there was something to forget.
pub(in crate::cli) fn forget(login: &Login, setup: &Setup) -> Result<Option<Revocation>, Failure> {
    let tokens = login.tokens(setup);
    let forgotten =
        setup.block_on(async { tokens.forget().await.map_err(|error| failure(&error)) })?;
    if let Transport::Stdio(stdio) = &login.transport
        && let Some(file) =
            credentials_file(stdio, &setup.paths.server_folder(&login.account.server))
    {
        remove(&file)?;
    }
    Ok(forgotten)
}

/// Removes what is left of the tokens of a server, or of all; gives whose they were.
pub(in crate::cli) fn sweep(setup: &Setup, server: Option<&str>) -> Result<Vec<String>, Failure> {
    let swept = Store::new(setup.paths.tokens()).sweep(server);
    swept.map_err(|error| Failure::new(Exit::Failed, error.to_string()))
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
