//! The files of the config change while the bridge runs: what has changed comes into force, and nothing else does.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::support::{
    Bridge, Client, PATIENCE, UPSTREAM, alive, assert_words, error_of, eventually, is_error,
    json_of, lines_of, text_of, wait_gone,
};

/// A scripted server with these flags.
fn entry(flags: &[&str]) -> Value {
    json!({"command": UPSTREAM, "args": flags})
}

/// The config that is in the home folder, changed.
fn change(path: &Path, change: impl FnOnce(&mut Value)) {
    let text = fs::read_to_string(path).expect("there is a config");
    let mut config = serde_json::from_str(&text).expect("it is JSON");
    change(&mut config);
    fs::write(path, format!("{config:#}\n")).expect("it can be written");
}

/// What the one tool says of itself.
fn description(client: &mut Client) -> String {
    let id = client.request("tools/list", json!({}));
    client.result(id)["tools"][0]["description"].as_str().expect("a description").to_owned()
}

fn status(client: &mut Client) -> Value {
    client.mcp_json(&json!({"action": "status"}))
}

/// Waits until the status is as wanted.
#[track_caller]
fn wait_status(client: &mut Client, wanted: impl Fn(&Value) -> bool) -> Value {
    let mut last = Value::Null;
    let came = eventually(|| {
        last = status(client);
        wanted(&last)
    });
    assert!(came, "it never came: {last}\n{}", client.stderr_text());
    last
}

fn has_server(status: &Value, name: &str) -> bool {
    status["servers"].as_array().is_some_and(|all| all.iter().any(|server| server["name"] == name))
}

fn wait_list_changed(client: &mut Client) {
    client.find(|message| message["method"] == "notifications/tools/list_changed");
}

/// The processes of a server, in the order of their starts.
fn pids(client: &Client, name: &str) -> Vec<u32> {
    let lines = lines_of(&client.path(name));
    lines.iter().map(|line| line.parse().expect("a process id")).collect()
}

/// A bridge whose servers write their process ids into files of their names.
fn with_pids(servers: &[&str]) -> Bridge {
    let bridge = Bridge::new();
    servers.iter().fold(bridge, |bridge, name| {
        let file = bridge.path(name);
        bridge.server(name, &["--pid-file", file.to_str().expect("a plain path")])
    })
}

#[test]
fn servers_come_go_and_change_and_the_others_stay_as_they_are() {
    let mut client = with_pids(&["kept", "gone", "other"]).serve();
    let hello = client.initialize();
    assert_eq!(hello["capabilities"]["tools"]["listChanged"], true, "{hello}");
    for server in ["kept", "gone", "other"] {
        assert_eq!(text_of(&client.call(server, "count", json!({}))), "1");
    }
    let other = client.path("other");
    let other = other.to_str().expect("a plain path");
    change(&client.path("config.json"), |config| {
        let servers = config["servers"].as_object_mut().expect("servers");
        servers.remove("gone");
        servers["other"] = entry(&["--pid-file", other, "--extra-tools", "1"]);
        servers["kept"]["description"] = json!("what stays");
        servers.insert("added".to_owned(), entry(&[]));
    });
    wait_list_changed(&mut client);
    let about = description(&mut client);
    assert_words(&about, &["Servers: kept — what stays; other; added"]);
    assert!(!about.contains("gone"), "{about}");
    // A session that goes on counts on, and a new one begins anew.
    for (server, count) in [("kept", "2"), ("other", "1"), ("added", "1")] {
        assert_eq!(text_of(&client.call(server, "count", json!({}))), count, "{server}");
    }
    assert!(!is_error(&client.call("other", "tool_0001", json!({}))));
    let result = client.call("gone", "count", json!({}));
    error_of(&result, "unknown_server");
    let (kept, other) = (pids(&client, "kept"), pids(&client, "other"));
    assert_eq!((kept.len(), other.len()), (1, 2));
    wait_gone(&[pids(&client, "gone")[0], other[0]]);
    assert!(alive(kept[0]) && alive(other[1]));
    assert!(status(&mut client).get("config").is_none(), "all of it is in force");
}

