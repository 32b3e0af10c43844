//! Calls that end early: cancelled by the client, or given up on by the bridge.

use serde_json::{Value, json};

use crate::support::{Bridge, Client, error_of, eventually, json_of, text_of};

#[test]
fn a_cancellation_reaches_the_upstream() {
    let mut client = Bridge::new().server("one", &[]).serve_initialized();
    client.assert_echo("one");
    let id = client.start_call("one", "sleep", json!({"ms": 600_000}));
    // Once this is answered, the call before it has arrived: cancelling it must be told to the server.
    client.assert_echo("one");
    client.notify("notifications/cancelled", json!({"requestId": id, "reason": "no more need"}));
    let cancelled = cancelled_at(&mut client, "one");
    assert_eq!(cancelled[0]["tool"], "sleep", "{cancelled}");
    assert_eq!(cancelled[0]["reason"], "no more need", "{cancelled}");
    let late = client.drain();
    assert!(late.iter().all(|message| message.get("result").is_none()), "{late:?}");
}

#[test]
fn a_cancellation_hits_the_call_that_it_names() {
    let mut client = Bridge::new().server("one", &[]).serve_initialized();
    let doomed = client.start_call("one", "sleep", json!({"ms": 600_000}));
    let kept = client.start_call("one", "sleep", json!({"ms": 300}));
    client.assert_echo("one");
    client.notify("notifications/cancelled", json!({"requestId": doomed}));
    assert_eq!(text_of(&client.result(kept)), "slept 300 ms");
    let cancelled = cancelled_at(&mut client, "one");
    assert_eq!(cancelled.as_array().map(Vec::len), Some(1), "{cancelled}");
}

#[test]
fn a_cancellation_while_the_server_starts_is_heeded() {
    let mut client = Bridge::new().server("one", &["--start-delay-ms", "300"]).serve_initialized();
    let id = client.start_call("one", "count", json!({}));
    client.notify("notifications/cancelled", json!({"requestId": id}));
    let ping = client.request("ping", json!({}));
    client.answer(ping);
    assert_eq!(text_of(&client.call("one", "count", json!({}))), "1", "the first never ran");
}

#[test]
fn cancelling_what_is_not_there_does_nothing() {
    let mut client = Bridge::new().server("one", &[]).serve_initialized();
    let done = client.start_call("one", "echo", json!({"message": "x"}));
    client.result(done);
    for id in [json!(done), json!(4711), json!("nobody"), json!(null)] {
        client.notify("notifications/cancelled", json!({"requestId": id}));
    }
    client.notify("notifications/cancelled", json!({}));
    client.assert_echo("one");
    assert_eq!(client.drain(), Vec::<Value>::new());
}

#[test]
fn a_call_that_is_never_answered_times_out() {
    let mut client = short_patience();
    let error = error_of(&client.call("one", "never", json!({})), "timed_out");
    assert!(error["message"].to_string().contains("300"), "names the limit: {error}");
    client.assert_echo("one");
    let cancelled = cancelled_at(&mut client, "one");
    assert_eq!(cancelled[0]["tool"], "never", "the server is told: {cancelled}");
}

#[test]
fn an_answer_after_the_timeout_is_dropped() {
    let mut client = short_patience();
    let id = client.start_call("one", "late", json!({"ms": 600}));
    error_of(&client.result(id), "timed_out");
    // By the time that this one is answered, the late answer has arrived.
    let params = json!({"count": 8, "delayMs": 75});
    let arguments = json!({"server": "one", "tool": "progress", "params": params});
    let meta = json!({"progressToken": 1});
    let wait = json!({"name": "mcp", "arguments": arguments, "_meta": meta});
    let wait = client.request("tools/call", wait);
    assert_eq!(text_of(&client.result(wait)), "8 steps");
    assert!(client.drain().iter().all(|message| message["id"] != id), "answered twice");
    client.assert_echo("one");
}

fn short_patience() -> Client {
    let mut client =
        Bridge::new().server("one", &[]).set("requestTimeoutMs", 300).serve_initialized();
    client.assert_echo("one");
    client
}

/// The cancellations that the upstream has seen, once there is one.
fn cancelled_at(client: &mut Client, server: &str) -> Value {
    let mut cancelled = Value::Null;
    let arrived = eventually(|| {
        cancelled = json_of(&client.call(server, "cancelled", json!({})));
        cancelled != json!([])
    });
    assert!(arrived, "no cancellation arrived");
    cancelled
}
