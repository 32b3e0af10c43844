//! Days in UTC, as calls are counted by them.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

const SECONDS: u64 = 86_400;
/// The last day whose next month can still be written with four digits.
const LAST: u64 = 2_932_865;

/// One day, by its distance from the first of 1970. A clock beyond what can be written counts as the nearest day that can.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Day(u64);

impl Day {
    pub(super) fn of(now: SystemTime) -> Self {
        let seconds = now.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        Self((seconds / SECONDS).min(LAST))
    }

    /// Such as `2026-11-20`.
    pub(super) fn text(self) -> String {
        let mut text = humantime::format_rfc3339_seconds(self.begins()).to_string();
        text.truncate("2026-11-20".len());
        text
    }

    /// Such as `2026-11`.
    pub(super) fn month(self) -> String {
        let mut text = self.text();
        text.truncate("2026-11".len());
        text
    }

    pub(super) fn begins(self) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(self.0 * SECONDS)
    }

    pub(super) fn next(self) -> Self {
        Self(self.0 + 1)
    }

    /// The first day of the next month.
    pub(super) fn next_month(self) -> Self {
        let month = self.month();
        let mut day = self.next();
        while day.month() == month {
            day = day.next();
        }
        day
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_days_and_what_follows_them() {
        fn check(now: &str, day: &str, next: &str, next_month: &str) {
            let today = Day::of(humantime::parse_rfc3339(now).expect("a time"));
            assert_eq!(today.text(), day, "{now}");
            assert_eq!(today.month(), day[..7], "{now}");
            assert_eq!(today.next().text(), next, "{now}");
            assert_eq!(today.next_month().text(), next_month, "{now}");
        }
        check("2026-11-20T23:59:59Z", "2026-11-20", "2026-11-21", "2026-12-01");
        check("2028-02-29T00:00:00Z", "2028-02-29", "2028-03-01", "2028-03-01");
        check("2026-12-31T12:00:00Z", "2026-12-31", "2027-01-01", "2027-01-01");
        check("1970-01-01T00:00:00Z", "1970-01-01", "1970-01-02", "1970-02-01");
        check("9999-12-31T23:59:59Z", "9999-11-30", "9999-12-01", "9999-12-01");
    }

    #[test]
    fn a_clock_that_is_far_off_gives_a_day_all_the_same() {
        assert_eq!(Day::of(UNIX_EPOCH - Duration::from_secs(1)).text(), "1970-01-01");
        let late = UNIX_EPOCH + Duration::from_secs(1 << 39);
        assert_eq!(Day::of(late).next_month().text(), "9999-12-01");
    }
}
