//! Counted calls: the command that shows them.

use std::fs;
use std::time::{Duration, SystemTime};

use serde_json::json;

use crate::support::{Bridge, assert_words};

/// The day in UTC at which `hours` from now will be, such as `2026-11-20`.
fn day(hours: u64) -> String {
    let at = SystemTime::now() + Duration::from_secs(hours * 3600);
    humantime::format_rfc3339_seconds(at).to_string()[..10].to_owned()
}

/// A file of counts, the same for today and for the day that may begin while the test runs.
fn counts(calls: u64, in_month: u64) -> String {
    let (today, next) = (day(0), day(1));
    let days = json!({&today: calls, &next: calls, "2001-01-01": 9});
    let months = json!({&today[..7]: in_month, &next[..7]: in_month, "2001-01": 9});
    json!({"version": 1, "days": days, "months": months}).to_string()
}

fn bridge() -> Bridge {
    let limited = |limit| json!({"command": "no-such-program", "rateLimit": limit});
    Bridge::new()
        .entry("free", json!({"command": "no-such-program"}))
        .entry("daily", limited(json!({"maxCallsPerDay": 100})))
        .entry("both", limited(json!({"maxCallsPerDay": 1000, "maxCallsPerMonth": 50})))
        .entry("faulty", json!({}))
        .file("usage/free.json", &counts(3, 40))
        .file("usage/daily.json", &counts(80, 90))
        .file("usage/both.json", &counts(7, 50))
        .file("usage/gone.json", &counts(1, 2))
        .file("usage/daily.lock", "")
        .file("usage/README.json", "not a name of a server")
}

#[test]
fn usage_shows_calls_and_limits() {
    let bridge = bridge();
    let output = bridge.run(&["usage"]).expect(0);
    let line = |name: &str| {
        let line = output.stdout.lines().find(|line| line.starts_with(name));
        line.unwrap_or_else(|| panic!("no line for {name}: {output:#?}")).to_owned()
    };
    assert_words(&line("SERVER"), &["TODAY", "THIS MONTH", "RESETS"]);
    let words = |name: &str| line(name).split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(words("free"), ["free", "3", "40", "-"]);
    let next = words("daily").pop().expect("it resets");
    assert!(next.ends_with("T00:00:00Z") && next[..10] >= *day(0), "{next}");
    assert_words(&line("daily"), &["80 of 100 (80 %)", "90"]);
    // The month is used up, so its end is what counts.
    assert_words(&line("both"), &["7 of 1000 (0 %)", "50 of 50 (100 %)", "-01T00:00:00Z"]);
    assert_words(&line("gone"), &["1", "2", "not in the config"]);
    assert_eq!(words("faulty"), ["faulty", "0", "0", "-"]);
    assert!(!output.stdout.contains("README"), "{output:#?}");

    let one = bridge.run(&["usage", "daily", "--json"]).expect(0).json();
    let server = &one["servers"][0];
    assert_eq!(one["servers"].as_array().map(Vec::len), Some(1));
    assert_eq!(server["day"]["calls"], 80);
    assert_eq!(server["day"]["limit"], 100);
    assert_eq!(server["day"]["percent"], 80);
    assert_eq!(server["month"]["limit"], json!(null));
    assert_eq!(server["configured"], true);
    let gone = bridge.run(&["usage", "gone", "--json"]).expect(0).json();
    assert_eq!(gone["servers"][0]["configured"], false);
}

#[test]
fn usage_of_an_unknown_server_names_the_nearest() {
    let output = bridge().run(&["usage", "dialy"]).expect(4);
    assert_words(&output.stderr, &["dialy", "did you mean `daily`"]);
    assert_eq!(output.stdout, "");
}

#[test]
fn usage_without_any_calls_is_all_zero() {
    let bridge = Bridge::new().entry("one", json!({"command": "no-such-program"}));
    let output = bridge.run(&["usage", "--json"]).expect(0).json();
    assert_eq!(output["servers"][0]["day"]["calls"], 0);
    assert!(!bridge.path("usage").exists(), "looking makes nothing");
    let help = bridge.run(&["usage", "--help"]).expect(0);
    assert_words(&help.stdout, &["example", "bridge usage", "UTC"]);
}

#[test]
fn usage_tells_of_counts_that_cannot_be_read_and_leaves_them_alone() {
    let bridge = bridge().file("usage/daily.json", "{\"version\": 1, \"da");
    let output = bridge.run(&["usage"]).expect(1);
    // The others are shown all the same.
    assert_words(&output.stdout, &["daily", "damaged", "50 of 50"]);
    let text = fs::read_to_string(bridge.path("usage/daily.json")).expect("it is there");
    assert_eq!(text, "{\"version\": 1, \"da");
    let json = bridge.run(&["usage", "daily", "--json"]).expect(1).json();
    assert_eq!(json["servers"][0]["day"]["calls"], json!(null));
    assert_words(&json["servers"][0]["error"].to_string(), &["daily.json", "damaged"]);
}
