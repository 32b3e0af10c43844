//! The actions of the `mcp` tool.

use serde_json::{Value, json};

use crate::support::{
    Bridge, Client, assert_words, error_of, eventually, is_error, lines_of, text_of, tool_names,
};

const TOOLS: &str = include_str!("../upstream/tools.json");

#[test]
fn list_names_the_tools_of_a_server() {
    let mut client = one();
    let result = client.mcp(&json!({"action": "list", "server": "one"}));
    assert!(!is_error(&result), "{result}");
    assert_eq!(result["content"].as_array().map(Vec::len), Some(1), "one text block: {result}");
    let list: Value = serde_json::from_str(text_of(&result)).expect("the text is JSON");
    assert_eq!(list["server"], "one");
    assert_eq!(list["action"], "list");
    let expected: Vec<Value> = serde_json::from_str(TOOLS).expect("the file is JSON");
    let expected: Vec<_> = expected.iter().filter_map(|tool| tool["name"].as_str()).collect();
    assert_eq!(tool_names(&list), expected);
    assert_eq!(list["tools"][0]["signature"], "echo(message)");
    assert_words(&list["tools"][0].to_string(), &["Returns the message as text"]);
    let leak = list["tools"].as_array().and_then(|all| all.iter().find(|tool| names(tool, "leak")));
    let leak = leak.expect("`leak` is listed");
    assert_eq!(leak["signature"], "leak(text,where:'stderr'|'junk'|'log'|'error')");
    let again = client.mcp(&json!({"action": "list", "server": "one"}));
    assert_eq!(text_of(&again), text_of(&result), "nothing changed, so not a byte does");
    assert!(!text_of(&result).contains('\n'), "compact JSON has no line ends");
}

fn names(tool: &Value, name: &str) -> bool {
    tool["signature"].as_str().is_some_and(|text| text.starts_with(&format!("{name}(")))
}

#[test]
fn list_reads_every_page() {
    let mut client = Bridge::new()
        .server("paged", &["--pages", "5", "--extra-tools", "300"])
        .serve_initialized();
    let list = client.mcp_json(&json!({"action": "list", "server": "paged"}));
    let names = tool_names(&list);
    assert!(names.contains(&"echo") && names.contains(&"tool_0300"), "{names:?}");
}

#[test]
fn list_without_a_server_counts_the_tools_of_each() {
    let mut client = Bridge::new()
        .server("one", &[])
        .server("more", &["--extra-tools", "4"])
        .serve_initialized();
    let list = client.mcp_json(&json!({"action": "list"}));
    assert_eq!(list["action"], "list");
    let servers = list["servers"].as_array().expect("`servers` is an array");
    let find = |name: &str| servers.iter().find(|server| server["name"] == name);
    let (one, more) = (find("one").expect("`one`"), find("more").expect("`more`"));
    let count = |server: &Value| server["tools"].as_u64().expect("`tools` counts them");
    assert_eq!(count(more), count(one) + 4, "{list}");
}

#[test]
fn long_descriptions_are_cut() {
    let mut client = Bridge::new()
        .server("one", &[])
        .config(|config| config["schemaCompression"] = json!({"maxDescriptionLength": 40}))
        .serve_initialized();
    let list = client.mcp_json(&json!({"action": "list", "server": "one"}));
    for tool in list["tools"].as_array().expect("`tools` is an array") {
        let description = tool["description"].as_str().unwrap_or_default();
        assert!(description.chars().count() <= 41, "{description}");
    }
}

#[test]
fn schema_shows_everything_about_a_tool() {
    let mut client = one();
    let answer = client.mcp_json(&json!({"action": "schema", "server": "one", "tool": "image"}));
    let tools: Vec<Value> = serde_json::from_str(TOOLS).expect("the file is JSON");
    let image = tools.iter().find(|tool| tool["name"] == "image").expect("there is one");
    assert_eq!(answer["server"], "one");
    assert_eq!(answer["action"], "schema");
    assert_eq!(answer["tool"], "image");
    assert_eq!(answer["schema"], image["inputSchema"]);
    assert_eq!(answer["description"], image["description"], "in full");
    assert_eq!(answer["outputSchema"], image["outputSchema"]);
    assert_eq!(answer["annotations"], image["annotations"]);
}

