//! How an upstream is doing, for `status`.

use std::time::{Duration, SystemTime};

use super::Supervisor;
use super::phase::Phase;
use super::start::Start;

/// The contract's measure of `idle` in `status`.
const IDLE_AFTER: Duration = Duration::from_mins(1);

/// One line of `status`.
#[derive(Debug, Clone)]
pub struct Status {
    /// How it stands.
    pub state: State,
    /// Tools that can be called; `None` when it was never reached.
    pub tools: Option<usize>,
    /// When it was last called.
    pub last_used: Option<SystemTime>,
    /// Why it is not connected, where that is a failure.
    pub error: Option<String>,
}

/// The states of the contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Connected and used within the last minute.
    Connected,
    /// Connected and not used for a minute.
    Idle,
    /// Not connected: not needed yet, closed, or failed.
    Disconnected,
}

impl State {
    /// As it reads in answers.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Connected => "connected",
            Self::Idle => "idle",
            Self::Disconnected => "disconnected",
        }
    }
}

impl Supervisor {
    /// How long the last start took that came to an end of its handshake; the time in which a process is made is in it.
    pub fn handshake(&self) -> Option<Duration> {
        self.state().handshake
    }

    /// How the server is doing.
    pub fn status(&self) -> Status {
        let tools = self
            .shared()
            .registries
            .everybody
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
            Phase::Starting(start @ Start { overdue: Some(since), .. }) => {
                let after = since.elapsed() + self.shared().settings.timeouts.wait;
                (State::Disconnected, Some(start.unfinished(after).to_string()))
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
