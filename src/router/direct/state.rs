//! What direct mode keeps from one request to the next.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use tokio_util::task::TaskTracker;

use super::known::Known;
use super::lists::Lists;
use super::parked::Parked;
use super::subscriptions::Subscriptions;
use super::tasks::Owners;
use super::tools::ToolList;
use crate::config::ServerName;
use crate::protocol::log::Level;
use crate::router::caller::{Asks, Notify};
use crate::tools::name_file::Plain;
use crate::tools::{Exposed, NameFile};
use crate::upstream::Session;

/// What holds for clients whatever they request just now.
#[derive(Debug, Default)]
pub(super) struct Clients {
    /// What they have set with `logging/setLevel`.
    levels: Mutex<HashMap<u64, Level>>,
    standing: Mutex<HashMap<u64, Standing>>,
}

/// How a client is told and asked what belongs to none of its requests.
#[derive(Debug, Clone)]
pub(super) struct Standing {
    pub(super) notify: Notify,
    pub(super) asks: Asks,
}

impl Clients {
    pub(super) fn levels(&self) -> MutexGuard<'_, HashMap<u64, Level>> {
        self.levels.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn standing(&self) -> MutexGuard<'_, HashMap<u64, Standing>> {
        self.standing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The names that tools were given, of both kinds of clients.
#[derive(Debug, Default)]
pub(super) struct Given {
    pub(super) names: Exposed,
    /// Counts how often there were new ones.
    pub(super) version: u64,
    /// Those of earlier runs are among them.
    pub(super) is_read: bool,
    /// Those of earlier runs that nothing has any more.
    pub(super) lost: Vec<Plain>,
}

/// All of it; each part is locked by itself and for a moment only.
#[derive(Debug, Default)]
pub(in crate::router) struct State {
    /// For clients that can be asked nothing, and for those that can be asked something.
    tools: Mutex<[Option<Arc<ToolList>>; 2]>,
    given: Mutex<Given>,
    /// Where names are from one run to the next.
    pub(super) names: NameFile,
    known: Mutex<Known>,
    /// The tools that clients with sessions were shown last.
    shown: Mutex<HashMap<u64, Arc<ToolList>>>,
    /// The sessions that were told so.
    told: Mutex<Vec<(Weak<Session>, Level)>>,
    pub(super) clients: Arc<Clients>,
    pub(super) subscriptions: Subscriptions,
    pub(super) lists: Lists,
    /// Those whose tools took long to come the last time.
    slow: Mutex<HashSet<ServerName>>,
    /// Whose the tasks of servers are.
    pub(super) owners: Owners,
    pub(super) parked: Arc<Parked>,
    /// What outlives the request that caused it.
    pub(super) tasks: TaskTracker,
}

impl State {
    /// Keeps names in this file.
    pub(in crate::router) fn new(names: NameFile) -> Self {
        Self { names, ..Self::default() }
    }

    /// Another config is in force: forgets what was known of servers that are gone, or others, and the names that were
    /// given where names are others now.
    pub(in crate::router) fn hand_on(
        &self,
        is_gone: impl Fn(&ServerName) -> bool,
        are_renamed: bool,
    ) {
        self.slow().retain(|server| !is_gone(server));
        self.lists.forget_servers(&is_gone);
        self.known().forget_servers(&is_gone);
        if are_renamed {
            let version = self.given().version + 1;
            *self.given() = Given { version, ..Given::default() };
            self.known().given = Given::default();
        }
    }

    /// Withdraws what waits for clients.
    pub(in crate::router) fn close(&self) {
        self.parked.clear();
        self.tasks.close();
    }

    /// Waits until nothing is under way any more that outlives the request that caused it.
    pub(in crate::router) async fn settled(&self) {
        self.tasks.wait().await;
    }

    pub(super) fn tools(&self) -> MutexGuard<'_, [Option<Arc<ToolList>>; 2]> {
        self.tools.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn given(&self) -> MutexGuard<'_, Given> {
        self.given.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The servers whose tools took long to come the last time.
    pub(super) fn slow(&self) -> MutexGuard<'_, HashSet<ServerName>> {
        self.slow.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn shown(&self) -> MutexGuard<'_, HashMap<u64, Arc<ToolList>>> {
        self.shown.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a session was not told of the level yet; it is noted as told.
    pub(super) fn is_news(&self, session: &Arc<Session>, level: Level) -> bool {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        told.retain(|(session, _)| session.strong_count() > 0);
        let known = told.iter_mut().find(|(known, _)| known.as_ptr() == Arc::as_ptr(session));
        if let Some((_, known)) = known {
            return std::mem::replace(known, level) != level;
        }
        told.push((Arc::downgrade(session), level));
        true
    }
}
