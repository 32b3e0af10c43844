//! Progress: all of it, in order, before the answer, and to nobody else.

use std::collections::HashMap;

use serde_json::{Value, json};

use crate::support::{Bridge, Client, text_of};

const CALLS: u64 = 300;
const STEPS: u64 = 20;

#[test]
fn every_notification_comes_before_its_answer_and_in_order() {
    let mut client = Bridge::new().server("one", &[]).serve_initialized();
    let mut seen: HashMap<String, u64> = HashMap::new();
    let mut tokens: HashMap<u64, Value> = HashMap::new();
    for index in 0..CALLS {
        let token = if index % 2 == 0 { json!(index) } else { json!(format!("token-{index}")) };
        tokens.insert(start(&mut client, STEPS, 0, &token), token);
    }
    while !tokens.is_empty() {
        let message = client.next();
        if let Some(id) = message["id"].as_u64() {
            let token = tokens.remove(&id).expect("each call is answered once");
            assert_eq!(seen.get(&token.to_string()), Some(&STEPS), "before the answer: {message}");
            continue;
        }
        assert_eq!(message["method"], "notifications/progress");
        let params = &message["params"];
        let count = seen.entry(params["progressToken"].to_string()).or_default();
        *count += 1;
        assert_eq!(params["progress"], *count, "in order: {message}");
        assert_eq!(params["total"], STEPS);
        assert_eq!(params["x-extra"]["step"], *count, "unknown fields stay: {message}");
    }
    assert_eq!(seen.len() as u64, CALLS, "no token but the client's own: {:?}", seen.keys());
}

#[test]
fn without_a_token_there_is_no_progress() {
    let mut client = Bridge::new().server("one", &[]).serve_initialized();
    let result = client.call("one", "progress", json!({"count": 5}));
    assert_eq!(text_of(&result), "5 steps");
    assert_eq!(client.drain(), Vec::<Value>::new());
}

#[test]
fn a_token_of_the_wrong_kind_is_none() {
    let mut client = Bridge::new().server("one", &[]).serve_initialized();
    for token in [json!(null), json!({"a": 1}), json!([1]), json!(true)] {
        let id = start(&mut client, 5, 0, &token);
        let answer = client.answer(id);
        assert!(
            answer.get("error").is_some() || text_of(&answer["result"]) == "5 steps",
            "for {token}: {answer}"
        );
        assert_eq!(client.drain(), Vec::<Value>::new(), "for {token}");
    }
}

#[test]
fn progress_restarts_the_clock() {
    let mut client =
        Bridge::new().server("one", &[]).set("requestTimeoutMs", 1000).serve_initialized();
    let id = start(&mut client, 6, 300, &json!("patience"));
    assert_eq!(text_of(&client.result(id)), "6 steps");
}

/// Calls `progress` with a token of the client's choice.
fn start(client: &mut Client, count: u64, delay_ms: u64, token: &Value) -> u64 {
    let arguments = json!({
        "server": "one", "tool": "progress", "params": {"count": count, "delayMs": delay_ms},
    });
    let meta = json!({"progressToken": token});
    client.request("tools/call", json!({"name": "mcp", "arguments": arguments, "_meta": meta}))
}

#[test]
fn a_token_that_comes_back_as_a_string_is_understood() {
    let mut client = Bridge::new().server("one", &[]).serve_initialized();
    let arguments =
        json!({"server": "one", "tool": "progress", "params": {"count": 1, "asText": true}});
    let params = json!({"name": "mcp", "arguments": arguments, "_meta": {"progressToken": 70}});
    let id = client.request("tools/call", params);
    let message = client.next();
    assert_eq!(message["params"]["progressToken"], 70, "{message}");
    assert_eq!(text_of(&client.result(id)), "1 steps");
}
