//! Many calls at once.

use std::time::Duration;

use serde_json::json;
use tokio::time::Instant;

use crate::support::{Bridge, lines_of, text_of};

const CALLS: u64 = 32;

#[test]
fn calls_of_one_server_run_side_by_side() {
    let mut client = Bridge::new().server("one", &[]).serve_initialized();
    client.assert_echo("one");
    let begun = Instant::now();
    // The first sent takes longest, so answers come back in another order than the calls.
    let ids: Vec<u64> = (0..CALLS)
        .map(|index| client.start_call("one", "sleep", json!({"ms": 500 - 10 * index})))
        .collect();
    let mut order = Vec::new();
    while order.len() < ids.len() {
        let message = client.next();
        let id = message["id"].as_u64().expect("only answers are awaited");
        assert!(text_of(&message["result"]).starts_with("slept"), "{message}");
        order.push(id);
    }
    let place = |id: &u64| order.iter().position(|other| other == id);
    assert!(place(&ids[31]) < place(&ids[0]), "completion order: {order:?}");
    let serial = Duration::from_millis((0..CALLS).map(|index| 500 - 10 * index).sum());
    assert!(begun.elapsed() < serial / 3, "{:?} of {serial:?}", begun.elapsed());
}

#[test]
fn thirty_two_short_calls_take_about_as_long_as_one() {
    let mut client = Bridge::new().server("one", &[]).serve_initialized();
    client.assert_echo("one");
    let begun = Instant::now();
    let ids: Vec<u64> =
        (0..CALLS).map(|_| client.start_call("one", "sleep", json!({"ms": 50}))).collect();
    for id in ids {
        client.result(id);
    }
    assert!(begun.elapsed() < Duration::from_millis(800), "{:?}", begun.elapsed());
}

#[test]
fn a_slow_call_holds_up_nobody() {
    let mut client = Bridge::new().server("slow", &[]).server("quick", &[]).serve_initialized();
    let slow = client.start_call("slow", "sleep", json!({"ms": 600_000}));
    client.assert_echo("quick");
    client.assert_echo("slow");
    assert!(client.drain().iter().all(|message| message["id"] != slow));
}

#[test]
fn a_server_that_starts_slowly_holds_up_nobody() {
    let mut client = Bridge::new()
        .server("slow", &["--start-delay-ms", "600000"])
        .server("quick", &[])
        .set("connectionTimeoutMs", 600_000)
        .serve_initialized();
    let slow = client.start_call("slow", "echo", json!({"message": "x"}));
    client.assert_echo("quick");
    assert!(client.drain().iter().all(|message| message["id"] != slow));
}

#[test]
fn first_calls_at_the_same_time_start_the_server_once() {
    let bridge = Bridge::new();
    let starts = bridge.path("starts");
    let log = starts.to_str().expect("the path is UTF-8").to_owned();
    let flags = ["--start-log", &log, "--start-delay-ms", "100"];
    let mut client = bridge.server("one", &flags).serve_initialized();
    let ids: Vec<u64> = (0..16)
        .map(|index| client.start_call("one", "echo", json!({"message": index.to_string()})))
        .collect();
    for (index, id) in ids.into_iter().enumerate() {
        assert_eq!(text_of(&client.result(id)), index.to_string());
    }
    assert_eq!(lines_of(&starts).len(), 1);
}

#[test]
fn servers_start_side_by_side() {
    let mut bridge = Bridge::new();
    for index in 0..8 {
        bridge = bridge.server(&format!("slow-{index}"), &["--start-delay-ms", "1000"]);
    }
    let mut client = bridge.serve_initialized();
    let begun = Instant::now();
    let ids: Vec<u64> = (0..8)
        .map(|index| client.start_call(&format!("slow-{index}"), "echo", json!({"message": "x"})))
        .collect();
    for id in ids {
        assert_eq!(text_of(&client.result(id)), "x");
    }
    assert!(begun.elapsed() < Duration::from_secs(4), "{:?}", begun.elapsed());
}
