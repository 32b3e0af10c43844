//! Direct mode: servers that take long to list what they have.

use std::fs;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;

use crate::support::{Bridge, Client};

/// Less than a server is waited for that nobody knows yet.
const SOON: Duration = Duration::from_secs(7);

/// `slow`, which answers as its script says, before `one`, which answers at once.
fn serve(script: &Value) -> Client {
    let bridge = Bridge::new().set("mode", "direct").file("script.json", &script.to_string());
    let file = bridge.path("script.json").to_str().expect("the path is UTF-8").to_owned();
    let bridge = bridge.server("slow", &["--rich", "--name", "slow", "--script", &file]);
    bridge.server("one", &["--rich", "--name", "one"]).serve_initialized()
}

fn rewrite(client: &Client, script: &Value) {
    fs::write(client.path("script.json"), script.to_string()).expect("writable");
}

/// What a list has of the slow server, and how long it took.
fn listed(client: &mut Client, method: &str, member: &str, key: &str) -> (Vec<String>, Duration) {
    let began = Instant::now();
    let id = client.request(method, json!({}));
    let result = client.result(id);
    let took = began.elapsed();
    let items = result[member].as_array().expect("a list").iter();
    let keys = items.map(|item| item[key].as_str().expect("a key").to_owned());
    (keys.filter(|key| key.contains("slow")).collect(), took)
}

fn prompts(client: &mut Client) -> (Vec<String>, Duration) {
    listed(client, "prompts/list", "prompts", "name")
}

fn release(client: &mut Client) {
    let id = client.request("tools/call", json!({"name": "slow_release", "arguments": {}}));
    client.result(id);
}

#[test]
fn a_list_that_is_late_is_told_when_it_comes() {
    let mut client = serve(&json!({}));
    let before = prompts(&mut client).0;
    assert_eq!((before[0].as_str(), before.len()), ("slow_greet", 2));
    let held = json!({"prompts": [{"name": "later"}]});
    rewrite(&client, &json!({"prompts/list": {"hold": held}}));
    // What it had stands for what it has.
    let (names, took) = prompts(&mut client);
    assert_eq!(names, before);
    assert!(took < SOON, "{took:?}");
    release(&mut client);
    client.find(|message| message["method"] == "notifications/prompts/list_changed");
    rewrite(&client, &json!({"prompts/list": {"result": held}}));
    assert_eq!(prompts(&mut client).0, ["slow_later"]);
}

#[test]
fn a_list_that_never_comes_is_waited_for_once() {
    let never = json!({
        "prompts/list": "never", "resources/list": "never", "resources/templates/list": "never",
    });
    let mut client = serve(&never);
    assert_eq!(prompts(&mut client).0, [""; 0]);
    let (names, took) = prompts(&mut client);
    assert_eq!(names, [""; 0]);
    assert!(took < SOON, "{took:?}");
    let read = |client: &mut Client| {
        let began = Instant::now();
        let id = client.request("resources/read", json!({"uri": "test://one/item/1"}));
        let result = client.result(id);
        assert_eq!(result["contents"][0]["text"], "one has test://one/item/1", "{result}");
        began.elapsed()
    };
    read(&mut client);
    // Nobody waits for what is still on its way.
    let took = read(&mut client);
    assert!(took < Duration::from_secs(1), "{took:?}");
    for (method, member, key) in [
        ("resources/list", "resources", "uri"),
        ("resources/templates/list", "resourceTemplates", "uriTemplate"),
    ] {
        let (keys, took) = listed(&mut client, method, member, key);
        assert_eq!(keys, [""; 0]);
        assert!(took < SOON, "{took:?}");
    }
}

#[test]
fn a_server_that_does_not_start_is_waited_for_once() {
    let bridge = Bridge::new().set("mode", "direct").set("routerConnectErrorCooldownMs", 0);
    let mut client = bridge.server("one", &[]).server("slow", &["--silent"]).serve_initialized();
    let tools = |client: &mut Client| listed(client, "tools/list", "tools", "name");
    let (names, first) = tools(&mut client);
    assert_eq!(names, [""; 0]);
    let (names, then) = tools(&mut client);
    assert_eq!(names, [""; 0]);
    assert!(then < first.mul_f64(0.75), "{first:?} and then {then:?}");
}
