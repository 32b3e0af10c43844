//! One configured server: started when it is needed, by one start however many wait for it, left alone for a while
//! when it fails, closed when idle.

use std::borrow::Cow;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use arc_swap::{ArcSwap, Guard};
use tokio::sync::watch;
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

use super::connection::Blueprint;
use super::eras::Eras;
use super::error::LastWords;
use super::phase::{Inner, Phase};
use super::shared::Shared;
use super::start::{self, Outcome, Start};
use super::stderr::Tail;
use super::subscriptions::Subscriptions;
use super::{Error, Session, Terms};
use crate::base::backoff::Backoff;
use crate::protocol::era::Era;
use crate::telemetry::logging::excerpt;
use crate::tools::Shown;

/// A server that ends again and again without having answered a call waits longer before each start.
const CRASH_BACKOFF: Backoff =
    Backoff { first: Duration::from_millis(250), longest: Duration::from_secs(10) };

/// Keeps one server reachable.
#[derive(Debug)]
pub struct Supervisor {
    pub(super) blueprint: Arc<Blueprint>,
    /// Another one as soon as another config is in force; one of a server that is no longer as it was stays with the old one.
    shared: Arc<ArcSwap<Shared>>,
    pub(super) terms: Arc<Terms>,
    pub(super) eras: Arc<Eras>,
    /// It is the one that the registry follows, and not one of a few clients.
    leads: bool,
    /// What its sessions are to tell of.
    pub(super) subscriptions: Arc<Subscriptions>,
    /// Ends its sessions for good.
    pub(super) closing: CancellationToken,
    state: Mutex<Inner>,
}

/// What there is of a session right now.
enum Reached {
    Open(Arc<Session>),
    Starting(watch::Receiver<Outcome>),
}

impl Supervisor {
    pub(super) fn new(blueprint: Arc<Blueprint>, shared: Arc<Shared>) -> Self {
        let closing = shared.closing.child_token();
        Self {
            blueprint,
            shared: Arc::new(ArcSwap::new(shared)),
            terms: Arc::new(Terms::shared(Era::Session)),
            eras: Arc::default(),
            leads: true,
            subscriptions: Arc::default(),
            closing,
            state: Mutex::new(Inner::new()),
        }
    }

    /// Another supervisor of the same server, on other terms.
    pub(super) fn sibling(&self, terms: Terms) -> Arc<Self> {
        Arc::new(Self {
            blueprint: self.blueprint.clone(),
            shared: self.shared.clone(),
            terms: Arc::new(terms),
            eras: self.eras.clone(),
            leads: false,
            subscriptions: Arc::default(),
            closing: self.closing.child_token(),
            state: Mutex::new(Inner::new()),
        })
    }

    /// What it shares with others at this moment.
    pub(super) fn shared(&self) -> Guard<Arc<Shared>> {
        self.shared.load()
    }

    /// Goes on under another config, with all its siblings.
    pub(super) fn follow(&self, shared: Arc<Shared>) {
        self.shared.store(shared);
    }

    /// Tells it from others of the same name, which come one after the other as the config changes.
    pub fn number(&self) -> u64 {
        self.blueprint.number
    }

    /// Puts what the server shows, in a session of this era, where requests look for it; returns how many tools may be called.
    /// Another config may come meanwhile, under which requests look elsewhere.
    pub(super) async fn show(&self, era: Era, tools: Shown) -> usize {
        let name = &self.blueprint.name;
        loop {
            let shared = self.shared.load_full();
            for earlier in shared.earlier(&self.terms, era) {
                earlier.replace_in_turn(name, tools.clone()).await;
            }
            let registry = shared.registry(&self.terms, era);
            let count = registry.replace_in_turn(name, tools.clone()).await;
            if Arc::ptr_eq(&shared, &self.shared.load()) {
                return count;
            }
        }
    }

