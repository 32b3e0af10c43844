//! Servers that do not come up, and servers that go down.

use std::time::Duration;

use serde_json::json;
use tokio::time::Instant;

use crate::support::{
    Bridge, Client, assert_words, error_of, eventually, is_error, lines_of, text_of, wait_gone,
};

#[test]
fn an_exit_during_the_handshake_is_told_with_code_and_stderr() {
    let mut client = Bridge::new()
        .server("broken", &["--exit-at-start", "42", "--stderr", "licence has expired"])
        .set("connectionTimeoutMs", 15_000)
        .serve_initialized();
    let begun = Instant::now();
    let error = error_of(&echo(&mut client, "broken"), "connection_failed");
    assert_words(&error.to_string(), &["broken", "42", "licence has expired"]);
    assert!(begun.elapsed() < Duration::from_secs(5), "at once, not after the timeout");
}

#[test]
fn an_unset_variable_is_named() {
    let mut client =
        Bridge::new().server("needy", &["--require-env", "TEST_API_KEY"]).serve_initialized();
    let error = error_of(&echo(&mut client, "needy"), "connection_failed");
    assert_words(&error.to_string(), &["TEST_API_KEY"]);
    let mut client = Bridge::new()
        .server("needy", &["--require-env", "TEST_API_KEY"])
        .config(|config| config["servers"]["needy"]["env"] = json!({"TEST_API_KEY": "x"}))
        .serve_initialized();
    client.assert_echo("needy");
}

#[test]
fn a_program_that_is_not_there_is_told_with_a_remedy() {
    let mut client = Bridge::new()
        .entry("missing", json!({"command": "no-such-program-anywhere", "args": []}))
        .server("good", &[])
        .serve_initialized();
    let error = error_of(&echo(&mut client, "missing"), "connection_failed");
    assert_words(&error.to_string(), &["no-such-program-anywhere", "PATH"]);
    client.assert_echo("good");
}

#[test]
fn a_folder_that_is_not_there_is_told() {
    let mut client = Bridge::new()
        .server("lost", &[])
        .config(|config| config["servers"]["lost"]["cwd"] = "/no/such/folder".into())
        .serve_initialized();
    let error = error_of(&echo(&mut client, "lost"), "connection_failed");
    assert_words(&error.to_string(), &["/no/such/folder"]);
}

#[test]
fn a_handshake_without_an_answer_times_out() {
    let mut client = Bridge::new()
        .server("silent", &["--silent", "--stderr", "waiting for a licence"])
        .server("good", &[])
        .set("connectionTimeoutMs", 500)
        .serve_initialized();
    let error = error_of(&echo(&mut client, "silent"), "connection_failed");
    assert_words(&error.to_string(), &["silent", "500", "waiting for a licence"]);
    client.assert_echo("good");
}

#[test]
fn while_cooling_down_the_last_error_is_the_answer() {
    let (mut client, log) = logged(&["--exit-at-start", "1", "--stderr", "boom"], |bridge| bridge);
    for _ in 0..5 {
        let error = error_of(&echo(&mut client, "one"), "connection_failed");
        assert_words(&error.to_string(), &["boom"]);
    }
    assert_eq!(log(), 1, "it was not started again");
}

#[test]
fn after_cooling_down_it_is_tried_again() {
    let (mut client, log) =
        logged(&["--exit-at-start", "1"], |bridge| bridge.set("routerConnectErrorCooldownMs", 50));
    let tried = eventually(|| {
        echo(&mut client, "one");
        log() >= 2
    });
    assert!(tried, "started {} times", log());
}

#[test]
fn a_crash_is_told_and_the_next_call_reconnects() {
    let (mut client, log) = logged(&[], |bridge| bridge);
    client.assert_echo("one");
    let params = json!({"code": 7, "stderr": "out of cheese"});
    let error = error_of(&client.call("one", "exit", params), "connection_failed");
    assert_words(&error.to_string(), &["7", "out of cheese"]);
    assert!(eventually(|| !is_error(&echo(&mut client, "one"))));
    assert_eq!(log(), 2);
}

