//! The end: in time, and with nothing left running.

use std::time::Duration;

use rustix::process::Signal;
use serde_json::json;
use tokio::time::Instant;

use crate::support::{
    Bridge, Client, PATIENCE, alive, error_of, eventually, lines_of, wait_gone, within,
};

#[test]
fn the_end_of_stdin_ends_it() {
    stubborn_servers_are_gone_after(Client::close_stdin);
}

#[test]
fn sigterm_ends_it() {
    stubborn_servers_are_gone_after(|client| client.signal(Signal::TERM));
}

#[test]
fn sigint_ends_it() {
    stubborn_servers_are_gone_after(|client| client.signal(Signal::INT));
}

#[test]
fn well_behaved_servers_cost_no_time() {
    let (mut client, pids) = with_pids(&[], |bridge| bridge.set("shutdownTimeoutMs", 15_000));
    let begun = Instant::now();
    client.close_stdin();
    assert_eq!(client.wait_exit(PATIENCE), 0);
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    wait_gone(&pids());
}

#[test]
fn it_ends_before_initialize_and_while_a_server_starts() {
    let mut client = Bridge::new().serve();
    client.close_stdin();
    assert_eq!(client.wait_exit(PATIENCE), 0);

    let bridge = Bridge::new().set("shutdownTimeoutMs", 500).set("connectionTimeoutMs", 600_000);
    let path = bridge.path("pids");
    let file = path.to_str().expect("the path is UTF-8").to_owned();
    let flags = ["--silent", "--ignore-eof", "--pid-file", &file];
    let mut client = bridge.server("one", &flags).serve_initialized();
    client.start_call("one", "echo", json!({"message": "x"}));
    assert!(eventually(|| !lines_of(&path).is_empty()), "the server starts");
    client.signal(Signal::TERM);
    client.wait_exit(PATIENCE);
    wait_gone(&pids_in(&path));
}

#[test]
fn calls_sent_before_the_end_of_stdin_are_answered() {
    let (mut client, _pids) = with_pids(&[], |bridge| bridge);
    let slow = client.start_call("one", "sleep", json!({"ms": 200}));
    let quick = client.start_call("one", "echo", json!({"message": "x"}));
    client.close_stdin();
    let messages = client.rest();
    for id in [slow, quick] {
        let answer = messages.iter().find(|message| message["id"] == id);
        assert!(answer.is_some_and(|answer| answer.get("result").is_some()), "{messages:?}");
    }
    assert_eq!(client.wait_exit(PATIENCE), 0);
}

#[test]
fn calls_that_hang_do_not_hold_up_the_end() {
    let (mut client, pids) = with_pids(&[], |bridge| bridge.set("shutdownTimeoutMs", 500));
    client.start_call("one", "never", json!({}));
    let begun = Instant::now();
    client.close_stdin();
    client.wait_exit(PATIENCE);
    assert!(begun.elapsed() < Duration::from_secs(4), "{:?}", begun.elapsed());
    wait_gone(&pids());
}

#[test]
#[cfg(target_os = "linux")]
fn a_bridge_that_is_killed_leaves_no_child() {
    let (mut client, pids) = with_pids(&["--ignore-eof", "--grandchild"], |bridge| bridge);
    assert_eq!(pids().len(), 2, "the server and its child");
    client.signal(Signal::KILL);
    client.wait_exit(PATIENCE);
    wait_gone(&pids());
}

/// Killed while six servers start, each of which starts another process at once.
#[test]
#[cfg(target_os = "linux")]
fn a_bridge_that_is_killed_while_servers_start_leaves_no_process() {
    for pings in 0..8 {
        let names = ["a", "b", "c", "d", "e", "f"];
        let bridge = names.iter().fold(Bridge::new(), |bridge, name| {
            bridge.server(name, &["--grandchild", "--ignore-eof"])
        });
        let home = bridge.home().to_str().expect("the path is UTF-8").to_owned();
        let mut client = bridge.serve_initialized();
        client.start_mcp(&json!({"action": "list"}));
        // So many round trips into the starts.
        for _ in 0..pings * 10 {
            let ping = client.request("ping", json!({}));
            client.answer(ping);
        }
        client.signal(Signal::KILL);
        client.wait_exit(PATIENCE);
        let gone = eventually(|| processes_of(&home).is_empty());
        assert!(gone, "after {pings}0 pings: {:?}", processes_of(&home));
    }
}

