//! Connections over time: idle ones are closed, changed lists are read again.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;

use crate::support::{Bridge, Client, eventually, lines_of, text_of, tool_names, wait_gone};

#[test]
fn an_idle_server_is_closed_and_reopened_on_demand() {
    let bridge = Bridge::new().set("routerIdleTimeoutMs", 200);
    let pids = bridge.path("pids");
    let file = pids.to_str().expect("the path is UTF-8").to_owned();
    let mut client = bridge.server("one", &["--pid-file", &file]).serve_initialized();
    client.assert_echo("one");
    let first: Vec<u32> = lines_of(&pids).iter().filter_map(|pid| pid.parse().ok()).collect();
    wait_gone(&first);
    client.assert_echo("one");
    assert_eq!(lines_of(&pids).len(), 2);
}

#[test]
fn a_server_at_work_is_not_idle() {
    let bridge = Bridge::new().set("routerIdleTimeoutMs", 200);
    let starts = bridge.path("starts");
    let file = starts.to_str().expect("the path is UTF-8").to_owned();
    let mut client = bridge.server("one", &["--start-log", &file]).serve_initialized();
    let result = client.call("one", "sleep", json!({"ms": 1000}));
    assert_eq!(text_of(&result), "slept 1000 ms");
    assert_eq!(lines_of(&starts).len(), 1);
}

#[test]
fn a_start_is_not_idleness() {
    let mut client = Bridge::new()
        .server("slow", &["--start-delay-ms", "600"])
        .set("routerIdleTimeoutMs", 200)
        .serve_initialized();
    client.assert_echo("slow");
}

#[test]
fn a_changed_list_is_read_again() {
    let mut client = Bridge::new().server("one", &[]).serve_initialized();
    let before = client.mcp_json(&json!({"action": "list", "server": "one"}));
    assert!(!tool_names(&before).contains(&"grown_1"));
    assert_eq!(text_of(&client.call("one", "grow", json!({}))), "grown_1");
    let grown = eventually(|| {
        let list = client.mcp_json(&json!({"action": "list", "server": "one"}));
        tool_names(&list).contains(&"grown_1")
    });
    assert!(grown, "the new tool is listed");
    assert_eq!(text_of(&client.call("one", "grown_1", json!({}))), "grown_1");
}

#[test]
fn a_changed_list_goes_through_the_filter() {
    let mut client = Bridge::new()
        .server("one", &[])
        .config(|config| config["servers"]["one"]["toolFilter"] = json!({"deny": ["grown_1"]}))
        .serve_initialized();
    client.call("one", "grow", json!({}));
    client.call("one", "grow", json!({}));
    let grown = eventually(|| {
        let list = client.mcp_json(&json!({"action": "list", "server": "one"}));
        assert!(!tool_names(&list).contains(&"grown_1"), "{list}");
        tool_names(&list).contains(&"grown_2")
    });
    assert!(grown, "the other new tool is listed");
}

#[test]
fn only_so_many_servers_are_open_at_a_time() {
    let mut client = Bridge::new()
        .server("one", &[])
        .server("two", &[])
        .server("three", &[])
        .set("routerMaxConcurrent", 2)
        .serve_initialized();
    for name in ["one", "two", "one", "three"] {
        client.assert_echo(name);
    }
    assert_eq!(connected(&mut client), ["one", "three"], "`two` was used least recently");

    let busy = client.start_call("one", "sleep", json!({"ms": 1000}));
    client.assert_echo("three");
    client.assert_echo("two");
    assert_eq!(connected(&mut client), ["one", "two"], "a server at work stays");
    assert_eq!(text_of(&client.result(busy)), "slept 1000 ms");

    client.mcp_json(&json!({"action": "refresh"}));
    client.mcp_json(&json!({"action": "list"}));
    assert_eq!(connected(&mut client).len(), 2);
}

#[test]
fn one_server_at_a_time_stays_one() {
    let mut client = Bridge::new()
        .server("one", &[])
        .server("two", &[])
        .server("three", &[])
        .set("routerMaxConcurrent", 1)
        .serve_initialized();
    for action in ["list", "refresh", "list"] {
        client.mcp_json(&json!({"action": action}));
        let open = connected(&mut client);
        assert!(open.len() <= 1, "after `{action}`: {open:?}");
    }
    let ids = ["one", "two", "three"]
        .map(|server| client.start_call(server, "sleep", json!({"ms": 100})));
    for id in ids {
        assert_eq!(text_of(&client.result(id)), "slept 100 ms");
    }
    client.assert_echo("two");
    let open = connected(&mut client);
    assert!(open.len() <= 1, "after parallel calls: {open:?}");
}

#[test]
fn a_storm_of_changes_is_neither_followed_nor_use() {
    let bridge = Bridge::new().set("routerIdleTimeoutMs", 200);
    let path = bridge.path("pids");
    let file = path.to_str().expect("the path is UTF-8").to_owned();
    let mut client =
        bridge.server("one", &["--changed-storm", "--pid-file", &file]).serve_initialized();
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(1) {
        client.call("one", "sleep", json!({"ms": 20}));
    }
    let lists = client.call("one", "lists", json!({}));
    let lists: u32 = text_of(&lists).parse().expect("a number");
    let pids: Vec<u32> = lines_of(&path).iter().filter_map(|pid| pid.parse().ok()).collect();
    assert!(lists < 10, "the tools were listed {lists} times in a second");
    wait_gone(&pids);
}

/// Thousands at once are one change: the tools are read again once or twice, and the client hears of it as often.
#[test]
fn a_burst_of_changes_is_one() {
    let mut client = Bridge::new()
        .server("one", &["--changed-burst", "5000"])
        .set("mode", "direct")
        .serve_initialized();
    let listed = client.request("tools/list", json!({}));
    client.result(listed);
    let echo = json!({"name": "one_echo", "arguments": {"message": "x"}});
    let echo = client.request("tools/call", echo);
    assert_eq!(text_of(&client.result(echo)), "x");
    // The tools are read again no later than a second after they were read.
    let lists = |client: &mut Client| -> u32 {
        let id = client.request("tools/call", json!({"name": "one_lists", "arguments": {}}));
        text_of(&client.result(id)).parse().expect("a number")
    };
    assert!(eventually(|| lists(&mut client) > 1), "the change is not followed");
    let second = Instant::now() + Duration::from_millis(1500);
    eventually(|| Instant::now() > second);
    let lists = lists(&mut client);
    let is_told = |message: &&Value| message["method"] == "notifications/tools/list_changed";
    let told = client.drain().iter().filter(is_told).count();
    assert!(lists <= 3, "the tools were listed {lists} times");
    assert!(told <= 3, "the client was told {told} times");
}

fn connected(client: &mut Client) -> Vec<String> {
    let status = client.mcp_json(&json!({"action": "status"}));
    let servers = status["servers"].as_array().expect("`servers` is an array");
    servers
        .iter()
        .filter(|server| server["status"] == "connected")
        .map(|server| server["name"].as_str().expect("a name").to_owned())
        .collect()
}
