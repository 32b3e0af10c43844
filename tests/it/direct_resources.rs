//! Direct mode: prompts, resources, completions and logs of several servers as if they were those of one.

use serde_json::{Value, json};

use crate::support::{Bridge, Client, UPSTREAM, assert_words, json_of, text_of};

fn two() -> Bridge {
    Bridge::new()
        .set("mode", "direct")
        .server("dead", &["--exit-at-start", "1"])
        .server("one", &["--rich", "--name", "one"])
        .server("plain", &[])
        .server("two", &["--rich", "--name", "two"])
}

fn ask(client: &mut Client, method: &str, params: Value) -> Value {
    let id = client.request(method, params);
    client.answer(id)
}

fn result(client: &mut Client, method: &str, params: Value) -> Value {
    let id = client.request(method, params);
    client.result(id)
}

fn read(client: &mut Client, uri: &str) -> Value {
    ask(client, "resources/read", json!({"uri": uri}))
}

#[test]
fn prompts_of_all_servers_stand_side_by_side() {
    let mut client = two().serve_initialized();
    let list = result(&mut client, "prompts/list", json!({}));
    let expected = r#"{"x-first":[],"name":"one_greet","title":"Greet","arguments":[{"name":"who","required":true}],"x-more":{"z":1.50}}"#;
    let expected: Value = serde_json::from_str(expected).expect("JSON");
    assert_eq!(list["prompts"][0].to_string(), expected.to_string());
    let names = list["prompts"].as_array().expect("a list").iter().map(|prompt| &prompt["name"]);
    let names: Vec<_> = names.filter_map(Value::as_str).collect();
    assert_eq!((names[0], names[2], names.len()), ("one_greet", "two_greet", 4));
    for name in [names[2], names[3]] {
        let params = json!({"x": 1.50, "name": name, "arguments": {"who": "me"}});
        let answer = result(&mut client, "prompts/get", params.clone());
        assert_eq!((&answer["description"], &answer["x-last"]), (&json!("two"), &json!([1.50])));
        let arrived = answer["messages"][0]["content"]["text"].as_str().expect("a text");
        let own = if name == "two_greet" { "greet" } else { "odd.one" };
        assert_eq!(arrived, params.to_string().replacen(name, own, 1));
    }
    let answer = ask(&mut client, "prompts/get", json!({"name": "two_unheard_of"}));
    assert_eq!(answer["error"]["code"], -32602, "{answer}");
}

#[test]
fn a_prompt_is_found_before_any_was_listed() {
    let mut client = two().serve_initialized();
    let answer = result(&mut client, "prompts/get", json!({"name": "two_greet"}));
    assert_eq!(answer["description"], "two", "{answer}");
}

#[test]
fn resources_of_all_servers_are_listed_and_read() {
    let mut client = two().serve_initialized();
    let list = result(&mut client, "resources/list", json!({}));
    let uris = list["resources"].as_array().expect("a list").iter().map(|item| &item["uri"]);
    let uris: Vec<_> = uris.filter_map(Value::as_str).collect();
    assert_eq!(uris, ["test://one/text", "test://shared", "test://two/text"]);
    let more = serde_json::to_string(&list["resources"][0]["x-more"]).expect("JSON");
    assert_eq!(more, json!({"z": 1.50, "a": 1e3}).to_string());
    let list = result(&mut client, "resources/templates/list", json!({}));
    assert_eq!(list["resourceTemplates"][1]["uriTemplate"], "test://two/item/{id}", "{list}");
    for (uri, owner) in [
        ("test://two/text", "two"),
        // The first in the config that lists it.
        ("test://shared", "one"),
        // By its template.
        ("test://two/item/7", "two"),
        // By asking.
        ("test://two/elsewhere", "two"),
    ] {
        let answer = read(&mut client, uri);
        let content = &answer["result"]["contents"][0];
        assert_eq!(content["text"], format!("{owner} has {uri}"), "{answer}");
        assert_eq!((&content["x-more"], &answer["result"]["x-last"]), (&json!(1.50), &json!({})));
    }
    let answer = read(&mut client, "test://three/text");
    assert_eq!(answer["error"]["code"], -32002, "{answer}");
    assert_eq!(answer["error"]["data"], json!({"uri": "test://three/text"}));
    let answer = ask(&mut client, "resources/read", json!({}));
    assert_eq!(answer["error"]["code"], -32602, "{answer}");
}