#[test]
fn call_is_the_default_action() {
    let mut client = one();
    let arguments = json!({"server": "one", "tool": "echo", "params": {"message": "hi"}});
    assert_eq!(text_of(&client.mcp(&arguments)), "hi");
}

#[test]
fn params_may_be_a_string_of_json() {
    let mut client = one();
    let result = client.call("one", "echo", json!(r#"{"message":"as a string"}"#));
    assert_eq!(text_of(&result), "as a string");
}

#[test]
fn params_of_other_kinds_are_refused() {
    let mut client = one();
    for params in [json!("{not json"), json!([1]), json!(7), json!("[1]")] {
        let result = client.call("one", "echo", params);
        error_of(&result, "invalid_params");
    }
    client.assert_echo("one");
}

#[test]
fn bad_arguments_are_explained() {
    let mut client = one();
    for (arguments, words) in [
        (json!({"action": "lst", "server": "one"}), ["lst", "list"]),
        (json!({"action": "call", "server": "one"}), ["tool", ""]),
        (json!({"action": "schema", "server": "one"}), ["tool", ""]),
        (json!({"action": 7}), ["action", ""]),
        (json!({"action": "call", "server": ["one"], "tool": "echo"}), ["server", ""]),
    ] {
        let error = error_of(&client.mcp(&arguments), "invalid_params");
        assert_words(&error.to_string(), &words);
    }
    let id = client.request("tools/call", json!({"name": "mcp", "arguments": [1]}));
    let answer = client.answer(id);
    assert!(answer["error"]["code"] == -32602 || is_error(&answer["result"]), "{answer}");
}

#[test]
fn wrong_arguments_never_reach_the_server() {
    let bridge = Bridge::new();
    let starts = bridge.path("starts");
    let log = starts.to_str().expect("the path is UTF-8").to_owned();
    let mut client = bridge.server("one", &["--start-log", &log]).serve_initialized();
    for (tool, params, words) in [
        ("echo", json!({}), ["`message` is missing", "echo(message)"]),
        ("sleep", json!({"ms": "long"}), ["`ms` should be integer", "sleep(ms:number)"]),
        ("leak", json!({"text": "x", "where": "log "}), ["one of", "where:'stderr'"]),
    ] {
        let error = error_of(&client.call("one", tool, params), "invalid_params");
        let (message, hint) = (error["message"].to_string(), error["hint"].to_string());
        assert_words(&message, &words[..1]);
        assert_words(&hint, &["the tool is called as", words[1]]);
    }
    // A server that had got this would be gone.
    let error = client.call("one", "exit", json!({"code": 0, "stderr": 7}));
    assert_words(text_of(&error), &["invalid_params", "`stderr` should be string, not 7"]);
    client.assert_echo("one");
    assert_eq!(lines_of(&starts).len(), 1, "it was started once");
}

#[test]
fn what_the_server_refuses_brings_the_signature_too() {
    let mut client =
        Bridge::new().server("one", &[]).set("validateArguments", false).serve_initialized();
    let result = client.call("one", "progress", json!({"steps": 3}));
    assert_words(text_of(&result), &["-32602", "progress(count:number"]);
}

#[test]
fn unknown_names_bring_the_nearest() {
    let mut client = Bridge::new().server("weather", &[]).server("files", &[]).serve_initialized();
    let error = error_of(&client.call("wether", "echo", json!({})), "unknown_server");
    assert_words(&error.to_string(), &["wether", "weather"]);
    let error = error_of(&client.call("files", "slep", json!({})), "unknown_tool");
    assert_words(&error.to_string(), &["slep", "sleep"]);
    let schema = json!({"action": "schema", "server": "files", "tool": "imag"});
    let error = error_of(&client.mcp(&schema), "unknown_tool");
    assert_words(&error.to_string(), &["image"]);
    let list = json!({"action": "list", "server": "file"});
    assert_words(&error_of(&client.mcp(&list), "unknown_server").to_string(), &["files"]);
}

#[test]
fn filters_hold_for_lists_and_calls() {
    let mut client = Bridge::new()
        .server("one", &[])
        .config(|config| {
            config["servers"]["one"]["toolFilter"] =
                json!({"allow": ["echo", "sleep", "count"], "deny": ["sleep"]});
        })
        .serve_initialized();
    let list = client.mcp_json(&json!({"action": "list", "server": "one"}));
    assert_eq!(tool_names(&list), ["echo", "count"]);
    client.assert_echo("one");
    for tool in ["sleep", "fail"] {
        let result = client.call("one", tool, json!({"ms": 1}));
        assert!(is_error(&result), "`{tool}` is filtered: {result}");
        let schema = client.mcp(&json!({"action": "schema", "server": "one", "tool": tool}));
        assert!(is_error(&schema), "`{tool}` is filtered: {schema}");
    }
}

#[test]
fn status_tells_connected_from_disconnected_and_broken() {
    let mut client = Bridge::new()
        .server("used", &[])
        .server("unused", &[])
        .server("broken", &["--exit-at-start", "9", "--stderr", "no licence"])
        .serve_initialized();
    client.assert_echo("used");
    client.call("broken", "echo", json!({"message": "x"}));
    let status = client.mcp_json(&json!({"action": "status"}));
    assert_eq!(status["action"], "status");
    assert_eq!(status["mode"], "router");
    let server = |name: &str| {
        let servers = status["servers"].as_array().expect("`servers` is an array");
        servers.iter().find(|server| server["name"] == name).expect("every server is listed")
    };
    assert_eq!(server("used")["status"], "connected");
    assert_eq!(server("used")["transport"], "stdio");
    assert!(server("used")["tools"].as_u64().is_some_and(|tools| tools > 0), "{status}");
    assert_eq!(server("unused")["status"], "disconnected");
    assert_eq!(server("broken")["status"], "disconnected");
    assert_words(&server("broken").to_string(), &["no licence"]);
}

#[test]
fn refresh_reconnects_and_rereads() {
    let bridge = Bridge::new();
    let starts = bridge.path("starts");
    let log = starts.to_str().expect("the path is UTF-8").to_owned();
    let mut client = bridge.server("one", &["--start-log", &log]).serve_initialized();
    client.assert_echo("one");
    // The server may be gone before or after the bridge has noticed; either way it comes back.
    client.call("one", "exit", json!({"code": 0}));
    let refreshed = eventually(|| {
        let result = client.mcp(&json!({"action": "refresh", "server": "one"}));
        !is_error(&result) && lines_of(&starts).len() == 2
    });
    assert!(refreshed, "{:?}", lines_of(&starts));
    let all = client.mcp_json(&json!({"action": "refresh"}));
    assert_eq!(all["action"], "refresh", "{all}");
    client.assert_echo("one");
    let unknown = client.mcp(&json!({"action": "refresh", "server": "oen"}));
    error_of(&unknown, "unknown_server");
}

#[test]
fn another_tool_than_mcp_is_an_error_of_the_protocol() {
    let mut client = one();
    let id = client.request("tools/call", json!({"name": "echo", "arguments": {}}));
    let answer = client.answer(id);
    assert_eq!(answer["error"]["code"], -32602, "{answer}");
    assert_words(&answer["error"]["message"].to_string(), &["echo"]);
}

fn one() -> Client {
    Bridge::new().server("one", &[]).serve_initialized()
}
