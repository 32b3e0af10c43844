//! One configured server: started when it is needed, by one start however many wait for it, left alone for a while
//! when it fails, closed when idle.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use tokio::sync::watch;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::connection::{Blueprint, Connection};
use super::error::LastWords;
use super::start::{self, Outcome, Start};
use super::stderr::Tail;
use super::{Error, Session, State, Status, listing};
use crate::base::backoff::Backoff;
use crate::config;
use crate::tools::Registry;

/// The contract's measure of `idle` in `status`.
const IDLE_AFTER: Duration = Duration::from_mins(1);
/// A server that ends again and again without having answered a call waits longer before each start.
const CRASH_BACKOFF: Backoff = Backoff {
    first: Duration::from_millis(250),
    longest: Duration::from_secs(10),
};

/// How long things may take; the same for every server.
#[derive(Debug, Clone)]
pub struct Settings {
    /// For connecting, calling and ending.
    pub timeouts: config::Timeouts,
    /// For closing and not trying again.
    pub lifecycle: config::Lifecycle,
}

/// What supervisors share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) settings: Settings,
    pub(super) registry: Arc<Registry>,
    pub(super) tasks: TaskTracker,
    pub(super) closing: CancellationToken,
}

/// Keeps one server reachable.
#[derive(Debug)]
pub struct Supervisor {
    blueprint: Arc<Blueprint>,
    shared: Arc<Shared>,
    state: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    phase: Phase,
    /// Sessions in a row that ended by themselves before they answered a call.
    crashes: u32,
    last_used: Option<Instant>,
}

#[derive(Debug)]
enum Phase {
    Closed,
    Starting(Start),
    Open(Arc<Connection>),
    CoolingDown { error: Error, until: Instant },
}

impl Supervisor {
    pub(super) fn new(blueprint: Arc<Blueprint>, shared: Arc<Shared>) -> Self {
        let state = Inner {
            phase: Phase::Closed,
            crashes: 0,
            last_used: None,
        };
        Self {
            blueprint,
            shared,
            state: Mutex::new(state),
        }
    }

    fn state(&self) -> MutexGuard<'_, Inner> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How long a call may be silent.
    pub fn request_timeout(&self) -> Duration {
        self.shared.settings.timeouts.request
    }

    /// The open session, once there is one. Waits at most `connectionTimeoutMs` for a start, which goes on when
    /// the wait is over; during a cool-down the last failure comes back at once.
    pub async fn session(self: &Arc<Self>) -> Result<Arc<Session>, Error> {
        let mut outcome = match self.open_or_starting()? {
            Ok(session) => return Ok(session),
            Err(outcome) => outcome,
        };
        let limit = self.shared.settings.timeouts.connection;
        match timeout(limit, outcome.wait_for(Option::is_some)).await {
            Ok(Ok(outcome)) => match &*outcome {
                Some(Ok(connection)) => Ok(connection.session().clone()),
                Some(Err(error)) => Err(error.clone()),
                None => unreachable!("`wait_for` waited until it is some"),
            },
            Ok(Err(_gone)) => Err(Error::ShuttingDown),
            Err(_elapsed) => match &mut self.state().phase {
                Phase::Starting(start) => {
                    start.overdue.get_or_insert_with(Instant::now);
                    Err(start.unfinished(limit))
                }
                // It has ended in this very moment; the next call finds out how.
                _ => Err(Error::StillStarting {
                    after: limit,
                    last: Box::default(),
                }),
            },
        }
    }

    fn open_or_starting(
        self: &Arc<Self>,
    ) -> Result<Result<Arc<Session>, watch::Receiver<Outcome>>, Error> {
        let mut state = self.state();
        if let Phase::Open(connection) = &state.phase
            && !connection.session().is_ended()
        {
            return Ok(Ok(connection.session().clone()));
        }
        let now = Instant::now();
        match &state.phase {
            Phase::Open(connection) => {
                let session = connection.session();
                state.crashes = if session.is_proven() {
                    0
                } else {
                    state.crashes + 1
                };
            }
            Phase::Starting(start) => {
                let cool_down = self.shared.settings.lifecycle.connect_cool_down;
                if start.overdue.is_some_and(|since| now < since + cool_down) {
                    return Err(start.unfinished(self.shared.settings.timeouts.connection));
                }
                return Ok(Err(start.outcome.clone()));
            }
            Phase::CoolingDown { error, until } if now < *until => {
                return Err(Error::CoolingDown {
                    error: Arc::new(error.clone()),
                    left: *until - now,
                });
            }
            Phase::CoolingDown { .. } | Phase::Closed => {}
        }
        if self.shared.closing.is_cancelled() {
            return Err(Error::ShuttingDown);
        }
        state.last_used = Some(now);
        let (sender, outcome) = watch::channel(None);
        let tail = Arc::new(Tail::new(self.blueprint.secrets.clone()));
        let wait = CRASH_BACKOFF.after(state.crashes.saturating_sub(1));
        let start = Start {
            outcome: outcome.clone(),
            tail: tail.clone(),
            overdue: None,
        };
        state.phase = Phase::Starting(start);
        self.shared
            .tasks
            .spawn(self.clone().start(wait, tail, sender));
        Ok(Err(outcome))
    }

