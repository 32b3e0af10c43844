//! Streamable HTTP of the session era: sessions, streams, and what stays apart.

use serde_json::{Value, json};

use crate::support::{
    Bridge, HttpServer, eventually, http_call as call, initialize_params, text_of,
};

fn serve() -> HttpServer {
    Bridge::new().server("one", &[]).serve_http(&["--http"])
}

#[test]
fn a_call_is_answered_with_one_json_body() {
    let server = serve();
    for revision in ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"] {
        let mut session = server.session(revision);
        let tools = session.request("tools/list", &json!({})).json();
        assert_eq!(tools["result"]["tools"][0]["name"], "mcp", "{revision}");
        assert_eq!(session.text("echo", &json!({"message": revision})), revision);
        let pong = session.request("ping", &json!({})).json();
        assert_eq!(pong, json!({"jsonrpc": "2.0", "id": 3, "result": {}}));
        assert_eq!(session.delete(), 204);
    }
}

#[test]
fn progress_makes_a_stream_of_it() {
    let server = serve();
    let mut session = server.session("2025-11-25");
    let mut reply =
        session.request("tools/call", &call("progress", &json!({"count": 3}), Some("mine")));
    let first = reply.event().expect("it begins with an id to come back with");
    assert!(first.id.is_some() && first.data.is_empty(), "{first:?}");
    let messages = reply.messages();
    assert_eq!(messages.len(), 4, "{messages:?}");
    for (message, step) in messages.iter().zip(1..=3) {
        assert_eq!(message["params"]["progressToken"], "mine");
        assert_eq!(message["params"]["progress"], step);
    }
    assert_eq!(text_of(&messages[3]["result"]), "3 steps");

    // An event without data would confuse a client of an older revision.
    let mut older = server.session("2025-06-18");
    let mut reply =
        older.request("tools/call", &call("progress", &json!({"count": 1}), Some("mine")));
    assert!(reply.event().expect("progress").data.contains("progressToken"));
}

#[test]
fn a_client_reads_what_it_accepts() {
    let server = serve();
    let session = server.session("2025-11-25");
    let ping = json!({"jsonrpc": "2.0", "id": 1, "method": "ping"});
    let id = ("Mcp-Session-Id", &*session.id);
    let post = |accept| server.post(&[id, ("Accept", accept)], &ping);
    assert_eq!(post("text/event-stream").messages()[0]["id"], 1);
    assert_eq!(post("application/json").json()["id"], 1);
    assert_eq!(post("*/*").json()["id"], 1);
    assert_eq!(post("text/html").status, 406);
    let post = |kind| server.post(&[id, ("Content-Type", kind)], &ping).status;
    assert_eq!(post("text/plain"), 415);
    assert_eq!(post("application/json; charset=utf-16"), 415);
}

#[test]
fn a_look_at_the_head_takes_no_stream_over() {
    let server = serve();
    let session = server.session("2025-11-25");
    let headers = [("Mcp-Session-Id", &*session.id), ("Accept", "text/event-stream")];
    let looked = server.send("HEAD /mcp", &headers, b"");
    assert_eq!((looked.status, looked.header("allow")), (405, Some("POST, GET, DELETE")));
    assert_eq!(session.listen(None).status, 200);
}

#[test]
fn sessions_have_ids_that_count_for_nothing_elsewhere() {
    let server = serve();
    let one = server.session("2025-11-25");
    let other = server.session("2025-11-25");
    assert_ne!(one.id, other.id);
    assert!(one.id.len() >= 22 && one.id.bytes().all(|byte| byte.is_ascii_graphic()), "{}", one.id);
    let ping = json!({"jsonrpc": "2.0", "id": 1, "method": "ping"});
    let status = |headers: &[(&str, &str)]| server.post(headers, &ping).status;
    assert_eq!(status(&[]), 400);
    assert_eq!(status(&[("Mcp-Session-Id", "guessed")]), 404);
    assert_eq!(status(&[("Mcp-Session-Id", &one.id), ("Mcp-Session-Id", &other.id)]), 400);
    assert_eq!(status(&[("Mcp-Session-Id", &one.id)]), 200);
    assert_eq!(one.delete(), 204);
    assert_eq!(status(&[("Mcp-Session-Id", &one.id)]), 404);
    assert_eq!(one.delete(), 404);
    assert_eq!(status(&[("Mcp-Session-Id", &other.id)]), 200);

    // An id that a client brings along is not taken.
    let initialize = json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {"protocolVersion": "2025-11-25"}});
    let reply = server.post(&[("Mcp-Session-Id", "mine")], &initialize);
    assert_ne!(reply.header("mcp-session-id"), Some("mine"));
    assert!(!server.stderr_text().contains(&other.id), "ids are not logged");
}

