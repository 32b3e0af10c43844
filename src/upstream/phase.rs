//! What a supervisor knows of its session: whether there is one, and how the last ones went.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::Error;
use super::connection::Connection;
use super::start::Start;

/// What a supervisor knows of its session.
#[derive(Debug)]
pub(super) struct Inner {
    pub(super) phase: Phase,
    /// Sessions in a row that ended by themselves before they answered a call.
    pub(super) crashes: u32,
    pub(super) last_used: Option<Instant>,
    /// How long the last start took, up to the end of its handshake.
    pub(super) handshake: Option<Duration>,
}

impl Inner {
    pub(super) fn new() -> Self {
        Self { phase: Phase::Closed, crashes: 0, last_used: None, handshake: None }
    }
}

/// How far it has come.
#[derive(Debug)]
pub(super) enum Phase {
    Closed,
    Starting(Start),
    Open(Arc<Connection>),
    CoolingDown { error: Error, until: Instant },
}
