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
use crate::telemetry::logging::excerpt;
use crate::tools::Registry;

/// The contract's measure of `idle` in `status`.
const IDLE_AFTER: Duration = Duration::from_mins(1);
/// A server that ends again and again without having answered a call waits longer before each start.
const CRASH_BACKOFF: Backoff = Backoff {
    first: Duration::from_millis(250),
    longest: Duration::from_secs(10),
};

/// A list of tools that keeps changing is not read more often.
const REREAD_GAP: Duration = Duration::from_secs(1);

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

/// What there is of a session right now.
enum Reached {
    Open(Arc<Session>),
    Starting(watch::Receiver<Outcome>),
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

    /// The open session, once there is one. Waits at most `connectionTimeoutMs` for a start, which
    /// goes on when the wait is over; during a cool-down the last failure comes back at once.
    pub async fn session(self: &Arc<Self>) -> Result<Arc<Session>, Error> {
        let mut outcome = match self.open_or_starting()? {
            Reached::Open(session) => return Ok(session),
            Reached::Starting(outcome) => outcome,
        };
        let limit = self.shared.settings.timeouts.connection;
        match timeout(limit, outcome.wait_for(Option::is_some)).await {
            Ok(Ok(outcome)) => match &*outcome {
                Some(Ok(connection)) => Ok(connection.session().clone()),
                Some(Err(error)) => Err(error.clone()),
                None => unreachable!("`wait_for` waited until it is some"),
            },
            Ok(Err(_gone)) => {
                // The start has failed inside the bridge; the next call may try again.
                self.state().phase = Phase::Closed;
                Err(Error::ShuttingDown)
            }
            Err(_elapsed) => match &mut self.state().phase {
                Phase::Starting(start) => {
                    start.overdue = Some(Instant::now());
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

    /// Like [`Supervisor::session`], but a server that failed or hung before is not waited for:
    /// where it may be tried again it is, and what was wrong with it comes back at once.
    pub async fn session_unless_doubtful(self: &Arc<Self>) -> Result<Arc<Session>, Error> {
        let doubt = match &self.state().phase {
            Phase::CoolingDown { error, .. } => Some(error.clone()),
            Phase::Starting(start) if start.overdue.is_some() => {
                Some(start.unfinished(self.shared.settings.timeouts.connection))
            }
            _ => None,
        };
        let Some(doubt) = doubt else {
            return self.session().await;
        };
        match self.open_or_starting() {
            Ok(Reached::Open(session)) => Ok(session),
            Ok(Reached::Starting(_)) => {
                if let Phase::Starting(start) = &mut self.state().phase {
                    start.overdue.get_or_insert_with(Instant::now);
                }
                Err(doubt)
            }
            Err(error) => Err(error),
        }
    }

    fn open_or_starting(self: &Arc<Self>) -> Result<Reached, Error> {
        let mut state = self.state();
        if let Phase::Open(connection) = &state.phase
            && !connection.session().is_ended()
        {
            return Ok(Reached::Open(connection.session().clone()));
        }
        let now = Instant::now();
        match &state.phase {
            Phase::Open(connection) => {
                let crashes = state.crashes + 1;
                state.crashes = if connection.session().is_proven() {
                    0
                } else {
                    crashes
                };
            }
            Phase::Starting(start) => {
                if start.is_overdue(self.shared.settings.lifecycle.connect_cool_down) {
                    return Err(start.unfinished(self.shared.settings.timeouts.connection));
                }
                return Ok(Reached::Starting(start.outcome.clone()));
            }
            Phase::CoolingDown { error, until } if now < *until => {
                let (error, left) = (Arc::new(error.clone()), *until - now);
                return Err(Error::CoolingDown { error, left });
            }
            Phase::CoolingDown { .. } | Phase::Closed => {}
        }
        if self.shared.closing.is_cancelled() {
            return Err(Error::ShuttingDown);
        }
        state.last_used = Some(now);
        let (sender, outcome) = watch::channel(None);
        let tail = Arc::new(Tail::new(self.blueprint.blotter.clone()));
        let abandon = self.shared.closing.child_token();
        let wait = CRASH_BACKOFF.after(state.crashes.saturating_sub(1));
        let starting = self
            .clone()
            .start(wait, tail.clone(), abandon.clone(), sender);
        let start = Start {
            outcome: outcome.clone(),
            tail,
            overdue: None,
            abandon,
        };
        state.phase = Phase::Starting(start);
        self.shared.tasks.spawn(starting);
        Ok(Reached::Starting(outcome))
    }

    async fn start(
        self: Arc<Self>,
        wait: Duration,
        tail: Arc<Tail>,
        abandon: CancellationToken,
        outcome: watch::Sender<Outcome>,
    ) {
        let connected = tokio::select! {
            biased;
            () = abandon.cancelled() => Err(Error::ShuttingDown),
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
                if !abandon.is_cancelled() {
                    let why = excerpt(error.to_string().as_bytes(), 1000);
                    tracing::info!("`{}` is not reachable: {why}", self.blueprint.name);
                }
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
        let (mut changed, mut not_before) = (false, Instant::now());
        loop {
            let idle = async {
                match idle_timeout {
                    Some(timeout) => sleep_until(session.last_used() + timeout).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = connection.over() => return,
                () = session.tools_changed.notified(), if !changed => changed = true,
                () = sleep_until(not_before), if changed => {
                    changed = false;
                    self.reread_after_change(session).await;
                    not_before = Instant::now() + REREAD_GAP;
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

    async fn reread_after_change(&self, session: &Session) {
        let name = &self.blueprint.name;
        match self.reread(session).await {
            Ok(count) => tracing::info!("`{name}` changed its tools, there are {count}"),
            // The end of the session is told where it belongs.
            Err(_) if session.is_ended() => {}
            Err(error) => {
                let why = excerpt(error.to_string().as_bytes(), 1000);
                tracing::warn!("the tools of `{name}` cannot be read again: {why}");
            }
        }
    }

    async fn reread(&self, session: &Session) -> Result<usize, Error> {
        let name = &self.blueprint.name;
        let limit = self.request_timeout();
        let tools = timeout(limit, listing::read(session, name.as_str(), limit))
            .await
            .unwrap_or(Err(Error::TimedOut { after: limit }))?;
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

    /// Connects where needed, whatever failed or hung before, and reads the tools anew.
    pub async fn refresh(self: &Arc<Self>) -> Result<(), Error> {
        let hung = match &self.state().phase {
            Phase::Starting(start) if start.overdue.is_some() => {
                start.abandon.cancel();
                Some(start.outcome.clone())
            }
            _ => None,
        };
        if let Some(mut outcome) = hung {
            // Whichever way it ends, it ends at once.
            let _ = outcome.wait_for(Option::is_some).await;
        }
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

    /// Whether a start is under way.
    pub fn is_starting(&self) -> bool {
        matches!(self.state().phase, Phase::Starting(_))
    }

    /// Whether a session is open now.
    pub fn is_open(&self) -> bool {
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
