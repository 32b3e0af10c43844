//! `batch`: several calls in one request, some of them with the results of others as arguments.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;

use crate::support::{Bridge, Client, assert_words, error_of, is_error, json_of};

fn client() -> Client {
    Bridge::new().server("one", &[]).server("two", &[]).serve_initialized()
}

#[track_caller]
fn batch(client: &mut Client, calls: &Value) -> Vec<Value> {
    let answer = client.mcp_json(&json!({"action": "batch", "calls": calls}));
    assert_eq!(answer["action"], "batch", "{answer}");
    answer["results"].as_array().cloned().unwrap_or_else(|| panic!("no results: {answer}"))
}

fn text(slot: &Value) -> &str {
    slot["result"]["content"][0]["text"].as_str().unwrap_or_else(|| panic!("no text: {slot}"))
}

/// A call that answers with this value as structured content.
fn given(id: &str, value: &Value) -> Value {
    let result = json!({"content": [], "structuredContent": value});
    json!({"id": id, "server": "one", "tool": "result", "params": {"result": result}})
}

fn echo(message: &Value) -> Value {
    json!({"server": "one", "tool": "echo", "params": {"message": message}})
}

#[test]
fn results_and_errors_come_in_the_order_of_the_calls() {
    let mut client = client();
    let slots = batch(
        &mut client,
        &json!([
            {"server": "one", "tool": "sleep", "params": {"ms": 100}},
            {"server": "two", "tool": "ecko", "params": {}},
            {"server": "thre", "tool": "echo"},
            {"server": "two", "tool": "rpc_error", "params": {"code": -32050, "message": "no"}},
            {"server": "two", "tool": "fail", "params": {}},
            {"tool": "echo", "params": {"message": "hi"}},
        ]),
    );
    assert_eq!(slots.len(), 6);
    assert_eq!(text(&slots[0]), "slept 100 ms");
    assert_eq!((&slots[0]["server"], &slots[0]["tool"]), (&json!("one"), &json!("sleep")));
    assert!(slots[0].get("error").is_none());
    assert_eq!(slots[1]["error"]["error"], "unknown_tool");
    assert_words(&slots[1]["error"].to_string(), &["did you mean `echo`"]);
    assert_eq!(slots[2]["error"]["error"], "unknown_server");
    assert_eq!(slots[3]["error"]["error"], "mcp_error");
    assert_eq!(slots[3]["error"]["code"], -32050);
    assert!(is_error(&slots[4]["result"]), "{}", slots[4]);
    assert_eq!(slots[5]["ambiguous"], true, "{}", slots[5]);
    assert!(slots[5].get("result").is_none());
}

#[test]
fn ten_sleeping_calls_on_four_servers_take_as_long_as_one() {
    let servers = ["a", "b", "c", "d"];
    let mut bridge = Bridge::new();
    for server in servers {
        bridge = bridge.server(server, &[]);
    }
    let mut client = bridge.serve_initialized();
    for server in servers {
        client.assert_echo(server);
    }
    let sleep = |ms: u64| {
        let call = |index: usize| json!({"server": servers[index % 4], "tool": "sleep", "params": {"ms": ms}});
        json!((0..10).map(call).collect::<Vec<_>>())
    };
    // The same batch without the sleep is what the machine needs for it by itself.
    let begun = Instant::now();
    batch(&mut client, &sleep(0));
    let overhead = begun.elapsed();
    let begun = Instant::now();
    let slots = batch(&mut client, &sleep(600));
    let took = begun.elapsed();
    assert!(slots.iter().all(|slot| text(slot) == "slept 600 ms"));
    assert!(took >= Duration::from_millis(600), "{took:?}");
    assert!(took < Duration::from_millis(1100) + 2 * overhead, "{took:?}, {overhead:?} without");
}

#[test]
fn no_more_than_three_calls_reach_one_server_at_a_time() {
    let mut client = client();
    client.assert_echo("one");
    let calls: Vec<Value> =
        (0..7).map(|_| json!({"server": "one", "tool": "sleep", "params": {"ms": 300}})).collect();
    let begun = Instant::now();
    batch(&mut client, &json!(calls));
    // Three, three and one.
    assert!(begun.elapsed() >= Duration::from_millis(900), "{:?}", begun.elapsed());
    assert!(begun.elapsed() < Duration::from_millis(1800), "{:?}", begun.elapsed());
}

#[test]
fn results_become_arguments() {
    let mut client = client();
    let slots = batch(
        &mut client,
        &json!([
            {"server": "one", "tool": "meta", "params": {"zebra": [{"$ref": "b"}]}},
            {"id": "b", "server": "two", "tool": "result", "params": {"result": {
                "content": [], "structuredContent": {"from": {"$ref": "a"}, "note": "n"}}}},
            given("a", &json!({"list": [1, 2]})),
        ]),
    );
    assert_eq!(slots[1]["id"], "b");
    let expected = json!({"from": {"list": [1, 2]}, "note": "n"});
    assert_eq!(slots[1]["result"]["structuredContent"], expected);
    let arrived: Value = serde_json::from_str(text(&slots[0])).expect("the parameters as JSON");
    assert_eq!(arrived["arguments"]["zebra"], json!([expected]));
}

