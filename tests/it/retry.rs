//! Further tries: only where they are safe.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;

use crate::support::{Bridge, Client, Web, error_of, lines_of, text_of};

fn client(retry: Value) -> Client {
    Bridge::new()
        .server("one", &[])
        .config(move |config| {
            config["retry"] = retry;
            config["requestTimeoutMs"] = json!(1000);
            // A server that ends without an answer cools down longer each time; here it need not.
            config["routerConnectErrorCooldownMs"] = json!(0);
        })
        .serve_initialized()
}

fn call(client: &mut Client, tool: &str, failures: u32, silent: bool) -> (Value, usize) {
    let file = client.path(&format!("{tool}-runs"));
    let params = json!({"file": file, "failures": failures, "silent": silent});
    let result = client.call("one", tool, params);
    (result, lines_of(&file).len())
}

#[test]
fn a_read_only_tool_is_tried_again() {
    let mut client = client(json!({"maxAttempts": 3, "delayMs": 1}));
    let (result, runs) = call(&mut client, "flaky_read", 2, false);
    assert_eq!((text_of(&result), runs), ("run 3", 3));
    assert_eq!(result["_meta"], json!({"bridge/retries": 2}));
}

#[test]
fn a_timeout_is_tried_again() {
    let mut client = client(json!({"maxAttempts": 2, "delayMs": 1, "retryOn": ["timeout"]}));
    let (result, runs) = call(&mut client, "flaky_read", 1, true);
    assert_eq!((text_of(&result), runs), ("run 2", 2));
}

#[test]
fn tries_end_at_the_limit_and_are_told() {
    let mut client = client(json!({"maxAttempts": 2, "delayMs": 1}));
    let (result, runs) = call(&mut client, "flaky_read", 9, false);
    let error = error_of(&result, "connection_failed");
    assert!(error["message"].as_str().is_some_and(|text| text.ends_with("(tried 2 times)")));
    assert_eq!(runs, 2);
}

#[test]
fn a_call_that_may_have_run_does_not_run_twice() {
    let mut client = client(json!({"maxAttempts": 5, "delayMs": 1}));
    for silent in [false, true] {
        let (result, _) = call(&mut client, "flaky_write", 9, silent);
        error_of(&result, if silent { "timed_out" } else { "connection_failed" });
    }
    assert_eq!(lines_of(&client.path("flaky_write-runs")).len(), 2);
}

#[test]
fn other_causes_are_not_tried_again() {
    let mut client = client(json!({"maxAttempts": 5, "delayMs": 1, "retryOn": ["timeout"]}));
    let (result, runs) = call(&mut client, "flaky_read", 9, false);
    error_of(&result, "connection_failed");
    assert_eq!(runs, 1);
    // An answer is an answer.
    let refused = client.call("one", "rpc_error", json!({"code": -32000, "message": "no"}));
    let error = error_of(&refused, "mcp_error");
    assert!(!error.to_string().contains("tried"), "{error}");
}

#[test]
fn one_server_may_be_tried_more_often() {
    let mut client = Bridge::new()
        .server("one", &[])
        .config(|config| {
            config["servers"]["one"]["retry"] = json!({"maxAttempts": 2, "delayMs": 1});
            config["routerConnectErrorCooldownMs"] = json!(0);
        })
        .serve_initialized();
    let (result, runs) = call(&mut client, "flaky_read", 1, false);
    assert_eq!((text_of(&result), runs), ("run 2", 2));
}

/// A server that refuses the first call by this status, and asks to be left alone.
fn busy(status: u16, seconds: &'static str, may_repeat: bool) -> Web {
    let refused = AtomicBool::new(false);
    Web::start(move |request, reply| {
        if request.is("tools/list") {
            let hints = json!({"readOnlyHint": may_repeat});
            let tool =
                json!({"name": "echo", "inputSchema": {"type": "object"}, "annotations": hints});
            return reply.json(&request.result(&json!({"tools": [tool]})));
        }
        request.is("tools/call")
            && !refused.swap(true, Ordering::Relaxed)
            && reply.send(status, &[("Retry-After", seconds)], "")
    })
}

#[test]
fn a_server_that_asks_to_be_left_alone_is() {
    let check = |status, seconds, may_repeat, tries| {
        let web = busy(status, seconds, may_repeat);
        let retry = json!({"maxAttempts": 2, "delayMs": 1});
        let mut client =
            Bridge::new().entry("web", web.entry()).set("retry", retry).serve_initialized();
        let begun = Instant::now();
        let result = client.call("web", "echo", json!({"message": "hello"}));
        if tries == 2 {
            assert_eq!(text_of(&result), "hello");
            assert!(begun.elapsed() >= Duration::from_secs(1), "{:?}", begun.elapsed());
        } else {
            error_of(&result, "connection_failed");
        }
        assert_eq!(web.messages("tools/call").len(), tries, "{status} {seconds} {may_repeat}");
    };
    check(429, "1", true, 2);
    // Nothing has run, so that it may go again whatever it does.
    check(429, "1", false, 2);
    check(503, "1", true, 2);
    check(503, "1", false, 1);
    // No caller waits for hours, and to come back earlier is not what was asked for.
    check(429, "7200", true, 1);
}