    /// Whether the tools are to be read when a session of this era opens: those of one that does not lead only where
    /// nothing is known yet of what it shows.
    pub(super) fn reads_tools(&self, era: Era) -> bool {
        let snapshot = self.shared().registry(&self.terms, era).snapshot();
        let known = snapshot.get(self.blueprint.name.as_str());
        self.leads || known.is_none_or(|tools| tools.is_remembered())
    }

    /// Ends its session and those of its siblings, and opens no other.
    pub(super) fn close(&self) {
        self.closing.cancel();
    }

    /// Why it opens no session any more: everything ends, or this server does.
    fn ended_by_us(&self) -> Error {
        if self.shared().closing.is_cancelled() {
            Error::ShuttingDown
        } else {
            Error::Closed { last: Box::new(LastWords::closed_by_us()) }
        }
    }

    pub(super) fn state(&self) -> MutexGuard<'_, Inner> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The text without the secrets that were filled into the server's entry.
    pub fn blot<'a>(&self, text: &'a str) -> Cow<'a, str> {
        self.blueprint.blotter.blot(text)
    }

    /// How the server is reached, as `transport` names it.
    pub fn transport(&self) -> &'static str {
        self.blueprint.transport.name()
    }

    /// How long a call may be silent.
    pub fn request_timeout(&self) -> Duration {
        self.shared().settings.timeouts.request
    }

    /// The open session, once there is one. Waits at most `connectionTimeoutMs` for a start, which
    /// goes on when the wait is over; during a cool-down the last failure comes back at once.
    pub async fn session(self: &Arc<Self>) -> Result<Arc<Session>, Error> {
        match self.open_or_starting()? {
            Reached::Open(session) => Ok(session),
            // Boxed, as it is rare, to keep the futures of calls small.
            Reached::Starting(outcome) => match Box::pin(self.started(outcome)).await {
                // Somebody refreshed a start that hung; the new one may do better.
                Err(Error::Abandoned) => match self.open_or_starting()? {
                    Reached::Open(session) => Ok(session),
                    Reached::Starting(outcome) => Box::pin(self.started(outcome)).await,
                },
                outcome => outcome,
            },
        }
    }

    /// The session, once this start is over.
    async fn started(
        self: &Arc<Self>,
        mut outcome: watch::Receiver<Outcome>,
    ) -> Result<Arc<Session>, Error> {
        let limit = self.shared().settings.timeouts.wait;
        let this_start = outcome.clone();
        match timeout(limit, outcome.wait_for(Option::is_some)).await {
            Ok(Ok(outcome)) => match &*outcome {
                Some(Ok(connection)) => Ok(connection.session().clone()),
                Some(Err(error)) => Err(error.clone()),
                None => unreachable!("`wait_for` waited until it is some"),
            },
            Ok(Err(_gone)) => {
                // The start has failed inside the bridge; the next call may try again.
                let mut state = self.state();
                if matches!(&state.phase, Phase::Starting(s) if s.outcome.same_channel(&this_start))
                {
                    state.phase = Phase::Closed;
                }
                Err(Error::ShuttingDown)
            }
            Err(_elapsed) => match &mut self.state().phase {
                Phase::Starting(start) => {
                    start.overdue = Some(Instant::now());
                    Err(start.unfinished(limit))
                }
                // It has ended in this very moment; the next call finds out how.
                _ => Err(Error::StillStarting { after: limit, last: Box::default() }),
            },
        }
    }

    /// Like [`Supervisor::session`], but a server that failed or hung before is not waited for:
    /// where it may be tried again it is, and what was wrong with it comes back at once.
    pub async fn session_unless_doubtful(self: &Arc<Self>) -> Result<Arc<Session>, Error> {
        let doubt = match &self.state().phase {
            Phase::CoolingDown { error, .. } => Some(error.clone()),
            Phase::Starting(start) if start.doubtful || start.overdue.is_some() => {
                Some(start.unfinished(self.shared().settings.timeouts.wait))
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
                    start.doubtful = true;
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
                state.crashes = if connection.session().is_proven() { 0 } else { crashes };
            }
            Phase::Starting(start) => {
                if start.is_overdue(self.shared().settings.lifecycle.connect_cool_down) {
                    return Err(start.unfinished(self.shared().settings.timeouts.wait));
                }
                return Ok(Reached::Starting(start.outcome.clone()));
            }
            Phase::CoolingDown { error, until } if now < *until => {
                let (error, left) = (Arc::new(error.clone()), *until - now);
                return Err(Error::CoolingDown { error, left });
            }
            Phase::CoolingDown { .. } | Phase::Closed => {}
        }
        if self.closing.is_cancelled() {
            return Err(self.ended_by_us());
        }
        state.last_used = Some(now);
        let (sender, outcome) = watch::channel(None);
        let tail = Arc::new(Tail::new(self.blueprint.blotter.clone()));
        let abandon = self.closing.child_token();
        let wait = CRASH_BACKOFF.after(state.crashes.saturating_sub(1));
        let starting = self.clone().start(wait, tail.clone(), abandon.clone(), sender);
        let start =
            Start { outcome: outcome.clone(), tail, doubtful: false, overdue: None, abandon };
        state.phase = Phase::Starting(start);
        self.shared().tasks.spawn(starting);
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
            () = self.closing.cancelled() => Err(self.ended_by_us()),
            () = abandon.cancelled() => Err(Error::Abandoned),
            connected = start::connect(&self, wait, &tail) => connected,
        };
        self.state().phase = match &connected {
            Ok(connection) => {
                self.shared().tasks.spawn(self.clone().keep(connection.clone()));
                Phase::Open(connection.clone())
            }
            Err(Error::Abandoned) => Phase::Closed,
            Err(error) => {
                if !abandon.is_cancelled() {
                    let why = excerpt(error.to_string().as_bytes(), 1000);
                    tracing::info!("`{}` is not reachable: {why}", self.blueprint.name);
                }
                // Whoever has logged in need not wait: to look for a token costs next to nothing.
                let cool_down = if error.is_login_needed() {
                    Duration::ZERO
                } else {
                    self.shared().settings.lifecycle.connect_cool_down
                };
                let until = Instant::now() + cool_down;
                Phase::CoolingDown { error: error.clone(), until }
            }
        };
        outcome.send_replace(Some(connected));
    }

    /// Whether the server is known to speak this era.
    pub fn speaks(&self, era: Era) -> bool {
        self.eras.speaks(era)
    }

    /// Whether the server is known not to speak this era.
    pub fn lacks(&self, era: Era) -> bool {
        self.eras.lacks(era)
    }

    /// Whether asking for a session would start the server.
    pub(super) fn would_start(&self) -> bool {
        match &self.state().phase {
            Phase::Closed => true,
            Phase::Starting(_) => false,
            Phase::Open(connection) => connection.session().is_ended(),
            Phase::CoolingDown { until, .. } => *until <= Instant::now(),
        }
    }

    /// Whether a start is under way.
    pub fn is_starting(&self) -> bool {
        matches!(self.state().phase, Phase::Starting(_))
    }

    /// The session, if one is open now.
    pub(super) fn open_session(&self) -> Option<Arc<Session>> {
        match &self.state().phase {
            Phase::Open(connection) if !connection.session().is_ended() => {
                Some(connection.session().clone())
            }
            _ => None,
        }
    }

    /// Whether a session is open now.
    pub fn is_open(&self) -> bool {
        self.open_session().is_some()
    }

    /// Whether a session is open and nothing is under way in it, not even what was given up.
    pub(super) fn is_unused(&self) -> bool {
        self.open_session().is_some_and(|session| !session.is_busy() && !session.is_tainted())
    }

    /// When the session was last used, if one is open.
    pub(super) fn open_since_use(&self) -> Option<Instant> {
        self.open_session().map(|session| session.last_used())
    }
}
