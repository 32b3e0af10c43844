//! Clients that send what they should not.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{Bridge, Client, assert_words, is_error, json_of, text_of, worked};

#[test]
fn text_that_is_no_json_is_refused() {
    let mut client = one();
    for line in ["hello", "{\"jsonrpc\":\"2.0\",", "{'id':1}", "{\"id\":1}}", "[1,", "\u{7f}"] {
        client.send_raw(format!("{line}\n").as_bytes());
        let answer = refusal(&mut client);
        assert_eq!(answer["error"]["code"], -32700, "for {line}: {answer}");
        assert!(answer["id"].is_null(), "for {line}: {answer}");
    }
    client.assert_echo("one");
}

#[test]
fn json_that_is_no_request_is_refused() {
    let mut client = one();
    for line in ["42", "null", "\"text\"", "[]", "{}", r#"{"jsonrpc":"2.0"}"#] {
        client.send_raw(format!("{line}\n").as_bytes());
        let answer = refusal(&mut client);
        assert_eq!(answer["error"]["code"], -32600, "for {line}: {answer}");
    }
    for (line, id) in [
        (r#"{"jsonrpc":"1.0","id":71,"method":"ping"}"#, json!(71)),
        (r#"{"id":72,"method":"ping"}"#, json!(72)),
        (r#"{"jsonrpc":"2.0","id":73,"method":7}"#, json!(73)),
        (r#"{"jsonrpc":"2.0","id":{"a":1},"method":"ping"}"#, Value::Null),
    ] {
        client.send_raw(format!("{line}\n").as_bytes());
        let answer = refusal(&mut client);
        assert_eq!(answer["error"]["code"], -32600, "for {line}: {answer}");
        assert!(answer["id"] == id || answer["id"].is_null(), "for {line}: {answer}");
    }
    client.assert_echo("one");
}

#[test]
fn an_unknown_method_is_refused() {
    let mut client = one();
    let id = client.request("tools/destroy", json!({}));
    let answer = client.answer(id);
    assert_eq!(answer["error"]["code"], -32601, "{answer}");
    assert!(answer["error"]["message"].to_string().contains("tools/destroy"), "{answer}");
    client.notify("notifications/unheard-of", json!({}));
    client.assert_echo("one");
    assert_eq!(client.drain(), Vec::<Value>::new(), "a notification has no answer");
}

#[test]
fn a_huge_line_is_answered_and_the_next_one_too() {
    let mut client = one();
    let arguments = json!({
        "server": "one", "tool": "echo", "params": {"message": "x".repeat(20_000_000)},
    });
    let id = client.start_mcp(&arguments);
    let answer = client.find(|message| message["id"] == id || message.get("error").is_some());
    if answer["id"] == id && answer.get("error").is_none() {
        let text = text_of(&answer["result"]);
        assert!(text.len() == 20_000_000 || text.contains("error"), "neither whole nor refused");
    }
    client.assert_echo("one");
}

#[test]
fn a_huge_line_that_is_no_json_is_refused() {
    let mut client = one();
    let mut line = vec![b'x'; 20_000_000];
    line.push(b'\n');
    client.send_raw(&line);
    refusal(&mut client);
    client.assert_echo("one");
}

#[test]
fn deep_nesting_is_refused() {
    let mut client = one();
    for (open, close) in [("[", "]"), (r#"{"a":"#, "}")] {
        let nested = format!("{}1{}", open.repeat(10_000), close.repeat(10_000));
        let line = format!(
            r#"{{"jsonrpc":"2.0","id":70,"method":"tools/call","params":{{"name":"mcp","arguments":{{"server":"one","tool":"meta","params":{{"zebra":{nested}}}}}}}}}"#
        );
        client.send_raw(format!("{line}\n").as_bytes());
        let answer = client.next();
        let refused = answer.get("error").is_some() || answer["result"]["isError"] == true;
        assert!(refused, "{answer}");
        client.send_raw(format!("{nested}\n").as_bytes());
        refusal(&mut client);
    }
    client.assert_echo("one");
}

#[test]
fn invalid_utf8_is_refused() {
    let mut client = one();
    client.send_raw(b"\xff\xfe\x00garbage\n");
    assert_eq!(refusal(&mut client)["error"]["code"], -32700);
    client.send_raw(b"{\"jsonrpc\":\"2.0\",\"id\":70,\"method\":\"tools/call\",\"params\":{\"name\":\"mcp\",\"arguments\":{\"server\":\"one\",\"tool\":\"echo\",\"params\":{\"message\":\"\xc3\x28\"}}}}\n");
    let answer = client.next();
    assert!(answer.get("error").is_some(), "{answer}");
    client.assert_echo("one");
}

#[test]
fn an_id_in_use_is_refused() {
    let mut client = one();
    let call = |tool: &str, params: Value| {
        let arguments = json!({"server": "one", "tool": tool, "params": params});
        json!({
            "jsonrpc": "2.0", "id": "same", "method": "tools/call",
            "params": {"name": "mcp", "arguments": arguments},
        })
    };
    client.send(&call("sleep", json!({"ms": 500})));
    client.send(&call("count", json!({})));
    // The refusal bears no id: with this one, the client would take it for the answer to its first request.
    let refused = refusal(&mut client);
    assert_eq!(refused["error"]["code"], -32600, "{refused}");
    assert!(refused["id"].is_null(), "{refused}");
    assert_words(&refused.to_string(), &["same"]);
    let slept = client.answer("same");
    assert_eq!(text_of(&slept["result"]), "slept 500 ms");
    client.send(&call("count", json!({})));
    let again = client.answer("same");
    assert_eq!(text_of(&again["result"]), "1", "the refused one never ran; the id is free again");
}

#[test]
fn duplicate_keys_are_refused_however_they_are_spelled() {
    let mut client = one();
    for line in [
        r#"{"jsonrpc":"2.0","id":70,"method":"ping","method":"tools/list"}"#,
        r#"{"jsonrpc":"2.0","id":70,"method":"ping","m\u0065thod":"tools/list"}"#,
        r#"{"jsonrpc":"2.0","id":70,"\u0069d":71,"method":"ping"}"#,
        r#"{"jsonrpc":"2.0","id":70,"method":"tools/call","params":{"name":"mcp","arguments":{"server":"one","tool":"count","t\u006fol":"exit","params":{"code":1}}}}"#,
        r#"{"jsonrpc":"2.0","id":70,"method":"tools/call","params":{"name":"mcp","arguments":{"server":"one","tool":"meta","params":{"a":{"k":1,"\u006b":2}}}}}"#,
    ] {
        client.send_raw(format!("{line}\n").as_bytes());
        let answer = refusal(&mut client);
        let code = &answer["error"]["code"];
        assert!(*code == -32600 || *code == -32700 || *code == -32602, "for {line}: {answer}");
    }
    assert_eq!(text_of(&client.call("one", "count", json!({}))), "1", "nothing of it ran");
}

#[test]
fn the_same_key_in_different_objects_is_fine() {
    let mut client = one();
    let params = json!({"zebra": {"k": 1, "l": {"k": 2}}, "apple": [{"k": 3}, {"k": 4}]});
    let result = client.call("one", "meta", params.clone());
    assert_eq!(json_of(&result)["arguments"], params);
}

#[test]
fn blank_lines_and_carriage_returns_are_passed_over() {
    let mut client = one();
    client.send_raw(b"\n\r\n  \n{\"jsonrpc\":\"2.0\",\"id\":70,\"method\":\"ping\"}\r\n");
    assert_eq!(client.next(), json!({"jsonrpc": "2.0", "id": 70, "result": {}}));
}

#[test]
fn messages_may_come_in_pieces() {
    let mut client = one();
    let whole = b"{\"jsonrpc\":\"2.0\",\"id\":70,\"method\":\"ping\"}\n{\"jsonrpc\":\"2.0\",\"id\":71,\"method\":\"ping\"}\n";
    for byte in whole {
        client.send_raw(&[*byte]);
    }
    client.answer(70);
    client.answer(71);
}

#[test]
fn answers_that_nobody_asked_for_are_passed_over() {
    let mut client = one();
    client.send(&json!({"jsonrpc": "2.0", "id": 9999, "result": {}}));
    client.send(&json!({"jsonrpc": "2.0", "id": "x", "error": {"code": 1, "message": "?"}}));
    client.assert_echo("one");
    assert_eq!(client.drain(), Vec::<Value>::new());
}

#[test]
fn huge_names_are_refused_soon_and_briefly() {
    let mut client = one();
    client.assert_echo("one");
    let huge = "x".repeat(1_000_000);
    for arguments in [
        json!({"server": "one", "tool": huge}),
        json!({"tool": huge}),
        json!({"server": huge, "tool": "echo"}),
        json!({"action": huge}),
        json!({"action": "schema", "server": "one", "tool": huge}),
        json!({"action": "list", "server": huge}),
        json!({(&huge): 1}),
    ] {
        let keys = arguments.to_string().replace(&huge, "huge");
        // A clock would measure what else the machine does.
        let begun = worked(client.pid());
        let result = client.mcp(&arguments);
        let took = worked(client.pid()).saturating_sub(begun);
        assert!(is_error(&result), "{keys} is answered");
        let mut error = json_of(&result);
        error["available"].take();
        let length = error.to_string().len();
        assert!(length < 2000, "{keys} is answered with {length} bytes");
        assert!(took < Duration::from_secs(2), "{keys} took {took:?}");
    }
    let id = client.request("tools/call", json!({"name": huge, "arguments": {}}));
    let length = client.answer(id).to_string().len();
    assert!(length < 2000, "a huge tool is answered with {length} bytes");
    let id = client.request(&huge, json!({}));
    let length = client.answer(id).to_string().len();
    assert!(length < 2000, "a huge method is answered with {length} bytes");
}

#[test]
fn a_faulty_message_does_not_answer_the_call_of_its_id() {
    let mut client = one();
    client.assert_echo("one");
    for line in [
        r#"{"jsonrpc":"2.0","id":"busy","method":"ping","method":"tools/list"}"#,
        r#"{"jsonrpc":"1.0","id":"busy","method":"ping"}"#,
        r#"{"jsonrpc":"2.0","id":"busy","method":7}"#,
        r#"{"jsonrpc":"2.0","id":"busy","method":"ping"#,
    ] {
        let arguments = json!({"server": "one", "tool": "sleep", "params": {"ms": 300}});
        client.send(&json!({
            "jsonrpc": "2.0", "id": "busy", "method": "tools/call",
            "params": {"name": "mcp", "arguments": arguments},
        }));
        client.send_raw(format!("{line}\n").as_bytes());
        let refused = refusal(&mut client);
        assert!(refused["id"].is_null(), "for {line}: {refused}");
        let slept = client.answer("busy");
        assert_eq!(text_of(&slept["result"]), "slept 300 ms", "for {line}");
        assert_eq!(client.drain(), Vec::<Value>::new(), "for {line}");
    }
}

#[test]
fn arrays_are_answered_in_the_revision_that_has_them() {
    let mut client = Bridge::new().server("one", &[]).serve();
    client.initialize_as("2025-03-26");
    let arguments = json!({"server": "one", "tool": "echo", "params": {"message": "hi"}});
    let call = json!({"name": "mcp", "arguments": arguments});
    client.send(&json!([
        {"jsonrpc": "2.0", "id": "a", "method": "ping"},
        {"jsonrpc": "2.0", "id": "b", "method": "ping"},
        {"jsonrpc": "2.0", "method": "notifications/unheard-of"},
        {"jsonrpc": "2.0", "id": "c", "method": "tools/call", "params": call},
    ]));
    for id in ["a", "b"] {
        assert_eq!(client.answer(id)["result"], json!({}));
    }
    assert_eq!(text_of(&client.answer("c")["result"]), "hi");
    assert_eq!(client.drain(), Vec::<Value>::new(), "one answer each");
    client.send_raw(b"[]\n");
    assert_eq!(refusal(&mut client)["error"]["code"], -32600);
    client.assert_echo("one");
}

#[test]
fn arrays_are_refused_in_other_revisions() {
    let mut client = Bridge::new().server("one", &[]).serve();
    client.initialize_as("2025-06-18");
    client.send(&json!([{"jsonrpc": "2.0", "id": "a", "method": "ping"}]));
    let refused = refusal(&mut client);
    assert_eq!(refused["error"]["code"], -32600, "{refused}");
    assert_eq!(client.drain(), Vec::<Value>::new(), "nothing of it is answered");
    client.assert_echo("one");
}

fn one() -> Client {
    Bridge::new().server("one", &[]).serve_initialized()
}

/// The next message, which must be an error of JSON-RPC with a message.
#[track_caller]
fn refusal(client: &mut Client) -> Value {
    let answer = client.next();
    assert!(answer["error"]["message"].is_string(), "expected an error: {answer}");
    answer
}
