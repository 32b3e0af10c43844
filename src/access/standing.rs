//! How far a server is towards a limit.

use std::fmt;
use std::time::SystemTime;

use super::calendar::Day;
use super::counts::Counts;
use crate::config::{RateLimit, ServerName};

/// The share of a limit, in percent, from which its user is warned.
const WARNED_FROM: u64 = 80;
/// While nobody heeds the warning, the log repeats it after this many percent more.
const STEP: u64 = 10;

/// What a limit is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Period {
    /// A day in UTC.
    Day,
    /// A month in UTC.
    Month,
}

impl Period {
    /// The key of its limit in the config.
    pub fn key(self) -> &'static str {
        match self {
            Self::Day => "maxCallsPerDay",
            Self::Month => "maxCallsPerMonth",
        }
    }

    /// The present one, in words.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Day => "today",
            Self::Month => "this month",
        }
    }
}

/// The calls of one period beside its limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// The period.
    pub period: Period,
    /// Successful calls in it so far.
    pub calls: u64,
    /// How many there may be.
    pub limit: Option<u64>,
    /// When the next period begins.
    pub resets: SystemTime,
}

impl Standing {
    /// The day and the month that `now` lies in.
    pub fn of(counts: &Counts, limit: &RateLimit, now: SystemTime) -> [Self; 2] {
        let today = Day::of(now);
        let day = Self {
            period: Period::Day,
            calls: counts.on(today),
            limit: limit.max_calls_per_day,
            resets: today.next().begins(),
        };
        let month = Self {
            period: Period::Month,
            calls: counts.in_month_of(today),
            limit: limit.max_calls_per_month,
            resets: today.next_month().begins(),
        };
        [day, month]
    }

    /// The share of the limit that is used, rounded down. A limit of no calls is always used up.
    pub fn percent(&self) -> Option<u64> {
        let share = match self.limit? {
            0 => 100,
            limit => u128::from(self.calls) * 100 / u128::from(limit),
        };
        Some(u64::try_from(share).unwrap_or(u64::MAX))
    }

    /// Whether the limit leaves no room beside the calls that are under way.
    pub(super) fn is_full(&self, open: u64) -> bool {
        self.limit.is_some_and(|limit| self.calls.saturating_add(open) >= limit)
    }

    fn with_calls(self, calls: u64) -> Self {
        Self { calls, ..self }
    }

    /// Whether a step from which on users are warned lies within the last `added` calls.
    pub(super) fn has_crossed_a_step(&self, added: u64) -> bool {
        let step =
            |standing: Self| standing.percent().filter(|p| *p >= WARNED_FROM).map(|p| p / STEP);
        step(*self) > step(self.with_calls(self.calls.saturating_sub(added)))
    }
}

/// A server has had most of its calls. Reads as ``server `git`: 80 of 100 calls today``.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    /// The server.
    pub server: ServerName,
    /// The period whose limit comes first.
    pub standing: Standing,
}

impl Warning {
    /// The warning that the standings call for.
    pub(super) fn of(server: &ServerName, standings: [Standing; 2]) -> Option<Self> {
        let near = standings.into_iter().filter(|standing| standing.percent() >= Some(WARNED_FROM));
        let standing = near.max_by_key(Standing::percent)?;
        Some(Self { server: server.clone(), standing })
    }
}

impl fmt::Display for Warning {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Standing { calls, limit, period, .. } = self.standing;
        let (server, limit, period) = (&self.server, limit.unwrap_or(u64::MAX), period.as_str());
        write!(formatter, "server `{server}`: {calls} of {limit} calls {period}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn warns_of_the_limit_that_comes_first() {
        fn check(calls: (u64, u64), limits: (Option<u64>, Option<u64>), expected: Option<&str>) {
            let at = SystemTime::UNIX_EPOCH;
            let standing = |period, calls, limit| Standing { period, calls, limit, resets: at };
            let standings = [
                standing(Period::Day, calls.0, limits.0),
                standing(Period::Month, calls.1, limits.1),
            ];
            let server = ServerName::parse("git").expect("a name");
            let warning = Warning::of(&server, standings).map(|warning| warning.to_string());
            assert_eq!(warning.as_deref(), expected, "{calls:?} of {limits:?}");
        }
        check((79, 79), (Some(100), None), None);
        check((80, 80), (Some(100), None), Some("server `git`: 80 of 100 calls today"));
        check(
            (80, 990),
            (Some(100), Some(1000)),
            Some("server `git`: 990 of 1000 calls this month"),
        );
        check((7, 7), (Some(9), None), None);
        check((1 << 63, 0), (Some(u64::MAX), None), None);
        check(
            (u64::MAX, 0),
            (Some(1), None),
            Some("server `git`: 18446744073709551615 of 1 calls today"),
        );
        check((99, 99), (None, None), None);
    }

    #[test]
    fn the_log_tells_every_tenth_from_80_percent() {
        fn check(calls: u64, added: u64, expected: bool) {
            let at = SystemTime::UNIX_EPOCH;
            let standing = Standing { period: Period::Day, calls, limit: Some(1000), resets: at };
            assert_eq!(
                standing.has_crossed_a_step(added),
                expected,
                "{calls}, {added} of them new"
            );
        }
        check(799, 799, false);
        check(800, 1, true);
        check(801, 1, false);
        check(899, 50, false);
        check(905, 50, true);
        check(1000, 1, true);
        check(1000, 0, false);
    }
}
