//! Several clients while the config changes: each hears of it.

use std::fs;
use std::path::Path;

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::support::{Bridge, HttpReply, HttpServer, UPSTREAM, eventually, json_of, lines_of};

fn entry(flags: &[&str]) -> Value {
    json!({"command": UPSTREAM, "args": flags})
}

fn write(path: &Path, config: &Value) {
    let beside = path.with_extension("new");
    fs::write(&beside, config.to_string()).expect("it can be written");
    fs::rename(&beside, path).expect("it can be renamed");
}

/// The next notification of this method.
#[track_caller]
fn wait_for(stream: &mut HttpReply, method: &str) -> Value {
    loop {
        let message = stream.message().expect("the stream goes on");
        if message["method"] == method {
            return message;
        }
    }
}

fn status(server: &HttpServer) -> Value {
    let call = json!({"name": "mcp", "arguments": {"action": "status"}});
    json_of(&server.stateless(1, "tools/call", call).json()["result"])
}

#[test]
fn clients_of_both_eras_hear_that_the_tool_has_changed() {
    let server = Bridge::new().server("one", &[]).serve_http(&["--http"]);
    let session = server.session("2025-11-25");
    let mut standing = session.listen(None);
    let wanted = json!({"notifications": {"toolsListChanged": true}});
    let mut stateless = server.stateless(7, "subscriptions/listen", wanted);
    let first = stateless.message().expect("an acknowledgement");
    assert_eq!(first["params"]["notifications"], json!({"toolsListChanged": true}));
    let config = json!({"servers": {"one": entry(&[]), "two": entry(&[])}});
    write(&server.path("config.json"), &config);
    wait_for(&mut standing, "notifications/tools/list_changed");
    let told = wait_for(&mut stateless, "notifications/tools/list_changed");
    assert_eq!(told["params"]["_meta"]["io.modelcontextprotocol/subscriptionId"], 7);
    let list = server.stateless(8, "tools/list", json!({})).json();
    assert!(list.to_string().contains("Servers: one; two"), "{list}");
}

#[test]
fn in_direct_mode_they_hear_of_all_lists_and_go_on_hearing_of_resources() {
    let log = |bridge: &Bridge| bridge.path("starts").to_str().expect("a plain path").to_owned();
    let bridge = Bridge::new().set("mode", "direct");
    let log = log(&bridge);
    let server = bridge.server("one", &["--rich", "--start-log", &log]).serve_http(&["--http"]);
    let mut session = server.session("2025-11-25");
    let mut standing = session.listen(None);
    let list = session.request("resources/list", &json!({})).json();
    let uri = list["result"]["resources"][0]["uri"].clone();
    assert!(uri.is_string(), "{list}");
    let subscribed = session.request("resources/subscribe", &json!({"uri": uri})).json();
    assert!(subscribed.get("result").is_some(), "{subscribed}");
    let one = entry(&["--rich", "--start-log", &log, "--extra-tools", "1"]);
    let config = json!({"mode": "direct", "servers": {"one": one, "two": entry(&["--rich"])}});
    write(&server.path("config.json"), &config);
    for list in ["tools", "prompts", "resources"] {
        wait_for(&mut standing, &format!("notifications/{list}/list_changed"));
    }
    let tools = session.request("tools/list", &json!({})).json().to_string();
    for name in ["one_echo", "one_tool_0001", "two_echo"] {
        assert!(tools.contains(&format!("\"{name}\"")), "{name} in {tools}");
    }
    let prompts = session.request("prompts/list", &json!({})).json().to_string();
    assert!(prompts.contains("\"two_"), "{prompts}");
    // The subscription is one with the new process.
    assert!(eventually(|| lines_of(&server.path("starts")).len() == 2));
    let touch = json!({"name": "one_touch", "arguments": {"uri": uri}});
    session.request("tools/call", &touch).json();
    let told = wait_for(&mut standing, "notifications/resources/updated");
    assert_eq!(told["params"]["uri"], uri);
}

#[test]
fn a_daemon_that_is_hung_up_on_goes_on_and_follows_its_config() {
    let mut server = Bridge::new().server("one", &[]).serve_http(&["--http"]);
    // Changes are noticed without the signal, too, which must not end the bridge.
    for name in ["two", "three"] {
        let servers = json!({"servers": {"one": entry(&[]), name: entry(&[])}});
        write(&server.path("config.json"), &servers);
        server.signal(Signal::HUP);
        assert!(eventually(|| status(&server).to_string().contains(name)));
    }
    server.terminate();
    assert_eq!(server.wait(), 0);
}
