//! The config as users write it, rightly and wrongly.

use std::path::Path;

use serde_json::{Value, json};

use crate::support::{Bridge, Client, UPSTREAM, assert_words, is_error, json_of};

#[test]
fn a_file_that_is_no_json_stops_with_its_place() {
    let bridge = Bridge::new().raw_config("{\n  \"servers\": {\n    oops\n  }\n}\n");
    for args in [&["servers"][..], &["tools"], &[]] {
        let output = bridge.run(args).expect(3);
        assert!(
            output.stderr.contains("line 3") || output.stderr.contains(":3:"),
            "names the line: {output:?}"
        );
        assert_words(&output.stderr, &["config.json", "5"]);
        assert_eq!(output.stdout, "");
    }
}

#[test]
fn a_faulty_entry_is_reported_and_the_others_run() {
    let mut client = Bridge::new()
        .server("good", &[])
        .entry("faulty", json!({"command": 7}))
        .entry("mistyped", json!({"comand": "x"}))
        .entry("Bad_Name", json!({"command": "x"}))
        .serve_initialized();
    client.assert_echo("good");
    client.expect_stderr(&["/servers/faulty/command", "/servers/mistyped", "Bad_Name"]);
    assert!(is_error(&client.call("faulty", "echo", json!({}))));
    client.assert_echo("good");
}

#[test]
fn all_findings_come_together_with_the_nearest_name() {
    let bridge = Bridge::new()
        .server("good", &[])
        .entry("mistyped", json!({"command": "x", "arg": []}))
        .set("requestTimeoutMS", 5)
        .set("maxBatchSize", "many");
    let output = bridge.run(&["servers"]);
    let pointers = ["/servers/mistyped/arg", "/requestTimeoutMS", "/maxBatchSize"];
    assert_words(&output.stderr, &pointers);
    assert_words(&output.stderr, &["`args`", "`requestTimeoutMs`"]);
}

#[test]
fn variables_come_from_the_file_first_and_then_the_environment() {
    let mut client = Bridge::new()
        .server("one", &[])
        .config(|config| {
            config["servers"]["one"]["env"] = json!({
                "TEST_FILE": "${TEST_IN_FILE}",
                "TEST_PROCESS": "<${TEST_IN_PROCESS}>",
                "TEST_BOTH": "${TEST_IN_BOTH}",
                "TEST_FOLDER": "${CONFIG_DIR}",
            });
        })
        .file(".env", "TEST_IN_FILE='a \"quoted\" ${TEST_IN_PROCESS}'\nTEST_IN_BOTH=file\n")
        .env("TEST_IN_PROCESS", "process")
        .env("TEST_IN_BOTH", "process")
        .serve_initialized();
    let names = ["TEST_FILE", "TEST_PROCESS", "TEST_BOTH", "TEST_FOLDER"];
    let set = json_of(&client.call("one", "env", json!({"names": names})));
    assert_eq!(set["TEST_FILE"], "a \"quoted\" ${TEST_IN_PROCESS}", "filled once, never parsed");
    assert_eq!(set["TEST_PROCESS"], "<process>");
    assert_eq!(set["TEST_BOTH"], "file");
    let folder = set["TEST_FOLDER"].as_str().unwrap_or_default();
    assert_words(folder, &["config/one"]);
    assert!(Path::new(folder).is_dir(), "servers write into it");
}

#[test]
fn a_missing_variable_is_a_finding_and_the_others_run() {
    let mut client = Bridge::new()
        .server("good", &[])
        .entry("needy", json!({"command": UPSTREAM, "env": {"TEST_KEY": "${TEST_NOT_SET}"}}))
        .serve_initialized();
    client.assert_echo("good");
    client.expect_stderr(&["needy", "TEST_KEY", "TEST_NOT_SET"]);
    let result = client.call("needy", "echo", json!({"message": "x"}));
    assert!(is_error(&result), "{result}");
    assert_words(&result.to_string(), &["TEST_NOT_SET"]);
}

#[test]
fn files_of_other_clients_are_read_as_they_are() {
    let config =
        json!({"mcpServers": {"one": {"command": UPSTREAM, "args": ["--extra-tools", "1"]}}});
    let mut client = Bridge::new().raw_config(&config.to_string()).serve_initialized();
    client.assert_echo("one");
}

#[test]
fn another_file_may_be_named() {
    let other = json!({"servers": {"elsewhere": {"command": UPSTREAM}}});
    let bridge = Bridge::new().file("other/bridge.json", &other.to_string());
    let path = bridge.path("other/bridge.json");
    let path = path.to_str().expect("the path is UTF-8").to_owned();
    let mut client = bridge.args(&["--config", &path]).serve_initialized();
    client.assert_echo("elsewhere");
}

#[test]
fn the_env_file_beside_the_named_config_comes_first() {
    let entry = json!({"command": UPSTREAM, "env": {"TEST_WHERE": "${TEST_PLACE}"}});
    let other = json!({"servers": {"one": entry}});
    let bridge = Bridge::new()
        .file(".env", "TEST_PLACE=home\n")
        .file("other/.env", "TEST_PLACE=beside\n")
        .file("other/bridge.json", &other.to_string());
    let path = bridge.path("other/bridge.json");
    let path = path.to_str().expect("the path is UTF-8").to_owned();
    let mut client = bridge.args(&["--config", &path]).serve_initialized();
    assert_eq!(environment(&mut client, "TEST_WHERE"), "beside");
}

#[test]
fn keys_that_are_not_in_force_are_named_and_the_server_runs() {
    let keys = [("autoMerge", json!(true))];
    let mut bridge = Bridge::new().server("one", &[]);
    for (key, value) in &keys {
        bridge = bridge.set(key, value.clone());
    }
    let mut client = bridge.serve_initialized();
    client.assert_echo("one");
    client.expect_stderr(&keys.map(|(key, _)| key));
}

fn environment(client: &mut Client, name: &str) -> Value {
    json_of(&client.call("one", "env", json!({"names": [name]})))[name].take()
}
