//! What an import will do: which servers become which entries, and which stay where they are.

use std::collections::HashSet;

use indexmap::IndexMap;
use serde_json::{Map, Value};

use super::client::Client;
use super::entry::is_bridge;
use super::file::ClientFile;
use super::reference::{Places, mentioned};
use super::translate::{Server, translate};
use super::vault::Vault;
use crate::base::rewrite::Access;
use crate::config::ServerName;
use crate::config::edit::Addition;

/// A client's file as it was read.
pub(super) struct Source {
    pub(super) file: ClientFile,
    pub(super) servers: Vec<(String, Value)>,
    /// The folder of the project whose file it is.
    pub(super) project: Option<std::path::PathBuf>,
}

/// One server of a client.
#[derive(Debug)]
pub(super) struct Item {
    pub(super) client: Client,
    /// As the client calls it.
    pub(super) name: String,
    pub(super) fate: Fate,
}

/// What becomes of it.
#[derive(Debug)]
pub(super) enum Fate {
    /// It is, or will be, a server of the bridge.
    Taken {
        name: ServerName,
        /// Nothing has to be put in: the bridge, or another client, has the same one.
        is_there: bool,
        /// The variables that its secrets become.
        variables: Vec<String>,
        notes: Vec<String>,
    },
    /// It stays, for this reason.
    Left { reason: String },
}

/// All of it.
pub(super) struct Plan {
    pub(super) items: Vec<Item>,
    pub(super) addition: Addition,
    /// Variables that entries name and that are set nowhere.
    pub(super) missing: Vec<String>,
}

/// What there is already.
pub(super) struct Present<'a> {
    /// The servers of the bridge, as they are written.
    pub(super) servers: IndexMap<String, Value>,
    pub(super) variables: Vec<(String, crate::base::secret::Secret)>,
    pub(super) user_home: Option<&'a std::path::Path>,
    /// Whether the process has a variable.
    pub(super) is_set: &'a dyn Fn(&str) -> bool,
}

impl Plan {
    /// Plans to take all servers but the bridge itself, or those with these names.
    pub(super) fn new(sources: &[Source], only: &[String], present: Present<'_>) -> Self {
        let chosen =
            |name: &String| only.is_empty() || only.iter().any(|only| is_called(name, only));
        let mut named = HashSet::new();
        present.servers.values().for_each(|entry| mentioned(entry, &mut named));
        let all = sources.iter().flat_map(|source| {
            source.servers.iter().map(move |(name, entry)| (source, name, entry))
        });
        let all: Vec<_> =
            all.filter(|(_, name, entry)| chosen(name) && !is_bridge(entry)).collect();
        for (_, _, entry) in &all {
            mentioned(entry, &mut named);
        }
        let mut vault = Vault::new(present.variables, named);
        let mut servers = present.servers;
        // What other clients keep to themselves stays so, also what nobody took for a secret.
        let addition = Addition { access: Access::Private, ..Addition::default() };
        let mut plan = Self { items: Vec::new(), addition, missing: Vec::new() };
        for (source, name, entry) in all {
            let client = source.file.client;
            let called = proper(name, client);
            let places =
                Places { user_home: present.user_home, project: source.project.as_deref() };
            let server = Server { client, name: called.as_str(), entry, places };
            let fate = match translate(server, &mut vault) {
                Ok(found) => {
                    let is_there = same(&servers, &called, &found.entry);
                    let name = is_there.clone().unwrap_or_else(|| free(&servers, &called, client));
                    let value = Value::Object(found.entry.clone());
                    let mut variables = HashSet::new();
                    mentioned(&value, &mut variables);
                    let mut variables: Vec<String> =
                        variables.into_iter().filter(|name| vault.keeps(name)).collect();
                    variables.sort_unstable();
                    if is_there.is_none() {
                        servers.insert(name.to_string(), value);
                        plan.addition.servers.push((name.clone(), found.entry));
                    }
                    Fate::Taken {
                        name,
                        is_there: is_there.is_some(),
                        variables,
                        notes: found.notes,
                    }
                }
                Err(reason) => Fate::Left { reason },
            };
            plan.items.push(Item { client, name: name.clone(), fate });
        }
        let mut used = HashSet::new();
        for (_, entry) in &plan.addition.servers {
            mentioned(&Value::Object(entry.clone()), &mut used);
        }
        plan.addition.variables = vault.wanted(&used);
        let needed = plan.addition.servers.iter().flat_map(|(_, entry)| needed(entry));
        let is_missing = |name: &String| !vault.has(name) && !(present.is_set)(name);
        plan.missing = needed.filter(is_missing).collect();
        plan.missing.sort_unstable();
        plan.missing.dedup();
        plan
    }

