//! `bridge remove NAME…`: takes servers out of the config, with what was installed for them.

use clap::Args;
use serde_json::{Value, json};

use super::auth::{self, Login, Taken};
use super::edited::{failure, list, tell_when};
use super::exit::{Exit, Failure};
use super::setup::Setup;
use crate::catalog::install::{Forgotten, forget};
use crate::config::ServerName;
use crate::config::edit::{self, Leftover, Removed};
use crate::guard::pin::Approvals;
use crate::oauth;

const EXAMPLES: &str = "\
Examples:
  bridge remove github
  bridge remove github tavily --purge
  bridge --config ~/project/.mcp.json remove github

All else in the config stays as it is. The server's own folder of files, its line in bridge.lock, its login, its pins and
what is remembered of its tools go with it; the latter three only with the config of the home folder, since another one may
have a server of that name. Tokens of the login are revoked as by `bridge auth logout`. Variables that no server needs any more are named; they are taken out of the .env beside the config
if you say so at the terminal, or with --purge. Of several names, all are right or nothing is changed. A running bridge takes changes in within seconds.";

/// What `bridge remove` takes.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Remove {
    /// The servers' names in the config
    #[arg(value_name = "NAME", required = true)]
    servers: Vec<String>,
    /// Take variables that no server needs any more out of the config's .env without asking
    #[arg(long)]
    purge: bool,
}

/// What went with a server.
struct Gone {
    server: String,
    removed: Removed,
    /// What there was beside its entry.
    also: Vec<String>,
    /// The logins that it had, whose tokens are still good.
    logins: Vec<oauth::Leftover>,
    /// Variables that were taken out of `.env`.
    purged: Vec<Leftover>,
}

pub(super) fn run(arguments: &Remove, setup: &Setup) -> Result<Exit, Failure> {
    // All names are right, or nothing is changed.
    let servers = edit::names_of(&setup.target(), &arguments.servers);
    let servers = servers.map_err(|error| failure(&error))?;
    let mut gone = Vec::with_capacity(servers.len());
    for server in &servers {
        gone.push(take_out(server, arguments.purge, setup)?);
    }
    revoke(&mut gone, setup)?;
    let printer = setup.printer;
    if printer.json {
        let all: Vec<Value> = gone.iter().map(in_json).collect();
        printer.json(&json!({ "servers": all }));
    }
    for one in &gone {
        if !printer.json {
            for pointer in &one.removed.pointers {
                let file = one.removed.edited.file.display();
                printer.data(&format!("removed `{pointer}` from {file}"));
            }
        }
        for what in &one.also {
            printer.talk(&format!("removed {what}"));
        }
        for left in &one.removed.leftovers {
            let (name, file) = (&left.name, left.file.display());
            printer.talk(&if one.purged.contains(left) {
                format!("removed `{name}` from {file}")
            } else if setup.source.env_files.first() == Some(&left.file) {
                format!("`{name}` stays in {file}; no server needs it any more")
            } else {
                format!("`{name}` stays in {file}; no server of this config needs it any more")
            });
        }
    }
    if let Some(one) = gone.iter().find(|one| one.removed.edited.changed) {
        tell_when(printer, &one.removed.edited);
    }
    Ok(Exit::Done)
}

fn in_json(one: &Gone) -> Value {
    let listed = |left: &Leftover| json!({ "name": left.name, "file": left.file });
    let stays = |left: &&Leftover| !one.purged.contains(left);
    let leftovers = one.removed.leftovers.iter().filter(stays).map(listed);
    json!({
        "server": one.server,
        "file": one.removed.edited.file.display().to_string(),
        "removed": one.removed.pointers,
        "also": one.also,
        "purgedVariables": one.purged.iter().map(listed).collect::<Vec<_>>(),
        "leftoverVariables": leftovers.collect::<Vec<_>>(),
    })
}