/// Processes whose environment names this home folder: servers, and what they have started.
#[cfg(target_os = "linux")]
fn processes_of(home: &str) -> Vec<String> {
    let entries = std::fs::read_dir("/proc").expect("it is mounted").flatten();
    let ours = |path: &std::path::Path| {
        // Processes come and go, and those of others cannot be read.
        let environment = std::fs::read(path.join("environ")).unwrap_or_default();
        String::from_utf8_lossy(&environment).contains(home)
    };
    let processes = entries.map(|entry| entry.path()).filter(|path| ours(path));
    processes.map(|path| path.display().to_string()).collect()
}

#[test]
fn what_a_dead_server_leaves_behind_is_gone_too() {
    let (mut client, pids) =
        with_pids(&["--grandchild"], |bridge| bridge.set("shutdownTimeoutMs", 500));
    error_of(&client.call("one", "exit", json!({"code": 1})), "connection_failed");
    client.close_stdin();
    client.wait_exit(PATIENCE);
    wait_gone(&pids());
}

#[test]
fn few_answers_that_nobody_reads_do_not_hold_up_the_end() {
    unread_answers_do_not_hold_up_the_end(5);
}

/// More than the bridge keeps for a client that does not read.
#[test]
fn many_answers_that_nobody_reads_do_not_hold_up_the_end() {
    unread_answers_do_not_hold_up_the_end(14);
}

#[test]
fn the_end_of_stdin_is_seen_though_no_more_requests_are_taken() {
    let (mut client, pids) =
        with_pids(&[], |bridge| bridge.set("shutdownTimeoutMs", 1000).args(&["--verbose"]));
    client.stop_reading();
    for number in 0..40 {
        client.start_call("one", "big", json!({"bytes": 1_000_000}));
        let mark = format!("request {number} was read");
        client.start_call("one", "leak", json!({"where": "stderr", "text": mark}));
        let read = within(Duration::from_millis(500), || client.stderr_text().contains(&mark));
        if !read {
            break;
        }
    }
    ends_soon(&mut client);
    wait_gone(&pids());
}

fn unread_answers_do_not_hold_up_the_end(answers: usize) {
    let (mut client, pids) = with_pids(&[], |bridge| bridge.set("shutdownTimeoutMs", 1000));
    client.stop_reading();
    for _ in 0..answers {
        client.start_call("one", "big", json!({"bytes": 1_000_000}));
    }
    ends_soon(&mut client);
    wait_gone(&pids());
}

/// Closes stdin; the bridge has a second to end, and some more on a busy machine.
#[track_caller]
fn ends_soon(client: &mut Client) {
    let begun = Instant::now();
    client.close_stdin();
    client.wait_exit(PATIENCE);
    let took = begun.elapsed();
    assert!(took < Duration::from_secs(3), "{took:?}");
}

fn stubborn_servers_are_gone_after(end: impl FnOnce(&mut Client)) {
    let flags = ["--ignore-eof", "--grandchild"];
    let (mut client, pids) = with_pids(&flags, |bridge| bridge.set("shutdownTimeoutMs", 500));
    let pids = pids();
    assert_eq!(pids.len(), 2, "the server and its child");
    assert!(pids.iter().all(|&pid| alive(pid)), "{pids:?}");
    let begun = Instant::now();
    end(&mut client);
    assert_eq!(client.wait_exit(PATIENCE), 0, "{}", client.stderr_text());
    assert!(begun.elapsed() < Duration::from_secs(4), "{:?}", begun.elapsed());
    wait_gone(&pids);
}

/// Serves the one server `one`, which has echoed; the second value reads the process ids noted.
fn with_pids(flags: &[&str], set: fn(Bridge) -> Bridge) -> (Client, impl Fn() -> Vec<u32> + use<>) {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let path = folder.path().join("pids");
    let file = path.to_str().expect("the path is UTF-8").to_owned();
    let flags: Vec<&str> = flags.iter().copied().chain(["--pid-file", &file]).collect();
    let mut client = set(Bridge::new().server("one", &flags)).serve_initialized();
    client.assert_echo("one");
    (client, move || pids_in(&folder.path().join("pids")))
}

fn pids_in(file: &std::path::Path) -> Vec<u32> {
    lines_of(file).iter().map(|line| line.parse().expect("a process id a line")).collect()
}
