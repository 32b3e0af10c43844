//! Direct mode over HTTP: what headers say of arguments, which status an error has, and what is left behind.

use serde_json::{Value, json};

use crate::support::{
    Bridge, HttpReply, HttpServer, alive, eventually, initialize_params, lines_of, stateless,
    text_of,
};

const VERSION: (&str, &str) = ("MCP-Protocol-Version", "2026-07-28");

fn direct() -> Bridge {
    Bridge::new().set("mode", "direct")
}

/// A call without a session, by a client with these capabilities.
fn call(
    server: &HttpServer,
    tool: &str,
    arguments: &Value,
    capabilities: &Value,
    headers: &[(&str, &str)],
) -> HttpReply {
    let mut message = stateless(1, "tools/call", json!({"name": tool, "arguments": arguments}));
    let meta = &mut message["params"]["_meta"];
    meta["io.modelcontextprotocol/clientCapabilities"] = capabilities.clone();
    meta["io.modelcontextprotocol/clientInfo"] = json!({"name": "test", "version": "1"});
    let usual = [VERSION, ("Mcp-Method", "tools/call"), ("Mcp-Name", tool)];
    server.post(&[&usual, headers].concat(), &message)
}

/// A list of tools in which arguments of `echo` travel in headers, and a tool that wants what cannot be.
fn annotated() -> String {
    let schema = |property: Value| json!({"type": "object", "properties": {"message": property}});
    let echo = schema(json!({"type": "string", "x-mcp-header": "Message"}));
    let bad = schema(json!({"type": "number", "x-mcp-header": "Message"}));
    json!([{"name": "echo", "inputSchema": echo}, {"name": "bad", "inputSchema": bad}]).to_string()
}

#[test]
fn headers_say_the_same_as_the_arguments_of_a_tool() {
    let bridge = direct().file("tools.json", &annotated());
    let file = bridge.path("tools.json").display().to_string();
    let server = bridge.server("one", &["--tools-file", &file]).serve_http(&["--http"]);
    let check = |headers: &[(&str, &str)], expected: Option<&str>| {
        let reply = call(&server, "one_echo", &json!({"message": "Hello"}), &json!({}), headers);
        let status = reply.status;
        let answer = reply.json();
        match expected {
            None => assert_eq!((status, text_of(&answer["result"])), (200, "Hello")),
            Some(words) => {
                assert_eq!((status, &answer["error"]["code"]), (400, &json!(-32020)), "{answer}");
                assert!(answer["error"]["message"].as_str().is_some_and(|it| it.contains(words)));
            }
        }
    };
    // The first of them comes before anybody has asked for the list.
    check(&[], Some("`Mcp-Param-Message` is missing"));
    check(&[("Mcp-Param-Message", "Hello")], None);
    check(&[("mcp-param-message", "=?base64?SGVsbG8=?=")], None);
    check(&[("Mcp-Param-Message", "=?base64?SGVsbG8?=")], Some("is malformed"));
    check(&[("Mcp-Param-Message", "SGVsbG8=")], Some("does not match"));
    check(&[("Mcp-Param-Message", "Hello"), ("Mcp-Param-Message", "Hello")], Some("twice"));
    check(&[("Mcp-Param-Message", "Hello"), ("Mcp-Param-Other", "x")], None);

    let mut session = server.session("2025-11-25");
    let params = json!({"name": "one_echo", "arguments": {"message": "Hello"}});
    let answer = session.request("tools/call", &params).json();
    assert_eq!(text_of(&answer["result"]), "Hello", "sessions know no such headers");
}

#[test]
fn promoted_tools_have_the_headers_of_their_arguments() {
    let bridge = Bridge::new()
        .set("adaptivePromotion", json!({"enabled": true, "minCalls": 1}))
        .file("tools.json", &annotated());
    let file = bridge.path("tools.json").display().to_string();
    let server = bridge.server("one", &["--tools-file", &file]).serve_http(&["--http"]);
    let arguments = json!({"server": "one", "tool": "echo", "params": {"message": "Hello"}});
    assert_eq!(call(&server, "mcp", &arguments, &json!({}), &[]).status, 200);
    let arguments = json!({"message": "Hello"});
    assert_eq!(call(&server, "one_echo", &arguments, &json!({}), &[]).status, 400);
    let header = [("Mcp-Param-Message", "Hello")];
    let answer = call(&server, "one_echo", &arguments, &json!({}), &header).json();
    assert_eq!(text_of(&answer["result"]), "Hello");
}

#[test]
fn errors_of_servers_have_their_statuses() {
    let server = direct().server("one", &["--rich"]).serve_http(&["--http"]);
    for (code, status) in [
        (-32601, 404),
        (-32602, 200),
        (-32603, 200),
        (-32000, 200),
        (-32020, 400),
        (-32021, 400),
        (-32022, 400),
    ] {
        let arguments = json!({"code": code, "message": "no"});
        let reply = call(&server, "one_rpc_error", &arguments, &json!({}), &[]);
        assert_eq!(reply.status, status, "{code}");
        assert_eq!(reply.json()["error"]["code"], code);
    }
    let asks =
        json!({"method": "sampling/createMessage", "params": {"messages": [], "maxTokens": 1}});
    let reply = call(&server, "one_ask", &asks, &json!({"elicitation": {}}), &[]);
    assert_eq!(reply.status, 400);
    let error = reply.json()["error"].take();
    assert_eq!(error["code"], -32021, "{error}");
    assert_eq!(error["data"], json!({"requiredCapabilities": {"sampling": {}}}));

    // In a session errors are answers as others are.
    let mut session = server.session("2025-11-25");
    let params = json!({"name": "one_rpc_error", "arguments": {"code": -32601, "message": "no"}});
    let reply = session.request("tools/call", &params);
    assert_eq!(reply.status, 200);
}

