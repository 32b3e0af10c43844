//! The config changes again and again while clients call: no call fails, is lost or runs twice.

use std::fs;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::support::{Bridge, HttpServer, UPSTREAM, eventually, lines_of, text_of};

const CHANGES: u32 = 50;
const CLIENTS: u64 = 6;

/// The config of one round: `kept` stays, `other` is another one each time, `now_and_then` comes and goes.
fn config(server: &HttpServer, round: u32) -> Value {
    let record = server.path("runs");
    let mut config = json!({"servers": {
        "kept": {"command": UPSTREAM, "args": ["--record", record, "--start-log", server.path("starts")]},
        "other": {"command": UPSTREAM, "args": ["--record", record, "--extra-tools", round.to_string()],
            "description": format!("round {round}")},
    }});
    if round.is_multiple_of(2) {
        config["servers"]["now-and-then"] = json!({"command": UPSTREAM, "args": []});
    }
    config
}

/// Puts the config of this round in force: beside and renamed, or written over.
fn change(server: &HttpServer, round: u32) {
    let (path, text) = (server.path("config.json"), config(server, round).to_string());
    if round.is_multiple_of(3) {
        fs::write(server.path("config.new"), text).expect("it can be written");
        fs::rename(server.path("config.new"), path).expect("it can be renamed");
    } else {
        fs::write(path, text).expect("it can be written");
    }
    let is_in_force = || {
        server.signal(Signal::HUP);
        let list = server.stateless(1, "tools/list", json!({})).body();
        list.contains(&format!("round {round}"))
    };
    assert!(eventually(is_in_force), "round {round} never came: {}", server.stderr_text());
}

/// Calls until told to stop; the text that each call should have come back with, and what did.
fn call(server: &HttpServer, client: u64, stop: &AtomicBool, calls: &AtomicU64) -> Vec<String> {
    let mut session = client.is_multiple_of(2).then(|| server.session("2025-11-25"));
    let mut failed = Vec::new();
    for number in 0_u64.. {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        let nonce = format!("{client}-{number}");
        let name = if number.is_multiple_of(3) { "kept" } else { "other" };
        // Some are under way while the config changes.
        let ms = if number.is_multiple_of(4) { 150 } else { 0 };
        let call = json!({"name": "mcp", "arguments":
            {"server": name, "tool": "mark", "params": {"nonce": nonce, "ms": ms}}});
        let reply = match &mut session {
            Some(session) => session.request("tools/call", &call),
            None => server.stateless(number, "tools/call", call),
        };
        let answer = reply.json();
        calls.fetch_add(1, Ordering::Relaxed);
        if answer["result"]["content"][0]["text"] != *nonce || answer["result"]["isError"] == true {
            failed.push(format!("{nonce}: {answer}"));
        }
        thread::sleep(Duration::from_millis(10));
    }
    failed
}

#[test]
fn many_reloads_drop_no_call() {
    let server = Bridge::new().serve_http(&["--http"]);
    change(&server, 0);
    let (stop, calls) = (AtomicBool::new(false), AtomicU64::new(0));
    let failed: Vec<String> = thread::scope(|scope| {
        let (server, stop, calls) = (&server, &stop, &calls);
        let callers: Vec<_> = (0..CLIENTS)
            .map(|client| scope.spawn(move || call(server, client, stop, calls)))
            .collect();
        let changed = scope.spawn(|| {
            for round in 1..=CHANGES {
                let before = calls.load(Ordering::Relaxed);
                change(server, round);
                // Those under way when this came end, and others are under way when the next one comes.
                let went_on = eventually(|| calls.load(Ordering::Relaxed) > before + CLIENTS);
                assert!(went_on, "no calls end after round {round}");
            }
        });
        let changed = changed.join();
        stop.store(true, Ordering::Relaxed);
        changed.expect("each round comes into force");
        callers.into_iter().flat_map(|caller| caller.join().expect("it calls")).collect()
    });
    assert_eq!(failed, Vec::<String>::new());
    let runs = lines_of(&server.path("runs"));
    let calls = usize::try_from(calls.into_inner()).expect("a count");
    let once: std::collections::BTreeSet<&String> = runs.iter().collect();
    assert_eq!((runs.len(), once.len()), (calls, calls), "each call ran once");
    assert_eq!(lines_of(&server.path("starts")).len(), 1, "`kept` was never started again");
    let last = json!({"name": "mcp", "arguments": {"server": "other", "tool": "tool_0050"}});
    let last = server.stateless(1, "tools/call", last).json();
    assert_eq!(text_of(&last["result"]), "tool_0050");
}
