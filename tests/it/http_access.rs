//! Who gets in over HTTP, the older transport, and clients that do not read.

use std::net::{TcpListener, TcpStream};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;

use crate::support::{
    Bridge, HttpReply, HttpServer, assert_words, eventually, http_call as call, initialize_params,
    text_of,
};

fn serve() -> HttpServer {
    Bridge::new().server("one", &[]).serve_http(&["--http", "--sse"])
}

fn initialize() -> Value {
    json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": initialize_params("2025-11-25")})
}

#[test]
fn foreign_pages_and_names_are_turned_away() {
    let server = serve();
    let port = server.port();
    let own = format!("127.0.0.1:{port}");
    let check = |host: &str, origin: Option<&str>, expected: u16| {
        let mut headers = vec![("Host", host)];
        headers.extend(origin.map(|origin| ("Origin", origin)));
        let reply = server.post(&headers, &initialize());
        assert_eq!(reply.status, expected, "{host} {origin:?}");
        let readable = reply.header("access-control-allow-origin");
        assert_eq!(readable, origin.filter(|_| expected == 200), "{host} {origin:?}");
        if expected == 403 {
            assert_eq!(reply.header("mcp-session-id"), None);
            for path in ["GET /sse", "GET /mcp", "DELETE /mcp", "OPTIONS /mcp", "GET /"] {
                assert_eq!(server.send(path, &headers, b"").status, 403, "{path}");
            }
        }
    };
    check(&own, None, 200);
    check(&own, Some(&format!("http://{own}")), 200);
    check(&format!("localhost:{port}"), Some(&format!("http://localhost:{port}")), 200);
    check(&own, Some("http://evil.example"), 403);
    check(&own, Some(&format!("http://evil.example:{port}")), 403);
    check(&own, Some("null"), 403);
    check(&own, Some("http://localhost:1"), 403);
    check(&own, Some(&format!("http://localhost.evil:{port}")), 403);
    check(&own, Some(&format!("http://evil.localhost:{port}")), 403);
    check(&own, Some(&format!("http://me@{own}")), 403);
    check(&own, Some(&format!("http://0.0.0.0:{port}")), 403);
    check("evil.example", Some("http://evil.example"), 403);
    check("evil.example", None, 403);
    check(&format!("0.0.0.0:{port}"), None, 403);
    check("", None, 403);
    let without = server.raw(b"POST /mcp HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}");
    assert_eq!(without.status, 403);
    let twice = format!(
        "POST /mcp HTTP/1.1\r\nHost: {own}\r\nHost: {own}\r\nContent-Length: 2\r\n\r\n{{}}"
    );
    assert_eq!(server.raw(twice.as_bytes()).status, 403);
}

#[test]
fn the_config_lets_others_in() {
    let http =
        json!({"allowedOrigins": ["https://app.example"], "allowedHosts": ["bridge.example"]});
    let server = Bridge::new().set("http", http).serve_http(&["--http"]);
    let post = |headers: &[(&str, &str)]| server.post(headers, &initialize()).status;
    assert_eq!(post(&[("Host", "bridge.example"), ("Origin", "https://app.example")]), 200);
    assert_eq!(post(&[("Host", "bridge.example"), ("Origin", "https://other.example")]), 403);
    assert_eq!(post(&[("Host", "other.example")]), 403);
}

