//! The bridge is killed without a chance to clean up, and nothing that it has started lives on: servers, what they have
//! started behind shells, and workers.
#![cfg(target_os = "linux")]

use std::fs;

use rustix::process::Signal;
use serde_json::json;

use crate::support::{
    Bridge, PATIENCE, Tiny, UPSTREAM, descendants, eventually, http_call, lines_of, text_of,
    wait_gone,
};

/// As `npx` and `uvx` do it: a shell that waits for another one, which waits for the server; neither heeds SIGTERM.
const BEHIND_SHELLS: &str =
    "trap '' TERM; sh -c 'trap \"\" TERM; \"$0\" \"$@\"; exit $?' \"$0\" \"$@\"; exit $?";

/// Three servers: by itself, behind shells, and with a child of its own.
fn servers() -> Bridge {
    let bridge = Bridge::new();
    let file = bridge.path("pids").to_str().expect("the path is UTF-8").to_owned();
    let args = ["-c", BEHIND_SHELLS, UPSTREAM, "--grandchild", "--pid-file", &file];
    bridge
        .entry("one", json!({"command": "sh", "args": args}))
        .server("two", &["--ignore-eof", "--grandchild", "--pid-file", &file])
        .server("three", &["--pid-file", &file])
}

/// Everything that lives below the bridge, the bridge left out; so many processes at least.
fn all_below(bridge: u32, least: usize) -> Vec<u32> {
    let mut all = Vec::new();
    let there = eventually(|| {
        all = descendants(bridge).into_iter().map(|(pid, _)| pid).collect();
        all.len() >= least
    });
    assert!(there, "{:?}", descendants(bridge));
    all
}

/// Waits until the bridge has a worker process of this kind.
#[track_caller]
fn wait_worker(bridge: u32, kind: &str) {
    let is_one = |(pid, _): &(u32, String)| {
        let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        line.split(|byte| *byte == 0).nth(1) == Some(kind.as_bytes())
    };
    let there = eventually(|| descendants(bridge).iter().any(is_one));
    assert!(there, "no `{kind}`: {:?}", descendants(bridge));
}

/// What `servers` come to: three servers, two shells, two children, and the guardian.
const LEAST: usize = 8;

/// With the workers that filter and that run a model: one filter never ends.
#[test]
fn on_stdio() {
    let bridge = servers();
    let model = bridge.path("models/tiny");
    fs::create_dir_all(&model).expect("the home folder is writable");
    Tiny::new().write(&model);
    let mut client = bridge.serve_initialized();
    for server in ["one", "two", "three"] {
        client.assert_echo(server);
    }
    client.mcp(&json!({"intent": "ring the bell"}));
    client
        .mcp(&json!({"server": "one", "tool": "echo", "params": {"message": "x"}, "select": "."}));
    let endless = json!({"server": "one", "tool": "echo", "params": {"message": "x"}, "select": "def f: f; f"});
    client.start_mcp(&endless);
    client.start_call("three", "never", json!({}));
    wait_worker(client.pid(), "select");
    wait_worker(client.pid(), "embed");
    let all = all_below(client.pid(), LEAST + 2);
    assert_eq!(lines_of(&client.path("pids")).len(), 5, "three servers and two children");
    client.signal(Signal::KILL);
    client.wait_exit(PATIENCE);
    wait_gone(&all);
}

#[test]
fn over_http() {
    let mut server = servers().serve_http(&["--http"]);
    let mut session = server.session("2025-11-25");
    assert_eq!(session.text("echo", &json!({"message": "x"})), "x");
    for name in ["two", "three"] {
        let mut call = http_call("echo", &json!({"message": "x"}), None);
        call["arguments"]["server"] = json!(name);
        assert_eq!(text_of(&server.stateless(1, "tools/call", call).json()["result"]), "x");
    }
    let all = all_below(server.pid(), LEAST);
    drop(session);
    server.signal(Signal::KILL);
    server.wait();
    wait_gone(&all);
}
