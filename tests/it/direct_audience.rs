//! Direct mode: a server that shows more tools to clients that it can ask something. Clients of either kind see their own
//! list and can call what they see, whoever came before them.

use serde_json::{Value, json};

use crate::support::{
    Bridge, Client, HttpServer, eventually, initialize_params, stateless, text_of,
};

const TOOL: &str = "one_asked_0001";

fn bridge(pinning: &str) -> Bridge {
    let flags = ["--asked-tools", "2"];
    Bridge::new().set("mode", "direct").set("pinning", pinning).server("one", &flags)
}

fn capabilities(asked: bool) -> Value {
    if asked { json!({"elicitation": {}}) } else { json!({}) }
}

/// A client with a session.
fn client(bridge: Bridge, asked: bool) -> Client {
    let mut client = bridge.serve();
    let mut params = initialize_params("2025-11-25");
    params["capabilities"] = capabilities(asked);
    let id = client.request("initialize", params);
    client.result(id);
    client.notify("notifications/initialized", json!({}));
    client
}

/// How many of the tools of `tools/list` are for those who can be asked.
fn special(result: &Value) -> usize {
    let tools = result["tools"].as_array().expect("a list");
    assert!(tools.len() > 5, "the usual ones are there for everybody");
    let names = tools.iter().filter_map(|tool| tool["name"].as_str());
    names.filter(|name| name.starts_with("one_asked_")).count()
}

fn listed(client: &mut Client) -> usize {
    let id = client.request("tools/list", json!({}));
    special(&client.result(id))
}

fn assert_calls(client: &mut Client) {
    let id = client.request("tools/call", json!({"name": TOOL, "arguments": {}}));
    assert_eq!(text_of(&client.result(id)), "asked_0001");
}

/// One client of a bridge over HTTP.
struct Visitor<'a> {
    server: &'a HttpServer,
    asked: bool,
    session: Option<String>,
}

impl<'a> Visitor<'a> {
    fn with_session(server: &'a HttpServer, asked: bool) -> Self {
        let mut params = initialize_params("2025-11-25");
        params["capabilities"] = capabilities(asked);
        let message = json!({"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": params});
        let reply = server.post(&[], &message);
        let session = reply.header("mcp-session-id").map(str::to_owned);
        assert!(session.is_some(), "a session has an id");
        Self { server, asked, session }
    }

    fn request(&self, method: &str, params: Value) -> Value {
        if let Some(session) = &self.session {
            let message = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params});
            return self.server.post(&[("Mcp-Session-Id", session)], &message).json();
        }
        let name = params["name"].as_str().map(str::to_owned);
        let mut message = stateless(1, method, params);
        message["params"]["_meta"]["io.modelcontextprotocol/clientCapabilities"] =
            capabilities(self.asked);
        let mut headers = vec![("MCP-Protocol-Version", "2026-07-28"), ("Mcp-Method", method)];
        headers.extend(name.as_deref().map(|name| ("Mcp-Name", name)));
        self.server.post(&headers, &message).json()
    }

    /// It sees what is for it, and can call that and nothing else.
    #[track_caller]
    fn check(&self) {
        let list = self.request("tools/list", json!({}));
        assert_eq!(special(&list["result"]), if self.asked { 2 } else { 0 }, "{list}");
        let usual = json!({"name": "one_echo", "arguments": {"message": "x"}});
        assert_eq!(text_of(&self.request("tools/call", usual)["result"]), "x");
        let answer = self.request("tools/call", json!({"name": TOOL, "arguments": {}}));
        if self.asked {
            assert_eq!(text_of(&answer["result"]), "asked_0001");
        } else {
            assert_eq!(answer["error"]["code"], -32602, "{answer}");
        }
    }
}

#[test]
fn clients_of_both_kinds_in_turn_see_their_own_list() {
    for pinning in ["warn", "enforce"] {
        for order in [[true, false], [false, true]] {
            let server = bridge(pinning).serve_http(&["--http"]);
            for asked in order.into_iter().chain(order) {
                Visitor::with_session(&server, asked).check();
                Visitor { server: &server, asked, session: None }.check();
            }
            let log = server.stderr_text();
            assert!(!log.contains("is new") && !log.contains("has changed"), "{log}");
        }
    }
}

#[test]
fn what_is_listed_stays_so_while_others_come() {
    let server = bridge("enforce").serve_http(&["--http"]);
    let visitors = [true, false, true].map(|asked| Visitor::with_session(&server, asked));
    for visitor in visitors.iter().chain(&visitors) {
        visitor.check();
    }
}

#[test]
fn a_call_comes_before_any_list() {
    let mut client = client(bridge("warn"), true);
    assert_calls(&mut client);
    assert_eq!(listed(&mut client), 2);
}

#[test]
fn a_bridge_that_starts_again_tells_each_kind_what_it_was_shown() {
    let bridge = bridge("enforce").set("connectionTimeoutMs", 500).file("up", "");
    let up = bridge.path("up").to_str().expect("the path is UTF-8").to_owned();
    let bridge = bridge.server("one", &["--asked-tools", "2", "--silent-first", &up]);
    bridge.run(&["tools", "one"]).expect(0);
    let mut params = initialize_params("2025-11-25");
    params["capabilities"] = capabilities(true);
    let call = json!({"name": TOOL, "arguments": {}});
    let requests = [("initialize", params), ("tools/call", call)].map(|(method, params)| {
        json!({"jsonrpc": "2.0", "id": method, "method": method, "params": params}).to_string()
    });
    bridge.run_with_input(&[], &(requests.join("\n") + "\n"));
    assert!(bridge.path("cache/lists/asked/one.json").exists());
    std::fs::remove_file(&up).expect("it is there");
    let mut client = client(bridge, true);
    assert_eq!(listed(&mut client), 2, "though the server hangs");
}

#[test]
fn each_kind_is_remembered_by_itself() {
    let bridge = bridge("enforce");
    bridge.run(&["tools", "one"]).expect(0);
    // What everybody was shown is told at once, and that there is more as soon as it is known.
    let mut first = client(bridge, true);
    let shown = listed(&mut first);
    if shown == 0 {
        first.find(|message| message["method"] == "notifications/tools/list_changed");
    }
    assert_eq!(listed(&mut first), 2);
    assert_calls(&mut first);
    let kept = |name: &str| std::fs::read_to_string(first.path(name)).unwrap_or_default();
    assert!(eventually(|| kept("cache/lists/asked/one.json").contains("asked_0002")));
    assert!(!kept("cache/lists/one.json").contains("asked_"));
    let pins: Value = serde_json::from_str(&kept("pins/one.json")).expect("it is JSON");
    assert!(pins["tools"]["asked_0001"]["pinned"].is_object(), "{pins}");
    assert!(first.run_beside(&["tools", "one"]).expect(0).stderr.is_empty());
}