#[test]
fn a_resource_is_found_before_any_was_listed() {
    let mut client = two().serve_initialized();
    for uri in ["test://two/item/1", "test://two/text"] {
        let text = &read(&mut client, uri)["result"]["contents"][0]["text"];
        assert_eq!(*text, format!("two has {uri}"));
    }
}

#[test]
fn resources_are_guarded_and_cut_as_results_are() {
    let entry = json!({
        "transport": "stdio", "command": UPSTREAM, "args": ["--rich", "--name", "one"],
        "trust": "untrusted",
    });
    let bridge = Bridge::new().set("mode", "direct").entry("one", entry).set("maxResultChars", 20);
    let mut client = bridge.serve_initialized();
    let answer = read(&mut client, "test://one/a-long-name");
    assert_eq!(answer["result"]["_meta"]["bridge/truncated"], true, "{answer}");
    assert!(!answer["result"]["contents"][0]["text"].to_string().contains("a-long-name"));
    let answer = read(&mut client, "test://one/te\u{200b}xt");
    assert_eq!(answer["result"]["_meta"]["bridge/trust"], "untrusted", "{answer}");
    assert!(!answer.to_string().contains('\u{200b}'), "{answer}");
}

#[test]
fn arguments_are_completed_by_their_server() {
    let mut client = two().serve_initialized();
    let argument = json!({"name": "who", "value": "m"});
    let prompt = json!({"ref": {"type": "ref/prompt", "name": "two_greet"}, "argument": argument});
    let answer = result(&mut client, "completion/complete", prompt);
    let own = json!({"type": "ref/prompt", "name": "greet"}).to_string();
    assert_eq!(answer["completion"]["values"], json!(["two", own]), "{answer}");
    let template = json!({"type": "ref/resource", "uri": "test://two/item/{id}"});
    let params = json!({"ref": template, "argument": argument});
    let answer = result(&mut client, "completion/complete", params);
    assert_eq!(answer["completion"]["values"], json!(["two", template.to_string()]), "{answer}");
}

#[test]
fn logs_reach_the_client_from_its_level_on() {
    let mut client = two().serve_initialized();
    let log = |client: &mut Client| {
        let id = client.request("tools/call", json!({"name": "two_log", "arguments": {}}));
        client.result(id);
        let told = client.drain();
        let levels = told.iter().map(|told| told["params"]["level"].as_str().unwrap_or_default());
        levels.map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(log(&mut client), ["debug", "info", "error"]);
    let answer = ask(&mut client, "logging/setLevel", json!({"level": "info"}));
    assert_eq!(answer["result"], json!({}));
    assert_eq!(log(&mut client), ["info", "error"]);
    let id = client.request("tools/call", json!({"name": "two_level", "arguments": {}}));
    assert_eq!(json_of(&client.result(id))["level"], "info");
    let answer = ask(&mut client, "logging/setLevel", json!({"level": "loud"}));
    assert_eq!(answer["error"]["code"], -32602, "{answer}");
    assert_words(&answer["error"]["message"].to_string(), &["warning"]);
}

#[test]
fn a_subscription_lasts_until_it_is_taken_back() {
    let mut client = two().serve_initialized();
    let subscribed = |client: &mut Client| {
        let id = client.request("tools/call", json!({"name": "two_level", "arguments": {}}));
        json_of(&client.result(id))["subscribed"].take()
    };
    let uri = json!({"uri": "test://two/unlisted"});
    assert_eq!(result(&mut client, "resources/subscribe", uri.clone()), json!({}));
    assert_eq!(subscribed(&mut client), json!(["test://two/unlisted"]));
    assert_eq!(result(&mut client, "resources/unsubscribe", uri), json!({}));
    assert_eq!(subscribed(&mut client), json!([]));
    let answer = ask(&mut client, "resources/subscribe", json!({"uri": "test://three/x"}));
    assert_eq!(answer["error"]["code"], -32002, "{answer}");
}

#[test]
fn what_is_declared_is_what_there_is() {
    let mut client = two().serve();
    let hello = client.initialize();
    let offered = &hello["capabilities"];
    assert_eq!(offered["resources"], json!({"subscribe": true, "listChanged": true}), "{hello}");
    for list in ["tools", "prompts"] {
        assert_eq!(offered[list]["listChanged"], true, "{hello}");
    }
    assert!(offered["logging"].is_object() && offered["completions"].is_object(), "{hello}");
    let id =
        client.request("tools/call", json!({"name": "one_echo", "arguments": {"message": "x"}}));
    assert_eq!(text_of(&client.result(id)), "x");
}
