//! Direct mode: whose a name is, and what an unknown one is answered with.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use serde_json::{Value, json};

use crate::support::{
    Bridge, Client, PATIENCE, UPSTREAM, Web, assert_words, error_of, eventually, text_of,
};

/// A server that says who it is with the tool `env`, and starts only where there is a file of its name.
fn entry(bridge: &Bridge, name: &str) -> Value {
    json!({
        "transport": "stdio", "command": "sh", "env": {"TEST_WHO": name},
        "args": ["-c", "[ -e \"$0\" ] || exit 1; exec \"$1\"", bridge.path(name), UPSTREAM],
        "toolFilter": {"allow": ["env"]},
    })
}

/// Two such servers, neither of which starts yet.
fn two(prefix: Value) -> Bridge {
    let bridge = Bridge::new().set("mode", "direct").set("toolPrefix", prefix);
    let bridge = bridge.set("routerConnectErrorCooldownMs", 0);
    let (one, two) = (entry(&bridge, "one"), entry(&bridge, "two"));
    bridge.entry("one", one).entry("two", two)
}

fn start(client: &Client, server: &str) {
    fs::write(client.path(server), "").expect("the home folder is writable");
}

fn names(client: &mut Client) -> Vec<String> {
    let id = client.request("tools/list", json!({}));
    let result = client.result(id);
    let tools = result["tools"].as_array().expect("a list").iter();
    tools.map(|tool| tool["name"].as_str().expect("a name").to_owned()).collect()
}

fn call(client: &mut Client, tool: &str) -> Value {
    let params = json!({"name": tool, "arguments": {"names": ["TEST_WHO"]}});
    let id = client.request("tools/call", params);
    client.answer(id)
}

fn who(client: &mut Client, tool: &str) -> String {
    let answer = call(client, tool);
    text_of(&answer["result"]).to_owned()
}

#[track_caller]
fn refused(answer: &Value, words: &[&str]) {
    assert_eq!(answer["error"]["code"], -32602, "{answer}");
    assert_words(&answer["error"]["message"].to_string(), words);
}

#[test]
fn a_name_stays_with_its_tool_whoever_turns_up_later() {
    for prefix in [json!(false), json!("auto")] {
        let mut client = two(prefix).file("two", "").serve_initialized();
        assert_eq!(names(&mut client), ["env"]);
        assert_words(&who(&mut client, "env"), &["two"]);
        start(&client, "one");
        // Before it is listed, and from then on.
        assert_words(&who(&mut client, "env"), &["two"]);
        assert_eq!(names(&mut client), ["one_env", "env"]);
        assert_words(&who(&mut client, "env"), &["two"]);
        assert_words(&who(&mut client, "one_env"), &["one"]);
    }
}

#[test]
fn a_name_stays_with_its_tool_in_the_next_run() {
    let mut first = two(json!(false)).file("two", "").serve_initialized();
    assert_eq!(names(&mut first), ["env"]);
    start(&first, "one");
    assert_eq!(names(&mut first), ["one_env", "env"]);
    let kept = first.path("cache/names.json");
    assert!(eventually(|| kept.exists()), "names are kept");
    assert_eq!(fs::metadata(&kept).expect("it is there").permissions().mode() & 0o777, 0o600);
    let home = first.path("").to_str().expect("the path is UTF-8").to_owned();
    let next = || Bridge::new().without_config().env("BRIDGE_HOME", &home).serve_initialized();
    let mut second = next();
    assert_eq!(names(&mut second), ["one_env", "env"]);
    assert_words(&who(&mut second, "env"), &["two"]);
    // Also where nothing was listed before.
    assert_words(&who(&mut next(), "env"), &["two"]);
}

#[test]
fn names_are_kept_though_the_client_leaves_at_once() {
    let bridge = two(json!(false)).file("two", "").file("cache/lists/other", "");
    // Somebody else writes just then.
    let folder = fs::File::open(bridge.path("cache")).expect("it is there");
    folder.lock().expect("nobody has it");
    let mut client = bridge.serve_initialized();
    assert_eq!(names(&mut client), ["env"]);
    client.close_stdin();
    drop(folder);
    assert_eq!(client.wait_exit(PATIENCE), 0);
    let kept = fs::read_to_string(client.path("cache/names.json")).expect("names are kept");
    assert_words(&kept, &["env", "two"]);
}

#[test]
fn names_that_nobody_was_shown_follow_from_all_servers() {
    let mut client = two(json!(false)).file("one", "").file("two", "").serve_initialized();
    // It is looked for at both, so that it does not matter which one is reached first.
    assert_words(&who(&mut client, "two_env"), &["two"]);
    assert_words(&who(&mut client, "env"), &["one"]);
}

#[test]
fn a_tool_that_is_gone_is_said_to_be() {
    let script = |names: &[&str]| {
        let tool = |name| json!({"name": name, "inputSchema": {"type": "object"}});
        let tools: Vec<Value> = names.iter().map(tool).collect();
        json!({"tools/list": {"result": {"tools": tools}}}).to_string()
    };
    let bridge = Bridge::new().set("mode", "direct").set("toolPrefix", false);
    let both = script(&["grow", "brew"]);
    let bridge = bridge.file("one.json", &both).file("two.json", &both);
    let entry = |name: &str| {
        let args = json!(["--script", bridge.path(name)]);
        json!({"transport": "stdio", "command": UPSTREAM, "args": args})
    };
    let (one, two) = (entry("one.json"), entry("two.json"));
    let mut client = bridge.entry("one", one).entry("two", two).serve_initialized();
    assert_eq!(names(&mut client), ["grow", "brew", "two_grow", "two_brew"]);
    fs::write(client.path("one.json"), script(&["grow"])).expect("the home folder is writable");
    let forget = json!({"name": "grow", "arguments": {}});
    let id = client.request("tools/call", forget);
    client.result(id);
    client.find(|message| message["method"] == "notifications/tools/list_changed");
    assert_eq!(names(&mut client), ["grow", "two_grow", "two_brew"]);
    refused(&call(&mut client, "brew"), &["`brew`", "gone", "`one`", "list the tools again"]);
}

#[test]
fn an_unknown_name_says_who_could_not_be_asked() {
    for prefix in [json!(false), json!("auto")] {
        let mut client = two(prefix).file("two", "").serve_initialized();
        let answer = call(&mut client, "evn");
        refused(&answer, &["unknown tool `evn`", "could not be asked", "`one`", "exit code 1"]);
        let answer = call(&mut client, "one_env");
        let error = error_of(&answer["result"], "connection_failed");
        assert_words(&error["message"].to_string(), &["one", "exit code 1"]);
        start(&client, "one");
        refused(&call(&mut client, "evn"), &["unknown tool `evn`", "did you mean `env`"]);
    }
}

#[test]
fn a_server_that_wants_a_login_says_so() {
    for prefix in [json!(true), json!(false), json!("auto")] {
        let web =
            Web::start(|_, reply| reply.send(401, &[("Content-Type", "application/json")], "{}"));
        let name = if prefix == true { "one_echo" } else { "echo" };
        let bridge = Bridge::new().set("mode", "direct").set("toolPrefix", prefix);
        let mut client = bridge.entry("one", web.entry()).serve_initialized();
        let answer = call(&mut client, name);
        let error = error_of(&answer["result"], "connection_failed");
        assert_words(&error.to_string(), &["401", "login", "auth"]);
    }
}
