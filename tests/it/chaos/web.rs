//! A server over HTTP in the test's own process, for what can go wrong with HTTP itself.

use std::sync::Arc;
use std::thread::sleep;
use std::time::Duration;

use serde_json::{Value, json};

use super::record::Record;
use crate::support::{Reply, Request, Web};

/// What callers may ask to go wrong; all but the last of them after the call has run.
pub(super) const FAULTS: [&str; 11] = [
    "late",
    "events",
    "twice",
    "status_500",
    "status_503",
    "cut_head",
    "cut_body",
    "cut_event",
    "garbage",
    "strange_id",
    "lost",
];

/// Runs until the test ends.
pub(super) fn start(record: Arc<Record>) -> Web {
    Web::start(move |request, reply| {
        if request.is("tools/list") {
            return reply.json(&request.result(&json!({"tools": tools()})));
        }
        request.is("tools/call") && call(&record, request, reply)
    })
}

fn tools() -> Value {
    let tool = |name: &str, hints: Value| json!({"name": name, "inputSchema": {"type": "object"}, "annotations": hints});
    json!([
        tool("mark", json!({})),
        tool("mark_read", json!({"readOnlyHint": true})),
        tool("mark_again", json!({"idempotentHint": true})),
    ])
}

fn call(record: &Record, request: &Request, reply: &mut Reply) -> bool {
    const JSON: (&str, &str) = ("Content-Type", "application/json");
    const EVENTS: (&str, &str) = ("Content-Type", "text/event-stream");
    let arguments = &request.body["params"]["arguments"];
    let nonce = arguments["nonce"].as_str().expect("each call has a nonce");
    let answer = request.says(nonce);
    let fault = arguments["fault"].as_str().unwrap_or("none");
    if fault == "lost" {
        return reply.send(404, &[], "");
    }
    record.ran(nonce);
    let half = |text: String| text[..text.len() / 2].to_owned();
    match fault {
        "late" => {
            sleep(Duration::from_millis(50));
            reply.json(&answer)
        }
        "events" => {
            reply.events();
            reply.piece(": wait\n\nid: 1\ndata:\n\n");
            reply.event("", &answer);
            reply.end()
        }
        "twice" => {
            reply.events();
            reply.event("", &answer);
            reply.event("", &request.says("answered twice"));
            reply.end()
        }
        "status_500" => reply.send(500, &[], "oh no"),
        "status_503" => reply.send(503, &[], ""),
        "cut_head" => reply.cut(),
        "cut_body" => {
            reply.head(200, &[JSON], "Content-Length: 100000\r\n");
            reply.raw(half(answer.to_string()).as_bytes());
            reply.cut()
        }
        "cut_event" => {
            reply.head(200, &[EVENTS], "Transfer-Encoding: chunked\r\n");
            reply.piece(&half(format!("data: {answer}\n\n")));
            reply.cut()
        }
        "garbage" => reply.send(200, &[JSON], "<html>\0 no JSON {\"jsonrpc\":"),
        "strange_id" => {
            let mut strange = request.says("not yours");
            strange["id"] = json!(request.body["id"].as_u64().unwrap_or_default() + 1_000_000);
            reply.json(&strange)
        }
        _ => reply.json(&answer),
    }
}
