//! Direct mode: every tool by itself, as its server has it.

use serde_json::{Value, json};

use crate::support::{Bridge, Client, UPSTREAM, assert_words, error_of, is_error, text_of};

fn direct() -> Bridge {
    Bridge::new().set("mode", "direct")
}

fn one() -> Client {
    direct().server("one", &[]).serve_initialized()
}

fn listed(client: &mut Client) -> Vec<Value> {
    let id = client.request("tools/list", json!({}));
    client.result(id)["tools"].as_array().expect("a list").clone()
}

fn names(tools: &[Value]) -> Vec<&str> {
    tools.iter().filter_map(|tool| tool["name"].as_str()).collect()
}

/// The tools of the scripted server.
fn tools_of_server() -> Vec<Value> {
    serde_json::from_str(include_str!("../upstream/tools.json")).expect("the file is JSON")
}

/// The whole answer to a call.
fn call(client: &mut Client, tool: &str, arguments: Value) -> Value {
    let mut params = json!({"name": tool});
    params["arguments"] = arguments;
    let id = client.request("tools/call", params);
    client.answer(id)
}

#[test]
fn tools_are_listed_as_their_server_describes_them() {
    let listed = listed(&mut one());
    let mut expected = tools_of_server();
    for tool in &mut expected {
        tool["name"] = json!(format!("one_{}", tool["name"].as_str().expect("a name")));
    }
    assert_eq!(listed.len(), expected.len());
    for (listed, expected) in listed.iter().zip(&expected) {
        // As text, so that the order of keys and the spelling of numbers count as well.
        assert_eq!(listed.to_string(), expected.to_string());
    }
}

