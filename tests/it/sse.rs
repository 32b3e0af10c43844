//! Servers of the older transport, HTTP with SSE.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use crate::support::{Bridge, Reply, Request, Web, assert_words, eventually, text_of};

/// Where the server puts what stands on the stream.
type Answers = Arc<Mutex<Option<SyncSender<Value>>>>;

/// A server whose stream names this endpoint.
fn older(endpoint: &str) -> Web {
    let (answers, endpoint): (Answers, _) = (Arc::default(), endpoint.to_owned());
    Web::start(move |request, reply| match request.method.as_str() {
        "GET" => {
            let (sender, receiver) = sync_channel(100);
            *answers.lock().expect("nobody panics") = Some(sender);
            stream(&endpoint, &receiver, reply)
        }
        "POST" if request.path == "/messages?id=7" => {
            if let Some(sender) = answers.lock().expect("nobody panics").as_ref() {
                answer(request, sender);
            }
            reply.send(202, &[], "Accepted")
        }
        _ => reply.send(405, &[], ""),
    })
}

fn stream(endpoint: &str, answers: &Receiver<Value>, reply: &mut Reply) -> bool {
    reply.events();
    reply.piece(&format!("event: endpoint\ndata: {endpoint}\n\n"));
    for answer in answers {
        if answer == json!("end") {
            return reply.end();
        }
        reply.event("event: message\n", &answer);
    }
    reply.cut()
}

fn answer(request: &Request, to: &SyncSender<Value>) {
    let body = &request.body;
    let result = match body["method"].as_str().unwrap_or_default() {
        "initialize" => json!({"protocolVersion": "2024-11-05", "capabilities": {}}),
        "tools/list" => json!({"tools": [{"name": "echo", "inputSchema": {"type": "object"}}]}),
        "tools/call" if body["params"]["arguments"]["message"] == "end" => {
            return to.send(json!("end")).expect("the stream is open");
        }
        "tools/call" => return to.send(request.says("older")).expect("the stream is open"),
        _ => return,
    };
    to.send(request.result(&result)).expect("the stream is open");
}

#[test]
fn the_stream_brings_the_answers() {
    // Either named, or found out because the POST is refused.
    for transport in ["sse", "streamable-http"] {
        let web = older("/messages?id=7");
        let entry =
            json!({"transport": transport, "url": web.url("/sse"), "headers": {"X-Key": "k"}});
        let output = Bridge::new().entry("web", entry).run(&["call", "web", "echo"]).expect(0);
        assert_eq!(output.stdout.trim_end(), "older");
        let seen = web.seen();
        let refused = seen.iter().filter(|r| r.method == "POST" && r.path == "/sse").count();
        assert_eq!(refused, usize::from(transport == "streamable-http"));
        assert!(seen.iter().all(|request| request.header("x-key") == Some("k")), "{seen:?}");
    }
}

#[test]
fn an_endpoint_elsewhere_gets_nothing() {
    let other = Web::plain();
    let web = older(&other.url("/messages?id=7"));
    let entry = json!({"transport": "sse", "url": web.url("/sse")});
    let output = Bridge::new().entry("web", entry).run(&["call", "web", "echo"]).expect(5);
    assert_words(&output.stderr, &["another origin"]);
    assert_eq!(other.seen().len(), 0);
}

#[test]
fn a_stream_that_ends_ends_the_session_and_the_next_call_opens_another() {
    let web = older("/messages?id=7");
    let entry = json!({"transport": "sse", "url": web.url("/sse")});
    let mut client = Bridge::new().entry("web", entry).serve_initialized();
    assert_eq!(text_of(&client.call("web", "echo", json!({}))), "older");
    let lost = client.call("web", "echo", json!({"message": "end"}));
    assert_words(text_of(&lost), &["ended its stream", "may have run"]);
    assert!(eventually(|| text_of(&client.call("web", "echo", json!({}))) == "older"));
}
