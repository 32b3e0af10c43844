//! Adaptive promotion: tools that are called often stand beside `mcp`.

use serde_json::{Value, json};

use crate::support::{Bridge, Client, assert_words, error_of, text_of};

fn client(promotion: Value) -> Client {
    Bridge::new()
        .server("one", &[])
        .config(move |config| config["adaptivePromotion"] = promotion)
        .serve()
}

fn listed(client: &mut Client) -> Vec<Value> {
    let id = client.request("tools/list", json!({}));
    client.result(id)["tools"].as_array().expect("a list").clone()
}

fn names(tools: &[Value]) -> Vec<&str> {
    tools.iter().filter_map(|tool| tool["name"].as_str()).collect()
}

#[test]
fn tools_that_are_called_often_are_promoted_and_told() {
    let mut client = client(json!({"enabled": true, "minCalls": 2}));
    let hello = client.initialize();
    assert_eq!(hello["capabilities"]["tools"]["listChanged"], true, "{hello}");
    assert_eq!(names(&listed(&mut client)), ["mcp"]);
    client.assert_echo("one");
    assert!(client.drain().is_empty(), "nothing has changed yet");
    client.assert_echo("one");
    client.find(|message| message["method"] == "notifications/tools/list_changed");
    let tools = listed(&mut client);
    assert_eq!(names(&tools), ["mcp", "one_echo"]);
    assert_eq!(tools[1]["inputSchema"]["required"], json!(["message"]));
    assert_eq!(tools[1]["annotations"]["readOnlyHint"], true);
    assert_words(tools[1]["description"].as_str().unwrap_or_default(), &["returns the message"]);
    let id = client
        .request("tools/call", json!({"name": "one_echo", "arguments": {"message": "direct"}}));
    assert_eq!(text_of(&client.result(id)), "direct");
    let id = client.request("tools/call", json!({"name": "one_ecko", "arguments": {}}));
    assert_eq!(client.answer(id)["error"]["code"], -32602);
    let promotions = client.mcp_json(&json!({"action": "promotions"}));
    let expected = json!([{"server": "one", "tool": "echo", "callCount": 3}]);
    assert_eq!(promotions["promoted"], expected, "{promotions}");
    assert!(promotions["stats"][0]["lastCall"].is_string(), "{promotions}");
}

#[test]
fn promotions_decay_and_that_is_told() {
    let mut client =
        client(json!({"enabled": true, "minCalls": 1, "windowMs": 600, "decayMs": 1200}));
    client.initialize();
    client.assert_echo("one");
    let is_change = |message: &Value| message["method"] == "notifications/tools/list_changed";
    client.find(is_change);
    assert_eq!(names(&listed(&mut client)), ["mcp", "one_echo"]);
    client.find(is_change);
    assert_eq!(names(&listed(&mut client)), ["mcp"]);
    let promotions = client.mcp_json(&json!({"action": "promotions"}));
    assert_eq!((&promotions["promoted"], &promotions["stats"]), (&json!([]), &json!([])));
}

#[test]
fn a_promoted_tool_that_is_withheld_goes_and_that_is_told() {
    let tools = |about: &str| {
        json!([{"name": "echo", "description": about, "inputSchema": {"type": "object"}}])
            .to_string()
    };
    let bridge = Bridge::new().file("tools.json", &tools("Says it."));
    let file = bridge.path("tools.json");
    let mut client = bridge
        .server("one", &["--tools-file", file.to_str().expect("a path in UTF-8")])
        .set("pinning", "enforce")
        .config(|config| config["adaptivePromotion"] = json!({"enabled": true, "minCalls": 1}))
        .serve_initialized();
    let is_change = |message: &Value| message["method"] == "notifications/tools/list_changed";
    client.assert_echo("one");
    client.find(is_change);
    assert_eq!(names(&listed(&mut client)), ["mcp", "one_echo"]);
    std::fs::write(&file, tools("Says it and more.")).expect("the home folder is writable");
    client.mcp(&json!({"action": "refresh", "server": "one"}));
    client.find(is_change);
    assert_eq!(names(&listed(&mut client)), ["mcp"]);
    client.run_beside(&["approve", "one", "--yes"]).expect(0);
    assert_eq!(names(&listed(&mut client)), ["mcp", "one_echo"]);
}

#[test]
fn calls_that_fail_promote_nothing() {
    let mut client = client(json!({"enabled": true, "minCalls": 1}));
    client.initialize();
    client.call("one", "fail", json!({}));
    let refused = client.call("one", "rpc_error", json!({"code": -32000, "message": "no"}));
    error_of(&refused, "mcp_error");
    assert_eq!(names(&listed(&mut client)), ["mcp"]);
}

#[test]
fn nothing_is_promoted_unless_the_config_says_so() {
    let mut client = client(json!({"minCalls": 1}));
    let hello = client.initialize();
    assert_eq!(hello["capabilities"]["tools"], json!({"listChanged": true}), "another config may");
    client.assert_echo("one");
    assert_eq!(names(&listed(&mut client)), ["mcp"]);
}