#[test]
fn the_revision_of_a_request_is_one_that_is_spoken() {
    let server = serve();
    let session = server.session("2025-06-18");
    let ping = json!({"jsonrpc": "2.0", "id": 1, "method": "ping"});
    let post = |version| {
        let headers = [("Mcp-Session-Id", &*session.id), ("MCP-Protocol-Version", version)];
        server.post(&headers, &ping)
    };
    assert_eq!(post("2025-06-18").status, 200);
    let reply = post("1999-01-01");
    assert_eq!(reply.status, 400);
    assert_eq!(reply.json()["error"]["data"]["requested"], "1999-01-01");
}

#[test]
fn clients_hear_only_of_their_own_calls() {
    let server = serve();
    let (mut one, mut other) = (server.session("2025-11-25"), server.session("2025-11-25"));
    let standing = [one.listen(None), other.listen(None)];
    // Both have the same ids and the same tokens.
    let slow = |count: u64| call("progress", &json!({"count": count, "delayMs": 40}), Some("same"));
    let first = one.request("tools/call", &slow(5));
    let second = other.request("tools/call", &slow(3));
    let mine = one.text("echo", &json!({"message": "mine"}));
    assert_eq!(mine, "mine");
    for (reply, count) in [(first, 5), (second, 3)] {
        let messages = reply.messages();
        assert_eq!(messages.len(), count + 1, "{messages:?}");
        let totals = messages.iter().filter_map(|message| message["params"]["total"].as_u64());
        assert!(totals.eq(std::iter::repeat_n(count as u64, count)), "{messages:?}");
        assert_eq!(messages[count]["id"], 1);
        assert_eq!(text_of(&messages[count]["result"]), format!("{count} steps"));
    }
    // A stream ends after whatever was sent on it.
    assert_eq!([one.delete(), other.delete()], [204, 204]);
    for mut stream in standing {
        assert!(stream.event().expect("it begins").data.is_empty());
        assert_eq!(stream.event(), None);
    }
}

#[test]
fn a_client_that_goes_withdraws_what_nobody_can_read() {
    let server = serve();
    let mut session = server.session("2025-11-25");
    let mut other = server.session("2025-11-25");
    assert_eq!(session.text("echo", &json!({"message": "up"})), "up");
    let id = 700;
    let call = json!({"jsonrpc": "2.0", "id": id, "method": "tools/call", "params": call("sleep", &json!({"ms": 600_000}), None)});
    let body = call.to_string();
    let request = format!(
        "POST /mcp HTTP/1.1\r\nHost: localhost\r\nMcp-Session-Id: {}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        session.id,
        body.len()
    );
    let mut stream =
        std::net::TcpStream::connect(("127.0.0.1", server.port())).expect("it listens");
    std::io::Write::write_all(&mut stream, request.as_bytes()).expect("it reads");
    // An id in flight is refused to another request: so it is seen that the call has arrived.
    let same_id = json!({"jsonrpc": "2.0", "id": id, "method": "ping"});
    assert!(eventually(|| session.post(&same_id).json().get("error").is_some()));
    assert_eq!(other.text("cancelled", &json!({})), "[]");
    drop(stream);
    assert!(eventually(|| other.text("cancelled", &json!({})) != "[]"));
    assert!(session.post(&same_id).json().get("error").is_none());
}

#[test]
fn a_stream_that_broke_goes_on_where_it_was() {
    let server = serve();
    let mut session = server.session("2025-11-25");
    let slow = call("progress", &json!({"count": 6, "delayMs": 60}), Some("mine"));
    let mut reply = session.request("tools/call", &slow);
    let _begins = reply.event().expect("it begins");
    let seen = reply.event().expect("the first step");
    assert!(seen.data.contains("step 1"), "{seen:?}");
    reply.close();
    let rest = session.listen(seen.id.as_deref());
    assert_eq!(rest.status, 200);
    let messages = rest.messages();
    let steps: Vec<u64> =
        messages.iter().filter_map(|message| message["params"]["progress"].as_u64()).collect();
    assert_eq!(steps, [2, 3, 4, 5, 6]);
    assert_eq!(text_of(&messages[5]["result"]), "6 steps");

    // What was sent can be had again, by its own session only.
    let again = session.listen(seen.id.as_deref()).messages();
    assert_eq!(again, messages);
    let other = server.session("2025-11-25");
    assert_eq!(other.listen(seen.id.as_deref()).status, 400);
    for unknown in ["1", "x-y", "9-1", "1-99", ""] {
        assert_eq!(session.listen(Some(unknown)).status, 400, "{unknown}");
    }
}

