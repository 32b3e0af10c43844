//! Requests of revision 2026-07-28, over HTTP and on stdio, beside clients with sessions.

use serde_json::{Value, json};

use crate::support::{Bridge, HttpServer, eventually, http_call as call, stateless, text_of};

const VERSION: &str = "io.modelcontextprotocol/protocolVersion";
const SERVER_INFO: &str = "io.modelcontextprotocol/serverInfo";

fn serve() -> HttpServer {
    Bridge::new().server("one", &[]).serve_http(&["--http"])
}

#[test]
fn a_request_stands_alone() {
    let server = serve();
    let discovery = server.stateless(1, "server/discover", json!({})).json();
    let result = &discovery["result"];
    assert_eq!(result["supportedVersions"][0], "2026-07-28");
    assert_eq!(result["_meta"][SERVER_INFO]["name"], "mcp-bridge");
    let list = server.stateless(2, "tools/list", json!({}));
    assert_eq!(list.header("mcp-session-id"), None);
    let list = list.json();
    assert_eq!(list["result"]["resultType"], "complete");
    assert!(list["result"]["ttlMs"].is_u64() && list["result"]["cacheScope"].is_string(), "{list}");
    assert_eq!(list["result"]["tools"][0]["name"], "mcp");
    let echo =
        server.stateless(3, "tools/call", call("echo", &json!({"message": "hi"}), None)).json();
    assert_eq!(text_of(&echo["result"]), "hi");
    assert_eq!(echo["result"]["resultType"], "complete");
    assert_eq!(echo["id"], 3);
}

#[test]
fn both_eras_are_served_at_once() {
    let server = serve();
    let mut session = server.session("2025-11-25");
    assert_eq!(session.text("echo", &json!({"message": "old"})), "old");
    let echo =
        server.stateless(1, "tools/call", call("echo", &json!({"message": "new"}), None)).json();
    assert_eq!(text_of(&echo["result"]), "new");
    let old = session.request("tools/list", &json!({})).json();
    assert_eq!(old["result"].get("resultType"), None);
    assert_eq!(old["result"].get("ttlMs"), None);
}

#[test]
fn progress_comes_on_the_stream_of_its_request() {
    let server = serve();
    let params = call("progress", &json!({"count": 3}), Some("mine"));
    let mut reply = server.stateless(9, "tools/call", params);
    let first = reply.event().expect("progress");
    assert_eq!(first.id, None, "nobody can come back to it");
    let messages = reply.messages();
    assert_eq!(messages[1]["params"]["progressToken"], "mine");
    assert_eq!(messages[2]["id"], 9);
    assert_eq!(messages[2]["result"]["resultType"], "complete");
}

#[test]
fn faults_have_their_codes_and_statuses() {
    let server = serve();
    let request = |method: &str| stateless(5, method, json!({}));
    let check = |headers: &[(&str, &str)], message: &Value, status: u16, code: i64| {
        let reply = server.post(headers, message);
        assert_eq!(reply.status, status, "{headers:?} {message}");
        let answer = reply.json();
        assert_eq!(answer["error"]["code"], code, "{answer}");
        assert_eq!(answer["id"], 5, "{answer}");
        answer["error"].clone()
    };
    let version = ("MCP-Protocol-Version", "2026-07-28");
    let discover = ("Mcp-Method", "server/discover");
    let list = ("Mcp-Method", "tools/list");

    let mut bare = request("server/discover");
    bare["params"] = json!({});
    check(&[version, discover], &bare, 400, -32602);
    let mut half = request("server/discover");
    half["params"]["_meta"] = json!({VERSION: "2026-07-28"});
    check(&[version, discover], &half, 400, -32602);

    let mut strange = request("tools/list");
    strange["params"]["_meta"][VERSION] = json!("v999.0.0");
    check(&[version, list], &strange, 400, -32020);
    let error = check(&[("MCP-Protocol-Version", "v999.0.0"), list], &strange, 400, -32022);
    assert_eq!(error["data"]["requested"], "v999.0.0");
    assert_eq!(error["data"]["supported"][0], "2026-07-28");

    check(&[list], &request("tools/list"), 400, -32020);
    check(&[("MCP-Protocol-Version", "2025-11-25"), list], &request("tools/list"), 400, -32020);
    check(&[version], &request("tools/list"), 400, -32020);
    check(&[version, ("Mcp-Method", "TOOLS/LIST")], &request("tools/list"), 400, -32020);
    let mcp = stateless(5, "tools/call", call("echo", &json!({"message": "hi"}), None));
    check(&[version, ("Mcp-Method", "tools/call")], &mcp, 400, -32020);
    check(&[version, ("Mcp-Method", "tools/call"), ("Mcp-Name", "other")], &mcp, 400, -32020);

    for method in
        ["initialize", "ping", "logging/setLevel", "resources/subscribe", "unknown/method"]
    {
        check(&[version, ("Mcp-Method", method)], &request(method), 404, -32601);
    }
    let twice = [version, ("MCP-Protocol-Version", "2026-07-28"), list];
    assert_eq!(server.post(&twice, &request("tools/list")).status, 400);
}

