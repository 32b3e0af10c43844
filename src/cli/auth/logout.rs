//! `bridge auth logout SERVER`: forgets tokens, and the files that were made of them, and has tokens revoked where the
//! service does that.

use std::io;

use futures_util::future::join_all;
use indexmap::IndexSet;
use serde_json::{Value, json};

use super::accounts::{self, Login};
use super::arguments::Logout;
use crate::cli::exit::{Exit, Failure};
use crate::cli::setup::Setup;
use crate::config::{Config, Transport};
use crate::oauth::{self, Leftover, Revocation, Store};
use crate::upstream::login::credentials_file;

/// Logins that were taken out of the home folder.
#[derive(Debug, Default)]
pub(in crate::cli) struct Taken {
    /// Whose tokens are not revoked yet.
    pub(in crate::cli) leftovers: Vec<Leftover>,
    /// Why others are still there, each of which names what it is about.
    pub(in crate::cli) faults: Vec<String>,
}

/// Forgets the login of one server, or of all.
pub(super) fn run(arguments: &Logout, setup: &Setup) -> Result<Exit, Failure> {
    let printer = setup.printer;
    let config = setup.config(|text| printer.warn(text))?;
    let logins = match &arguments.server {
        Some(server) => vec![accounts::find(&config, server)?],
        None => accounts::all(&config),
    };
    let taken = take_out(&logins, arguments.server.as_deref(), setup)?;
    let forgotten = revoke(&taken.leftovers.iter().collect::<Vec<_>>(), setup)?;
    if printer.json {
        let names: IndexSet<&String> = forgotten.iter().map(|(server, _)| server).collect();
        let revoked: Vec<Value> = forgotten.iter().filter_map(told).collect();
        printer.json(&json!({ "loggedOut": names, "revocations": revoked }));
    } else if forgotten.is_empty() && taken.faults.is_empty() {
        printer.talk("nobody was logged in");
    } else {
        for (server, revocation) in &forgotten {
            printer.data(&format!("logged out of `{server}`{}", words(revocation)));
        }
    }
    if taken.faults.is_empty() {
        Ok(Exit::Done)
    } else {
        Err(Failure::new(Exit::Failed, taken.faults.join("; ")))
    }
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

/// Forgets logins of the config, with the files that were made of their tokens, and then what is left of a server, or of all
/// where none is named. What cannot be forgotten keeps nothing else.
pub(in crate::cli) fn take_out(
    logins: &[Login],
    server: Option<&str>,
    setup: &Setup,
) -> Result<Taken, Failure> {
    let all = async { Ok(join_all(logins.iter().map(|login| forget(login, setup))).await) };
    let mut all = if logins.is_empty() { Vec::new() } else { setup.block_on(all)? };
    all.push(Store::new(setup.paths.tokens()).sweep(server).into());
    let mut taken = Taken::default();
    for Taken { leftovers, faults } in all {
        taken.leftovers.extend(leftovers);
        for fault in faults {
            // What could not be forgotten as a login cannot be swept either.
            if !taken.faults.contains(&fault) {
                taken.faults.push(fault);
            }
        }
    }
    Ok(taken)
}

/// Has tokens revoked, all at the same time; gives whose they were, and what became of them.
pub(in crate::cli) fn revoke(
    leftovers: &[&Leftover],
    setup: &Setup,
) -> Result<Vec<(String, Revocation)>, Failure> {
    if leftovers.is_empty() {
        return Ok(Vec::new());
    }
    let revoking =
        leftovers.iter().map(async |left| (left.server().to_owned(), left.revoke().await));
    let revoked = setup.block_on(async { Ok(join_all(revoking).await) })?;
    // Several logins of one server may have come to the same.
    let mut distinct = Vec::with_capacity(revoked.len());
    for one in revoked {
        if !distinct.contains(&one) {
            distinct.push(one);
        }
    }
    Ok(distinct)
}

async fn forget(login: &Login, setup: &Setup) -> Taken {
    let mut taken = Taken::from(login.tokens(setup).take_out().await);
    if let Transport::Stdio(stdio) = &login.transport
        && let Some(file) =
            credentials_file(stdio, &setup.paths.server_folder(&login.account.server))
        && let Err(error) = std::fs::remove_file(&file)
        && error.kind() != io::ErrorKind::NotFound
    {
        taken.faults.push(format!("`{}` cannot be removed: {error}", file.display()));
    }
    taken
}

impl From<oauth::Taken> for Taken {
    fn from(taken: oauth::Taken) -> Self {
        let faults = taken.faults.iter().map(ToString::to_string).collect();
        Self { leftovers: taken.leftovers, faults }
    }
}
