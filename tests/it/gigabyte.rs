//! Servers that answer with a gigabyte: the call fails with a reason, memory stays bounded, and nobody else notices.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{
    Bridge, Client, Reply, Request, Web, assert_words, error_of, resident_kb, text_of,
};

const GIGABYTE: usize = 1 << 30;
const PIECE: usize = 1 << 20;
/// A message may have 32 MiB, and its buffer doubles as it grows.
const ALLOWED_KB: u64 = 96 * 1024;
const PATIENCE: Duration = Duration::from_mins(1);

/// How the body is sent.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    Length,
    Chunks,
    UntilClosed,
    Event,
    Failure,
}

/// A server over HTTP whose tool `huge` answers so; its `echo` is as always.
fn web(way: Way) -> Web {
    Web::start(move |request, reply| {
        if request.is("tools/list") {
            let tool = |name: &str| json!({"name": name, "inputSchema": {"type": "object"}});
            return reply.json(&request.result(&json!({"tools": [tool("echo"), tool("huge")]})));
        }
        request.body["params"]["name"] == "huge" && send(way, request, reply)
    })
}

fn send(way: Way, request: &Request, reply: &mut Reply) -> bool {
    let answer = request.says("@").to_string();
    let (begin, end) = answer.split_once('@').expect("it is there");
    let length = format!("Content-Length: {}\r\n", 1 + begin.len() + GIGABYTE + end.len());
    let (status, kind, framing) = match way {
        Way::Length => (200, "application/json", length.as_str()),
        Way::Chunks => (200, "application/json", "Transfer-Encoding: chunked\r\n"),
        Way::UntilClosed => (200, "application/json", "Connection: close\r\n"),
        Way::Event => (200, "text/event-stream", "Transfer-Encoding: chunked\r\n"),
        Way::Failure => (500, "text/plain", "Transfer-Encoding: chunked\r\n"),
    };
    reply.head(status, &[("Content-Type", kind)], framing);
    let piece = "x".repeat(PIECE);
    let is_chunked = framing.starts_with("Transfer");
    let mut put =
        |text: &str| if is_chunked { reply.piece(text) } else { reply.raw(text.as_bytes()) };
    put(if way == Way::Event { "data: " } else { " " });
    put(begin);
    for _ in 0..GIGABYTE / PIECE {
        put(&piece);
    }
    put(end);
    reply.cut()
}

/// Calls the tool that answers with a gigabyte, with others beside it; returns the error.
fn check(client: &mut Client, tool: &str, params: &Value) -> Value {
    client.assert_echo("good");
    client.assert_echo("bad");
    let before = resident_kb(client.pid());
    let done = AtomicBool::new(false);
    let pid = client.pid();
    let (result, most) = thread::scope(|scope| {
        let watched = scope.spawn(|| {
            let mut most = 0;
            while !done.load(Ordering::Relaxed) {
                most = most.max(resident_kb(pid));
                thread::sleep(Duration::from_millis(2));
            }
            most
        });
        let huge = client.start_call("bad", tool, params.clone());
        let beside = client.start_call("bad", "echo", json!({"message": "beside"}));
        client.assert_echo("good");
        let result = client.answer_within(huge, PATIENCE).expect("it ends");
        let beside = client.answer_within(beside, PATIENCE).expect("it ends");
        assert_eq!(text_of(&beside["result"]), "beside");
        done.store(true, Ordering::Relaxed);
        (result, watched.join().expect("it looks"))
    });
    assert!(most < before + ALLOWED_KB, "{before} kB before, {most} kB meanwhile");
    client.assert_echo("bad");
    result["result"].clone()
}

#[test]
fn on_one_line() {
    let mut client = Bridge::new().server("bad", &[]).server("good", &[]).serve_initialized();
    let result = check(&mut client, "huge_line", &json!({"bytes": GIGABYTE}));
    assert_words(&error_of(&result, "mcp_error").to_string(), &["bad", "more than the 33554432"]);
}

#[test]
fn over_http() {
    for (way, kind, words) in [
        (Way::Length, "mcp_error", "more than 33554432 bytes"),
        (Way::Chunks, "mcp_error", "more than 33554432 bytes"),
        (Way::UntilClosed, "mcp_error", "more than 33554432 bytes"),
        (Way::Event, "mcp_error", "an event of more than 33554432 bytes"),
        (Way::Failure, "connection_failed", "HTTP status 500"),
    ] {
        let web = web(way);
        let mut client =
            Bridge::new().entry("bad", web.entry()).server("good", &[]).serve_initialized();
        let result = check(&mut client, "huge", &json!({}));
        assert_words(&error_of(&result, kind).to_string(), &["bad", words]);
    }
}
