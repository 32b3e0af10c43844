//! Counted calls: the limits that are kept by them, and the command that shows them.

use std::fs;
use std::time::{Duration, SystemTime};

use rustix::process::Signal;
use serde_json::json;

use crate::support::{
    Bridge, Client, PATIENCE, assert_words, error_of, eventually, is_error, text_of,
};

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

/// A bridge with the scripted server under the name `one`, which may be called so often a month.
fn limited(calls: u64) -> Bridge {
    let limit = json!({"maxCallsPerMonth": calls});
    Bridge::new()
        .server("one", &[])
        .server("free", &[])
        .config(|config| config["servers"]["one"]["rateLimit"] = limit)
}

/// Another bridge on the home folder of one that runs.
fn beside(client: &Client) -> Client {
    let home = client.path("");
    let home = home.to_str().expect("the path is UTF-8").to_owned();
    Bridge::new().without_config().env("BRIDGE_HOME", &home).serve_initialized()
}

#[test]
fn a_limit_holds_and_only_successes_count() {
    let bridge = limited(5);
    for _ in 0..2 {
        bridge.run(&["call", "one", "echo", r#"{"message":"hi"}"#]).expect(0);
        bridge.run(&["call", "one", "fail"]).expect(1);
    }
    let usage = bridge.run(&["usage", "one", "--json"]).expect(0).json();
    assert_eq!(usage["servers"][0]["day"]["calls"], 2);
    let mut client = bridge.serve_initialized();
    client.assert_echo("one");
    assert!(is_error(&client.call("one", "fail", json!({}))));
    assert!(is_error(&client.call("one", "rpc_error", json!({"code": -1, "message": "no"}))));
    client.assert_echo("one");
    client.expect_stderr(&["server `one`: 4 of 5 calls this month"]);
    let mut other = beside(&client);
    other.assert_echo("one");
    for client in [&mut client, &mut other] {
        let error = error_of(&client.call("one", "echo", json!({"message": "x"})), "rate_limited");
        assert_words(
            &error["message"].to_string(),
            &["one", "5 of 5 calls this month", "maxCallsPerMonth"],
        );
        assert_words(&error["hint"].to_string(), &["T00:00:00Z", "bridge limit"]);
        client.assert_echo("free");
    }
}

#[test]
fn a_used_up_limit_is_told_at_the_command_line() {
    let output = limited(0).run(&["call", "one", "echo", r#"{"message":"hi"}"#]).expect(1);
    assert_words(&output.stderr, &["0 of 0 calls this month", "bridge limit"]);
    assert_eq!(output.stdout, "");
}

#[test]
fn calls_at_the_same_time_do_not_exceed_a_limit() {
    let mut client = limited(20).serve_initialized();
    let mut other = beside(&client);
    let ids: Vec<(u64, u64)> = (0..40)
        .map(|_| {
            let params = json!({"message": "hi"});
            (
                client.start_call("one", "echo", params.clone()),
                other.start_call("one", "echo", params),
            )
        })
        .collect();
    let results = ids.into_iter().flat_map(|(id, its)| [client.result(id), other.result(its)]);
    let (refused, done): (Vec<_>, Vec<_>) = results.partition(is_error);
    assert_eq!(done.len(), 20);
    assert!(done.iter().all(|result| text_of(result) == "hi"));
    for result in &refused {
        error_of(result, "rate_limited");
    }
}

#[test]
fn places_of_a_killed_bridge_and_of_cancelled_calls_are_free_again() {
    let mut client = limited(1).serve_initialized();
    let mut other = beside(&client);
    let echo = |client: &mut Client| client.call("one", "echo", json!({"message": "hi"}));
    let lock = client.path("usage/one.lock");
    let has_place = || fs::read_to_string(&lock).is_ok_and(|text| text.contains(":1}"));
    let id = client.start_call("one", "sleep", json!({"ms": 60_000}));
    assert!(eventually(has_place));
    let error = error_of(&echo(&mut other), "rate_limited");
    assert_words(&error["message"].to_string(), &["0 of 1", "1 more under way"]);
    client.notify("notifications/cancelled", json!({"requestId": id}));
    assert!(eventually(|| !has_place()));
    client.start_call("one", "sleep", json!({"ms": 60_000}));
    assert!(eventually(has_place));
    client.signal(Signal::KILL);
    client.wait_exit(PATIENCE);
    assert_eq!(text_of(&echo(&mut other)), "hi");
    error_of(&echo(&mut other), "rate_limited");
}

#[test]
fn calls_of_a_server_without_a_limit_are_counted_by_the_end() {
    let mut client = limited(1).serve_initialized();
    let mut other = beside(&client);
    for _ in 0..30 {
        client.assert_echo("free");
        other.assert_echo("free");
    }
    other.close_stdin();
    assert_eq!(other.wait_exit(PATIENCE), 0);
    client.signal(Signal::TERM);
    client.wait_exit(PATIENCE);
    let file = fs::read_to_string(client.path("usage/free.json")).expect("it was written");
    assert_words(&file, &[":60}"]);
}

#[test]
fn a_limit_that_cannot_be_kept_stops_its_server_only() {
    let mut client = limited(5).file("usage", "not a folder").serve_initialized();
    let error = error_of(&client.call("one", "echo", json!({"message": "x"})), "rate_limited");
    assert_words(&error["message"].to_string(), &["one", "cannot be counted", "usage"]);
    client.assert_echo("free");
    client.close_stdin();
    assert_eq!(client.wait_exit(PATIENCE), 0);
    client.expect_stderr(&["calls cannot be counted"]);
}