#[test]
fn a_call_can_be_withdrawn() {
    let server = serve();
    let mut session = server.session("2025-11-25");
    let mut reply = session.request(
        "tools/call",
        &call("progress", &json!({"count": 9999, "delayMs": 20}), Some("t")),
    );
    assert!(reply.message().expect("progress")["params"].is_object());
    let cancel =
        json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 1}});
    assert_eq!(session.post(&cancel).status, 202);
    let rest = reply.messages();
    assert!(rest.iter().all(|message| message.get("id").is_none()), "no answer: {rest:?}");
}

#[test]
fn the_standing_stream_has_one_reader() {
    let server = serve();
    let session = server.session("2025-11-25");
    let mut first = session.listen(None);
    assert!(first.event().is_some());
    let mut second = session.listen(None);
    assert!(second.event().is_some());
    assert_eq!(first.event(), None, "the last one that comes has it");
    assert_eq!(session.delete(), 204);
    assert_eq!(second.event(), None);
}

#[test]
fn an_unused_session_ends_and_a_used_one_does_not() {
    let idle = json!({"sessionIdleTimeoutMs": 1500});
    let bridge = Bridge::new().server("one", &[]).set("http", idle);
    let server = bridge.serve_http(&["--http", "--debug"]);
    let ping = json!({"jsonrpc": "2.0", "id": 1, "method": "ping"});
    let listening = server.session("2025-11-25");
    let _stream = listening.listen(None);
    let calling = server.session("2025-11-25");
    let params = call("never", &json!({}), None);
    let call = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params});
    let headers = [("Mcp-Session-Id", &*calling.id), ("Accept", "application/json")];
    let _call = server.post_later(&headers, &call);
    // An id in flight is refused to another request: so it is seen that the call has arrived.
    assert!(eventually(|| calling.post(&ping).json().get("error").is_some()));
    // Used last, so that the others would end no later.
    let unused = server.session("2025-11-25");
    assert!(eventually(|| server.stderr_text().contains("a session ends that was not used")));
    assert_eq!(unused.post(&ping).status, 404);
    assert_eq!(calling.post(&ping).status, 200);
    assert_eq!(listening.post(&ping).status, 200);
}

#[test]
fn a_client_that_vanishes_while_it_is_asked_is_not_waited_for() {
    let bridge = Bridge::new()
        .set("mode", "direct")
        .set("http", json!({"sessionIdleTimeoutMs": 100}))
        .server("one", &["--rich"]);
    let server = bridge.serve_http(&["--http", "--debug"]);
    let mut params = initialize_params("2025-11-25");
    params["capabilities"] = json!({"elicitation": {}});
    let initialize = json!({"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": params});
    let reply = server.post(&[], &initialize);
    let id = reply.header("mcp-session-id").expect("a session has an id").to_owned();
    let question = json!({"method": "elicitation/create", "params": {"message": "Who?"}});
    let call = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "one_ask", "arguments": question}});
    let mut reply = server.post(&[("Mcp-Session-Id", &id)], &call);
    assert_eq!(reply.message().expect("a question")["method"], "elicitation/create");
    reply.close();
    assert!(eventually(|| server.stderr_text().contains("a session ends that was not used")));
}

#[test]
fn a_batch_that_wants_no_answer_keeps_no_session() {
    let bridge = Bridge::new().server("one", &[]).set("http", json!({"sessionIdleTimeoutMs": 100}));
    let server = bridge.serve_http(&["--http", "--debug"]);
    let session = server.session("2025-03-26");
    let silent = json!([{"jsonrpc": "2.0", "method": "notifications/initialized"}]);
    let headers = [("Mcp-Session-Id", &*session.id), ("Accept", "text/event-stream")];
    assert_eq!(server.post(&headers, &silent).status, 202);
    assert!(eventually(|| server.stderr_text().contains("a session ends that was not used")));
}

