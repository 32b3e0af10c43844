//! `initialize`, what it promises, and what may come before it.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;

use crate::support::{Bridge, assert_words, initialize_params, lines_of};

#[test]
fn initialize_waits_for_no_server() {
    let bridge = Bridge::new();
    let starts = bridge.path("starts");
    let log = starts.to_str().expect("the path is UTF-8");
    let mut client = bridge
        .server("silent", &["--silent", "--start-log", log])
        .server("slow", &["--start-delay-ms", "60000", "--start-log", log])
        .server("dead", &["--exit-at-start", "1"])
        .entry("missing", json!({"command": "no-such-program-anywhere"}))
        .serve();
    let begun = Instant::now();
    client.initialize();
    let id = client.request("tools/list", json!({}));
    client.result(id);
    assert!(begun.elapsed() < Duration::from_secs(4), "took {:?}", begun.elapsed());
    assert_eq!(lines_of(&starts), Vec::<String>::new(), "servers are started on first need");
}

#[test]
fn known_revisions_are_kept_and_others_get_the_newest() {
    for (asked, expected) in [
        ("2024-11-05", "2024-11-05"),
        ("2025-03-26", "2025-03-26"),
        ("2025-06-18", "2025-06-18"),
        ("2025-11-25", "2025-11-25"),
        ("1999-01-01", "2025-11-25"),
    ] {
        let result = Bridge::new().serve().initialize_as(asked);
        assert_eq!(result["protocolVersion"], expected, "asked for {asked}");
    }
}

#[test]
fn a_session_is_opened_once() {
    let mut client = Bridge::new().serve_initialized();
    let id = client.request("initialize", initialize_params("2025-06-18"));
    assert_eq!(client.answer(id)["error"]["code"], -32600);
}

#[test]
fn initialize_says_who_answers() {
    let result = Bridge::new().server("one", &[]).serve().initialize();
    assert!(result["capabilities"]["tools"].is_object(), "{result}");
    assert!(result["serverInfo"]["name"].is_string(), "{result}");
    assert_eq!(result["serverInfo"]["version"], env!("CARGO_PKG_VERSION"));
    assert!(result["instructions"].as_str().is_some_and(|text| text.contains("mcp")), "{result}");
}

#[test]
fn there_is_one_tool_that_names_the_servers() {
    let mut client = Bridge::new()
        .server("alpha", &[])
        .server("beta", &[])
        .config(|config| config["servers"]["alpha"]["description"] = "Knows the weather".into())
        .serve_initialized();
    let tools = tools(&mut client);
    assert_eq!(tools.as_array().map(Vec::len), Some(1), "{tools}");
    let tool = &tools[0];
    assert_eq!(tool["name"], "mcp");
    assert_words(&tool["description"].to_string(), &["alpha", "Knows the weather", "beta"]);
    assert_eq!(tool["inputSchema"]["type"], "object");
    for name in ["server", "action", "tool", "params"] {
        assert!(tool["inputSchema"]["properties"].get(name).is_some(), "`{name}` in {tool}");
    }
}

#[test]
fn the_tool_reads_the_same_while_nothing_changes() {
    let mut client = Bridge::new().server("alpha", &[]).server("beta", &[]).serve_initialized();
    let before = tools(&mut client).to_string();
    client.assert_echo("beta");
    client.mcp(&json!({"action": "list", "server": "alpha"}));
    assert_eq!(tools(&mut client).to_string(), before);
}

#[test]
fn a_call_before_initialize_is_refused() {
    let mut client = Bridge::new().server("one", &[]).serve();
    let early = client.start_call("one", "echo", json!({"message": "early"}));
    let answer = client.answer(early);
    assert!(answer["error"]["code"].is_i64(), "{answer}");
    assert_words(&answer["error"]["message"].to_string(), &["initialize"]);
    client.initialize();
    client.assert_echo("one");
}

#[test]
fn ping_may_come_before_initialize() {
    let mut client = Bridge::new().serve();
    let ping = client.request("ping", json!({}));
    assert_eq!(client.result(ping), json!({}));
}

#[test]
fn string_ids_come_back_as_strings() {
    let mut client = Bridge::new().serve();
    let params = initialize_params("2025-11-25");
    client.send(&json!({"jsonrpc": "2.0", "id": "a-1", "method": "initialize", "params": params}));
    assert!(client.answer("a-1").get("result").is_some());
}

fn tools(client: &mut crate::support::Client) -> Value {
    let id = client.request("tools/list", json!({}));
    client.result(id)["tools"].take()
}
