//! How an upstream is doing, for `status`.

use std::time::SystemTime;

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
