//! How the era of a server that is reached by URL is found, and found anew when it has become another one.

use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::{Value, json};

use crate::support::{Bridge, Client, Reply, Request, Web, stateless, text_of};

/// Answers as a server without sessions does.
fn stands_alone(request: &Request, reply: &mut Reply) -> bool {
    let result = match request.body["method"].as_str().unwrap_or_default() {
        "server/discover" => {
            json!({"supportedVersions": ["2026-07-28"], "capabilities": {"tools": {}}})
        }
        "tools/list" => json!({"tools": [{"name": "echo", "inputSchema": {"type": "object"}}]}),
        "tools/call" => return reply.json(&request.says("stateless")),
        _ => return reply.send(400, &[], ""),
    };
    reply.json(&request.result(&result))
}

/// Refuses the revision of a request, and names others.
fn refuses(request: &Request, reply: &mut Reply, supported: &[&str]) -> bool {
    let data = json!({"requested": "?", "supported": supported});
    let error = json!({"code": -32022, "message": "unsupported protocol version", "data": data});
    reply.refuse(request, 400, &error)
}

/// A bridge in direct mode before this server.
fn direct(web: &Web) -> Client {
    let bridge = Bridge::new().set("mode", "direct").set("toolPrefix", false);
    bridge.entry("web", web.entry()).serve()
}

/// Calls `echo` without a session.
fn call(client: &mut Client, id: u64) -> Value {
    client.send(&stateless(id, "tools/call", call_params()));
    client.answer(id)
}

fn call_params() -> Value {
    json!({"name": "echo", "arguments": {"message": "hello"}})
}

#[test]
fn a_refusal_without_a_word_may_be_of_the_other_era() {
    for (status, found) in
        [(400, true), (404, true), (405, true), (415, true), (403, false), (500, false)]
    {
        let web = Web::start(move |request, reply| {
            if request.is("initialize") {
                return reply.send(status, &[], "");
            }
            stands_alone(request, reply)
        });
        let output = Bridge::new().entry("web", web.entry()).run(&["call", "web", "echo", "{}"]);
        if found {
            assert_eq!(output.expect(0).stdout.trim_end(), "stateless", "{status}");
        } else {
            assert!(output.stderr.contains(&status.to_string()), "{output:?}");
        }
        assert_eq!(web.messages("server/discover").is_empty(), !found, "{status}");
    }
}

#[test]
fn what_is_refused_in_any_era_is_not_tried_in_another() {
    let web = Web::start(|_, reply| reply.send(401, &[], ""));
    let answer = call(&mut direct(&web), 1);
    assert!(answer.to_string().contains("HTTP status 401"), "{answer}");
    assert_eq!(web.messages("initialize").len(), 0);
    assert_eq!(web.messages("server/discover").len(), 1);
}

#[test]
fn a_revision_that_is_wanted_after_all_is_given_again() {
    let refused = AtomicBool::new(false);
    let web = Web::start(move |request, reply| {
        if !refused.swap(true, Ordering::Relaxed) {
            return refuses(request, reply, &["2026-07-28"]);
        }
        stands_alone(request, reply)
    });
    let answer = call(&mut direct(&web), 1);
    assert_eq!(text_of(&answer["result"]), "stateless");
    assert_eq!(web.messages("server/discover").len(), 2);
    assert_eq!(web.messages("initialize").len(), 0);
}

#[test]
fn one_that_names_revisions_with_sessions_gets_a_session() {
    let web = Web::start(|request, reply| {
        request.is("server/discover") && refuses(request, reply, &["2027-05-01", "2025-11-25"])
    });
    let answer = call(&mut direct(&web), 1);
    assert_eq!(text_of(&answer["result"]), "hello");
    assert_eq!(web.messages("initialize").len(), 1);
}

#[test]
fn extensions_of_a_client_reach_the_server() {
    let web = Web::start(stands_alone);
    let extensions = json!({"io.modelcontextprotocol/tasks": {}});
    let mut request = stateless(1, "tools/call", call_params());
    let capabilities = "io.modelcontextprotocol/clientCapabilities";
    request["params"]["_meta"][capabilities]["extensions"] = extensions.clone();
    let mut client = direct(&web);
    client.send(&request);
    assert_eq!(text_of(&client.answer(1)["result"]), "stateless");
    let call = &web.messages("tools/call")[0];
    assert_eq!(call.body["params"]["_meta"][capabilities]["extensions"], extensions);
}

/// Two calls, without a session or in one, of a server that refuses the second one once with the names of these revisions
/// and speaks `after` from then on; what they say.
fn changed(
    with_session: bool,
    before: fn(&Request, &mut Reply) -> bool,
    supported: &'static [&str],
    after: fn(&Request, &mut Reply) -> bool,
) -> [String; 2] {
    let (called, refused) = (AtomicBool::new(false), AtomicBool::new(false));
    let web = Web::start(move |request, reply| {
        if refused.load(Ordering::Relaxed) {
            return after(request, reply);
        }
        if request.is("tools/call") && called.swap(true, Ordering::Relaxed) {
            refused.store(true, Ordering::Relaxed);
            return refuses(request, reply, supported);
        }
        before(request, reply)
    });
    let mut client = direct(&web);
    if with_session {
        client.initialize();
    }
    [1001, 1002].map(|id| {
        if with_session {
            let params = call_params();
            client.send(
                &json!({"jsonrpc": "2.0", "id": id, "method": "tools/call", "params": params}),
            );
            text_of(&client.answer(id)["result"]).to_owned()
        } else {
            text_of(&call(&mut client, id)["result"]).to_owned()
        }
    })
}

#[test]
fn a_server_that_changed_is_met_anew() {
    let plain: fn(&Request, &mut Reply) -> bool = |_, _| false;
    let sessions = &["2025-11-25", "2025-06-18"][..];
    let newest = &["2026-07-28"][..];
    assert_eq!(changed(false, stands_alone, newest, stands_alone), ["stateless", "stateless"]);
    assert_eq!(changed(false, stands_alone, sessions, plain), ["stateless", "hello"]);
    assert_eq!(changed(true, plain, newest, stands_alone), ["hello", "stateless"]);
    assert_eq!(changed(true, stands_alone, sessions, plain), ["stateless", "hello"]);
}
