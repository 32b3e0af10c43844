//! `bridge register [CLIENT…]`: the bridge put into the files of clients, or a list of them.

use clap::Args;
use serde_json::{Map, Value, json};

use super::client::Client;
use super::document::Shape;
use super::entry;
use super::file::{Changed, ClientFile, Error, failure};
use crate::cli::exit::{Exit, Failure};
use crate::cli::printer::counted;
use crate::cli::setup::{Setup, error_chain};
use crate::config::{InvalidServerName, ServerName};

/// The name of the bridge's entry.
pub(super) const NAME: &str = "bridge";

#[derive(Debug, Args)]
pub(in crate::cli) struct Register {
    /// The clients; without one, all are listed with what they have
    #[arg(value_name = "CLIENT")]
    pub(super) clients: Vec<Client>,
    #[command(flatten)]
    pub(super) which: Which,
    /// Make the file even where the client does not seem to be installed
    #[arg(long)]
    pub(super) create: bool,
    /// The name of the entry
    #[arg(long, value_name = "NAME", default_value = NAME, value_parser = name)]
    pub(super) name: String,
    /// Say what would be done, and do nothing
    #[arg(long)]
    pub(super) dry_run: bool,
}

/// Which files.
#[derive(Debug, Clone, Copy, Default, Args)]
pub(in crate::cli) struct Which {
    /// All clients that are installed
    #[arg(long, conflicts_with = "clients")]
    pub(super) all: bool,
    /// The file of the project in the working folder instead of the user's own
    #[arg(long)]
    pub(super) project: bool,
}

/// Clients show the name, and some make names of tools of it.
fn name(text: &str) -> Result<String, InvalidServerName> {
    ServerName::parse(text).map(|name| name.to_string())
}

pub(in crate::cli) fn run(arguments: &Register, setup: &Setup) -> Result<Exit, Failure> {
    if arguments.clients.is_empty() && !arguments.which.all {
        return Ok(list(arguments.which, setup));
    }
    let clients = chosen(&arguments.clients, arguments.which, setup)?;
    register(&clients, arguments, setup)
}

fn register(clients: &[Client], arguments: &Register, setup: &Setup) -> Result<Exit, Failure> {
    finish(put_into(clients, arguments, setup), setup)
}

fn put_into(
    clients: &[Client],
    arguments: &Register,
    setup: &Setup,
) -> Vec<(Client, Result<Outcome, Error>)> {
    each(clients, |client| {
        one(&ClientFile::of(client, arguments.which.project, setup)?, arguments, setup)
    })
}

/// Registers the bridge with these clients under its usual name, for `init`, and says so behind what was `told` before.
pub(in crate::cli) fn usual(
    clients: &[Client],
    told: Map<String, Value>,
    setup: &Setup,
) -> Result<Exit, Failure> {
    let arguments = Register {
        clients: Vec::new(),
        which: Which::default(),
        create: false,
        name: NAME.to_owned(),
        dry_run: false,
    };
    finish_behind(told, put_into(clients, &arguments, setup), setup)
}

/// What became of one client's file.
pub(super) struct Outcome {
    pub(super) file: ClientFile,
    pub(super) state: &'static str,
    pub(super) changed: Changed,
    /// What is said of it.
    pub(super) said: String,
}

fn one(file: &ClientFile, arguments: &Register, setup: &Setup) -> Result<Outcome, Error> {
    let path = || file.path.clone();
    let before = file.read()?;
    if !file.is_installed && before.is_none() && !arguments.create {
        return Err(Error::NotInstalled { client: file.client, path: path() });
    }
    let new = entry::of(file.client, setup);
    let name = arguments.name.as_str();
    let old =
        file.servers(&before.unwrap_or_default())?.into_iter().find(|(known, _)| known == name);
    let change = |text: &str| put_bridge(file, text, name, &new);
    let changed = if arguments.dry_run { file.would_change(change)? } else { file.change(change)? };
    let client = file.client.name();
    let (state, said) = match (changed.is_changed, old, arguments.dry_run) {
        (false, ..) => ("unchanged", format!("{client} has the bridge already")),
        (true, None, false) => ("registered", format!("registered with {client}")),
        (true, None, true) => ("would register", format!("would register with {client}")),
        (true, Some(_), false) => ("updated", format!("updated the entry in {client}")),
        (true, Some(_), true) => ("would update", format!("would update the entry in {client}")),
    };
    Ok(Outcome { file: file.clone(), state, changed, said })
}

/// The text with the bridge's entry in it; a fault if another server has its name.
pub(super) fn put_bridge(
    file: &ClientFile,
    text: &str,
    name: &str,
    new: &Value,
) -> Result<String, Error> {
    let shape: Shape = file.shape();
    let old = file.servers(text)?.into_iter().find(|(known, _)| known == name);
    let entry = match old {
        Some((name, old)) if !entry::is_bridge(&old) => {
            return Err(Error::Foreign { path: file.path.clone(), name });
        }
        Some((_, old)) => {
            let entry = entry::updated(&old, new);
            if entry == old {
                return Ok(text.to_owned());
            }
            entry
        }
        None => new.clone(),
    };
    shape.put(text, name, &entry).map_err(|fault| file.fault(fault))
}

