//! Pipes and devices in the place of files: nothing waits for what never comes, or reads what never ends.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use serde_json::{Value, json};

use crate::support::{Bridge, UPSTREAM, assert_words, eventually, make_pipe};

/// Puts a pipe on which nobody writes, or a link to it or to a device, in the place of a file.
fn replace(path: &Path, target: &str) {
    if path.symlink_metadata().is_ok() {
        fs::remove_file(path).expect("it can be removed");
    }
    match target {
        "pipe" => make_pipe(path),
        _ => symlink(target, path).expect("it can be linked"),
    }
}

#[test]
fn commands_say_what_is_in_the_place_of_a_file() {
    let bridge = Bridge::new().without_config();
    let config = bridge.path("config.json");
    for (target, what) in [("pipe", "pipe"), ("/dev/zero", "device")] {
        replace(&config, target);
        for args in [&["servers"][..], &["install", "time", "--yes"], &["lock"]] {
            let output = bridge.run(args);
            assert_ne!(output.code, 0, "{output:?}");
            assert_words(&output.stderr, &["config.json"]);
            assert!(
                output.stderr.contains(what) || output.stderr.contains("no regular file"),
                "{output:?}"
            );
        }
        let told = bridge.run(&["doctor"]).expect(3);
        assert_words(&told.stdout, &["config.json", what, "no regular file"]);
        fs::remove_file(&config).expect("it can be removed");
    }
}

#[test]
fn variables_and_the_lock_are_read_from_files_only() {
    let bridge = Bridge::new().server("one", &[]);
    for (target, what) in [("pipe", "pipe"), ("/dev/zero", "device")] {
        replace(&bridge.path(".env"), target);
        let output = bridge.run(&["servers"]).expect(0);
        assert_words(&output.stderr, &[".env", what, "no regular file"]);
        fs::remove_file(bridge.path(".env")).expect("it can be removed");
        replace(&bridge.path("bridge.lock"), target);
        let output = bridge.run(&["diff"]);
        assert_ne!(output.code, 0, "{output:?}");
        assert_words(&output.stderr, &["bridge.lock", what, "no regular file"]);
        fs::remove_file(bridge.path("bridge.lock")).expect("it can be removed");
    }
}

#[test]
fn a_pipe_for_a_while_does_not_end_the_following() {
    let mut client = Bridge::new().server("one", &[]).serve_initialized();
    client.assert_echo("one");
    let path = client.path("config.json");
    let text = fs::read_to_string(&path).expect("there is a config");
    let mut config: Value = serde_json::from_str(&text).expect("it is JSON");
    replace(&path, "pipe");
    let mut last = Value::Null;
    let told = eventually(|| {
        last = client.mcp_json(&json!({"action": "status"}));
        last["config"]["error"].to_string().contains("it is a pipe")
    });
    assert!(told, "{last}");
    fs::remove_file(&path).expect("it can be removed");
    config["servers"]["two"] = json!({"command": UPSTREAM});
    fs::write(&path, config.to_string()).expect("it can be written");
    client.find(|message| message["method"] == "notifications/tools/list_changed");
    client.assert_echo("two");
}