#[test]
fn a_server_counts_for_all_calls_that_name_none() {
    let mut client = client();
    let answer = client.mcp_json(&json!({"action": "batch", "server": "two", "calls": [
        {"tool": "echo", "params": {"message": "x"}},
        {"server": "one", "tool": "echo", "params": {"message": "x"}},
    ]}));
    let servers: Vec<_> = (0..2).map(|slot| answer["results"][slot]["server"].clone()).collect();
    assert_eq!(servers, ["two", "one"], "{answer}");
}

#[test]
fn arguments_stay_an_object() {
    let mut client = client();
    let calls = json!([
        {"id": "a", "server": "one", "tool": "echo", "params": {"message": "words"}},
        {"server": "one", "tool": "meta", "params": {"$ref": "a"}},
    ]);
    let slots = batch(&mut client, &calls);
    assert_eq!(slots[1]["error"]["error"], "invalid_params", "{}", slots[1]);
}

#[test]
fn a_failed_call_fails_those_that_refer_to_it_and_no_other() {
    let mut client = client();
    let calls = json!([
        {"id": "bad", "server": "one", "tool": "fail", "params": {}},
        {"id": "next", "server": "one", "tool": "echo", "params": {"message": {"$ref": "bad"}}},
        echo(&json!([{"$ref": "next"}])),
        echo(&json!("by itself")),
    ]);
    let slots = batch(&mut client, &calls);
    assert!(is_error(&slots[0]["result"]));
    for (slot, cause) in [(&slots[1], "`bad`"), (&slots[2], "`next`")] {
        assert_eq!(slot["error"]["error"], "invalid_params", "{slot}");
        assert_words(slot["error"]["message"].as_str().unwrap_or_default(), &["not called", cause]);
    }
    assert_eq!(text(&slots[3]), "by itself");
}

#[test]
fn nothing_runs_when_the_batch_is_wrong() {
    let mut client = client();
    let count = json!({"server": "one", "tool": "count", "params": {}});
    let wrong = [
        json!([count, {"server": "one"}]),
        json!([count, echo(&json!({"$ref": "nobody"}))]),
        json!([count, {"id": "a", "tool": "echo", "params": {"message": {"$ref": "a"}}}]),
        json!(vec![count.clone(); 11]),
        json!([]),
    ];
    for calls in wrong {
        let result = client.mcp(&json!({"action": "batch", "calls": calls}));
        error_of(&result, "invalid_params");
    }
    let slots = batch(&mut client, &json!([count]));
    assert_eq!(text(&slots[0]), "1", "something ran before");
}

#[test]
fn the_size_of_a_batch_is_configured() {
    let mut client = Bridge::new().server("one", &[]).set("maxBatchSize", 2).serve_initialized();
    let calls = |count| json!({"action": "batch", "calls": vec![echo(&json!("x")); count]});
    assert!(!is_error(&client.mcp(&calls(2))));
    let error = error_of(&client.mcp(&calls(3)), "invalid_params");
    assert_words(&error.to_string(), &["3 calls", "at most 2", "maxBatchSize"]);
}

#[test]
fn a_batch_tells_its_progress() {
    let mut client = client();
    let arguments = json!({"action": "batch", "calls": [
        echo(&json!("x")),
        {"server": "two", "tool": "progress", "params": {"count": 2}},
    ]});
    let id = client.request(
        "tools/call",
        json!({"name": "mcp", "arguments": arguments, "_meta": {"progressToken": "p", "k": 1}}),
    );
    for step in 1..=2 {
        let message = client.next();
        assert_eq!(message["method"], "notifications/progress", "{message}");
        let expected = json!({"progressToken": "p", "progress": step, "total": 2});
        assert_eq!(message["params"], expected);
    }
    let slots = json_of(&client.result(id));
    assert_eq!(text(&slots["results"][1]), "2 steps");
}

#[test]
fn images_stand_beside_the_text() {
    let mut client = client();
    let image = json!({"server": "one", "tool": "image", "params": {}});
    let result = client.mcp(&json!({"calls": [image, echo(&json!("x")), image]}));
    let blocks = result["content"].as_array().expect("content");
    assert_eq!(blocks.len(), 3, "{result}");
    let slots = json_of(&result)["results"].take();
    for (slot, block) in [(0, 1), (2, 2)] {
        assert_eq!(blocks[block]["type"], "image");
        let content = slots[slot]["result"]["content"].as_array().expect("content");
        let word = content.iter().find(|word| word["type"] == "image").expect("word of the image");
        assert!(word.get("data").is_none(), "{word}");
        assert!([1, 2].contains(&word["block"].as_u64().expect("a number")), "{word}");
    }
}

#[test]
fn a_batch_can_be_cancelled() {
    let mut client = client();
    client.assert_echo("one");
    let calls = vec![json!({"server": "one", "tool": "never", "params": {}}); 2];
    let id = client.start_mcp(&json!({"action": "batch", "calls": calls}));
    client.assert_echo("one");
    client.notify("notifications/cancelled", json!({"requestId": id, "reason": "enough"}));
    client.assert_echo("one");
    let cancelled = client.call("one", "cancelled", json!({}));
    let cancelled = json_of(&cancelled);
    assert_eq!(cancelled.as_array().map(Vec::len), Some(2), "{cancelled}");
}
