//! Calls over HTTP whose servers say nothing for long: what the client hears meanwhile.

use serde_json::{Value, json};

use crate::support::{Bridge, eventually, http_call as call, stateless};

/// Longer than a client is left without the head of an answer, in milliseconds.
const LONG: u64 = 6500;

fn request(tool: &str) -> Value {
    let params = call(tool, &json!({"ms": LONG}), None);
    json!({"jsonrpc": "2.0", "id": 70, "method": "tools/call", "params": params})
}

#[test]
fn a_long_call_is_a_stream_for_those_who_read_streams() {
    let server = Bridge::new().server("one", &[]).serve_http(&["--http"]);
    let mut primed = server.session("2025-11-25");
    let mut older = server.session("2025-06-18");
    let id_of = |id: &str| [("Mcp-Session-Id", id.to_owned())];
    let (primed_id, older_id) = (id_of(&primed.id), id_of(&older.id));
    let post = |headers: &[(&str, String)], more: &[(&str, &str)], message: &Value| {
        let headers = headers.iter().map(|(name, value)| (*name, &**value));
        server.post_later(&headers.chain(more.iter().copied()).collect::<Vec<_>>(), message)
    };
    let sleep = request("sleep");
    let first = post(&primed_id, &[], &sleep);
    let second = post(&older_id, &[], &sleep);
    let third = {
        let session = server.session("2025-11-25");
        post(&id_of(&session.id), &[("Accept", "application/json")], &sleep)
    };
    let fourth = {
        let message = stateless(70, "tools/call", call("sleep", &json!({"ms": LONG}), None));
        let headers = ["2026-07-28", "tools/call", "mcp"].map(str::to_owned);
        let names = ["MCP-Protocol-Version", "Mcp-Method", "Mcp-Name"];
        post(&names.into_iter().zip(headers).collect::<Vec<_>>(), &[], &message)
    };
    let gives_up = {
        let session = server.session("2025-06-18");
        post(&id_of(&session.id), &[], &request("never"))
    };

    // It is told where to come back to, goes, and its call goes on.
    let mut reply = first();
    let begins = reply.event().expect("it begins before there is an answer");
    assert!(begins.data.is_empty(), "{begins:?}");
    reply.close();
    let messages = primed.listen(begins.id.as_deref()).messages();
    assert_eq!((messages.len(), &messages[0]["id"]), (1, &json!(70)), "{messages:?}");
    assert_eq!(primed.text("echo", &json!({"message": "hi"})), "hi");

    let mut reply = second();
    let answer = reply.event().expect("an answer");
    assert!(answer.id.is_some() && answer.data.contains("\"id\":70"), "{answer:?}");
    assert_eq!(third().json()["id"], 70, "it reads JSON only");
    let mut reply = fourth();
    let answer = reply.event().expect("an answer");
    assert!(answer.id.is_none() && answer.data.contains("\"id\":70"), "{answer:?}");

    // Nothing has told this one where to come back to, so that nobody can ever hear an answer.
    assert_eq!(older.text("cancelled", &json!({})), "[]");
    gives_up().close();
    let cancelled = || older.text("cancelled", &json!({}));
    let mut cancelled = std::iter::repeat_with(cancelled);
    assert!(eventually(|| cancelled.next().is_some_and(|text| text.contains("never"))));
}

#[test]
fn what_is_decided_at_once_has_its_status_and_no_stream() {
    let server = Bridge::new().server("one", &[]).serve_http(&["--http"]);
    let session = server.session("2025-11-25");
    let gone = [("Mcp-Session-Id", "gone")];
    let reply = server.post(&gone, &request("sleep"));
    assert_eq!((reply.status, &reply.json()["error"]["code"]), (404, &json!(-32600)));
    let mut wrong = request("sleep");
    wrong["method"] = json!("unknown/method");
    let answer = session.post(&wrong);
    assert_eq!((answer.status, &answer.json()["error"]["code"]), (200, &json!(-32601)));
    let headers = [("MCP-Protocol-Version", "2026-07-28"), ("Mcp-Method", "unknown/method")];
    let reply = server.post(&headers, &stateless(70, "unknown/method", json!({})));
    assert_eq!((reply.status, &reply.json()["error"]["code"]), (404, &json!(-32601)));
}
