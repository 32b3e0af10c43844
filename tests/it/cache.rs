//! The result cache: what is given again, and what never is.

use serde_json::{Value, json};

use crate::support::{Bridge, Client, is_error, text_of};

fn client(cache: Value) -> Client {
    Bridge::new()
        .server("one", &[])
        .config(move |config| config["resultCache"] = cache)
        .serve_initialized()
}

fn tally(client: &mut Client, note: &Value) -> String {
    text_of(&client.call("one", "tally", json!({"note": note}))).to_owned()
}

#[test]
fn equal_calls_get_one_result() {
    let mut client = client(json!({"enabled": true}));
    assert_eq!(tally(&mut client, &json!({"a": 1, "b": [2]})), "1");
    // The order of keys is no difference, at no depth; the order of a list is one.
    assert_eq!(tally(&mut client, &json!({"b": [2], "a": 1})), "1");
    assert_eq!(tally(&mut client, &json!({"a": 1, "b": [2, 3]})), "2");
    assert_eq!(tally(&mut client, &json!({"a": 1, "b": [3, 2]})), "3");
}

#[test]
fn nothing_is_given_again_unless_the_config_says_so() {
    let mut client = client(json!({}));
    for expected in ["1", "2"] {
        assert_eq!(tally(&mut client, &Value::Null), expected);
    }
}

#[test]
fn equal_calls_in_flight_are_one() {
    let mut client = client(json!({"enabled": true}));
    client.assert_echo("one");
    let ids: Vec<u64> =
        (0..5).map(|_| client.start_call("one", "tally", json!({"ms": 200}))).collect();
    for id in ids {
        assert_eq!(text_of(&client.result(id)), "1");
    }
}

#[test]
fn who_waits_for_a_cancelled_call_gets_one_of_his_own() {
    let mut client = client(json!({"enabled": true}));
    client.assert_echo("one");
    let first = client.start_call("one", "tally", json!({"ms": 1000}));
    let second = client.start_call("one", "tally", json!({"ms": 1000}));
    client.assert_echo("one");
    client.notify("notifications/cancelled", json!({"requestId": first}));
    assert_eq!(text_of(&client.result(second)), "2");
}

#[test]
fn writes_are_made_each_time_and_make_reads_new() {
    let mut client = client(json!({"enabled": true}));
    let write = |client: &mut Client| text_of(&client.call("one", "write", json!({}))).to_owned();
    assert_eq!(tally(&mut client, &Value::Null), "1");
    assert_eq!(write(&mut client), "2");
    assert_eq!(write(&mut client), "3");
    assert_eq!(tally(&mut client, &Value::Null), "4");
    assert_eq!(tally(&mut client, &Value::Null), "4");
}

#[test]
fn a_write_that_fails_or_is_withdrawn_may_have_run() {
    let mut client = Bridge::new()
        .server("one", &[])
        .config(|config| {
            config["resultCache"] = json!({"enabled": true});
            config["requestTimeoutMs"] = json!(400);
        })
        .serve_initialized();
    assert_eq!(tally(&mut client, &Value::Null), "1");
    assert_eq!(tally(&mut client, &Value::Null), "1");
    // It says that it writes, and answers too late.
    assert!(is_error(&client.call("one", "sleep", json!({"ms": 60_000}))));
    assert_eq!(tally(&mut client, &Value::Null), "2");
    let id = client.start_call("one", "sleep", json!({"ms": 60_000}));
    client.assert_echo("one");
    client.notify("notifications/cancelled", json!({"requestId": id}));
    client.drain();
    assert_eq!(tally(&mut client, &Value::Null), "3");
}

#[test]
fn a_tool_that_says_nothing_of_itself_is_read_from_the_cache_and_one_that_is_named_too() {
    let cache = json!({"enabled": true, "cacheTtl": {"one:write": 60_000, "one:tally": 0}});
    let mut client = client(cache);
    for (tool, expected) in [
        ("count", "1"),
        ("count", "1"),
        ("write", "2"),
        ("write", "2"),
        ("tally", "3"),
        ("tally", "4"),
    ] {
        assert_eq!(text_of(&client.call("one", tool, json!({}))), expected, "{tool}");
    }
}

#[test]
fn errors_are_not_given_again() {
    let mut client = client(json!({"enabled": true}));
    let file = client.path("runs");
    let flaky = json!({"file": file, "failures": 1});
    assert!(is_error(&client.call("one", "flaky_read", flaky.clone())));
    assert_eq!(text_of(&client.call("one", "flaky_read", flaky.clone())), "run 2");
    assert_eq!(text_of(&client.call("one", "flaky_read", flaky)), "run 2");
}

#[test]
fn refresh_forgets_what_was_kept() {
    let mut client = client(json!({"enabled": true}));
    assert_eq!(tally(&mut client, &Value::Null), "1");
    client.mcp(&json!({"action": "refresh", "server": "one"}));
    assert_eq!(tally(&mut client, &Value::Null), "2");
}

#[test]
fn results_age() {
    let mut client = client(json!({"enabled": true, "defaultTtlMs": 300}));
    assert_eq!(tally(&mut client, &Value::Null), "1");
    let begun = tokio::time::Instant::now();
    let mut seen = String::from("1");
    while seen == "1" {
        seen = tally(&mut client, &Value::Null);
    }
    assert_eq!(seen, "2");
    assert!(begun.elapsed().as_millis() >= 250, "{:?}", begun.elapsed());
}
