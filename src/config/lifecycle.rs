//! When upstreams are opened and closed.

use std::time::Duration;

use super::reader::Reader;

/// `routerIdleTimeoutMs`, `routerConnectErrorCooldownMs`, `routerMaxConcurrent`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lifecycle {
    /// An upstream unused for this long is closed, and opened again on demand; none (0 in the file)
    /// keeps it open.
    pub idle_timeout: Option<Duration>,
    /// After a failed connect, calls are answered with its error for this long.
    pub connect_cool_down: Duration,
    /// At most this many upstreams are open at once; none (0 in the file) sets no limit.
    pub max_connected: Option<usize>,
}

impl Default for Lifecycle {
    fn default() -> Self {
        Self {
            idle_timeout: Some(Duration::from_mins(10)),
            connect_cool_down: Duration::from_secs(10),
            max_connected: None,
        }
    }
}

impl Lifecycle {
    pub(super) fn read(top: &mut Reader<'_>) -> Self {
        let default = Self::default();
        let idle_timeout = top.duration_ms("routerIdleTimeoutMs", 0);
        let connect_cool_down = top.duration_ms("routerConnectErrorCooldownMs", 0);
        let max_connected = top.count("routerMaxConcurrent", 0);
        Self {
            idle_timeout: idle_timeout.or(default.idle_timeout).filter(|time| !time.is_zero()),
            connect_cool_down: connect_cool_down.unwrap_or(default.connect_cool_down),
            max_connected: max_connected.filter(|count| *count > 0),
        }
    }
}
