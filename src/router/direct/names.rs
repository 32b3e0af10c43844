//! Names of the bridge's own making and what they stand for. A name that a client was shown stands for the same tool as
//! long as the bridge runs, whichever servers turn up later.

use std::sync::Arc;

use super::state::Given;
use super::tools::is_prefix;
use crate::base::text::nearest_all;
use crate::config::{ServerName, ToolPrefix};
use crate::router::Error;
use crate::router::caller::Caller;
use crate::router::error::MAX_AVAILABLE;
use crate::router::routing::Router;
use crate::telemetry::logging::excerpt;
use crate::tools::name_file::{Plain, Section};
use crate::tools::{Exposed, ServerTools, Snapshot};
use crate::upstream;

/// A server, and what it calls a tool.
type Owner = (ServerName, String);
/// Servers that could not be reached.
type Failures = Vec<(ServerName, upstream::Error)>;

impl Router {
    /// Whether names may stand without their server's.
    pub(super) fn may_be_plain(&self) -> bool {
        self.settings.exposure.tool_prefix != ToolPrefix::Always
    }

    /// The server and its own name of a tool, reached for the first time if need be.
    pub(super) async fn owner_of_tool(&self, name: &str, caller: &Caller) -> Result<Owner, Error> {
        let list = self.direct_tools(&caller.client);
        let given = if list.is_given || !self.may_be_plain() {
            owner(&list.names, name)
        } else {
            self.given_owner(name).filter(|given| owner(&list.names, name).as_ref() == Some(given))
        };
        match given {
            Some(owner) => Ok(owner),
            // Boxed, as it is rare, to keep the futures of calls small.
            None => Box::pin(self.look_for_tool(name, caller)).await,
        }
    }

    /// What was shown under this name, whether or not it is still there.
    fn given_owner(&self, name: &str) -> Option<Owner> {
        owner(&self.direct.given().names, name)
    }

    async fn look_for_tool(&self, name: &str, caller: &Caller) -> Result<Owner, Error> {
        let failures = self.reach_behind(name, caller).await;
        let list = self.given_tools(&caller.client);
        if let Some(owner) = owner(&list.names, name) {
            return Ok(owner);
        }
        let failed =
            |(server, source): (ServerName, upstream::Error)| match self.find(server.as_str()) {
                Ok(found) => found.failed(source),
                Err(error) => error,
            };
        if let Some((server, own)) = self.given_owner(name) {
            let failure = failures.into_iter().find(|(failed, _)| *failed == server);
            return Err(failure.map_or_else(|| gone(name, &server, &own), failed));
        }
        let speaks_for_all =
            |server: &ServerName| self.pool.len() == 1 || is_prefix(server.as_str(), name);
        if failures.first().is_some_and(|(server, _)| speaks_for_all(server)) {
            return Err(failures
                .into_iter()
                .next()
                .map_or_else(|| unknown(name, &list.names, Vec::new()), failed));
        }
        Err(unknown(name, &list.names, self.unreachable(failures)))
    }

    /// Takes in what tools were called in an earlier run, the first time: what a server is known to have lost has no name
    /// any more.
    pub(super) fn revive_names(&self, given: &mut Given, snapshots: &[Arc<Snapshot>; 2]) {
        if given.is_read || !self.may_be_plain() {
            return;
        }
        given.is_read = true;
        for plain in self.direct.names.read(Section::Tools) {
            let known = snapshots.iter().filter_map(|snapshot| snapshot.get(plain.server.as_str()));
            let has = |tools: &Arc<ServerTools>| {
                tools.get(&plain.own).is_some() || tools.withheld(&plain.own).is_some()
            };
            let known: Vec<bool> = known.map(has).collect();
            if !known.is_empty() && !known.contains(&true) {
                given.lost.push(plain);
            } else if self.pool.find(plain.server.as_str()).is_some() {
                given.names.revive(&plain);
            }
        }
    }

    /// Keeps names for the next run, without waiting for the disk.
    pub(super) fn keep_names(&self, section: Section, names: &Exposed, lost: &[Plain]) {
        if !self.may_be_plain() {
            return;
        }
        let (file, names, lost) = (self.direct.names.clone(), names.plain(), lost.to_vec());
        self.direct.tasks.spawn_blocking(move || file.add(section, &names, &lost));
    }

    /// Who could not be asked, and why, fit for the model.
    pub(super) fn unreachable(&self, failures: Failures) -> Vec<String> {
        let told = |(server, source): (ServerName, upstream::Error)| {
            let said = self.fit(&server, &source.to_string());
            let said = excerpt(said.as_bytes(), LONGEST_REASON);
            match source.hint() {
                Some(hint) => format!("`{server}`: {said}; {hint}"),
                None => format!("`{server}`: {said}"),
            }
        };
        failures.into_iter().take(MAX_AVAILABLE).map(told).collect()
    }
}

/// Bytes of the reason why one of several servers could not be asked.
const LONGEST_REASON: usize = 300;

fn owner(names: &Exposed, name: &str) -> Option<Owner> {
    names.owner(name).map(|(server, own)| (server.clone(), own.to_owned()))
}

/// The error for a tool that its server no longer has, or no longer shows to this client.
fn gone(name: &str, server: &ServerName, own: &str) -> Error {
    let (name, own) = (excerpt(name.as_bytes(), 128), excerpt(own.as_bytes(), 128));
    Error::NotFound {
        what: format!("the tool `{name}` is gone: server `{server}` no longer shows `{own}`"),
        hint: Some("list the tools again".to_owned()),
    }
}

fn unknown(name: &str, names: &Exposed, unreachable: Vec<String>) -> Error {
    let mut known: Vec<&str> = names.iter().map(|(name, ..)| name).collect();
    known.sort_unstable();
    let available = nearest_all(name, known, MAX_AVAILABLE);
    Error::UnknownTool {
        server: None,
        tool: name.to_owned(),
        available: available.into_iter().map(str::to_owned).collect(),
        unreachable,
    }
}