/// What a browser asks before a page may POST, and what it is told.
#[test]
fn pages_that_may_call_are_told_so() {
    let (inspector, page) = ("http://localhost:6274", "https://app.example");
    let http = json!({"allowedOrigins": [page, inspector]});
    let server = Bridge::new().set("http", http).serve_http(&["--http", "--sse"]);
    let own = format!("http://localhost:{}", server.port());
    let wanted = "content-type,mcp-protocol-version,mcp-session-id,x-other";
    let asks = |origin: &str, path: &str| {
        let headers = [
            ("Origin", origin),
            ("Access-Control-Request-Method", "POST"),
            ("Access-Control-Request-Headers", wanted),
        ];
        server.send(&format!("OPTIONS {path}"), &headers, b"")
    };
    for origin in [page, inspector, &own] {
        for path in ["/mcp", "/sse", "/message"] {
            let told = asks(origin, path);
            let of = |name: &str| told.header(&format!("access-control-{name}"));
            assert_eq!((told.status, of("allow-origin")), (204, Some(origin)), "{path}");
            assert_eq!(of("allow-methods"), Some("GET, POST, DELETE"));
            let known = "content-type, mcp-protocol-version, mcp-session-id";
            assert_eq!(of("allow-headers"), Some(known));
            assert_eq!(of("allow-credentials"), None);
            assert_eq!(told.header("vary"), Some("Origin"));
        }
        let reply = server.post(&[("Origin", origin)], &initialize());
        assert_eq!(reply.status, 200);
        assert_eq!(reply.header("access-control-allow-origin"), Some(origin));
        assert_eq!(reply.header("vary"), Some("Origin"));
        let readable = reply.header("access-control-expose-headers").expect("some are");
        assert_words(readable, &["Mcp-Session-Id", "MCP-Protocol-Version", "WWW-Authenticate"]);
        // Errors can be read as well.
        let reply = server.send("GET /mcp", &[("Origin", origin)], b"");
        assert_eq!(reply.status, 400);
        assert_eq!(reply.header("access-control-allow-origin"), Some(origin));
    }
    for origin in ["https://other.example", "http://app.example", "http://localhost:6275", "null"] {
        let told = asks(origin, "/mcp");
        assert_eq!((told.status, told.header("access-control-allow-origin")), (403, None));
        assert_eq!(told.header("access-control-allow-methods"), None, "{origin}");
    }
    let plain = server.post(&[], &initialize());
    assert_eq!(plain.header("access-control-allow-origin"), None, "it is no page");
}

#[test]
fn only_loopback_is_open_to_anybody() {
    let bridge = Bridge::new();
    for host in ["0.0.0.0", "::", "192.0.2.1"] {
        let output = bridge.run(&["--http", "--host", host, "--port", "0"]).expect(2);
        assert_words(&output.stderr, &[host, "--insecure", "127.0.0.1"]);
    }
    let output = bridge.run(&["--port", "0"]).expect(2);
    assert_words(&output.stderr, &["--port", "--http"]);
    bridge.run(&["--http", "--host", "example.com"]).expect(2);
    let server = Bridge::new().serve_http(&["serve", "--http", "--host", "0.0.0.0", "--insecure"]);
    assert_eq!(server.post(&[], &initialize()).status, 200);
}

#[test]
fn a_port_in_use_is_named() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let port = taken.local_addr().expect("it is bound").port().to_string();
    let output = Bridge::new().run(&["--http", "--port", &port]).expect(1);
    assert_words(&output.stderr, &[&port, "in use", "--port"]);
}

