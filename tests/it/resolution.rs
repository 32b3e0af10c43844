//! Calls that name no server.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;

use crate::support::{Bridge, Client, error_of, is_error, json_of, text_of};

#[test]
fn the_only_holder_is_called() {
    let mut client = two(&["--extra-tools", "1"]);
    let result = client.mcp(&json!({"tool": "tool_0001", "params": {}}));
    assert_eq!(text_of(&result), "tool_0001");
}

#[test]
fn near_scores_are_ambiguous() {
    let mut client = two(&[]);
    let result = client.mcp(&json!({"tool": "echo", "params": {"message": "x"}}));
    assert!(!is_error(&result), "ambiguous is no error: {result}");
    let answer = json_of(&result);
    assert_eq!(answer["ambiguous"], true);
    assert!(answer["message"].is_string(), "{answer}");
    let candidates = answer["candidates"].as_array().expect("`candidates` is an array");
    assert_eq!(candidates.len(), 2, "{answer}");
    for candidate in candidates {
        assert_eq!(candidate["tool"], "echo");
        assert!(candidate["score"].is_f64(), "{candidate}");
    }
    assert_eq!(candidates[0]["server"], "second", "the last configured scores highest: {answer}");
}

#[test]
fn the_server_used_last_is_meant() {
    let mut client = two(&[]);
    client.call("first", "count", json!({}));
    let result = client.mcp(&json!({"tool": "count", "params": {}}));
    assert_eq!(text_of(&result), "2", "the first server has counted before");
}

#[test]
fn a_tool_that_nobody_has_is_unknown() {
    let mut client = two(&[]);
    let error = error_of(&client.mcp(&json!({"tool": "ecko", "params": {}})), "unknown_tool");
    assert!(error.to_string().contains("echo"), "{error}");
}

#[test]
fn a_dead_server_does_not_hide_the_others() {
    let mut client = Bridge::new()
        .server("dead", &["--exit-at-start", "1"])
        .server("alive", &["--extra-tools", "1"])
        .serve_initialized();
    let result = client.mcp(&json!({"tool": "tool_0001", "params": {}}));
    assert_eq!(text_of(&result), "tool_0001");
    let candidates: Value = client.mcp_json(&json!({"action": "list"}));
    assert!(candidates.to_string().contains("alive"), "{candidates}");
}

#[test]
fn a_server_that_never_starts_holds_up_few_calls() {
    let mut client = Bridge::new()
        .server("silent", &["--silent"])
        .server("alive", &[])
        .set("connectionTimeoutMs", 300)
        .set("routerConnectErrorCooldownMs", 300)
        .serve_initialized();
    // The calls take their time, so that the pause after a failed start ends while they go on.
    let mut slow = Vec::new();
    let begun = Instant::now();
    for _ in 0..10 {
        let call = Instant::now();
        let result = client.mcp(&json!({"tool": "sleep", "params": {"ms": 100}}));
        assert_eq!(text_of(&result), "slept 100 ms");
        if call.elapsed() > Duration::from_millis(390) {
            slow.push(call.elapsed());
        }
    }
    assert!(slow.len() <= 2, "these waited: {slow:?}");
    assert!(begun.elapsed() < Duration::from_millis(2500), "{:?}", begun.elapsed());
}

/// Two servers with the same tools; the second is started with these flags.
fn two(flags: &[&str]) -> Client {
    Bridge::new().server("first", &[]).server("second", flags).serve_initialized()
}