#[test]
fn another_variable_restarts_those_that_use_it() {
    let user = json!({"command": UPSTREAM, "env": {"TEST_TOKEN": "${TOKEN}"}});
    let bridge = with_pids(&["other"]).entry("user", user).file(".env", "TOKEN=first\n");
    let mut client = bridge.serve_initialized();
    let token = |client: &mut Client| {
        let result = client.call("user", "env", json!({"names": ["TEST_TOKEN"]}));
        text_of(&result).to_owned()
    };
    client.assert_echo("other");
    assert_words(&token(&mut client), &["first"]);
    fs::write(client.path(".env"), "TOKEN=second\n").expect("it can be written");
    assert!(eventually(|| token(&mut client).contains("second")), "{}", token(&mut client));
    client.assert_echo("other");
    assert_eq!(pids(&client, "other").len(), 1);
    // What it was given is kept out of sight in its new place as well.
    let leaked = client.call("user", "leak", json!({"text": "it is second", "where": "error"}));
    assert!(!leaked.to_string().contains("second"), "{leaked}");
    // Without the variable it cannot be served, which is its own trouble.
    fs::remove_file(client.path(".env")).expect("it was there");
    let is_left_out = |client: &mut Client| {
        let result = client.call("user", "echo", json!({"message": "x"}));
        is_error(&result) && json_of(&result).to_string().contains("`TOKEN` is not set")
    };
    assert!(eventually(|| is_left_out(&mut client)));
    client.assert_echo("other");
    fs::write(client.path(".env"), "TOKEN=third\n").expect("it can be written");
    assert!(eventually(|| !is_left_out(&mut client)));
    assert_words(&token(&mut client), &["third"]);
}

#[test]
fn a_faulty_file_changes_nothing_and_is_told_of() {
    let mut client = with_pids(&["one"]).serve_initialized();
    client.assert_echo("one");
    let path = client.path("config.json");
    let good = fs::read_to_string(&path).expect("there is a config");
    for (text, words) in [
        ("{\"servers\": {", "is not JSON"),
        ("{\"servers\": {}, \"mode\": \"ruoter\"}", "did you mean `router`"),
        ("", "is not JSON"),
    ] {
        fs::write(&path, text).expect("it can be written");
        let told = |status: &Value| status["config"]["error"].to_string().contains(words);
        let status = wait_status(&mut client, told);
        assert_words(
            &status["config"]["note"].to_string(),
            &["goes on with the config that it had"],
        );
        assert!(has_server(&status, "one"));
        client.expect_stderr(&["the changed config is not in force", words]);
        let beside = client.run_beside(&["servers"]).expect(3);
        assert_words(&beside.stderr, &[words, "bridges that run go on with the config"]);
        client.assert_echo("one");
    }
    fs::write(&path, good).expect("it can be written");
    wait_status(&mut client, |status| status.get("config").is_none());
    change(&path, |config| config["servers"]["two"] = entry(&[]));
    wait_list_changed(&mut client);
    client.assert_echo("two");
    // A fault of one server costs this server only.
    change(&path, |config| config["servers"]["two"] = json!({"comand": "x"}));
    let left_out = |status: &Value| status["servers"][1]["error"].to_string().contains("comand");
    wait_status(&mut client, left_out);
    client.expect_stderr(&["server `two` is left out"]);
    client.assert_echo("one");
    assert_eq!(pids(&client, "one").len(), 1);
}

