//! Disks that are full and homes that cannot be written: calls go on, files stay whole, and it is told once what is lost.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::support::{Bridge, Client, assert_words, is_error, text_of};

/// Makes use of all that the bridge keeps in files: counts, pins, lists, results that were cut.
fn bridge() -> Bridge {
    Bridge::new()
        .server("one", &[])
        .config(|config| config["servers"]["one"]["trust"] = json!("untrusted"))
        .set("maxResultChars", 1000)
        .set("resultCache", json!({"enabled": true}))
        .set("adaptivePromotion", json!({"enabled": true}))
}

/// Calls of which many files would come, and which all have to work; what was cut is read on.
fn work(client: &mut Client) {
    for number in 0..40 {
        let result = client.call("one", "big", json!({"bytes": 30_000 + number}));
        assert!(!is_error(&result), "{result}");
        let id = result["_meta"]["bridge/resultId"].clone();
        let part = client.mcp_json(&json!({"action": "read", "id": id, "offset": 10_000}));
        assert_eq!(part["originalLength"], 30_000 + number, "{part}");
        let text = format!("message {number}");
        let result = client.call("one", "echo", json!({"message": text}));
        assert_words(text_of(&result), &[&text]);
    }
    let list = client.mcp_json(&json!({"action": "list", "server": "one"}));
    assert!(list["tools"].as_array().is_some_and(|tools| tools.len() > 10), "{list}");
    let found = client.mcp_json(&json!({"intent": "echo a message"}));
    assert!(found["match"].is_object() || found["alternatives"].is_array(), "{found}");
}

/// What cannot be written is told, by subject and not by call.
#[track_caller]
fn assert_told(client: &Client, words: &str) {
    let text = client.stderr_text();
    let lines: Vec<&str> = text.lines().collect();
    assert_words(&text, &[words]);
    assert!(lines.len() <= 6, "{} lines: {text}", lines.len());
}

/// Each file that is there is what it should be, and none is half written.
#[track_caller]
fn assert_whole(folder: &Path) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            assert_whole(&path);
        } else if path.extension().is_some_and(|it| it == "json") {
            let text = fs::read_to_string(&path).expect("it can be read");
            let value: Result<Value, _> = serde_json::from_str(&text);
            assert!(value.is_ok(), "{}: {text}", path.display());
        } else {
            let name = entry.file_name().to_string_lossy().into_owned();
            assert!(!name.ends_with(".unfinished"), "{name} is left");
        }
    }
}

/// No file may grow at all, as on a disk without room; the signal that comes with it would end any program.
#[test]
fn a_limit_on_files_costs_no_call() {
    let mut client =
        bridge().started_by("trap '' XFSZ; ulimit -f 0; exec \"$0\" \"$@\"").serve_initialized();
    work(&mut client);
    assert_told(&client, "File too large");
    assert_whole(&client.path(""));
}

/// A disk that gets full while the bridge writes; where this user may mount none, the test before has to do.
#[test]
#[cfg(target_os = "linux")]
fn a_full_disk_costs_no_call() {
    let bridge = bridge().file("state/place", "");
    let state = bridge.path("state").to_str().expect("a plain path").to_owned();
    let line = format!("mount -t tmpfs -o size=200k tmpfs {state} && exec \"$0\" \"$@\"");
    let config = bridge.path("config.json").to_str().expect("a plain path").to_owned();
    let bridge = bridge.env("BRIDGE_HOME", &state).args(&["--config", &config]);
    let Some(bridge) = bridge.started_apart_by(&line) else { return };
    let mut client = bridge.serve_initialized();
    work(&mut client);
    assert_told(&client, "No space left");
    // What it looks like in the bridge's own name space.
    let state = format!("/proc/{}/root{state}", client.pid());
    let kept = || fs::read_dir(format!("{state}/usage")).is_ok_and(|entries| entries.count() > 0);
    assert!(crate::support::eventually(kept), "the disk was never used");
    assert_whole(Path::new(&state));
}

/// Folders in which nobody may make a file, whoever he is, and none at all.
#[test]
#[cfg(target_os = "linux")]
fn homes_that_cannot_be_written_are_done_without() {
    for start in [
        "BRIDGE_HOME=/proc/bridge exec \"$0\" \"$@\"",
        "BRIDGE_HOME=/dev/null/bridge exec \"$0\" \"$@\"",
        // Whose mode means something to all but root.
        "mkdir state; chmod 0555 state; BRIDGE_HOME=$PWD/state exec \"$0\" \"$@\"",
        "unset BRIDGE_HOME HOME; exec \"$0\" \"$@\"",
    ] {
        let bridge = bridge();
        let config = bridge.path("config.json").to_str().expect("a plain path").to_owned();
        let mut client = bridge.args(&["--config", &config]).started_by(start).serve_initialized();
        work(&mut client);
        let lines = client.stderr_text().lines().count();
        assert!(lines <= 6, "{start}: {}", client.stderr_text());
    }
}

/// A home that others have made, with the config in it.
#[test]
#[cfg(target_os = "linux")]
fn a_home_on_a_disk_that_is_read_only_serves() {
    let bridge = bridge();
    let home = bridge.home().to_str().expect("a plain path").to_owned();
    let line = format!("mount --bind -o ro {home} {home} && exec \"$0\" \"$@\"");
    let Some(bridge) = bridge.started_apart_by(&line) else { return };
    let mut client = bridge.serve_initialized();
    work(&mut client);
    assert_told(&client, "Read-only file system");
}
