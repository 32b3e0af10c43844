//! `bridge tokens`: what lists of tools cost with the bridge and without it.

use serde_json::{Value, json};

use crate::support::{Bridge, Output, UPSTREAM, assert_words};

fn count(json: &Value, key: &str) -> u64 {
    json[key].as_u64().unwrap_or_else(|| panic!("`{key}` is a number: {json}"))
}

#[test]
fn lists_are_counted_with_the_bridge_and_without_it() {
    let bridge = Bridge::new().server("one", &[]).server("many", &["--extra-tools", "60"]);
    let costs = bridge.run(&["tokens", "--json"]).expect(0).json();
    assert_eq!((&costs["tokenizer"], &costs["mode"]), (&json!("o200k_base"), &json!("router")));
    let servers = costs["servers"].as_array().expect("a list");
    let [one, many] = &servers[..] else { panic!("both are counted: {costs}") };
    assert_eq!(count(many, "tools"), count(one, "tools") + 60, "{costs}");
    for server in [one, many] {
        assert!(count(server, "list") < count(server, "without"), "{costs}");
    }
    // Every further tool costs something.
    assert!(count(many, "without") >= count(one, "without") + 60 * 10, "{costs}");
    assert_eq!(count(&costs, "without"), count(one, "without") + count(many, "without"));
    assert_eq!(count(&costs, "list"), count(one, "list") + count(many, "list"));
    assert!(count(&costs, "now") < count(&costs, "without") / 4, "{costs}");
    let output = bridge.run(&["tokens"]).expect(0);
    let (without, now) = (count(&costs, "without"), count(&costs, "now"));
    let said = [format!("{without} tokens without"), format!("{now} through it")];
    assert_words(&output.stdout, &["many", "(all)", &said[0], &said[1], "the tool `mcp`"]);
}

#[test]
fn in_direct_mode_all_tools_are_paid_for() {
    let bridge = Bridge::new().server("one", &["--extra-tools", "20"]).set("mode", "direct");
    let costs = bridge.run(&["tokens", "--json"]).expect(0).json();
    let (without, now) = (count(&costs, "without"), count(&costs, "now"));
    assert!(now * 10 >= without * 9, "nothing is saved: {costs}");
    assert_words(&bridge.run(&["tokens"]).expect(0).stdout, &["the tools themselves"]);
}

#[test]
fn a_server_that_is_out_of_reach_is_counted_as_it_was() {
    let script = json!({"command": "/bin/sh", "args": ["server.sh"], "cwd": "${BRIDGE_HOME}"});
    let bridge = Bridge::new()
        .entry("one", script)
        .server("never", &["--exit-at-start", "9"])
        .file("server.sh", &format!("exec '{UPSTREAM}'\n"));
    let run = |bridge: &Bridge, code| -> (Output, Value) {
        let output = bridge.run(&["tokens", "--json"]).expect(code);
        let json = output.json();
        (output, json)
    };
    let (_, before) = run(&bridge, 5);
    assert_eq!(before["servers"][1]["without"], Value::Null, "{before}");
    let bridge = bridge.file("server.sh", "exit 7\n");
    let (output, after) = run(&bridge, 5);
    let one = &after["servers"][0];
    assert_eq!(one["without"], before["servers"][0]["without"], "{after}");
    assert_eq!(
        (&one["remembered"], &before["servers"][0]["remembered"]),
        (&json!(true), &json!(false))
    );
    assert_words(&one["error"].to_string(), &["exit code 7"]);
    assert_words(&output.stderr, &["`one` is counted as it showed itself last", "`never` is not"]);
    // What is remembered of all servers is enough.
    let bridge = bridge.config(|config| {
        config["servers"].as_object_mut().map(|servers| servers.remove("never"));
    });
    run(&bridge, 0);
}