#[test]
fn clients_of_2024_are_served() {
    let server = serve();
    let mut stream = server.send("GET /sse", &[], b"");
    let event = stream.event().expect("where to write to");
    assert_eq!(event.name.as_deref(), Some("endpoint"));
    let place = format!("POST {}", event.data);
    let id = event.data.strip_prefix("/message?sessionId=").expect("a path").to_owned();
    assert!(id.len() >= 22, "{id}");
    let kind = ("Content-Type", "application/json");
    let post = |message: Value| server.send(&place, &[kind], message.to_string().as_bytes()).status;
    let params = initialize_params("2024-11-05");
    assert_eq!(
        post(json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": params})),
        202
    );
    let event = stream.event().expect("an answer");
    assert_eq!(event.name.as_deref(), Some("message"));
    assert!(event.data.contains("2024-11-05"), "{event:?}");
    let progress = call("progress", &json!({"count": 2}), Some("mine"));
    assert_eq!(
        post(json!({"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": progress})),
        202
    );
    let messages: Vec<Value> = (0..3).filter_map(|_| stream.message()).collect();
    assert_eq!(messages[1]["params"]["progress"], 2);
    assert_eq!(text_of(&messages[2]["result"]), "2 steps");

    let guessed = |place: &str| server.send(place, &[kind], b"{}").status;
    assert_eq!(guessed("POST /message?sessionId=guessed"), 404);
    assert_eq!(guessed("POST /message"), 404);
    let streamable = [("Mcp-Session-Id", &*id)];
    let ping = json!({"jsonrpc": "2.0", "id": 1, "method": "ping"});
    assert_eq!(server.post(&streamable, &ping).status, 404, "of another transport");
    stream.close();
    assert!(eventually(|| guessed(&place) == 404), "the session ends with its stream");
}

#[test]
fn a_client_that_does_not_read_holds_up_nobody() {
    let server = serve();
    let mut deaf = server.session("2025-11-25");
    let mut other = server.session("2025-11-25");
    let mut streams = Vec::new();
    for id in 1001..=1008 {
        let params = call("big", &json!({"bytes": 8_000_000}), None);
        let message = json!({"jsonrpc": "2.0", "id": id, "method": "tools/call", "params": params});
        let body = message.to_string();
        let request = format!(
            "POST /mcp HTTP/1.1\r\nHost: localhost\r\nMcp-Session-Id: {}\r\nAccept: text/event-stream\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            deaf.id,
            body.len()
        );
        let mut stream = TcpStream::connect(("127.0.0.1", server.port())).expect("it listens");
        std::io::Write::write_all(&mut stream, request.as_bytes()).expect("it reads");
        streams.push(stream);
    }
    for round in 0..20 {
        let message = format!("round {round}");
        assert_eq!(other.text("echo", &json!({"message": message})), message);
        assert_eq!(deaf.text("echo", &json!({"message": message})), message);
    }
    drop(streams);
}

#[test]
fn a_slow_head_keeps_nobody_waiting() {
    let server = serve();
    let slow: Vec<TcpStream> = (0..50)
        .map(|_| {
            let mut stream = TcpStream::connect(("127.0.0.1", server.port())).expect("it listens");
            std::io::Write::write_all(&mut stream, b"POST /mcp HTTP/1.1\r\nHost: ").expect("open");
            stream
        })
        .collect();
    let mut session = server.session("2025-11-25");
    assert_eq!(session.text("echo", &json!({"message": "hi"})), "hi");
    assert_eq!(slow.len(), 50);
}

#[test]
fn streams_end_when_the_bridge_does() {
    let mut server = serve();
    let session = server.session("2025-11-25");
    let mut standing = session.listen(None);
    assert!(standing.event().is_some());
    let mut older = server.send("GET /sse", &[], b"");
    assert!(older.event().is_some());
    server.terminate();
    assert_eq!(standing.event(), None);
    assert_eq!(older.event(), None);
    assert_eq!(server.wait(), 0);
}

/// Opens a stream of the older transport on which a call is under way.
fn busy(server: &HttpServer, tool: &str) -> HttpReply {
    let mut stream = server.send("GET /sse", &[], b"");
    let place = format!("POST {}", stream.event().expect("where to write to").data);
    let post = |message: Value| {
        let kind = [("Content-Type", "application/json")];
        assert_eq!(server.send(&place, &kind, message.to_string().as_bytes()).status, 202);
    };
    let params = initialize_params("2024-11-05");
    post(json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": params}));
    assert_eq!(stream.message().expect("an answer")["id"], 1);
    let progress = call("progress", &json!({"count": 4, "delayMs": 100}), Some("mine"));
    post(json!({"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": progress}));
    if tool != "progress" {
        let params = call(tool, &json!({}), None);
        post(json!({"jsonrpc": "2.0", "id": 3, "method": "tools/call", "params": params}));
    }
    assert_eq!(stream.message().expect("progress")["params"]["progress"], 1);
    stream
}

#[test]
fn a_busy_stream_ends_with_its_last_answer_or_in_time() {
    // The first may take much longer than its call does; the second has a call that never ends.
    for (tool, limit_ms) in [("progress", 60_000), ("never", 1000)] {
        let bridge = Bridge::new().server("one", &[]).set("shutdownTimeoutMs", limit_ms);
        let mut server = bridge.serve_http(&["--sse"]);
        let stream = busy(&server, tool);
        let begun = Instant::now();
        server.terminate();
        let rest = stream.messages();
        let ids: Vec<u64> = rest.iter().filter_map(|message| message["id"].as_u64()).collect();
        assert!(!ids.contains(&3), "{rest:?}");
        assert!(tool == "never" || ids == [2], "{rest:?}");
        assert_eq!(server.wait(), 0);
        assert!(begun.elapsed() < Duration::from_secs(6), "{tool}: {:?}", begun.elapsed());
    }
}