#[test]
fn there_are_no_sessions() {
    let server = serve();
    let version = ("MCP-Protocol-Version", "2026-07-28");
    assert_eq!(server.send("GET /mcp", &[version], b"").status, 405);
    assert_eq!(server.send("DELETE /mcp", &[version], b"").status, 405);
    let note =
        json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 1}});
    assert_eq!(server.post(&[version], &note).status, 202);
}

#[test]
fn closing_the_stream_withdraws_the_call() {
    let server = serve();
    let params = call("progress", &json!({"count": 9999, "delayMs": 20}), Some("t"));
    let mut reply = server.stateless(1, "tools/call", params);
    assert!(reply.event().is_some());
    reply.close();
    let cancelled = || {
        let answer = server.stateless(2, "tools/call", call("cancelled", &json!({}), None)).json();
        text_of(&answer["result"]).to_owned()
    };
    assert!(eventually(|| cancelled() != "[]"));
}

#[test]
fn a_subscription_is_a_stream() {
    let promotion = json!({"enabled": true, "minCalls": 1});
    let bridge = Bridge::new().server("one", &[]).set("adaptivePromotion", promotion);
    let mut server = bridge.serve_http(&["--http"]);
    let wanted = json!({"notifications": {"toolsListChanged": true, "promptsListChanged": true}});
    let mut stream = server.stateless(7, "subscriptions/listen", wanted);
    let first = stream.message().expect("an acknowledgement");
    assert_eq!(first["method"], "notifications/subscriptions/acknowledged");
    assert_eq!(first["params"]["notifications"], json!({"toolsListChanged": true}));
    assert_eq!(first["params"]["_meta"]["io.modelcontextprotocol/subscriptionId"], 7);
    let other = json!({"notifications": {}});
    let mut other = server.stateless(9, "subscriptions/listen", other);
    assert_eq!(other.message().expect("an acknowledgement")["params"]["notifications"], json!({}));
    let echo = call("echo", &json!({"message": "hi"}), None);
    assert_eq!(server.stateless(8, "tools/call", echo).status, 200);
    let changed = stream.message().expect("a change");
    assert_eq!(changed["method"], "notifications/tools/list_changed");
    assert_eq!(changed["params"]["_meta"]["io.modelcontextprotocol/subscriptionId"], 7);

    let wrong = server.stateless(10, "subscriptions/listen", json!({}));
    assert_eq!(wrong.json()["error"]["code"], -32602);
    let headers = [
        ("MCP-Protocol-Version", "2026-07-28"),
        ("Mcp-Method", "subscriptions/listen"),
        ("Accept", "application/json"),
    ];
    let unread = stateless(11, "subscriptions/listen", json!({"notifications": {}}));
    assert_eq!(server.post(&headers, &unread).status, 406);
    server.terminate();
    let last = stream.messages().pop().expect("an end");
    assert_eq!((&last["id"], &last["result"]["resultType"]), (&json!(7), &json!("complete")));
    let rest = other.messages();
    assert_eq!((rest.len(), &rest[0]["id"]), (1, &json!(9)), "it wanted nothing: {rest:?}");
    assert_eq!(server.wait(), 0);
}

#[test]
fn on_stdio_each_request_says_of_which_era_it_is() {
    let mut client = Bridge::new().server("one", &[]).serve();
    client
        .send(&json!({"jsonrpc": "2.0", "id": "bare", "method": "server/discover", "params": {}}));
    assert_eq!(client.answer("bare")["error"]["code"], -32602);
    client.send(&stateless(1, "server/discover", json!({})));
    assert_eq!(client.answer(1)["result"]["supportedVersions"][0], "2026-07-28");
    client.send(&stateless(2, "tools/call", call("echo", &json!({"message": "new"}), None)));
    let echo = client.answer(2);
    assert_eq!(text_of(&echo["result"]), "new");
    assert_eq!(echo["result"]["resultType"], "complete");
    client.send(&stateless(3, "ping", json!({})));
    assert_eq!(client.answer(3)["error"]["code"], -32601);

    // The same connection may have a session as well.
    client.send(&json!({"jsonrpc": "2.0", "id": 4, "method": "initialize", "params": {"protocolVersion": "2025-11-25"}}));
    assert_eq!(client.answer(4)["result"]["protocolVersion"], "2025-11-25");
    client.send(&json!({"jsonrpc": "2.0", "id": 5, "method": "tools/list"}));
    assert_eq!(client.answer(5)["result"].get("resultType"), None);
    client.send(&stateless(6, "tools/list", json!({})));
    assert_eq!(client.answer(6)["result"]["resultType"], "complete");

    let wanted = json!({"notifications": {"toolsListChanged": true}});
    client.send(&stateless(7, "subscriptions/listen", wanted));
    let first = client.find(|message| message.get("method").is_some());
    assert_eq!(first["params"]["_meta"]["io.modelcontextprotocol/subscriptionId"], 7);
    client.notify("notifications/cancelled", json!({"requestId": 7}));
    assert_eq!(client.drain(), Vec::<Value>::new());
}
