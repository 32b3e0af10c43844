//! How often a failed call is tried again.

use std::time::Duration;

use super::reader::Reader;

pub(super) const CAUSES: [(&str, RetryOn); 2] =
    [("timeout", RetryOn::Timeout), ("connection_error", RetryOn::ConnectionError)];

/// `retry`, of all servers or of one.
#[derive(Debug, Clone, PartialEq)]
pub struct Retry {
    /// Tries in all, the first one included.
    pub max_attempts: u32,
    /// Wait before the second try.
    pub delay: Duration,
    /// What each further wait is multiplied by, at least 1.
    pub backoff_multiplier: f64,
    /// What is worth another try.
    pub retry_on: Vec<RetryOn>,
}

/// A cause of failure that another try may cure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RetryOn {
    /// No answer in time.
    Timeout,
    /// No connection, or one that broke.
    ConnectionError,
}

impl Default for Retry {
    fn default() -> Self {
        Self {
            max_attempts: 1,
            delay: Duration::from_secs(1),
            backoff_multiplier: 2.0,
            retry_on: vec![RetryOn::Timeout, RetryOn::ConnectionError],
        }
    }
}

impl Retry {
    /// Reads what differs from `base`: the defaults, or for a server what counts for all.
    pub(super) fn read(mut reader: Reader<'_>, base: &Self) -> Self {
        let attempts =
            reader.whole("maxAttempts", 1..=100).and_then(|count| u32::try_from(count).ok());
        let section = Self {
            max_attempts: attempts.unwrap_or(base.max_attempts),
            delay: reader.duration_ms("delayMs", 0).unwrap_or(base.delay),
            backoff_multiplier: reader
                .number("backoffMultiplier", 1.0..=100.0)
                .unwrap_or(base.backoff_multiplier),
            retry_on: reader.choices("retryOn", &CAUSES).unwrap_or_else(|| base.retry_on.clone()),
        };
        reader.finish();
        section
    }
}