#[test]
fn calls_in_flight_fail_when_the_server_dies() {
    let mut client = Bridge::new().server("one", &[]).server("two", &[]).serve_initialized();
    let elsewhere = client.start_call("two", "sleep", json!({"ms": 500}));
    let mut ids: Vec<u64> = (0..5).map(|_| client.start_call("one", "never", json!({}))).collect();
    ids.push(client.start_call("one", "exit", json!({"code": 1})));
    for id in ids {
        error_of(&client.result(id), "connection_failed");
    }
    assert_eq!(text_of(&client.result(elsewhere)), "slept 500 ms");
}

#[test]
fn a_death_is_noticed_though_a_grandchild_keeps_the_pipe() {
    let mut client = Bridge::new().server("one", &["--grandchild"]).serve_initialized();
    client.assert_echo("one");
    let begun = Instant::now();
    let result = client.call("one", "exit", json!({"code": 3}));
    error_of(&result, "connection_failed");
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
    assert!(eventually(|| !is_error(&echo(&mut client, "one"))));
}

#[test]
fn a_server_that_closed_its_stdin_is_lost_at_once() {
    let mut client =
        Bridge::new().server("one", &[]).set("requestTimeoutMs", 6000).serve_initialized();
    client.assert_echo("one");
    assert_eq!(text_of(&client.call("one", "close_stdin", json!({}))), "stdin is closed");
    let begun = Instant::now();
    let result = echo(&mut client, "one");
    let took = begun.elapsed();
    if is_error(&result) {
        error_of(&result, "connection_failed");
    }
    assert!(took < Duration::from_secs(3), "{took:?}");
    assert!(eventually(|| !is_error(&echo(&mut client, "one"))));
}

#[test]
fn refresh_ends_a_start_that_hangs() {
    let bridge = Bridge::new().set("connectionTimeoutMs", 500);
    let (marker, pids) = (bridge.path("marker"), bridge.path("pids"));
    let [marker, file] = [&marker, &pids].map(|path| path.to_str().expect("the path is UTF-8"));
    let mut client =
        bridge.server("one", &["--silent-first", marker, "--pid-file", file]).serve_initialized();
    error_of(&echo(&mut client, "one"), "connection_failed");
    let refreshed = client.mcp(&json!({"action": "refresh", "server": "one"}));
    assert!(!is_error(&refreshed), "{refreshed}");
    client.assert_echo("one");
    let first = lines_of(&pids)[0].parse().expect("a process id a line");
    wait_gone(&[first]);
}

#[test]
fn a_call_that_may_have_run_is_not_run_again() {
    let (mut client, log) =
        logged(&[], |bridge| bridge.set("retry", json!({"maxAttempts": 3, "delayMs": 1})));
    client.assert_echo("one");
    error_of(&client.call("one", "exit", json!({"code": 1})), "connection_failed");
    assert_eq!(log(), 1, "a second run would have needed a second start");
    assert!(eventually(|| !is_error(&echo(&mut client, "one"))));
    assert_eq!(text_of(&client.call("one", "count", json!({}))), "1");
}

/// Serves the one server `one`; the second value counts how often it was started.
fn logged(flags: &[&str], set: fn(Bridge) -> Bridge) -> (Client, impl Fn() -> usize + use<>) {
    let bridge = Bridge::new();
    let path = bridge.path("starts");
    let log = path.to_str().expect("the path is UTF-8").to_owned();
    let flags: Vec<&str> = flags.iter().copied().chain(["--start-log", &log]).collect();
    let client = set(bridge.server("one", &flags)).serve_initialized();
    (client, move || lines_of(&path).len())
}

fn echo(client: &mut Client, server: &str) -> serde_json::Value {
    client.call(server, "echo", json!({"message": "x"}))
}