/// Those that were named, or all whose folder is there.
pub(super) fn chosen(
    clients: &[Client],
    which: Which,
    setup: &Setup,
) -> Result<Vec<Client>, Failure> {
    let mut clients = clients.to_vec();
    if clients.is_empty() {
        let is_there = |client: &Client| {
            let file = ClientFile::of(*client, which.project, setup);
            file.is_ok_and(|file| file.is_installed && (!which.project || file.path.exists()))
        };
        clients = Client::ALL.into_iter().filter(is_there).collect();
        if clients.is_empty() {
            let (message, option) = if which.project {
                ("no client has a file in this folder", "--project")
            } else {
                ("none of the known clients is installed", "--create")
            };
            let hint = format!("`bridge register CLIENT {option}` makes one; there are {}", ids());
            return Err(Failure::new(Exit::NotFound, message).hint(Some(hint)));
        }
    }
    let mut seen = Vec::new();
    clients.retain(|client| {
        !seen.contains(client) && {
            seen.push(*client);
            true
        }
    });
    Ok(clients)
}

fn ids() -> String {
    Client::ALL.map(Client::id).join(", ")
}

/// Does the same to every client. One that fails does not keep the others from it.
pub(super) fn each(
    clients: &[Client],
    work: impl Fn(Client) -> Result<Outcome, Error>,
) -> Vec<(Client, Result<Outcome, Error>)> {
    clients.iter().map(|client| (*client, work(*client))).collect()
}

/// Says what became of the clients; one that failed makes the command fail.
pub(super) fn finish(
    outcomes: Vec<(Client, Result<Outcome, Error>)>,
    setup: &Setup,
) -> Result<Exit, Failure> {
    finish_behind(Map::new(), outcomes, setup)
}

/// The same, with further members before them in the JSON.
fn finish_behind(
    mut told: Map<String, Value>,
    outcomes: Vec<(Client, Result<Outcome, Error>)>,
    setup: &Setup,
) -> Result<Exit, Failure> {
    let printer = setup.printer;
    if printer.json {
        let clients = outcomes.iter().map(|(client, outcome)| match outcome {
            Ok(outcome) => in_json(outcome),
            Err(error) => {
                json!({ "client": client.id(), "state": "failed", "error": error_chain(error) })
            }
        });
        told.insert("clients".to_owned(), clients.collect());
        printer.json(&told);
    }
    let mut failed = None;
    for (_, outcome) in outcomes {
        match outcome {
            Ok(outcome) if !printer.json => say(&outcome, setup),
            Ok(_) => {}
            Err(error) => {
                if let Some(earlier) = failed.replace(failure(&error)) {
                    printer.failure(&earlier);
                }
            }
        }
    }
    failed.map_or(Ok(Exit::Done), Err)
}

fn say(outcome: &Outcome, setup: &Setup) {
    let printer = setup.printer;
    printer.data(&format!("{}: {}", outcome.said, outcome.file.path.display()));
    if let Some(backup) = &outcome.changed.backup {
        printer.talk(&format!("as it was before: {}", backup.display()));
    }
    if outcome.changed.is_changed {
        printer.talk(&format!("next: {}", outcome.file.client.remedy()));
    }
}

fn in_json(outcome: &Outcome) -> Value {
    json!({
        "client": outcome.file.client.id(),
        "file": outcome.file.path.display().to_string(),
        "state": outcome.state,
        "backup": outcome.changed.backup.as_ref().map(|path| path.display().to_string()),
        "next": outcome.changed.is_changed.then(|| outcome.file.client.remedy()),
    })
}

/// What the clients have.
fn list(which: Which, setup: &Setup) -> Exit {
    let printer = setup.printer;
    let (mut told, mut rows) = (Vec::new(), Vec::new());
    for client in Client::ALL {
        let Ok(file) = ClientFile::of(client, which.project, setup) else { continue };
        let (state, others) = state(&file, setup);
        let path = file.path.display().to_string();
        told.push(json!({
            "client": client.id(), "name": client.name(), "file": path, "state": state, "otherServers": others,
        }));
        let servers = others.map_or(String::new(), |others| counted(others, "other server"));
        rows.push(vec![client.id().to_owned(), state, servers, path]);
    }
    if printer.json {
        printer.json(&json!({ "clients": told }));
    } else {
        printer.table(&rows);
        printer.talk("`bridge register CLIENT` puts the bridge in, `bridge import CLIENT` takes servers over");
    }
    Exit::Done
}

/// In words, and how many servers the client has beside the bridge.
fn state(file: &ClientFile, setup: &Setup) -> (String, Option<usize>) {
    let content = match file.content() {
        Ok(Some(content)) => content,
        Ok(None) if file.is_installed => return ("not registered".to_owned(), Some(0)),
        Ok(None) => return ("not installed".to_owned(), None),
        Err(error) => return (error_chain(&error), None),
    };
    let new = entry::of(file.client, setup);
    let state = match content.bridges.as_slice() {
        [] => "not registered",
        all if all.iter().any(|(_, entry)| entry::updated(entry, &new) == *entry) => "registered",
        _ => "registered with another program or config",
    };
    (state.to_owned(), Some(content.others))
}

pub(in crate::cli) const EXAMPLES: &str = "\
Examples:
  bridge register                              which clients there are, and whether they have the bridge
  bridge register claude-desktop cursor
  bridge register --all                        all clients that are installed
  bridge register claude-code --project        .mcp.json in this folder, for everybody who works on the project
  bridge --config work.json register zed --name work

What else stands in the files stays as it is, comments too; a copy of each is kept beside it.";
