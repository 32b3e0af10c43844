//! How many calls a server may get.

use super::reader::Reader;

/// `rateLimit` of one server. Only successful calls count.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RateLimit {
    /// Calls in a day.
    pub max_calls_per_day: Option<u64>,
    /// Calls in a month.
    pub max_calls_per_month: Option<u64>,
}

impl RateLimit {
    pub(super) fn read(reader: Option<Reader<'_>>) -> Self {
        let Some(mut reader) = reader else {
            return Self::default();
        };
        let section = Self {
            max_calls_per_day: reader.whole("maxCallsPerDay", 0..=u64::MAX),
            max_calls_per_month: reader.whole("maxCallsPerMonth", 0..=u64::MAX),
        };
        reader.finish();
        section
    }
}
