//! How long the bridge waits for an upstream.

use std::time::Duration;

use super::reader::Reader;

/// `connectionTimeoutMs`, `requestTimeoutMs`, `shutdownTimeoutMs`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Timeouts {
    /// From starting a connection to the end of the handshake.
    pub connection: Duration,
    /// How long somebody waits for that; the same, unless it is a person who waits.
    pub wait: Duration,
    /// From a request to its answer; progress starts it anew.
    pub request: Duration,
    /// From asking an upstream to end to ending it.
    pub shutdown: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connection: Duration::from_secs(5),
            wait: Duration::from_secs(5),
            request: Duration::from_mins(1),
            shutdown: Duration::from_secs(5),
        }
    }
}

impl Timeouts {
    pub(super) fn read(top: &mut Reader<'_>) -> Self {
        let default = Self::default();
        let connection = top.duration_ms("connectionTimeoutMs", 1).unwrap_or(default.connection);
        Self {
            connection,
            wait: connection,
            request: top.duration_ms("requestTimeoutMs", 1).unwrap_or(default.request),
            shutdown: top.duration_ms("shutdownTimeoutMs", 0).unwrap_or(default.shutdown),
        }
    }
}
