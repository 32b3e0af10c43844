//! Direct mode over HTTP: what headers say of arguments, which status an error has, and what is left behind.

use serde_json::{Value, json};

use crate::support::{Bridge, HttpReply, HttpServer, stateless, text_of};

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
    message["params"]["_meta"]["io.modelcontextprotocol/clientCapabilities"] = capabilities.clone();
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
