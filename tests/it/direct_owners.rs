//! Direct mode: whose a resource is, how many subscriptions there may be, and what of it reaches the model.

use std::fs;

use serde_json::{Value, json};

use crate::support::{Bridge, Client, UPSTREAM, assert_words};

/// A bridge with servers of these names, scripts and kinds of trust.
fn serve(servers: &[(&str, &Value, &str)], change: impl FnOnce(Bridge) -> Bridge) -> Client {
    let mut bridge = Bridge::new().set("mode", "direct");
    for (name, script, trust) in servers {
        bridge = bridge.file(&format!("{name}.json"), &script.to_string());
        let file = bridge.path(&format!("{name}.json"));
        let args = json!(["--rich", "--name", name, "--script", file]);
        let entry = json!({
            "transport": "stdio", "command": UPSTREAM, "args": args, "trust": trust,
        });
        bridge = bridge.entry(name, entry);
    }
    change(bridge).serve_initialized()
}

fn rewrite(client: &Client, server: &str, script: &Value) {
    fs::write(client.path(&format!("{server}.json")), script.to_string()).expect("writable");
}

fn ask(client: &mut Client, method: &str, params: Value) -> Value {
    let id = client.request(method, params);
    client.answer(id)
}

/// The text of a resource, whoever has it.
#[track_caller]
fn text(client: &mut Client, uri: &str) -> String {
    let answer = ask(client, "resources/read", json!({"uri": uri}));
    let text = answer["result"]["contents"][0]["text"].as_str();
    text.unwrap_or_else(|| panic!("no text in {answer}")).to_owned()
}

/// A server with this resource, and with a template if there is one.
fn has(uri: Option<&str>, template: Option<&str>, said: &str) -> Value {
    let resources: Vec<Value> = uri.iter().map(|uri| json!({"uri": uri, "name": "x"})).collect();
    let templates: Vec<Value> =
        template.iter().map(|it| json!({"uriTemplate": it, "name": "x"})).collect();
    json!({
        "resources/list": {"result": {"resources": resources}},
        "resources/templates/list": {"result": {"resourceTemplates": templates}},
        "resources/read": {"result": {"contents": [{"uri": "a:b", "text": said}]}},
    })
}

/// A server that says that it does not have what is read.
fn unknown(mut script: Value) -> Value {
    script["resources/read"] = json!({"error": {"code": -32002, "message": "not here"}});
    script
}

#[test]
fn a_template_of_anybody_outranks_neither_lists_nor_closer_templates() {
    let greedy = has(None, Some("{+any}"), "greedy");
    let listed = has(Some("notes://listed"), None, "listed");
    let wide = has(None, Some("notes://{+rest}"), "wide");
    let close = has(None, Some("notes://close/{id}"), "close");
    let servers = [
        ("a", &greedy, "untrusted"),
        ("b", &wide, "trusted"),
        ("c", &close, "trusted"),
        ("d", &listed, "untrusted"),
    ];
    let mut client = serve(&servers, |bridge| bridge);
    for _ in 0..2 {
        assert_words(&text(&mut client, "notes://listed"), &["listed"]);
        assert_words(&text(&mut client, "notes://close/1"), &["close"]);
        assert_words(&text(&mut client, "notes://other"), &["wide"]);
        assert_words(&text(&mut client, "other://x"), &["greedy"]);
    }
    // Nor does it speak for one that has it and fails.
    let failing = json!({"resources/read": {"error": {"code": -32603, "message": "out of order"}}});
    rewrite(&client, "b", &failing);
    rewrite(&client, "c", &unknown(close));
    let answer = ask(&mut client, "resources/read", json!({"uri": "notes://close/1"}));
    assert_eq!(answer["error"]["message"], "out of order", "{answer}");
}

#[test]
fn of_two_that_list_a_resource_the_trusted_one_has_it() {
    let (one, two) = (has(Some("a:b"), None, "one"), has(Some("a:b"), None, "two"));
    let mut client = serve(&[("one", &one, "sanitize"), ("two", &two, "trusted")], |bridge| bridge);
    let list = ask(&mut client, "resources/list", json!({}));
    assert_eq!(list["result"]["resources"].as_array().map(Vec::len), Some(1), "{list}");
    assert_eq!(text(&mut client, "a:b"), "two");
}

