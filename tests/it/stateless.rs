//! Servers that speak revision 2026-07-28 only, behind clients with sessions.

use serde_json::json;

use crate::support::{Bridge, eventually, json_of, lines_of, text_of, tool_names};

fn stateless() -> crate::support::Client {
    Bridge::new().server("one", &["--stateless"]).serve_initialized()
}

#[test]
fn its_tools_are_listed_and_called() {
    let mut client = stateless();
    let list = client.mcp(&json!({"action": "list", "server": "one"}));
    assert!(tool_names(&json_of(&list)).contains(&"echo"), "{list}");
    assert_eq!(text_of(&client.call("one", "echo", json!({"message": "hello"}))), "hello");
}

#[test]
fn one_that_ends_over_initialize_is_started_anew() {
    let bridge = Bridge::new().set("mode", "direct").set("toolPrefix", false);
    let starts = bridge.path("starts");
    let log = starts.to_str().expect("the path is UTF-8");
    let mut client = bridge
        .server("one", &["--stateless", "--unknown", "exit", "--start-log", log])
        .serve_initialized();
    let list = client.request("tools/list", json!({}));
    let list = client.result(list);
    assert_eq!(list["tools"][0]["name"], "echo", "{list}");
    let call =
        client.request("tools/call", json!({"name": "echo", "arguments": {"message": "hello"}}));
    assert_eq!(text_of(&client.result(call)), "hello");
    assert_eq!(lines_of(&starts).len(), 2);
}

#[test]
fn each_request_says_who_asks() {
    let mut client = stateless();
    let result = client.call("one", "meta", json!({}));
    let params: serde_json::Value =
        serde_json::from_str(text_of(&result)).expect("the parameters as they arrived");
    let meta = &params["_meta"];
    assert_eq!(meta["io.modelcontextprotocol/protocolVersion"], "2026-07-28");
    assert_eq!(meta["io.modelcontextprotocol/clientCapabilities"], json!({}));
    assert_eq!(meta["io.modelcontextprotocol/clientInfo"]["name"], "mcp-bridge");
}

#[test]
fn progress_finds_its_call() {
    let mut client = stateless();
    let params = json!({
        "name": "mcp",
        "arguments": {"server": "one", "tool": "progress", "params": {"count": 2}},
        "_meta": {"progressToken": "mine"},
    });
    let id = client.request("tools/call", params);
    for step in 1..=2 {
        let message = client.next();
        assert_eq!(message["params"]["progressToken"], "mine", "{message}");
        assert_eq!(message["params"]["progress"], step);
    }
    assert_eq!(text_of(&client.result(id)), "2 steps");
}

#[test]
fn changed_tools_are_read_again() {
    let mut client = stateless();
    let grown = client.call("one", "grow", json!({}));
    assert_eq!(text_of(&grown), "grown_1");
    assert!(eventually(|| {
        let list = client.mcp(&json!({"action": "list", "server": "one"}));
        tool_names(&json_of(&list)).contains(&"grown_1")
    }));
}

#[test]
fn who_can_be_asked_nothing_hears_what_is_missing() {
    let mut client = stateless();
    let result = client.call("one", "rounds", json!({"count": 1}));
    assert!(result.to_string().contains("capability"), "{result}");
}
