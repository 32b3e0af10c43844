//! Servers that are reached by URL, over streamable HTTP.

use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use serde_json::{Value, json};

use crate::support::{
    Bridge, Output, Reply, Request, SESSION, Web, assert_words, error_of, eventually, text_of,
    tool_names,
};

/// Calls `echo` of a server with this script, and returns what the command said.
fn call(script: impl Fn(&Request, &mut Reply) -> bool + Send + Sync + 'static) -> (Output, Web) {
    let web = Web::start(script);
    let output = echo(&Bridge::new().entry("web", web.entry()));
    (output, web)
}

/// The same where the answer to the call is a stream of events, which `script` writes.
fn call_by_events(
    script: impl Fn(&Request, &mut Reply) -> bool + Send + Sync + 'static,
) -> (Output, Web) {
    call(move |request, reply| {
        if !request.is("tools/call") {
            return false;
        }
        reply.events();
        script(request, reply)
    })
}

fn echo(bridge: &Bridge) -> Output {
    bridge.run(&["call", "web", "echo", r#"{"message":"hello"}"#])
}

#[track_caller]
fn assert_answer(output: Output, text: &str) {
    let output = output.expect(0);
    assert_eq!(output.stdout.trim_end(), text, "{output:?}");
}

#[test]
fn a_call_is_a_post_whose_answer_is_json() {
    let (output, web) = call(|_, _| false);
    assert_answer(output, "hello");
    let seen = web.seen();
    let first = &seen[0];
    assert!(first.is("initialize"), "{first:?}");
    assert_eq!(first.header("accept"), Some("application/json, text/event-stream"));
    assert_eq!(first.header("content-type"), Some("application/json"));
    assert_eq!(first.header("mcp-session-id"), None);
    assert_eq!(first.header("mcp-protocol-version"), None);
    let agent = first.header("user-agent").expect("it says who it is");
    assert!(agent.starts_with("mcp-bridge/"), "{agent}");
    assert!(seen[1].is("notifications/initialized"), "nothing comes before it: {seen:?}");
    for request in &seen[1..] {
        assert_eq!(request.header("mcp-session-id"), Some(SESSION), "{request:?}");
        assert_eq!(request.header("mcp-protocol-version"), Some("2025-11-25"), "{request:?}");
    }
    let last = seen.last().expect("there are some");
    assert_eq!(last.method, "DELETE", "{last:?}");
}

#[test]
fn an_answer_can_come_as_events() {
    let (output, web) = call_by_events(|request, reply| {
        reply.piece(": hello\n\nevent: other\ndata: {}\n\nid: 1\ndata:\n\n");
        let answer = request.says("two\r\n lines").to_string();
        let (head, tail) = answer.split_at(20);
        reply.piece(&format!("data: {head}"));
        reply.piece(&format!("{tail}\r\n\r\n"));
        reply.end()
    });
    assert_answer(output, "two\r\n lines");
    // What was read to its end serves for the next request.
    let seen = web.seen();
    assert!(seen.iter().filter(|request| request.method == "POST").all(|r| r.connection < 2));
}

#[test]
fn a_server_that_reads_pretty_json_is_understood() {
    let (output, _web) = call(|request, reply| {
        let json = [("Content-Type", "Application/JSON; charset=utf-8")];
        request.is("tools/call") && reply.send(200, &json, &format!("{:#}", request.says("pretty")))
    });
    assert_answer(output, "pretty");
}

#[test]
fn a_long_body_is_understood_whatever_white_space_it_has() {
    let text = "0123456789".repeat(2_000);
    for (before, after, is_pretty) in
        [("", "", false), ("", "\r\n\t ", false), ("\n", "\n", false), ("", "\n", true)]
    {
        let said = text.clone();
        let (output, _web) = call(move |request, reply| {
            if !request.is("tools/call") {
                return false;
            }
            let answer = request.says(&said);
            let answer = if is_pretty { format!("{answer:#}") } else { answer.to_string() };
            let json = [("Content-Type", "application/json")];
            reply.head(200, &json, "Transfer-Encoding: chunked\r\n");
            let (head, tail) = answer.split_at(answer.len() / 2);
            reply.piece(&format!("{before}{head}"));
            reply.piece(&format!("{tail}{after}"));
            reply.end()
        });
        assert_answer(output, &text);
    }
}

#[test]
fn a_stream_that_is_cut_is_resumed_after_its_last_event() {
    for polls in [1_u32, 3] {
        let (answer, gets) = (std::sync::Mutex::new(Value::Null), AtomicU32::new(0));
        let (output, web) = call(move |request, reply| {
            let mut answer = answer.lock().expect("nobody panics");
            if request.is("tools/call") {
                *answer = request.says("resumed");
                reply.events();
                reply.piece("id: e-0\nretry: 10\ndata:\n\n");
                return if polls == 1 { reply.cut() } else { reply.end() };
            }
            if request.method != "GET" || request.header("last-event-id").is_none() {
                return false;
            }
            let count = gets.fetch_add(1, Ordering::Relaxed) + 1;
            reply.events();
            if count == polls {
                reply.event("id: last\n", &answer);
            } else {
                reply.piece(&format!("id: e-{count}\ndata:\n\n"));
            }
            reply.end()
        });
        assert_answer(output, "resumed");
        let seen = web.seen();
        let resumed = seen.iter().filter_map(|request| request.header("last-event-id"));
        let expected: Vec<String> = (0..polls).map(|count| format!("e-{count}")).collect();
        assert_eq!(resumed.collect::<Vec<_>>(), expected);
        drop(seen);
        assert_eq!(web.messages("tools/call").len(), 1);
    }
}

#[test]
fn a_stream_is_resumed_after_an_event_whatever_its_id_is_made_of() {
    let (answer, id) = (std::sync::Mutex::new(Value::Null), "Ereignis-\u{e4}\u{4e8c}");
    let (output, _web) = call(move |request, reply| {
        let mut answer = answer.lock().expect("nobody panics");
        if request.is("tools/call") {
            *answer = request.says("resumed");
            reply.events();
            reply.piece(&format!("id: {id}\nretry: 10\ndata:\n\n"));
            return reply.end();
        }
        if request.method != "GET" || request.header("last-event-id") != Some(id) {
            return false;
        }
        reply.events();
        reply.event("", &answer);
        reply.end()
    });
    assert_answer(output, "resumed");
}

#[test]
fn an_error_by_404_that_answers_one_call_leaves_the_session_to_the_others() {
    let web = Web::start(|request, reply| {
        if !request.is("tools/call") || request.body["params"]["arguments"]["message"] != "none" {
            return false;
        }
        reply.refuse(request, 404, &json!({"code": -32000, "message": "no such document"}))
    });
    let mut client = Bridge::new().entry("web", web.entry()).serve_initialized();
    let refused = client.call("web", "echo", json!({"message": "none"}));
    assert_words(&refused.to_string(), &["no such document"]);
    let result = client.call("web", "echo", json!({"message": "x"}));
    assert_eq!(text_of(&result), "x", "{result}");
    assert_eq!(web.messages("initialize").len(), 1);
}

#[test]
fn a_stream_that_cannot_be_resumed_is_an_error_and_no_second_call() {
    let (output, web) = call_by_events(|_, reply| {
        reply.piece(": nothing yet\n\n");
        reply.cut()
    });
    let output = output.expect(5);
    assert_words(&output.stderr, &[&web.host(), "may have run"]);
    assert_eq!(web.messages("tools/call").len(), 1);
}

#[test]
fn a_lost_session_is_opened_anew_and_the_call_repeated() {
    let lost = AtomicU32::new(0);
    let web = Web::start(move |request, reply| {
        let lose = request.is("tools/call") && lost.fetch_add(1, Ordering::Relaxed) == 1;
        lose && reply.send(404, &[("Content-Type", "application/json")], "")
    });
    let mut client = Bridge::new().entry("web", web.entry()).serve_initialized();
    for _ in 0..2 {
        let result = client.call("web", "echo", json!({"message": "x"}));
        assert_eq!(text_of(&result), "x", "{result}");
    }
    assert_eq!(web.messages("initialize").len(), 2);
    assert_eq!(web.messages("tools/call").len(), 3);
}

#[test]
fn a_status_says_what_to_do() {
    let check = |status: u16,
                 headers: &'static [(&str, &str)],
                 body: &'static str,
                 words: &[&str]| {
        let (output, web) = call(move |_, reply| reply.send(status, headers, body));
        let output = output.expect(5);
        let status = status.to_string();
        assert_words(&output.stderr, &[&web.host(), &status]);
        assert_words(&output.stderr, words);
        assert!(!output.stderr.contains("/mcp?") && !output.stderr.contains("<html"), "{output:?}");
    };
    let json = &[("Content-Type", "application/json")];
    check(401, json, r#"{"error":"invalid_token"}"#, &["invalid_token", "\"auth\""]);
    check(403, &[], "no", &["does not permit"]);
    check(429, &[("Retry-After", "7")], "", &["try again in 7 s"]);
    check(503, &[("Content-Type", "text/html")], "<html>", &["try again later"]);
    check(500, &[], "oh", &["oh"]);
    check(404, &[], "", &["check `url`"]);
    check(302, &[("Location", "https://other.example/mcp?key=1")], "", &["`other.example`"]);
}

#[test]
fn a_redirect_is_followed_on_the_same_origin_only() {
    let (output, web) = call(|request, reply| {
        request.path == "/mcp" && reply.send(307, &[("Location", "/mcp/")], "")
    });
    assert_answer(output, "hello");
    assert!(web.seen().iter().any(|request| request.path == "/mcp/" && request.is("tools/call")));

    let other = Web::plain();
    let elsewhere = other.url("/mcp");
    let web = Web::start(move |_, reply| reply.send(307, &[("Location", &elsewhere)], ""));
    let mut entry = web.entry();
    entry["auth"] = json!({"type": "bearer", "token": "t-secret"});
    let output = echo(&Bridge::new().entry("web", entry)).expect(5);
    assert_words(&output.stderr, &["307", &other.host(), "`url`"]);
    assert_eq!(other.seen().len(), 0, "nothing is sent to another origin");
}

#[test]
fn what_logs_in_travels_with_every_request_and_is_never_shown() {
    let web = Web::start(|request, reply| {
        let token = request.header("authorization").unwrap_or_default().to_owned();
        let key = request.header("x-key").unwrap_or_default().to_owned();
        if !request.path.ends_with('/') {
            let location = format!("{}/", request.path);
            return reply.send(307, &[("Location", &location)], "");
        }
        request.is("tools/call") && reply.send(400, &[], &format!("bad: {token} {key}"))
    });
    let bridge = Bridge::new().file(".env", "KEY=k-abcdef\nPLACE=path-secret\n").entry(
        "web",
        json!({
            "url": web.url("/mcp/${PLACE}"),
            "headers": {"X-Key": "${KEY}"},
            "auth": {"type": "bearer", "token": "t-abcdef"},
        }),
    );
    let output = bridge.run(&["--debug", "call", "web", "echo"]).expect(5);
    for request in web.seen().iter() {
        assert_eq!(request.header("authorization"), Some("Bearer t-abcdef"), "{request:?}");
        assert_eq!(request.header("x-key"), Some("k-abcdef"), "{request:?}");
        assert_eq!(request.path.trim_end_matches('/'), "/mcp/path-secret");
    }
    assert_words(&output.stderr, &["bad: Bearer ***", "debug"]);
    for secret in ["t-abcdef", "k-abcdef", "path-secret"] {
        assert!(!format!("{output:?}").contains(secret), "{secret} in {output:?}");
    }
}

#[test]
fn a_server_that_is_not_there_is_told_at_once() {
    let free = TcpListener::bind("127.0.0.1:0").expect("there is a free port");
    let address = free.local_addr().expect("it is bound");
    drop(free);
    let entry = json!({"url": format!("http://{address}/mcp")});
    let output = echo(&Bridge::new().entry("web", entry)).expect(5);
    assert_words(&output.stderr, &[&address.to_string(), "cannot be reached", "refused"]);
}

#[test]
fn what_is_no_answer_is_an_error() {
    let check = |words: &[&str], answer: fn(&Request, &mut Reply) -> bool| {
        let (output, _web) =
            call(move |request, reply| request.is("tools/call") && answer(request, reply));
        assert_words(&output.expect(5).stderr, words);
    };
    check(&["`text/html`", "MCP endpoint"], |_, reply| {
        reply.send(200, &[("Content-Type", "text/html")], "<html>")
    });
    check(&["no answer"], |_, reply| {
        reply.json(&json!({"jsonrpc": "2.0", "id": 99, "result": {}}))
    });
    check(&["cannot be used"], |_, reply| {
        reply.send(200, &[("Content-Type", "application/json")], "{\"a\":1,\"a\":2}")
    });
    check(&["202"], |_, reply| reply.send(202, &[], ""));
    check(&["bytes"], |_, reply| {
        let length = format!("Content-Length: {}\r\n", 40 * 1024 * 1024);
        reply.head(200, &[("Content-Type", "application/json")], &length);
        reply.wait_gone()
    });
    check(&["bytes"], |_, reply| {
        reply.events();
        let line = "x".repeat(1024 * 1024);
        reply.piece("data: ");
        while !reply.is_broken() {
            reply.piece(&line);
        }
        true
    });
}

#[test]
fn a_slow_body_is_given_up_by_the_clock_of_the_call() {
    let web = Web::start(|request, reply| {
        if !request.is("tools/call") {
            return false;
        }
        reply.head(200, &[("Content-Type", "application/json")], "Content-Length: 50\r\n");
        reply.wait_gone()
    });
    let bridge = Bridge::new().entry("web", web.entry()).set("requestTimeoutMs", 300);
    let output = echo(&bridge).expect(5);
    assert_words(&output.stderr, &["no answer within 300 ms"]);
    assert_eq!(web.messages("notifications/cancelled").len(), 1);
}

#[test]
fn the_stream_beside_the_calls_tells_what_changes() {
    let grown = AtomicU32::new(0);
    let web = Web::start(move |request, reply| {
        if request.is("tools/list") && grown.fetch_add(1, Ordering::Relaxed) > 0 {
            let tools = json!([{"name": "grown", "inputSchema": {"type": "object"}}]);
            return reply.json(&request.result(&json!({"tools": tools})));
        }
        if request.method != "GET" {
            return false;
        }
        reply.events();
        let changed = json!({"jsonrpc": "2.0", "method": "notifications/tools/list_changed"});
        reply.event("id: 1\n", &changed);
        reply.wait_gone()
    });
    let mut client = Bridge::new().entry("web", web.entry()).serve_initialized();
    let grown = eventually(|| {
        let list = client.mcp_json(&json!({"action": "list", "server": "web"}));
        tool_names(&list) == ["grown"]
    });
    assert!(grown, "the list is read again");
    let status = client.mcp_json(&json!({"action": "status"}));
    assert_eq!(status["servers"][0]["transport"], "streamable-http", "{status}");
}

#[test]
fn a_standing_stream_that_is_closed_at_once_is_not_asked_for_on_and_on() {
    let web = Web::start(|request, reply| {
        if request.method != "GET" {
            return false;
        }
        reply.events();
        reply.piece("id: 1\nretry: 0\ndata:\n\n");
        reply.end()
    });
    let gets = || web.seen().iter().filter(|request| request.method == "GET").count();
    let mut client = Bridge::new().entry("web", web.entry()).serve_initialized();
    client.call("web", "echo", json!({"message": "x"}));
    assert!(eventually(|| gets() == 1));
    for _ in 0..50 {
        client.call("web", "echo", json!({"message": "x"}));
    }
    assert!(gets() < 4, "{} streams", gets());
}

#[test]
fn subscribers_hear_by_another_session_when_the_stream_says_that_theirs_is_lost() {
    let gets = AtomicU32::new(0);
    let web = Web::start(move |request, reply| {
        if request.method == "GET" {
            return match gets.fetch_add(1, Ordering::Relaxed) {
                0 => {
                    reply.events();
                    reply.end()
                }
                1 => reply.send(404, &[], ""),
                _ => false,
            };
        }
        let resource = json!({"uri": "test://one", "name": "one"});
        let result = match request.body["method"].as_str().unwrap_or_default() {
            "initialize" => json!({
                "protocolVersion": "2025-11-25",
                "capabilities": {"resources": {"subscribe": true}},
            }),
            "resources/list" => json!({"resources": [resource]}),
            "resources/templates/list" => json!({"resourceTemplates": []}),
            "resources/subscribe" => json!({}),
            _ => return false,
        };
        let headers = [("Content-Type", "application/json"), ("Mcp-Session-Id", SESSION)];
        reply.send(200, &headers, &request.result(&result).to_string())
    });
    let bridge = Bridge::new().set("mode", "direct").entry("web", web.entry());
    let mut client = bridge.serve_initialized();
    let id = client.request("resources/subscribe", json!({"uri": "test://one"}));
    client.result(id);
    assert!(eventually(|| web.messages("resources/subscribe").len() == 2), "{:?}", web.seen());
    assert_eq!(web.messages("initialize").len(), 2);
}

#[test]
fn a_question_on_a_stream_is_answered_by_a_post() {
    let (output, web) = call_by_events(|request, reply| {
        reply.event("", &json!({"jsonrpc": "2.0", "id": "q", "method": "ping"}));
        reply.event("", &json!({"jsonrpc": "2.0", "id": 5, "method": "roots/list"}));
        reply.event("", &request.says("asked"));
        reply.end()
    });
    assert_answer(output, "asked");
    let answered = eventually(|| {
        let seen = web.seen();
        let answers = seen.iter().filter(|request| request.body["method"].is_null());
        let answers: Vec<&Value> = answers.map(|request| &request.body).collect();
        let pong = answers.iter().any(|body| body["id"] == "q" && body["result"] == json!({}));
        pong && answers.iter().any(|body| body["id"] == 5 && body["error"]["code"] == -32601)
    });
    assert!(answered, "{:?}", web.seen());
}

#[test]
fn a_withdrawn_call_is_cancelled_and_its_post_dropped() {
    let gone = Arc::new(AtomicBool::new(false));
    let told = gone.clone();
    let web = Web::start(move |request, reply| {
        if !request.is("tools/call") {
            return false;
        }
        reply.events();
        reply.piece(": at work\n\n");
        reply.wait_gone();
        told.store(true, Ordering::Relaxed);
        true
    });
    let mut client = Bridge::new().entry("web", web.entry()).serve_initialized();
    let id = client.start_call("web", "echo", json!({"message": "x"}));
    assert!(eventually(|| web.messages("tools/call").len() == 1));
    client.notify("notifications/cancelled", json!({"requestId": id}));
    assert!(eventually(|| web.messages("notifications/cancelled").len() == 1));
    assert!(eventually(|| gone.load(Ordering::Relaxed)));
    let asked = &web.messages("tools/call")[0].body["id"];
    assert_eq!(&web.messages("notifications/cancelled")[0].body["params"]["requestId"], asked);
}

#[test]
fn each_withdrawn_call_is_cancelled_however_slowly_that_is_taken() {
    const CALLS: usize = 80;
    let taken = Arc::new(AtomicBool::new(false));
    let take = taken.clone();
    let web = Web::start(move |request, reply| {
        if request.is("notifications/cancelled") {
            assert!(eventually(|| take.load(Ordering::Relaxed)));
        }
        request.is("tools/call") && reply.wait_gone()
    });
    let mut client = Bridge::new().entry("web", web.entry()).serve_initialized();
    let calls: Vec<u64> =
        (0..CALLS).map(|_| client.start_call("web", "echo", json!({"message": "x"}))).collect();
    assert!(eventually(|| web.messages("tools/call").len() == CALLS));
    for id in calls {
        client.notify("notifications/cancelled", json!({"requestId": id}));
    }
    assert!(eventually(|| web.messages("notifications/cancelled").len() >= 64));
    // Every cancellation was read before this is answered.
    client.mcp(&json!({"action": "status"}));
    taken.store(true, Ordering::Relaxed);
    let all = eventually(|| web.messages("notifications/cancelled").len() == CALLS);
    assert!(all, "{} of {CALLS}", web.messages("notifications/cancelled").len());
}

#[test]
fn a_slow_server_holds_up_neither_itself_nor_others() {
    let web = Web::start(|request, reply| {
        let slow =
            request.is("tools/call") && request.body["params"]["arguments"]["message"] == "slow";
        slow && reply.wait_gone()
    });
    let other = Web::plain();
    let bridge = Bridge::new().entry("web", web.entry()).entry("other", other.entry());
    let mut client = bridge.serve_initialized();
    for _ in 0..20 {
        client.start_call("web", "echo", json!({"message": "slow"}));
    }
    assert!(eventually(|| web.messages("tools/call").len() == 20));
    for server in ["web", "other"] {
        let result = client.call(server, "echo", json!({"message": "x"}));
        assert_eq!(text_of(&result), "x", "{result}");
    }
}

#[test]
fn a_server_that_never_answers_is_told_after_the_time_to_connect() {
    let web = Web::start(|_, reply| reply.wait_gone());
    let bridge = Bridge::new().entry("web", web.entry()).set("connectionTimeoutMs", 200);
    let mut client = bridge.serve_initialized();
    let result = client.call("web", "echo", json!({}));
    let error = error_of(&result, "connection_failed").to_string();
    assert_words(&error, &["200 ms", "no answer yet", "check `url`"]);
    assert!(!error.contains("stderr"), "{error}");
}

#[test]
fn a_stateless_server_gets_headers_with_each_request_and_no_session() {
    let (output, web) = call(|request, reply| {
        let body = &request.body;
        let result = match body["method"].as_str().unwrap_or_default() {
            "server/discover" => {
                json!({"supportedVersions": ["2026-07-28"], "capabilities": {"tools": {}}})
            }
            "tools/list" => {
                let message = json!({"type": "string", "x-mcp-header": "Text"});
                let schema = json!({"type": "object", "properties": {"message": message}});
                let number = json!({"type": "number", "x-mcp-header": "Text"});
                let bad = json!({"type": "object", "properties": {"message": number}});
                json!({"tools": [
                    {"name": "echo", "inputSchema": schema}, {"name": "bad", "inputSchema": bad},
                ]})
            }
            "tools/call" if request.header("mcp-param-text") != Some("hello") => {
                let error = json!({"code": -32020, "message": "no Mcp-Param-Text"});
                return reply.refuse(request, 400, &error);
            }
            "tools/call" => return reply.json(&request.says("stateless")),
            _ => {
                let error = json!({"code": -32601, "message": "unknown method"});
                return reply.refuse(request, 404, &error);
            }
        };
        reply.json(&request.result(&result))
    });
    let words = ["`bad`", "left out", "`x-mcp-header`"];
    assert_words(&output.stderr, &words);
    assert_answer(output, "stateless");
    for request in web.seen().iter().filter(|request| !request.is("initialize")) {
        assert_eq!(request.method, "POST", "{request:?}");
        assert_eq!(request.header("mcp-session-id"), None);
        assert_eq!(request.header("mcp-protocol-version"), Some("2026-07-28"), "{request:?}");
        assert_eq!(request.header("mcp-method"), request.body["method"].as_str());
    }
    let call = &web.messages("tools/call")[0];
    assert_eq!(call.header("mcp-name"), Some("echo"));
}

/// A stateless server that confirms the second stream of notifications only when `confirm` says so, and meanwhile tells
/// on the first one that its tools have changed.
fn slow_to_confirm(confirm: &Arc<AtomicBool>) -> Web {
    let (confirm, second) = (confirm.clone(), AtomicBool::new(false));
    Web::start(move |request, reply| {
        let body = &request.body;
        let result = match body["method"].as_str().unwrap_or_default() {
            "server/discover" => json!({
                "supportedVersions": ["2026-07-28"],
                "capabilities": {"tools": {"listChanged": true}, "resources": {"subscribe": true}},
            }),
            "tools/list" => json!({"tools": [{"name": "echo", "inputSchema": {"type": "object"}}]}),
            "resources/list" => json!({"resources": [{"uri": "test://one", "name": "one"}]}),
            "resources/templates/list" => json!({"resourceTemplates": []}),
            "subscriptions/listen" => {
                let meta = json!({"io.modelcontextprotocol/subscriptionId": body["id"]});
                let confirmed = json!({
                    "jsonrpc": "2.0", "method": "notifications/subscriptions/acknowledged",
                    "params": {"notifications": {}, "_meta": meta},
                });
                let changed = json!({
                    "jsonrpc": "2.0", "method": "notifications/tools/list_changed",
                    "params": {"_meta": meta},
                });
                reply.events();
                if body["params"].to_string().contains("test://one") {
                    second.store(true, Ordering::Relaxed);
                    assert!(eventually(|| confirm.load(Ordering::Relaxed)));
                    reply.event("", &confirmed);
                } else {
                    reply.event("", &confirmed);
                    assert!(eventually(|| second.load(Ordering::Relaxed)));
                    reply.event("", &changed);
                }
                return reply.wait_gone();
            }
            _ => {
                let error = json!({"code": -32601, "message": "unknown method"});
                return reply.refuse(request, 404, &error);
            }
        };
        reply.json(&request.result(&result))
    })
}

#[test]
fn a_stream_of_notifications_is_heard_until_the_next_one_is_confirmed() {
    let confirm = Arc::new(AtomicBool::new(false));
    let web = slow_to_confirm(&confirm);
    let bridge = Bridge::new().set("mode", "direct").entry("web", web.entry());
    let mut client = bridge.serve_initialized();
    let list = client.request("tools/list", json!({}));
    client.result(list);
    assert!(eventually(|| web.messages("subscriptions/listen").len() == 1));
    let id = client.request("resources/subscribe", json!({"uri": "test://one"}));
    client.result(id);
    let read = eventually(|| web.messages("tools/list").len() == 2);
    confirm.store(true, Ordering::Relaxed);
    assert!(read, "{:?}", web.seen());
}
