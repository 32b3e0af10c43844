//! All configured servers.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use indexmap::IndexMap;
use tokio::sync::broadcast;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::changes::Changes;
use super::connection::Blueprint;
use super::lease::Others;
use super::login::Login;
use super::shared::Shared;
use super::{Change, Error, Session, Settings, State, Status, Supervisor};
use crate::base::blotter::Blotter;
use crate::base::environment::Environment;
use crate::base::guardian::Guardian;
use crate::base::secret::Secret;
use crate::base::sorting;
use crate::config::{ServerName, Transport};
use crate::tools::Registries;
use crate::wire::http::Client;

/// The supervisors, in the order of the config.
#[derive(Debug)]
pub struct Pool {
    supervisors: IndexMap<ServerName, Arc<Supervisor>>,
    pub(super) others: Arc<Others>,
    shared: Arc<Shared>,
    makings: Makings,
}

/// What all connections are made with, whatever the config says.
#[derive(Debug, Clone)]
struct Makings {
    environment: Arc<Environment>,
    guardian: Arc<Guardian>,
    http: Arc<Client>,
}

/// One server that the pool is to keep.
#[derive(Debug)]
pub struct Server {
    /// As in the config.
    pub name: ServerName,
    /// How it is reached.
    pub transport: Transport,
    /// Values that must not show in what the bridge says about it.
    pub secrets: Vec<Secret>,
    /// Where its tokens come from, if it has a login by OAuth.
    pub login: Option<Login>,
}

impl Pool {
    /// Takes the servers on; none is started. `environment` is the bridge's own, of which servers get the part
    /// that programs need to run. All tasks run in `tasks`.
    pub fn new(
        servers: Vec<Server>,
        settings: Settings,
        environment: &Arc<Environment>,
        registries: Registries,
        tasks: TaskTracker,
    ) -> Self {
        let environment = environment.clone();
        let makings = Makings { environment, guardian: Arc::default(), http: Arc::default() };
        let (closing, changes) = (CancellationToken::new(), Changes::new());
        let earlier = Vec::new();
        let shared = Arc::new(Shared { settings, registries, earlier, tasks, closing, changes });
        let supervise = |server: Server| {
            let (name, blueprint) = makings.blueprint(server, &shared.settings);
            (name, Arc::new(Supervisor::new(blueprint, shared.clone())))
        };
        let supervisors = servers.into_iter().map(supervise).collect();
        Self { supervisors, others: Arc::default(), shared, makings }
    }

    /// The pool of another config: the servers that are `kept` go on as they are, with their sessions, and the others are
    /// new ones. What a server shows from now on goes into these registries as well.
    #[must_use]
    pub fn successor(
        &self,
        servers: Vec<Server>,
        kept: &HashSet<ServerName>,
        settings: Settings,
        registries: Registries,
    ) -> Self {
        let Shared { tasks, closing, changes, .. } = &*self.shared;
        let shared = Arc::new(Shared {
            settings,
            registries,
            earlier: self.shared.so_far(),
            tasks: tasks.clone(),
            closing: closing.clone(),
            changes: changes.clone(),
        });
        let supervise = |server: Server| match self.supervisors.get_key_value(&server.name) {
            Some((name, supervisor)) if kept.contains(name) => {
                supervisor.follow(shared.clone());
                (name.clone(), supervisor.clone())
            }
            _ => {
                let (name, blueprint) = self.makings.blueprint(server, &shared.settings);
                (name, Arc::new(Supervisor::new(blueprint, shared.clone())))
            }
        };
        let supervisors = servers.into_iter().map(supervise).collect();
        let (others, makings) = (self.others.clone(), self.makings.clone());
        Self { supervisors, others, shared, makings }
    }

    /// Ends the sessions with all servers that the successor does not keep once nobody needs them any more, which
    /// `unneeded` waits for, and at the latest after `shutdownTimeoutMs`.
    pub fn retire(&self, successor: &Self, unneeded: impl Future<Output = ()> + Send + 'static) {
        let is_kept = |(name, old): &(&ServerName, &Arc<Supervisor>)| {
            successor.supervisors.get(*name).is_some_and(|new| Arc::ptr_eq(new, old))
        };
        let retired = self.supervisors.iter().filter(|server| !is_kept(server));
        let retired: Vec<_> = retired.map(|(_, supervisor)| supervisor.clone()).collect();
        if retired.is_empty() {
            return;
        }
        let limit = self.shared.settings.timeouts.shutdown;
        let (others, closing) = (self.others.clone(), self.shared.closing.clone());
        self.shared.tasks.spawn(async move {
            tokio::select! {
                _ = timeout(limit, unneeded) => {}
                () = closing.cancelled() => {}
            }
            for leader in retired {
                leader.close();
                others.retire(&leader);
            }
        });
    }