    async fn start(
        self: Arc<Self>,
        wait: Duration,
        tail: Arc<Tail>,
        outcome: watch::Sender<Outcome>,
    ) {
        let connected = tokio::select! {
            biased;
            () = self.shared.closing.cancelled() => Err(Error::ShuttingDown),
            connected = start::connect(&self.blueprint, &self.shared, wait, &tail) => connected,
        };
        self.state().phase = match &connected {
            Ok(connection) => {
                self.shared
                    .tasks
                    .spawn(self.clone().keep(connection.clone()));
                Phase::Open(connection.clone())
            }
            Err(error) => {
                tracing::warn!("`{}` is not reachable: {error}", self.blueprint.name);
                let until = Instant::now() + self.shared.settings.lifecycle.connect_cool_down;
                Phase::CoolingDown {
                    error: error.clone(),
                    until,
                }
            }
        };
        outcome.send_replace(Some(connected));
    }

    /// Rereads the tools when they change and closes the connection when nobody used it for long.
    async fn keep(self: Arc<Self>, connection: Arc<Connection>) {
        let session = connection.session();
        let idle_timeout = self.shared.settings.lifecycle.idle_timeout;
        loop {
            let idle = async {
                match idle_timeout {
                    Some(timeout) => sleep_until(session.last_used() + timeout).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = connection.over() => return,
                () = session.tools_changed.notified() => {
                    if let Err(error) = self.reread(session).await {
                        tracing::warn!("the tools of `{}` cannot be read again: {error}", self.blueprint.name);
                    }
                }
                () = idle => {
                    let limit = idle_timeout.unwrap_or_default();
                    if self.close_if(|last_used| last_used.elapsed() >= limit) {
                        tracing::info!("`{}` was idle and is closed", self.blueprint.name);
                        return;
                    }
                    // A long call is not idleness: look again later.
                    if session.is_busy() {
                        session.touch();
                    }
                }
            }
        }
    }

    async fn reread(&self, session: &Session) -> Result<usize, Error> {
        let name = &self.blueprint.name;
        let tools = listing::read(session, name.as_str(), self.request_timeout()).await?;
        Ok(self.shared.registry.replace(name, tools))
    }

    /// Closes the connection if it is open, nothing is under way and `wanted` agrees with when it was last used.
    pub(super) fn close_if(&self, wanted: impl FnOnce(Instant) -> bool) -> bool {
        let mut state = self.state();
        let Phase::Open(connection) = &state.phase else {
            return false;
        };
        let closed = Error::Closed {
            last: Box::new(LastWords::closed_by_us()),
        };
        let session = connection.session();
        if !session.requests.end_if_idle(&closed, wanted) {
            return false;
        }
        connection.stop();
        state.last_used = Some(session.last_used());
        state.phase = Phase::Closed;
        true
    }

    /// Connects where needed, whatever failed before, and reads the tools anew.
    pub async fn refresh(self: &Arc<Self>) -> Result<(), Error> {
        {
            let mut state = self.state();
            state.crashes = 0;
            if let Phase::CoolingDown { .. } = state.phase {
                state.phase = Phase::Closed;
            }
        }
        let was_open = self.is_open();
        let session = self.session().await?;
        if was_open {
            self.reread(&session).await?;
        }
        Ok(())
    }

    /// Whether a session is open now.
    pub(super) fn is_open(&self) -> bool {
        matches!(&self.state().phase, Phase::Open(connection) if !connection.session().is_ended())
    }

    /// When the session was last used, if one is open.
    pub(super) fn open_since_use(&self) -> Option<Instant> {
        match &self.state().phase {
            Phase::Open(connection) if !connection.session().is_ended() => {
                Some(connection.session().last_used())
            }
            _ => None,
        }
    }

    /// How the server is doing.
    pub fn status(&self) -> Status {
        let tools = self
            .shared
            .registry
            .snapshot()
            .get(self.blueprint.name.as_str())
            .map(|t| t.len());
        let state = self.state();
        let last_used = match &state.phase {
            Phase::Open(connection) => Some(connection.session().last_used()),
            _ => state.last_used,
        };
        let (phase, error) = match &state.phase {
            Phase::Open(connection) => match connection.session().ended() {
                None if connection.session().last_used().elapsed() >= IDLE_AFTER => {
                    (State::Idle, None)
                }
                None => (State::Connected, None),
                Some(error) => (State::Disconnected, Some(error.to_string())),
            },
            Phase::Starting(
                start @ Start {
                    overdue: Some(since),
                    ..
                },
            ) => {
                let after = since.elapsed() + self.shared.settings.timeouts.connection;
                (
                    State::Disconnected,
                    Some(start.unfinished(after).to_string()),
                )
            }
            Phase::CoolingDown { error, .. } => (State::Disconnected, Some(error.to_string())),
            Phase::Starting(_) | Phase::Closed => (State::Disconnected, None),
        };
        Status {
            state: phase,
            tools,
            last_used: last_used.map(|at| SystemTime::now() - at.elapsed()),
            error,
        }
    }
}
