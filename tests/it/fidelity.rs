//! What an upstream sends is what the client gets.

use serde_json::{Value, json};

use crate::support::{Bridge, Client, error_of, is_error, json_of, text_of};

#[test]
fn a_result_comes_back_as_it_was() {
    let expected: Value =
        serde_json::from_str(include_str!("../upstream/image.json")).expect("the file is JSON");
    let result = one().call("one", "image", json!({}));
    // As text, so that the order of keys counts as well.
    assert_eq!(result.to_string(), expected.to_string());
}

#[test]
fn a_failed_result_stays_the_upstreams_own() {
    let result = one().call("one", "fail", json!({}));
    assert_eq!(result["content"], json!([{"type": "text", "text": "it failed"}]));
    assert_eq!(result["isError"], true);
    assert_eq!(result["x-why"], json!({"deep": [1]}));
}

#[test]
fn arguments_arrive_as_they_were_sent() {
    let params =
        json!({"zebra": 12_345_678_901_234_567_890u64, "apple": {"b": "\u{e9}\u{1f600}", "a": []}});
    let result = one().call("one", "meta", params.clone());
    let arrived = json_of(&result);
    assert_eq!(arrived["name"], "meta");
    assert_eq!(arrived["arguments"].to_string(), params.to_string());
}

#[test]
fn a_json_rpc_error_keeps_its_code_and_message() {
    let mut client = one();
    let params = json!({"code": -32050, "message": "the moon is full"});
    let error = error_of(&client.call("one", "rpc_error", params), "mcp_error");
    assert_eq!(error["code"], -32050);
    assert!(error["message"].to_string().contains("the moon is full"), "{error}");
}

#[test]
fn a_large_result_arrives_whole() {
    let result = one().call("one", "big", json!({"bytes": 3_000_000}));
    assert_eq!(text_of(&result).len(), 3_000_000);
}

#[test]
fn the_envelope_is_there_for_those_who_ask() {
    let mut client =
        Bridge::new().server("one", &[]).set("callFormat", "envelope").serve_initialized();
    let result = client.call("one", "echo", json!({"message": "wrapped"}));
    assert!(!is_error(&result), "{result}");
    let envelope = json_of(&result);
    assert_eq!(envelope["server"], "one");
    assert_eq!(envelope["action"], "call");
    assert_eq!(envelope["tool"], "echo");
    assert!(envelope["result"].to_string().contains("wrapped"), "{envelope}");
}

#[test]
fn older_upstreams_are_spoken_to_in_their_revision() {
    for revision in ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"] {
        let mut client = Bridge::new().server("one", &["--protocol", revision]).serve_initialized();
        client.assert_echo("one");
    }
}

#[test]
fn an_upstreams_ping_is_answered() {
    let answer = json_of(&one().call("one", "ask", json!({"method": "ping"})));
    assert_eq!(answer["result"], json!({}), "{answer}");
}

#[test]
fn an_upstreams_request_that_nobody_serves_is_refused() {
    let answer = json_of(&one().call("one", "ask", json!({"method": "x/unheard-of"})));
    assert_eq!(answer["error"]["code"], -32601, "{answer}");
}

fn one() -> Client {
    Bridge::new().server("one", &[]).serve_initialized()
}