    /// The server of this name.
    pub fn find(&self, server: &str) -> Option<(&ServerName, &Arc<Supervisor>)> {
        self.supervisors.get_key_value(server)
    }

    /// Where in the config the server stands, the first being 0.
    pub fn place(&self, server: &str) -> Option<usize> {
        self.supervisors.get_index_of(server)
    }

    /// Every server, in the order of the config.
    pub fn iter(&self) -> impl Iterator<Item = (&ServerName, &Arc<Supervisor>)> {
        self.supervisors.iter()
    }

    /// How many servers there are.
    pub fn len(&self) -> usize {
        self.supervisors.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.supervisors.is_empty()
    }

    /// How the server is doing: by the session that all share, or by any other if that one is not open.
    pub fn status(&self, supervisor: &Supervisor) -> Status {
        let status = supervisor.status();
        let others = || self.others.of(supervisor).into_iter().map(|other| other.status());
        if status.state == State::Disconnected
            && let Some(other) = others().find(|other| other.state != State::Disconnected)
        {
            return other;
        }
        status
    }

    /// What servers say has changed from now on. One who lags behind has to take it that everything has.
    pub fn changes(&self) -> broadcast::Receiver<Change> {
        self.shared.changes.follow()
    }

    /// A session with the server that all share, opened if need be; see [`Supervisor::session`].
    pub async fn session(&self, supervisor: &Arc<Supervisor>) -> Result<Arc<Session>, Error> {
        if self.shared.settings.lifecycle.max_connected.is_some() {
            self.make_room_for(std::slice::from_ref(supervisor));
        }
        supervisor.session().await
    }

    /// Closes the least recently used sessions until these servers can be open within
    /// `routerMaxConcurrent`.
    pub fn make_room_for(&self, wanted: &[Arc<Supervisor>]) {
        let Some(limit) = self.shared.settings.lifecycle.max_connected else { return };
        let more = wanted.iter().filter(|supervisor| supervisor.would_start()).count();
        let is_wanted =
            |supervisor: &Arc<Supervisor>| wanted.iter().any(|w| Arc::ptr_eq(w, supervisor));
        let others = self.others.all();
        let mut open: Vec<_> = self
            .supervisors
            .values()
            .chain(&others)
            .filter_map(|supervisor| Some((supervisor.open_since_use()?, supervisor)))
            .collect();
        sorting::sort_by_key(&mut open, |(used, _)| *used);
        let surplus = (open.len() + more).saturating_sub(limit);
        // Those that are busy stay open: a call under way is worth more than the limit.
        let closed = open
            .iter()
            .filter(|(_, supervisor)| !is_wanted(supervisor))
            .filter(|(_, supervisor)| supervisor.close_if(None, |_| true))
            .take(surplus)
            .count();
        if surplus > 0 {
            tracing::debug!("closed {closed} of {surplus} sessions to make room");
        }
    }

    /// Runs `visit` for each of the servers, side by side as far as `routerMaxConcurrent` allows;
    /// returns those where it failed.
    pub async fn visit<F>(
        &self,
        servers: Vec<(ServerName, Arc<Supervisor>)>,
        visit: impl Fn(Arc<Supervisor>) -> F,
    ) -> Vec<(ServerName, Error)>
    where
        F: Future<Output = Result<(), Error>> + Send + 'static,
    {
        let at_a_time = self.shared.settings.lifecycle.max_connected.unwrap_or(usize::MAX).max(1);
        let mut failures = Vec::new();
        for some in servers.chunks(at_a_time) {
            let wanted: Vec<_> = some.iter().map(|(_, supervisor)| supervisor.clone()).collect();
            self.make_room_for(&wanted);
            let mut visits = JoinSet::new();
            for (name, supervisor) in some {
                let (name, visit) = (name.clone(), visit(supervisor.clone()));
                visits.spawn(async move { (name, visit.await) });
            }
            let outcomes = visits.join_all().await.into_iter();
            failures.extend(outcomes.filter_map(|(name, outcome)| Some((name, outcome.err()?))));
        }
        self.make_room_for(&[]);
        failures
    }

    /// Ends every session and starts no other. The tasks given to [`Pool::new`] end with the last child.
    pub fn close(&self) {
        self.shared.closing.cancel();
    }
}

impl Makings {
    fn blueprint(&self, server: Server, settings: &Settings) -> (ServerName, Arc<Blueprint>) {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let Server { name, transport, secrets, login } = server;
        let Self { environment, guardian, http } = self.clone();
        let blueprint = Blueprint {
            name: name.clone(),
            number: NEXT.fetch_add(1, Ordering::Relaxed),
            transport,
            blotter: Arc::new(Blotter::new(&secrets)),
            environment,
            guardian,
            http,
            login,
            stop_limit: settings.timeouts.shutdown / 2,
        };
        (name, Arc::new(blueprint))
    }
}
