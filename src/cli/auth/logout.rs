//! `bridge auth logout SERVER`: forgets tokens, and the files that were made of them, and has tokens revoked where the
//! service does that.

use std::io;
use std::path::Path;

use futures_util::future::join_all;
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
        let server = &login.account.server;
        let told = forget(login, setup)?;
        forgotten.extend(told.into_iter().map(|revocation| (server.clone(), revocation)));
    }
    if arguments.all {
        forgotten.extend(sweep(setup, None)?);
    }
    // Several logins of one server may have come to the same.
    forgotten.dedup();
    if printer.json {
        let mut names: Vec<&String> = forgotten.iter().map(|(server, _)| server).collect();
        names.dedup();
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
        Revocation::Unread => {
            "; its tokens cannot be read here, so that they were deleted and not revoked: they are good until they expire"
                .to_owned()
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
        Revocation::Unread => (false, Some("the tokens cannot be read here".to_owned())),
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

/// What became of the tokens of the login and of earlier ones; nothing where there was nothing to forget.
pub(in crate::cli) fn forget(login: &Login, setup: &Setup) -> Result<Vec<Revocation>, Failure> {
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

/// Removes what is left of the tokens of a server, or of all, and has them revoked; gives whose they were, and what became of
/// them.
pub(in crate::cli) fn sweep(
    setup: &Setup,
    server: Option<&str>,
) -> Result<Vec<(String, Revocation)>, Failure> {
    let swept = Store::new(setup.paths.tokens()).sweep(server);
    let swept = swept.map_err(|error| Failure::new(Exit::Failed, error.to_string()))?;
    let revoked = async {
        let revoking =
            swept.iter().map(async |left| (left.server().to_owned(), left.revoke().await));
        Ok(join_all(revoking).await)
    };
    if swept.is_empty() { Ok(Vec::new()) } else { setup.block_on(revoked) }
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