    /// The servers of a client that the bridge has, or will have.
    pub(super) fn taken(&self, client: Client) -> Vec<&str> {
        let taken = self.items.iter().filter(|item| item.client == client);
        taken
            .filter(|item| matches!(item.fate, Fate::Taken { .. }))
            .map(|item| item.name.as_str())
            .collect()
    }
}

/// Whether somebody who says `only` means the server of this name.
pub(super) fn is_called(name: &str, only: &str) -> bool {
    name == only || ServerName::normalise(name).is_ok_and(|name| name.as_str() == only)
}

fn proper(name: &str, client: Client) -> ServerName {
    ServerName::parse(name)
        .or_else(|_| ServerName::normalise(name))
        .or_else(|_| ServerName::parse(&format!("{}-server", client.id())))
        .expect("names of clients fit")
}

/// The server of the bridge that is the same, the one of the same name first.
fn same(
    servers: &IndexMap<String, Value>,
    called: &ServerName,
    entry: &Map<String, Value>,
) -> Option<ServerName> {
    let is_same = |value: &Value| value.as_object().is_some_and(|value| reach_same(value, entry));
    if servers.get(called.as_str()).is_some_and(is_same) {
        return Some(called.clone());
    }
    let found = servers.iter().find(|(_, value)| is_same(value));
    found.and_then(|(name, _)| ServerName::parse(name).ok())
}

/// Whether two entries reach the same server in the same way. Installing writes down what goes without saying, and files of
/// clients do not: a description, and the transport of a command.
fn reach_same(one: &Map<String, Value>, other: &Map<String, Value>) -> bool {
    let rest = |entry: &Map<String, Value>| {
        let mut rest = entry.clone();
        rest.retain(|key, _| key != "description" && key != "transport");
        rest
    };
    let same_transport = match (one.get("transport"), other.get("transport")) {
        (None, Some(_)) | (Some(_), None) => one.contains_key("command"),
        (one, other) => one == other,
    };
    same_transport && rest(one) == rest(other)
}

/// A name that no server has: its own, with that of the client, or with a number.
fn free(servers: &IndexMap<String, Value>, called: &ServerName, client: Client) -> ServerName {
    let of_client = format!("{called}-{}", client.id());
    let numbered = (2..).map(|number| format!("{called}-{number}"));
    let mut names = [called.to_string(), of_client].into_iter().chain(numbered);
    let name = names.find(|name| !servers.contains_key(name)).expect("numbers do not end");
    ServerName::parse(&name).expect("what is behind a name fits")
}

/// The variables that an entry names without a default.
fn needed(entry: &Map<String, Value>) -> Vec<String> {
    fn strings<'a>(value: &'a Value, found: &mut Vec<&'a str>) {
        match value {
            Value::String(text) => found.push(text),
            Value::Array(items) => items.iter().for_each(|item| strings(item, found)),
            Value::Object(members) => members.values().for_each(|member| strings(member, found)),
            _ => {}
        }
    }
    let mut found = Vec::new();
    entry.values().for_each(|value| strings(value, &mut found));
    let names = found.into_iter().flat_map(crate::config::interpolate::needed);
    names.map(str::to_owned).collect()
}