#[test]
fn there_are_only_so_many_sessions() {
    let bridge = Bridge::new().server("one", &[]).set("http", json!({"maxSessions": 2}));
    let server = bridge.serve_http(&["--http"]);
    let (one, _other) = (server.session("2025-11-25"), server.session("2025-11-25"));
    let initialize = json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {"protocolVersion": "2025-11-25"}});
    let reply = server.post(&[], &initialize);
    assert_eq!((reply.status, reply.header("retry-after").is_some()), (503, true));
    assert_eq!(one.delete(), 204);
    assert_eq!(server.post(&[], &initialize).status, 200);
}

#[test]
fn batches_are_for_one_revision() {
    let server = serve();
    let batch = json!([
        {"jsonrpc": "2.0", "id": 1, "method": "ping"},
        {"jsonrpc": "2.0", "method": "notifications/initialized"},
        {"jsonrpc": "2.0", "id": "two", "method": "tools/list"},
    ]);
    let answers = server.session("2025-03-26").post(&batch).json();
    let mut ids: Vec<String> = answers
        .as_array()
        .expect("an array")
        .iter()
        .map(|answer| answer["id"].to_string())
        .collect();
    ids.sort();
    assert_eq!(ids, ["\"two\"", "1"]);
    let silent = json!([{"jsonrpc": "2.0", "method": "notifications/initialized"}]);
    assert_eq!(server.session("2025-03-26").post(&silent).status, 202);
    let again = json!([{"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {"protocolVersion": "2025-11-25"}}]);
    let refused = server.session("2025-03-26").post(&again).json();
    assert_eq!(refused[0]["error"]["code"], -32600, "{refused}");
    assert_eq!(server.session("2025-03-26").post(&json!([])).status, 400);
    let headers = [("MCP-Protocol-Version", "2026-07-28")];
    assert_eq!(server.post(&headers, &batch).status, 400);
    assert_eq!(server.session("2025-11-25").post(&batch).status, 400);
    assert_eq!(server.post(&[], &batch).status, 400);
}

#[test]
fn what_is_no_message_is_refused() {
    let server = serve();
    let session = server.session("2025-11-25");
    let post = |body: &[u8]| {
        let headers = [("Mcp-Session-Id", &*session.id), ("Content-Type", "application/json")];
        server.send("POST /mcp", &headers, body)
    };
    let check = |body: &str, code: i64, id: Value| {
        let reply = post(body.as_bytes());
        assert_eq!(reply.status, 400, "{body}");
        let error = reply.json();
        assert_eq!(error["error"]["code"], code, "{body}");
        assert_eq!(error["id"], id, "{body}");
    };
    check("", -32700, Value::Null);
    check("{", -32700, Value::Null);
    check("{\"jsonrpc\":\"2.0\",\"id\":7,\"id\":8,\"method\":\"ping\"}", -32600, Value::Null);
    check("{\"id\":7,\"method\":\"ping\"}", -32600, json!(7));
    check("17", -32600, Value::Null);
    let head = format!(
        "POST /mcp HTTP/1.1\r\nHost: localhost\r\nMcp-Session-Id: {}\r\nContent-Type: application/json\r\n",
        session.id
    );
    let huge = format!("{head}Content-Length: 16777217\r\n\r\n");
    assert_eq!(server.raw(huge.as_bytes()).status, 413);
    let many = format!("{head}{}\r\n", "x: y\r\n".repeat(200));
    assert_eq!(server.raw(many.as_bytes()).status, 431);
    assert_eq!(server.send("PUT /mcp", &[], b"").status, 405);
    assert_eq!(server.send("GET /", &[], b"").status, 404);
}

#[test]
fn calls_in_flight_are_answered_at_the_end() {
    let mut server = serve();
    let mut session = server.session("2025-11-25");
    assert_eq!(session.text("echo", &json!({"message": "up"})), "up");
    let mut reply = session
        .request("tools/call", &call("progress", &json!({"count": 4, "delayMs": 100}), Some("t")));
    let mut standing = session.listen(None);
    assert!(reply.message().is_some() && standing.event().is_some());
    server.terminate();
    let last = reply.messages().pop().expect("an answer");
    assert_eq!(text_of(&last["result"]), "4 steps");
    assert_eq!(standing.event(), None);
    assert_eq!(server.wait(), 0);
}