fn take_out(server: &str, purge: bool, setup: &Setup) -> Result<Gone, Failure> {
    let (target, printer) = (setup.target(), setup.printer);
    // Its secret and its URL stand in the entry.
    let login = setup.load().ok().and_then(|loaded| auth::login_of(&loaded.config, server));
    let removed = edit::remove(&target, server).map_err(|error| failure(&error))?;
    let name = ServerName::parse(server).or_else(|_| ServerName::normalise(server));
    // Another spelling of the same name may have what is there.
    let bears = |name: &ServerName| {
        edit::configured(&target).is_ok_and(|all| all.contains_key(name.as_str()))
    };
    let name = name.ok().filter(|name| !bears(name));
    let (logins, also) = name.map_or_else(Default::default, |name| {
        let logins = log_out(&name, login, setup);
        (logins, what_else(&name, setup))
    });
    // Only the config's own file is changed; what others hold, they may hold for others.
    let own = setup.source.env_files.first();
    let own = |left: &&Leftover| own == Some(&left.file);
    let names: Vec<String> =
        removed.leftovers.iter().filter(own).map(|left| left.name.clone()).collect();
    let file = removed.leftovers.iter().find(own).map(|left| left.file.display().to_string());
    let may_ask = !purge && printer.can_ask() && !printer.json;
    let purged = match file {
        Some(file)
            if purge
                || may_ask
                    && printer.ask(&format!(
                        "take {} out of {file}? No server needs them any more",
                        list(&names)
                    )) =>
        {
            edit::unset_env(&target, &names).map_err(|error| failure(&error))?
        }
        _ => Vec::new(),
    };
    Ok(Gone { server: server.to_owned(), removed, also, logins, purged })
}

/// Whether the config is the one that logins and pins are kept for: another one may have a server of the same name.
fn is_own(setup: &Setup) -> bool {
    setup.source.config == setup.paths.config_file()
}

/// Takes away what there is of the server beside its entry and its login. What cannot be taken away stays, and is told.
fn what_else(name: &ServerName, setup: &Setup) -> Vec<String> {
    let mut all = forget(&setup.target(), name);
    if is_own(setup) {
        let forgotten = Approvals::new(setup.paths.pins()).forget(name);
        if !matches!(forgotten, Ok(false)) {
            let fault = forgotten.err().map(|error| error.to_string());
            all.push(Forgotten { what: "its pins".to_owned(), fault });
        }
    }
    let mut gone = Vec::with_capacity(all.len());
    for Forgotten { what, fault } in all {
        match fault {
            Some(reason) => setup.printer.warn(&format!("{what} stays: {reason}")),
            None => gone.push(what),
        }
    }
    gone
}

/// Takes out the login that the server had, and those that it had when its entry was another one. What cannot be taken out
/// stays, and is told.
fn log_out(name: &ServerName, login: Option<Login>, setup: &Setup) -> Vec<oauth::Leftover> {
    if !is_own(setup) {
        return Vec::new();
    }
    let logins: Vec<Login> = login.into_iter().collect();
    let taken = auth::take_out(&logins, Some(name.as_str()), setup);
    let taken =
        taken.unwrap_or_else(|failure| Taken { faults: vec![failure.message], ..Taken::default() });
    for reason in taken.faults {
        setup.printer.warn(&format!("its login stays: {reason}"));
    }
    taken.leftovers
}

/// Has the tokens of all servers revoked that are gone, at the same time, and notes with each what came of it.
fn revoke(gone: &mut [Gone], setup: &Setup) -> Result<(), Failure> {
    let leftovers: Vec<_> = gone.iter().flat_map(|one| &one.logins).collect();
    let revoked = auth::revoke(&leftovers, setup)?;
    for one in gone {
        let is_its = |name: &str| one.logins.iter().any(|left| left.server() == name);
        let own = revoked.iter().filter(|(server, _)| is_its(server));
        let words: Vec<String> = own.map(|(_, revocation)| auth::words(revocation)).collect();
        if !words.is_empty() {
            one.also.insert(0, format!("its login{}", words.concat()));
        }
    }
    Ok(())
}