#[test]
fn the_file_may_be_replaced_swapped_behind_a_symlink_and_gone_for_a_while() {
    let mut client = with_pids(&["one"]).serve_initialized();
    client.assert_echo("one");
    let path = client.path("config.json");
    let text = |name: &str| {
        let mut config: Value =
            serde_json::from_str(&fs::read_to_string(&path).expect("there is one")).expect("JSON");
        config["servers"][name] = entry(&[]);
        config.to_string()
    };
    // Written beside it and renamed, as most editors and the bridge itself do.
    let beside = client.path("config.json.new");
    fs::write(&beside, text("renamed")).expect("it can be written");
    fs::rename(&beside, &path).expect("it can be renamed");
    wait_status(&mut client, |status| has_server(status, "renamed"));
    // A symlink to a folder that is swapped, as ConfigMaps are mounted.
    for name in ["first", "second"] {
        fs::create_dir(client.path(name)).expect("a folder");
        fs::write(client.path(name).join("config.json"), text(name)).expect("it can be written");
    }
    symlink("first", client.path("data")).expect("a symlink");
    fs::remove_file(&path).expect("it was there");
    symlink("data/config.json", &path).expect("a symlink");
    wait_status(&mut client, |status| has_server(status, "first"));
    symlink("second", client.path("data.new")).expect("a symlink");
    fs::rename(client.path("data.new"), client.path("data")).expect("it can be renamed");
    wait_status(&mut client, |status| has_server(status, "second") && !has_server(status, "first"));
    // While there is no file the last one holds.
    let kept = fs::read_to_string(&path).expect("there is one");
    fs::remove_file(&path).expect("it was there");
    let is_missed = |status: &Value| !status["config"]["error"].is_null();
    let status = wait_status(&mut client, is_missed);
    assert!(has_server(&status, "second"));
    fs::write(&path, kept).expect("it can be written");
    wait_status(&mut client, |status| status.get("config").is_none());
    client.assert_echo("one");
    assert_eq!(pids(&client, "one").len(), 1, "it was the same through all of it");
}

#[test]
fn what_can_only_change_at_a_start_is_named() {
    let mut client = Bridge::new().server("one", &[]).serve_initialized();
    let path = client.path("config.json");
    change(&path, |config| {
        config["http"] = json!({"maxSessions": 3});
        config["maxBatchSize"] = json!(1);
    });
    let status = wait_status(&mut client, |status| status.get("config").is_some());
    assert_eq!(status["config"]["atRestart"], json!(["http"]), "{status}");
    assert!(status["config"].get("error").is_none());
    // All the rest is in force.
    let call = json!({"server": "one", "tool": "echo", "params": {"message": "x"}});
    let result = client.mcp(&json!({"action": "batch", "calls": [call, call]}));
    assert_words(&error_of(&result, "invalid_params").to_string(), &["1"]);
    change(&path, |config| config["http"] = json!({}));
    wait_status(&mut client, |status| status.get("config").is_none());
}

#[test]
fn limits_and_kept_results_follow() {
    let cached = json!({"enabled": true});
    let bridge = with_pids(&["kept", "other"]).set("resultCache", cached);
    let mut client = bridge.serve_initialized();
    let tally = |client: &mut Client, server: &str, note: &str| {
        text_of(&client.call(server, "tally", json!({"note": note}))).to_owned()
    };
    for (server, note, expected) in
        [("kept", "a", "1"), ("kept", "b", "2"), ("other", "a", "1"), ("other", "b", "2")]
    {
        assert_eq!(tally(&mut client, server, note), expected);
    }
    change(&client.path("config.json"), |config| {
        config["servers"]["other"] = entry(&[]);
        config["servers"]["kept"]["rateLimit"] = json!({"maxCallsPerDay": 3});
        config["servers"]["added"] = entry(&[]);
    });
    wait_list_changed(&mut client);
    assert_eq!(tally(&mut client, "kept", "b"), "2", "its result is kept");
    assert_eq!(tally(&mut client, "other", "b"), "1", "what the old one said is none of it");
    assert_eq!(tally(&mut client, "kept", "c"), "3", "it is the same process");
    let refused = client.call("kept", "tally", json!({"note": "d"}));
    assert_words(&error_of(&refused, "rate_limited").to_string(), &["3 of 3 calls"]);
    assert_eq!(pids(&client, "kept").len(), 1);
}

