//! Days, as recipes write them: `2026-11-20`.

use std::time::{Duration, SystemTime};

const DAY: Duration = Duration::from_hours(24);

/// The beginning of a day, if the text is one that there is, or a moment of one.
pub fn moment(text: &str) -> Option<SystemTime> {
    let day = text.get(..10)?;
    let rest = &text[10..];
    if !rest.is_empty() && !rest.starts_with(['T', 't']) {
        return None;
    }
    let begins = humantime::parse_rfc3339(&format!("{day}T00:00:00Z")).ok()?;
    Some(begins)
}

/// Whole days from then to now; 0 for what is to come.
pub(super) fn days_since(then: SystemTime, now: SystemTime) -> u64 {
    now.duration_since(then).map_or(0, |age| age.as_secs() / DAY.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_days() {
        let now = moment("2026-11-21").expect("a day");
        let check = |text: &str, expected: Option<u64>| {
            assert_eq!(moment(text).map(|then| days_since(then, now)), expected, "{text}");
        };
        check("2026-11-21", Some(0));
        check("2026-11-20", Some(1));
        check("2026-08-23T12:00:00Z", Some(90));
        check("2025-11-21", Some(365));
        check("2027-01-01", Some(0));
        for text in
            ["", "2026", "2026-13-01", "2026-02-30", "20 Nov 2026", "2026-11-20 x", "2026-11-2é"]
        {
            check(text, None);
        }
    }
}
