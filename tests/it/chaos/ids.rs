//! Many clients that all count alike, so that the ids of their requests collide all the time: no answer goes astray.

use std::thread;

use serde_json::json;
use tokio::time::Instant;

use super::callers::DEADLINE;
use super::line::{Era, Line};
use super::plan::number;
use crate::support::Bridge;

const CLIENTS: u64 = 200;
/// Where `CHAOS_CALLS` does not say another number.
const CALLS: u64 = 20_000;
const SERVERS: [&str; 3] = ["one", "two", "three"];

#[test]
fn no_answer_goes_astray_though_all_clients_count_alike() {
    let calls = number("CHAOS_CALLS").unwrap_or(CALLS).div_ceil(CLIENTS);
    let bridge = SERVERS.iter().fold(Bridge::new(), |bridge, name| bridge.server(name, &[]));
    // Other tests run beside, some of which look at the time.
    let server = bridge.started_by("exec nice -n 5 \"$0\" \"$@\"").serve_http(&["--http"]);
    let (port, begun) = (server.port(), Instant::now());
    let astray: Vec<String> = thread::scope(|scope| {
        let clients: Vec<_> =
            (0..CLIENTS).map(|client| scope.spawn(move || call(port, client, calls))).collect();
        clients.into_iter().flat_map(|client| client.join().expect("no client fails")).collect()
    });
    let (took, calls) = (begun.elapsed(), calls * CLIENTS);
    println!("chaos: {calls} calls of {CLIENTS} clients in {took:?}, {} astray", astray.len());
    assert_eq!(astray.first(), None, "{} of {calls} calls", astray.len());
}

/// Makes so many calls one after the other; returns what is not the answer to its call.
fn call(port: u16, client: u64, calls: u64) -> Vec<String> {
    let era = if client.is_multiple_of(2) { Era::Session } else { Era::Stateless };
    let mut line = Line::open(port, era, DEADLINE).expect("the bridge answers");
    let mut astray = Vec::new();
    for (id, server) in (1..=calls).zip(SERVERS.iter().cycle()) {
        let nonce = format!("{client}-{id}");
        let arguments = json!({"server": server, "tool": "echo", "params": {"message": nonce}});
        let message = line.call(id, &arguments.to_string());
        let answer = line.exchange(&message).expect("an answer");
        let is_own =
            answer.message.starts_with(&format!(r#"{{"jsonrpc":"2.0","id":{id},"result":"#))
                && answer.message.contains(&format!(r#""text":"{nonce}""#));
        if !is_own {
            astray.push(format!("{nonce}: {answer:?}"));
        }
    }
    astray
}