#[test]
fn names_follow_in_direct_mode() {
    let mut client = with_pids(&["one"]).set("mode", "direct").serve_initialized();
    let mut names = |wanted: &str, unwanted: &str| {
        let id = client.request("tools/list", json!({}));
        let list = client.result(id).to_string();
        assert!(list.contains(&format!("\"name\":\"{wanted}\"")), "{wanted} in {list}");
        assert!(!list.contains(&format!("\"name\":\"{unwanted}\"")), "{unwanted} in {list}");
        let call = json!({"name": wanted, "arguments": {"message": "by its name"}});
        let id = client.request("tools/call", call);
        assert_eq!(text_of(&client.result(id)), "by its name");
        let is_plain = wanted == "echo";
        change(&client.path("config.json"), |config| config["toolPrefix"] = json!(is_plain));
        wait_list_changed(&mut client);
    };
    names("one_echo", "echo");
    names("echo", "one_echo");
    names("one_echo", "echo");
    assert_eq!(pids(&client, "one").len(), 1);
}

#[test]
fn calls_in_flight_are_answered_by_whom_they_were_sent_to() {
    let bridge = with_pids(&["one", "two"]).set("shutdownTimeoutMs", 3000);
    let mut client = bridge.serve_initialized();
    client.assert_echo("one");
    let slow = client.start_call("one", "sleep", json!({"ms": 2500}));
    let never = client.start_call("two", "never", json!({}));
    let file = client.path("one");
    change(&client.path("config.json"), |config| {
        let flags = ["--pid-file", file.to_str().expect("a plain path"), "--extra-tools", "1"];
        config["servers"]["one"] = entry(&flags);
        config["servers"].as_object_mut().expect("servers").remove("two");
    });
    wait_list_changed(&mut client);
    // The new one serves while the old one still works.
    assert!(!is_error(&client.call("one", "tool_0001", json!({}))));
    assert_eq!(pids(&client, "one").len(), 2);
    assert!(!is_error(&client.result(slow)));
    assert!(is_error(&client.result(never)), "it is cut off in the end");
    wait_gone(&[pids(&client, "one")[0], pids(&client, "two")[0]]);
    assert_eq!(client.drain(), Vec::<Value>::new(), "nothing was answered twice");
}

#[test]
fn agents_hear_that_their_changes_come_into_force() {
    let bridge = Bridge::new().server("one", &[]).server("two", &[]).set("agentAdmin", true);
    let mut client = bridge.serve_initialized();
    let removed = client.mcp_json(&json!({"action": "remove", "server": "two"}));
    assert_words(&removed["note"].to_string(), &["within seconds"]);
    wait_list_changed(&mut client);
    let result = client.call("two", "echo", json!({"message": "x"}));
    error_of(&result, "unknown_server");
    client.assert_echo("one");
    client.mcp(&json!({"action": "set-mode", "params": {"mode": "direct"}}));
    wait_list_changed(&mut client);
    let id = client.request("tools/list", json!({}));
    assert_words(&client.result(id)["tools"][0].to_string(), &["one_echo"]);
    let params = json!({"name": "one_echo", "arguments": {"message": "direct"}});
    let id = client.request("tools/call", params);
    assert_eq!(text_of(&client.result(id)), "direct");
}

/// What the server `one` was asked to tell of, in direct mode.
fn subscribed(client: &mut Client) -> String {
    let id = client.request("tools/call", json!({"name": "one_level", "arguments": {}}));
    client.answer(id)["result"].to_string()
}

fn subscribe(client: &mut Client, uri: &str) -> u64 {
    client.request("resources/subscribe", json!({"uri": uri}))
}

/// The flags of a server with resources that starts slowly and notes its start in the file of this name.
fn slow_entry(client: &Client, log: &str) -> Value {
    let log = client.path(log);
    let log = log.to_str().expect("a plain path");
    entry(&["--rich", "--start-delay-ms", "3000", "--start-log", log])
}

