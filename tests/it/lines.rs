//! One message is one line, however the JSON inside was laid out by whoever wrote it.

use serde_json::{Value, json};

use crate::support::{Bridge, Client, assert_words, json_of, text_of, tool_names};

/// Arguments as a person or a model lays them out, with both kinds of line ends.
const PRETTY: &str = "{\r\n  \"zebra\": {\n    \"k\": [\n      1,\r      2\n    ]\n  },\r\n  \"apple\": \"a\\nb\"\n}\n";

#[test]
fn params_in_a_pretty_string_reach_the_server_as_one_line() {
    let mut client = one();
    let result = client.call("one", "meta", json!(PRETTY));
    assert_one_line(&result);
    assert_eq!(json_of(&result)["arguments"], pretty_value());
    client.assert_echo("one");
}

#[test]
fn carriage_returns_between_tokens_do_not_reach_the_server() {
    let mut client = one();
    let line = "{\"jsonrpc\":\"2.0\",\r\"id\":70,\r\"method\":\"tools/call\",\r\"params\":{\"name\":\"mcp\",\"arguments\":{\
                \"server\":\"one\",\r\"tool\":\"meta\",\"params\":\r{\r\"zebra\"\r:\r[1,\r2],\r\"apple\":\"a\\rb\"\r}\r}}\r}\r\n";
    client.send_raw(line.as_bytes());
    let answer = client.answer(70);
    assert_one_line(&answer["result"]);
    let arguments = json_of(&answer["result"])["arguments"].take();
    assert_eq!(arguments, json!({"zebra": [1, 2], "apple": "a\rb"}));
}

#[test]
fn a_request_hidden_between_lines_is_not_run() {
    let mut client = one();
    for line_end in ["\n", "\r\n", "\r"] {
        let hidden = r#"{"jsonrpc":"2.0","id":900,"method":"tools/call","params":{"name":"count","arguments":{}}}"#;
        let params = format!("{{\"zebra\":{line_end}{hidden}{line_end}}}");
        let result = client.call("one", "meta", json!(params));
        assert_one_line(&result);
        assert_eq!(json_of(&result)["arguments"]["zebra"]["id"], 900, "it is data: {result}");
    }
    let counted = client.call("one", "count", json!({}));
    assert_eq!(text_of(&counted), "1", "no hidden call was run");
}

#[test]
fn the_command_line_takes_pretty_json_from_stdin() {
    let bridge = Bridge::new().server("one", &[]).set("requestTimeoutMs", 5000);
    let output = bridge.run_with_input(&["call", "one", "meta", "-"], PRETTY).expect(0);
    assert_eq!(output.json()["arguments"], pretty_value());
    assert!(!output.stdout.trim_end().contains(['\n', '\r']), "{output:#?}");
}

/// Every line that the client reads is checked to be a message.
#[test]
fn pretty_messages_of_a_server_become_lines() {
    for (framing, flag) in [(Some("lsp"), "lsp"), (None, "lsp-lenient")] {
        let mut client = Bridge::new()
            .server("one", &["--framing", flag, "--pretty"])
            .config(|config| {
                if let Some(framing) = framing {
                    config["servers"]["one"]["framing"] = framing.into();
                }
            })
            .serve_initialized();
        let list = client.mcp_json(&json!({"action": "list", "server": "one"}));
        assert!(tool_names(&list).contains(&"echo"), "{list}");
        let schema = client.mcp_json(&json!({"action": "schema", "server": "one", "tool": "echo"}));
        assert_eq!(schema["schema"]["required"], json!(["message"]), "{schema}");
        client.assert_echo("one");
        let image = client.call("one", "image", json!({}));
        assert_eq!(image["content"][0]["type"], "image", "{image}");
        let arguments = json!({"server": "one", "tool": "progress", "params": {"count": 3}});
        let id = client.request(
            "tools/call",
            json!({"name": "mcp", "arguments": arguments, "_meta": {"progressToken": "p"}}),
        );
        for step in 1..=3 {
            let message = client.next();
            assert_eq!(message["method"], "notifications/progress", "{message}");
            assert_eq!(message["params"]["progress"], step, "{message}");
            assert_eq!(message["params"]["progressToken"], "p", "{message}");
        }
        assert_eq!(text_of(&client.result(id)), "3 steps");
        let params = json!({"code": -7, "message": "full moon"});
        let refused = client.call("one", "rpc_error", params);
        assert_words(&refused.to_string(), &["full moon"]);
    }
}

fn one() -> Client {
    Bridge::new().server("one", &[]).serve_initialized()
}

fn pretty_value() -> Value {
    serde_json::from_str(PRETTY).expect("it is JSON")
}

/// Asserts that what `meta` got, byte by byte, has no line end of any kind.
#[track_caller]
fn assert_one_line(result: &Value) {
    assert!(!text_of(result).contains(['\n', '\r']), "a line end reached the server: {result}");
}