#[test]
fn calls_without_sessions_leave_nothing_behind() {
    let bridge = direct();
    let file = bridge.path("processes");
    let flags = ["--rich", "--pid-file", &file.display().to_string()].map(str::to_owned);
    let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
    let server = bridge.server("one", &flags).serve_http(&["--http"]);
    let living = || {
        let started = lines_of(&file);
        started.iter().filter(|pid| alive(pid.parse().expect("a number"))).count()
    };
    let echo = |capabilities: &Value| {
        let answer = call(&server, "one_echo", &json!({"message": "x"}), capabilities, &[]).json();
        assert_eq!(text_of(&answer["result"]), "x");
    };
    for _ in 0..490 {
        echo(&json!({"elicitation": {}}));
    }
    assert_eq!(lines_of(&file).len(), 1, "it is borrowed again and again");
    // Each of them wants a server of its own.
    for number in 0..10 {
        echo(&json!({"elicitation": {}, "experimental": {"number": number}}));
    }
    assert_eq!(lines_of(&file).len(), 11);
    assert!(eventually(|| living() <= 5), "{} are left", living());
    // What was under way when its client left must not meet the next one.
    let progress = json!({"count": 9999, "delayMs": 20});
    let asks = json!({"elicitation": {}});
    let mut message =
        stateless(1, "tools/call", json!({"name": "one_progress", "arguments": progress}));
    message["params"]["_meta"]["io.modelcontextprotocol/clientCapabilities"] = asks.clone();
    message["params"]["_meta"]["progressToken"] = json!("t");
    let headers = [VERSION, ("Mcp-Method", "tools/call"), ("Mcp-Name", "one_progress")];
    for _ in 0..5 {
        let mut reply = server.post(&headers, &message);
        assert!(reply.event().is_some());
        reply.close();
    }
    echo(&asks);
    assert!(eventually(|| living() <= 5), "{} are left", living());
}

#[test]
fn each_client_sees_what_its_name_says() {
    let modes = json!({"mine": "direct"});
    let bridge = Bridge::new().set("mode", "auto").set("clientModes", modes);
    let server = bridge.server("one", &[]).serve_http(&["--http"]);
    let names = |answer: &Value| -> Vec<String> {
        let tools = answer["result"]["tools"].as_array().expect("a list").iter();
        tools.filter_map(|tool| Some(tool["name"].as_str()?.to_owned())).collect()
    };
    let session = |name: &str| {
        let mut params = initialize_params("2025-11-25");
        params["clientInfo"]["name"] = json!(name);
        let message = json!({"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": params});
        let reply = server.post(&[], &message);
        let id = reply.header("mcp-session-id").expect("it has an id").to_owned();
        let message = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/list"});
        names(&server.post(&[("Mcp-Session-Id", &id)], &message).json())
    };
    let alone = |name: &str| {
        let mut message = stateless(1, "tools/list", json!({}));
        message["params"]["_meta"]["io.modelcontextprotocol/clientInfo"] =
            json!({"name": name, "version": "1"});
        names(&server.post(&[VERSION, ("Mcp-Method", "tools/list")], &message).json())
    };
    for list in [&session as &dyn Fn(&str) -> Vec<String>, &alone] {
        for name in ["mine", "claude-code"] {
            let direct = list(name);
            assert!(direct.contains(&"one_echo".to_owned()), "{direct:?}");
            assert!(!direct.contains(&"mcp".to_owned()), "{direct:?}");
        }
        assert_eq!(list("claude-ai"), ["mcp"]);
        assert_eq!(list(""), ["mcp"]);
    }
}

#[test]
fn a_change_before_the_client_listens_is_told_when_it_does() {
    let server = direct().server("one", &["--rich"]).serve_http(&["--http"]);
    let mut session = server.session("2025-11-25");
    let mut change = |what: &str| {
        let params = json!({"name": "one_change", "arguments": {"what": what}});
        let answer = session.request("tools/call", &params).json();
        assert_eq!(text_of(&answer["result"]), "changed");
    };
    change("prompts");
    change("resources");
    let headers = [("Mcp-Session-Id", &*session.id), ("Accept", "text/event-stream")];
    let mut stream = server.send("GET /mcp", &headers, b"");
    let mut heard: Vec<_> = (0..2)
        .filter_map(|_| stream.message())
        .map(|message| message["method"].as_str().unwrap_or_default().to_owned())
        .collect();
    heard.sort();
    let changed = |what: &str| format!("notifications/{what}/list_changed");
    assert_eq!(heard, ["prompts", "resources"].map(changed));
}