#[test]
fn the_text_of_a_tool_stays_byte_for_byte() {
    let odd = r#"{ "x-first":1.50, "name":"od\u0064","inputSchema" : {"type":"object","x":1e3},"execution":{"taskSupport":"optional"}}"#;
    let bridge = direct().file("tools.json", &format!("[{odd}]"));
    let file = bridge.path("tools.json");
    let entry = json!({
        "transport": "stdio", "command": UPSTREAM, "args": ["--tools-file", file],
        "toolFilter": {"allow": ["odd"]},
    });
    let mut client = bridge.entry("one", entry).serve_initialized();
    let id = client.request("tools/list", json!({}));
    client.result(id);
    let expected = odd.replace(r#""od\u0064""#, r#""one_odd""#);
    assert!(client.last_line().contains(&expected), "{}", client.last_line());
}

#[test]
fn a_result_and_its_request_travel_as_they_are() {
    let mut client = one();
    let expected: Value =
        serde_json::from_str(include_str!("../upstream/image.json")).expect("the file is JSON");
    let answer = call(&mut client, "one_image", json!({}));
    assert_eq!(answer["result"].to_string(), expected.to_string());
    let params = json!({
        "x-first": [], "task": {"ttl": 60000}, "name": "one_meta",
        "arguments": {"zebra": 1.50, "name": "one_meta"}, "_meta": {"a/b": {"c": 1}},
    });
    let id = client.request("tools/call", params.clone());
    let arrived = text_of(&client.result(id)).to_owned();
    assert_eq!(arrived, params.to_string().replacen("one_meta", "meta", 1));
    // A call need not have arguments.
    let id = client.request("tools/call", json!({"name": "one_meta"}));
    assert_eq!(text_of(&client.result(id)), r#"{"name":"meta"}"#);
}

#[test]
fn errors_of_servers_are_json_rpc_errors() {
    let mut client = one();
    let answer = call(&mut client, "one_rpc_error", json!({"code": -32050, "message": "no moon"}));
    let expected = json!({
        "code": -32050, "message": "no moon", "data": {"detail": [1, {"two": 3}]},
    });
    assert_eq!(answer["error"], expected, "{answer}");
    // What is wrong with arguments the server says itself.
    let answer = call(&mut client, "one_sleep", json!({"ms": "long"}));
    assert_eq!(answer["error"]["code"], -32602, "{answer}");
    assert_words(&answer["error"]["message"].to_string(), &["invalid arguments: sleep"]);
    let answer = call(&mut client, "one_unheard_of", json!({}));
    assert_eq!(answer["error"]["code"], -32602, "{answer}");
    assert_words(&answer["error"]["message"].to_string(), &["one_unheard_of"]);
    let id = client.request("tools/list", json!({"cursor": "x"}));
    assert_eq!(client.answer(id)["error"]["code"], -32602);
    let id = client.request("x/unheard-of", json!({}));
    assert_eq!(client.answer(id)["error"]["code"], -32601);
}

#[test]
fn a_tool_is_found_before_anything_was_listed() {
    let mut client = direct().server("one", &[]).server("two", &[]).serve_initialized();
    let answer = call(&mut client, "two_echo", json!({"message": "hello"}));
    assert_eq!(text_of(&answer["result"]), "hello");
}

#[test]
fn servers_with_the_same_tools_stand_side_by_side() {
    let check = |prefix: Value, expected: [&str; 2]| {
        let both = direct().server("one", &[]).server("two", &[]).set("toolPrefix", prefix);
        let mut client = both.serve_initialized();
        let tools = listed(&mut client);
        let count = tools_of_server().len();
        assert_eq!([names(&tools)[0], names(&tools)[count]], expected);
        for name in expected {
            let answer = call(&mut client, name, json!({"message": name}));
            assert_eq!(text_of(&answer["result"]), name);
        }
    };
    check(json!(true), ["one_echo", "two_echo"]);
    check(json!(false), ["echo", "two_echo"]);
    check(json!("auto"), ["one_echo", "two_echo"]);
    let mut client = direct().server("one", &[]).set("toolPrefix", "auto").serve_initialized();
    assert_eq!(names(&listed(&mut client))[0], "echo");
}

#[test]
fn a_plain_name_is_looked_for_everywhere() {
    let mut client = direct().server("one", &[]).set("toolPrefix", false).serve_initialized();
    let answer = call(&mut client, "echo", json!({"message": "plain"}));
    assert_eq!(text_of(&answer["result"]), "plain");
}

#[test]
fn a_dead_server_costs_its_own_tools_only() {
    let mut client = direct()
        .server("dead", &["--exit-at-start", "3"])
        .server("silent", &["--silent"])
        .server("one", &[])
        .set("connectionTimeoutMs", 1500)
        .serve_initialized();
    let tools = listed(&mut client);
    assert_eq!(names(&tools)[0], "one_echo");
    assert_eq!(tools.len(), tools_of_server().len());
    // The prefix tells whose tool it would be.
    let answer = call(&mut client, "dead_echo", json!({"message": "x"}));
    let error = error_of(&answer["result"], "connection_failed");
    assert_words(&error["message"].to_string(), &["dead", "exit code 3"]);
}

#[test]
fn a_server_that_dies_is_told_to_the_model() {
    let mut client = one();
    let answer = call(&mut client, "one_exit", json!({"code": 3, "stderr": "out of memory"}));
    let error = error_of(&answer["result"], "connection_failed");
    assert_words(&error["message"].to_string(), &["exit code 3", "out of memory"]);
}

#[test]
fn filters_and_limits_hold() {
    let entry = json!({
        "transport": "stdio", "command": UPSTREAM, "toolFilter": {"allow": ["big", "image"]},
        "maxResultChars": 100,
    });
    let mut client = direct().entry("one", entry).serve_initialized();
    let tools = listed(&mut client);
    assert_eq!(names(&tools), ["one_image", "one_big"]);
    // What may be cut cannot be promised.
    assert!(tools[0].get("outputSchema").is_none(), "{}", tools[0]);
    let result = call(&mut client, "one_big", json!({"bytes": 5000}))["result"].take();
    assert_eq!(result["_meta"]["bridge/truncated"], true, "{result}");
    assert_words(&result.to_string(), &["bridge read"]);
    let answer = call(&mut client, "one_echo", json!({"message": "x"}));
    assert_eq!(answer["error"]["code"], -32602, "{answer}");
}

#[test]
fn what_a_server_says_is_guarded() {
    let tool = json!([{
        "name": "odd", "description": "Adds.\u{200b}x", "inputSchema": {"type": "object"},
        "outputSchema": {"type": "object"}, "x-more": {"a\u{202e}b": "c\u{202e}d"},
    }]);
    let bridge = direct().file("tools.json", &tool.to_string());
    let file = bridge.path("tools.json");
    let entry = json!({
        "transport": "stdio", "command": UPSTREAM, "trust": "untrusted",
        "args": ["--tools-file", file],
    });
    let mut client = bridge.entry("one", entry).serve_initialized();
    let tools = listed(&mut client);
    let odd = tools.iter().find(|tool| tool["name"] == "one_odd").expect("it is there");
    assert_eq!(odd["x-more"], json!({"ab": "cd"}));
    assert!(odd.get("outputSchema").is_none(), "{odd}");
    let hidden = "a\u{202e}b";
    let result = json!({"content": [{"type": "text", "text": hidden}]});
    let answer = call(&mut client, "one_result", json!({"result": result}));
    assert_eq!(answer["result"]["_meta"]["bridge/trust"], "untrusted", "{answer}");
    assert!(!answer.to_string().contains('\u{202e}'), "{answer}");
    let answer = call(&mut client, "one_rpc_error", json!({"code": -1, "message": hidden}));
    assert_eq!(answer["error"]["message"], "ab", "{answer}");
}

#[test]
fn limits_of_calls_count() {
    let entry = json!({
        "transport": "stdio", "command": UPSTREAM, "rateLimit": {"maxCallsPerDay": 1},
    });
    let mut client = direct().entry("one", entry).serve_initialized();
    let answer = call(&mut client, "one_echo", json!({"message": "x"}));
    assert!(!is_error(&answer["result"]), "{answer}");
    let answer = call(&mut client, "one_echo", json!({"message": "x"}));
    error_of(&answer["result"], "rate_limited");
}

#[test]
fn progress_comes_under_the_token_of_the_client() {
    let mut client = one();
    for token in [json!("progress-1"), json!(7)] {
        let params = json!({
            "name": "one_progress", "arguments": {"count": 3}, "_meta": {"progressToken": token},
        });
        let id = client.request("tools/call", params);
        for step in 1..=3 {
            // Between them it hears that there are tools, now that the server is known.
            let told = client.find(|message| message["method"] == "notifications/progress");
            assert_eq!(told["params"]["progressToken"], token);
            assert_eq!(told["params"]["x-extra"], json!({"step": step}));
        }
        client.result(id);
    }
}

#[test]
fn a_client_that_searches_itself_gets_all_tools_under_auto() {
    let check = |name: &str, modes: Value, expected: &str| {
        let bridge = Bridge::new().server("one", &[]).set("mode", "auto").set("clientModes", modes);
        let mut client = bridge.serve();
        let params = json!({
            "protocolVersion": "2025-11-25", "capabilities": {},
            "clientInfo": {"name": name, "version": "1"},
        });
        let id = client.request("initialize", params);
        client.result(id);
        client.notify("notifications/initialized", json!({}));
        assert_eq!(names(&listed(&mut client))[0], expected, "{name}");
    };
    check("claude-code", json!({}), "one_echo");
    check("claude-code", json!({"claude-code": "router"}), "mcp");
    check("somebody", json!({}), "mcp");
    check("somebody", json!({"somebody": "direct"}), "one_echo");
}
