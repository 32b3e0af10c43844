//! When tools that are called often become tools of their own.

use std::time::Duration;

use super::reader::Reader;

/// `adaptivePromotion`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AdaptivePromotion {
    /// Whether tools are promoted at all.
    pub enabled: bool,
    /// Tools that are promoted at most.
    pub max_promoted: usize,
    /// Calls within the window that promote a tool.
    pub min_calls: usize,
    /// The time in which calls are counted.
    pub window: Duration,
    /// A promoted tool unused for this long is one no more.
    pub decay: Duration,
}

impl Default for AdaptivePromotion {
    fn default() -> Self {
        Self {
            enabled: false,
            max_promoted: 10,
            min_calls: 3,
            window: Duration::from_hours(24),
            decay: Duration::from_hours(48),
        }
    }
}

impl AdaptivePromotion {
    pub(super) fn read(reader: Option<Reader<'_>>) -> Self {
        let default = Self::default();
        let Some(mut reader) = reader else {
            return default;
        };
        let section = Self {
            enabled: reader.bool("enabled").unwrap_or(default.enabled),
            max_promoted: reader.count("maxPromoted", 0).unwrap_or(default.max_promoted),
            min_calls: reader.count("minCalls", 1).unwrap_or(default.min_calls),
            window: reader.long_duration_ms("windowMs").unwrap_or(default.window),
            decay: reader.long_duration_ms("decayMs").unwrap_or(default.decay),
        };
        reader.finish();
        section
    }
}
