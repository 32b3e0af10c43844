//! Tasks: calls whose results are fetched later (revision 2025-11-25, Tasks; since then the Tasks extension). The two
//! kinds have methods of the same names and nothing else in common, so none crosses from one era to the other.

use std::collections::HashSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use futures_util::future::join_all;
use indexmap::IndexMap;

use super::errors;
use super::gather::Kind;
use super::pass::Request;
use crate::base::json::{member, string};
use crate::config::ServerName;
use crate::protocol::capabilities::{TASKS_EXTENSION, Tasks, has_extension};
use crate::protocol::era::Era;
use crate::protocol::error::{ErrorObject, INVALID_PARAMS};
use crate::protocol::method;
use crate::router::caller::{Caller, Client};
use crate::router::routing::{Found, Router};

/// Tasks whose servers are remembered; the oldest are forgotten first.
const MAX_TASKS: usize = 4096;

/// Whose the tasks are.
#[derive(Debug, Default)]
pub(super) struct Owners(Mutex<Table>);

#[derive(Debug, Default)]
struct Table {
    /// By the client, if it has a session, and the id: others of that era must not see them.
    servers: IndexMap<(Option<u64>, String), ServerName>,
    /// Clients with sessions that use tasks.
    users: HashSet<u64>,
}

impl Owners {
    fn lock(&self) -> MutexGuard<'_, Table> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The client uses tasks. They belong to a session, and everybody in it may list and end them, so that from now on
    /// it needs sessions of its own.
    pub(super) fn enter(&self, client: &Client) {
        if client.revision.era() == Era::Session {
            self.lock().users.insert(client.id);
        }
    }

    /// Whether the client needs sessions of its own.
    pub(super) fn has(&self, client: &Client) -> bool {
        self.lock().users.contains(&client.id)
    }

    pub(super) fn forget(&self, client: &Client) {
        let mut table = self.lock();
        if table.users.remove(&client.id) {
            table.servers.retain(|(owner, _), _| *owner != Some(client.id));
        }
    }

    fn put(&self, client: &Client, id: String, server: &ServerName) {
        let mut table = self.lock();
        if table.servers.len() >= MAX_TASKS {
            table.servers.shift_remove_index(0);
        }
        table.servers.insert((owner(client), id), server.clone());
    }

    fn find(&self, client: &Client, id: &str) -> Option<ServerName> {
        self.lock().servers.get(&(owner(client), id.to_owned())).cloned()
    }
}

fn owner(client: &Client) -> Option<u64> {
    (client.revision.era() == Era::Session).then_some(client.id)
}

impl Router {
    /// Remembers the task that the result of a call is, if it is one. `wanted` says that the call asked for it.
    pub(super) fn note_task(&self, found: Found<'_>, client: &Client, wanted: bool, result: &str) {
        let task = match client.revision.era() {
            Era::Session if wanted => member(result, "task"),
            Era::Stateless if has_extension(&client.capabilities, TASKS_EXTENSION) => {
                Some(result).filter(|result| member(result, "resultType") == Some("\"task\""))
            }
            _ => None,
        };
        if let Some(id) = task.and_then(|task| member(task, "taskId")).and_then(string) {
            self.direct.owners.put(client, id.into_owned(), found.name);
        }
    }

    /// The answer to a request about tasks.
    pub(super) async fn serve_task(
        &self,
        method: &str,
        params: &str,
        caller: &Caller,
    ) -> Result<Box<str>, ErrorObject> {
        self.direct.owners.enter(&caller.client);
        if method == method::TASKS_LIST {
            return Ok(self.list_tasks(caller).await);
        }
        let Some(id) = member(params, "taskId").and_then(string) else {
            let message = format!("`{method}` needs `taskId`, a string");
            return Err(ErrorObject::new(INVALID_PARAMS, message));
        };
        let found = match self.direct.owners.find(&caller.client, &id) {
            Some(server) => self.find(server.as_str()).map_err(|error| errors::internal(&error))?,
            None => self.sole_with_tasks(method, caller).await?,
        };
        let request = Request { method, params, other: None, caller };
        self.fetched(found, request).await
    }

    /// The tasks of this client, in its own sessions with all servers.
    async fn list_tasks(&self, caller: &Caller) -> Box<str> {
        let lists = self.gather(Kind::Tasks, caller, |_| true).await.lists;
        for (server, tasks) in &lists {
            for task in tasks.iter() {
                self.direct.owners.put(&caller.client, task.key.clone(), server);
            }
        }
        let tasks = lists.iter().flat_map(|(_, tasks)| tasks.iter()).map(|task| task.json.as_str());
        format!("{{\"tasks\":[{}]}}", tasks.collect::<Vec<_>>().join(",")).into()
    }

    /// The only server that has tasks of the client's era.
    async fn sole_with_tasks(
        &self,
        method: &str,
        caller: &Caller,
    ) -> Result<Found<'_>, ErrorObject> {
        let servers = self.pool.iter().filter_map(|(server, _)| self.find(server.as_str()).ok());
        let asked = servers.map(async |found| (found, self.has_tasks(found, caller).await));
        let mut with: Vec<Found<'_>> = join_all(asked)
            .await
            .into_iter()
            .filter_map(|(found, has)| has.then_some(found))
            .collect();
        match (with.pop(), with.is_empty()) {
            (Some(found), true) => Ok(found),
            (None, _) => Err(errors::unknown_method(method)),
            (Some(_), false) => {
                Err(ErrorObject::new(INVALID_PARAMS, "there is no task with this `taskId`"))
            }
        }
    }

    async fn has_tasks(&self, found: Found<'_>, caller: &Caller) -> bool {
        let kind = match caller.client.revision.era() {
            Era::Session => Tasks::Session,
            Era::Stateless => Tasks::Extension,
        };
        match self.session_for(found, caller).await {
            Ok(lease) => lease.established().is_some_and(|it| it.offers.tasks == Some(kind)),
            Err(_) => false,
        }
    }
}