#[test]
fn a_resource_that_has_moved_is_found_where_it_is() {
    let (full, empty) = (has(Some("a:b"), None, "here"), unknown(has(None, None, "")));
    let mut client =
        serve(&[("one", &full, "trusted"), ("two", &empty, "trusted")], |bridge| bridge);
    assert_eq!(text(&mut client, "a:b"), "here");
    rewrite(&client, "one", &empty);
    rewrite(&client, "two", &has(Some("a:b"), None, "there"));
    assert_eq!(text(&mut client, "a:b"), "there");
    assert_eq!(text(&mut client, "a:b"), "there");
    rewrite(&client, "two", &unknown(has(Some("a:b"), None, "")));
    let answer = ask(&mut client, "resources/read", json!({"uri": "a:b"}));
    assert_eq!(answer["error"], json!({"code": -32002, "message": "not here"}));
}

#[test]
fn what_is_read_completed_or_filled_in_is_cleaned_and_cut() {
    let hidden = "0123456789-0123\u{202e}456789";
    let item = json!({"uri": "a:b", "text": hidden, "blob": "b\u{202e}c"});
    let block = json!({"type": "text", "text": hidden});
    let script = json!({
        "resources/read": {"result": {"contents": [item, item], "x": "x\u{202e}y"}},
        "prompts/get": {"result": {"messages": [
            {"role": "user", "content": [block, {"type": "resource", "resource": item}, block]},
            {"role": "user", "content": block},
        ]}},
        "completion/complete": {"result": {"completion": {"values": ["01", hidden, "02"]}}},
    });
    for trust in ["untrusted", "sanitize"] {
        let mut client = serve(&[("one", &script, trust)], |it| it.set("maxResultChars", 12));
        let result = json!({"content": [
            {"type": "resource", "resource": item}, {"type": "resource", "resource": item},
        ]});
        let argument = json!({"name": "who", "value": "m"});
        for (method, params) in [
            ("resources/read", json!({"uri": "a:b"})),
            ("prompts/get", json!({"name": "one_greet"})),
            (
                "completion/complete",
                json!({"ref": {"type": "ref/prompt", "name": "one_greet"}, "argument": argument}),
            ),
            (
                "completion/complete",
                json!({"ref": {"type": "ref/resource", "uri": "a:{b}"}, "argument": argument}),
            ),
            ("tools/call", json!({"name": "one_result", "arguments": {"result": result}})),
        ] {
            let answer = ask(&mut client, method, params);
            let said = answer.to_string();
            assert_eq!(answer["result"]["_meta"]["bridge/truncated"], true, "{trust} {said}");
            assert!(!said.contains('\u{202e}'), "{trust} {said}");
            assert!(!said.contains("0123456789-01"), "{trust} {said}");
        }
        let params = json!({
            "ref": {"type": "ref/prompt", "name": "one_greet"}, "argument": argument,
        });
        let answer = ask(&mut client, "completion/complete", params);
        let completion = &answer["result"]["completion"];
        assert_eq!(*completion, json!({"values": ["01"], "hasMore": true}), "{answer}");
    }
}

#[test]
fn a_client_has_so_many_subscriptions_and_no_more() {
    let script = json!({});
    let mut client = serve(&[("one", &script, "trusted")], |bridge| bridge);
    let subscribe = |client: &mut Client, number: usize| {
        let uri = format!("test://one/{number}");
        ask(client, "resources/subscribe", json!({"uri": uri}))
    };
    for number in 0..1000 {
        let answer = subscribe(&mut client, number);
        assert_eq!(answer["result"], json!({}), "{answer}");
    }
    let answer = subscribe(&mut client, 1000);
    assert_eq!(answer["error"]["code"], -32602, "{answer}");
    assert_words(&answer["error"]["message"].to_string(), &["1000 subscriptions", "unsubscribe"]);
    // One that it has may be made again, and one that was taken back makes room.
    assert_eq!(subscribe(&mut client, 7)["result"], json!({}));
    let answer = ask(&mut client, "resources/unsubscribe", json!({"uri": "test://one/7"}));
    assert_eq!(answer["result"], json!({}));
    assert_eq!(subscribe(&mut client, 1000)["result"], json!({}));
    // What is refused by its server takes no place.
    let answer = ask(&mut client, "resources/unsubscribe", json!({"uri": "test://one/8"}));
    assert_eq!(answer["result"], json!({}));
    let answer = ask(&mut client, "resources/subscribe", json!({"uri": "test://three/x"}));
    assert_eq!(answer["error"]["code"], -32002, "{answer}");
    assert_eq!(subscribe(&mut client, 8)["result"], json!({}));
}