#[test]
fn subscriptions_outlast_changes_that_come_one_after_the_other() {
    let bridge = Bridge::new().set("mode", "direct").server("one", &["--rich"]);
    let mut client = bridge.serve_initialized();
    let id = subscribe(&mut client, "test://test-upstream/a");
    client.result(id);
    assert_words(&subscribed(&mut client), &["test://test-upstream/a"]);
    let (path, one) = (client.path("config.json"), slow_entry(&client, "starts"));
    change(&path, |config| config["servers"]["one"] = one);
    wait_list_changed(&mut client);
    assert!(eventually(|| lines_of(&client.path("starts")).len() == 1));
    // While it is being asked.
    change(&path, |config| config["servers"]["two"] = entry(&[]));
    wait_list_changed(&mut client);
    assert!(eventually(|| subscribed(&mut client).contains("test://test-upstream/a")));
}

#[test]
fn a_subscription_that_begins_before_a_change_outlasts_it() {
    let bridge = Bridge::new().set("mode", "direct").set("shutdownTimeoutMs", 30_000);
    let mut client = bridge.serve_initialized();
    let (path, one) = (client.path("config.json"), slow_entry(&client, "starts"));
    change(&path, |config| config["servers"]["one"] = one);
    wait_list_changed(&mut client);
    let id = subscribe(&mut client, "test://test-upstream/a");
    assert!(eventually(|| lines_of(&client.path("starts")).len() == 1));
    change(&path, |config| config["servers"]["one"] = entry(&["--rich", "--extra-tools", "1"]));
    wait_list_changed(&mut client);
    client.result(id);
    assert!(eventually(|| subscribed(&mut client).contains("test://test-upstream/a")));
}

#[test]
fn a_server_that_does_not_start_keeps_nothing_else_from_its_clients() {
    let servers = ["one", "two"];
    let bridge = servers.iter().fold(Bridge::new().set("mode", "direct"), |bridge, name| {
        bridge.entry(name, json!({"command": UPSTREAM, "args": ["--rich", "--name", name]}))
    });
    let mut client = bridge.serve_initialized();
    for name in servers {
        let id = subscribe(&mut client, &format!("test://{name}/a"));
        client.result(id);
    }
    change(&client.path("config.json"), |config| {
        config["servers"]["one"] = entry(&["--silent"]);
        config["connectionTimeoutMs"] = json!(60_000);
    });
    wait_list_changed(&mut client);
    let touch = json!({"name": "two_touch", "arguments": {"uri": "test://two/a"}});
    let id = client.request("tools/call", touch);
    client.result(id);
    let told = client.find(|message| message["method"] == "notifications/resources/updated");
    assert_eq!(told["params"]["uri"], "test://two/a");
}

#[test]
fn how_long_ending_may_take_is_as_at_the_start() {
    let bridge = Bridge::new().server("one", &[]).set("shutdownTimeoutMs", 20_000);
    let mut client = bridge.serve_initialized();
    client.assert_echo("one");
    let path = client.path("config.json");
    change(&path, |config| config["shutdownTimeoutMs"] = json!(1));
    let status = wait_status(&mut client, |status| status.get("config").is_some());
    assert_eq!(status["config"]["atRestart"], json!(["shutdownTimeoutMs"]), "{status}");
    let slow = client.start_call("one", "sleep", json!({"ms": 3000}));
    change(&path, |config| config["servers"] = json!({"two": entry(&[])}));
    wait_list_changed(&mut client);
    assert!(!is_error(&client.result(slow)));
}

#[test]
fn on_stdio_a_hangup_is_the_end() {
    let mut client = Bridge::new().server("one", &[]).serve_initialized();
    client.assert_echo("one");
    client.signal(Signal::HUP);
    assert_eq!(client.wait_exit(PATIENCE), 0);
}
