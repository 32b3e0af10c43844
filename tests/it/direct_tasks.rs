//! Direct mode: tasks are asked about where they were made, by those whose they are, and methods that the protocol does
//! not have reach the only server that may know them.

use std::sync::Mutex;

use serde_json::{Value, json};

use crate::support::{Bridge, Client, Reply, Request, Web, stateless};

const JSON: (&str, &str) = ("Content-Type", "application/json");

/// A server of both eras whose calls become tasks. In the session era tasks belong to the session that made them.
fn with_tasks(name: &'static str) -> Web {
    // For each session its tasks.
    let tasks: Mutex<Vec<Vec<String>>> = Mutex::default();
    Web::start(move |request, reply| {
        let mut tasks = tasks.lock().expect("nobody panics");
        let body = &request.body;
        let session = request.header("mcp-session-id").and_then(|id| id.parse::<usize>().ok());
        let own = session.map(|session| tasks[session].clone());
        let id = body["params"]["taskId"].as_str().unwrap_or_default().to_owned();
        let result = match (body["method"].as_str().unwrap_or_default(), own) {
            ("initialize", _) => {
                let answer = request.result(&json!({
                    "protocolVersion": "2025-11-25", "capabilities": {"tools": {}, "tasks": {"list": {}}},
                    "serverInfo": {"name": name, "version": "1"},
                }));
                let session = tasks.len().to_string();
                tasks.push(Vec::new());
                return reply.send(200, &[JSON, ("Mcp-Session-Id", &session)], &answer.to_string());
            }
            ("server/discover", _) => json!({
                "supportedVersions": ["2026-07-28"], "resultType": "complete",
                "capabilities": {"tools": {}, "extensions": {"io.modelcontextprotocol/tasks": {}}},
            }),
            ("tools/call", Some(own)) if body["params"].get("task").is_some() => {
                let session = session.expect("there is one");
                let id = format!("{name}-{session}-{}", own.len());
                tasks[session].push(id.clone());
                json!({"task": {"taskId": id, "status": "working"}})
            }
            ("tools/call", None) => {
                json!({"resultType": "task", "taskId": format!("{name}-x"), "status": "working"})
            }
            ("tasks/get" | "tasks/result" | "tasks/cancel", Some(own)) if !own.contains(&id) => {
                return refuse(request, reply, -32602, "no such task");
            }
            ("tasks/list", Some(own)) => {
                let tasks: Vec<Value> = own.iter().map(|id| json!({"taskId": id})).collect();
                json!({ "tasks": tasks })
            }
            ("tasks/get" | "tasks/result" | "tasks/cancel" | "tasks/update", _) => {
                json!({"taskId": id, "status": "done", "by": name, "x-more": 1.50})
            }
            ("vendor/own", _) => json!({"by": name, "given": body["params"]}),
            ("vendor/unknown", _) => return refuse(request, reply, -32601, "unknown"),
            _ => return false,
        };
        reply.json(&request.result(&result))
    })
}

fn refuse(request: &Request, reply: &mut Reply, code: i64, message: &str) -> bool {
    reply.refuse(request, 200, &json!({"code": code, "message": message}))
}

fn bridge(servers: &[(&str, &Web)]) -> Bridge {
    let bridge = Bridge::new().set("mode", "direct");
    servers.iter().fold(bridge, |bridge, (name, web)| bridge.entry(name, web.entry()))
}

fn ask(client: &mut Client, method: &str, params: Value) -> Value {
    let id = client.request(method, params);
    client.answer(id)
}

#[test]
fn tasks_of_a_session_are_asked_about_where_they_were_made() {
    let (a, b) = (with_tasks("a"), with_tasks("b"));
    let server = bridge(&[("a", &a), ("b", &b)]).serve_http(&["--http"]);
    let mut one = server.session("2025-11-25");
    let mut other = server.session("2025-11-25");
    let wanted = |tool: &str| json!({"name": tool, "arguments": {}, "task": {"ttl": 1000}});
    let made = one.request("tools/call", &wanted("b_echo")).json();
    let id = made["result"]["task"]["taskId"].as_str().expect("a task").to_owned();
    assert!(id.starts_with("b-"), "{id}");
    for method in ["tasks/get", "tasks/result", "tasks/cancel"] {
        let answer = one.request(method, &json!({ "taskId": id })).json();
        assert_eq!(
            answer["result"].to_string(),
            json!({"taskId": id, "status": "done", "by": "b", "x-more": 1.50}).to_string()
        );
        assert_eq!(other.request(method, &json!({ "taskId": id })).json()["error"]["code"], -32602);
    }
    let made = other.request("tools/call", &wanted("a_echo")).json();
    let theirs = made["result"]["task"]["taskId"].clone();
    assert_eq!(
        one.request("tasks/list", &json!({})).json()["result"]["tasks"],
        json!([{"taskId": id}])
    );
    let list = other.request("tasks/list", &json!({})).json();
    assert_eq!(list["result"]["tasks"], json!([{ "taskId": theirs }]));
    assert!(a.messages("tasks/get").is_empty());
    // This one belongs to the other era.
    assert_eq!(one.request("tasks/update", &json!({"taskId": id})).json()["error"]["code"], -32601);
}

#[test]
fn tasks_without_sessions_are_asked_about_where_they_were_made() {
    let (a, b) = (with_tasks("a"), with_tasks("b"));
    let mut client = bridge(&[("a", &a), ("b", &b)]).serve();
    let extension = json!({"extensions": {"io.modelcontextprotocol/tasks": {}}});
    let mut number = 0;
    let mut ask = |method: &str, params: Value| {
        number += 1;
        let mut message = stateless(number, method, params);
        message["params"]["_meta"]["io.modelcontextprotocol/clientCapabilities"] =
            extension.clone();
        client.send(&message);
        client.answer(number)
    };
    let made = ask("tools/call", json!({"name": "b_echo", "arguments": {}}));
    assert_eq!(made["result"]["resultType"], "task", "{made}");
    let id = made["result"]["taskId"].clone();
    for method in ["tasks/get", "tasks/update", "tasks/cancel"] {
        let answer = ask(method, json!({ "taskId": id }));
        assert_eq!(answer["result"]["by"], "b", "{answer}");
        assert_eq!(ask(method, json!({"taskId": "?"}))["error"]["code"], -32602);
    }
    for method in ["tasks/list", "tasks/result"] {
        assert_eq!(ask(method, json!({ "taskId": id }))["error"]["code"], -32601);
    }
    let about = ask("server/discover", json!({}))["result"]["capabilities"].take();
    assert_eq!(about["extensions"], json!({"io.modelcontextprotocol/tasks": {}}), "{about}");
    assert_eq!(about.get("tasks"), None);
}

#[test]
fn servers_without_tasks_are_not_asked_about_them() {
    let mut client = Bridge::new().set("mode", "direct").server("one", &[]).serve_initialized();
    assert_eq!(ask(&mut client, "tasks/get", json!({"taskId": "x"}))["error"]["code"], -32601);
    assert_eq!(ask(&mut client, "tasks/get", json!({}))["error"]["code"], -32602);
    assert_eq!(ask(&mut client, "tasks/list", json!({}))["result"]["tasks"], json!([]));
}

#[test]
fn unknown_methods_reach_the_only_server() {
    let (a, b) = (with_tasks("a"), with_tasks("b"));
    let mut client = bridge(&[("a", &a)]).serve_initialized();
    let answer = ask(&mut client, "vendor/own", json!({"x": 1}));
    assert_eq!(answer["result"], json!({"by": "a", "given": {"x": 1}}));
    let answer = ask(&mut client, "vendor/unknown", json!({}));
    assert_eq!(answer["error"]["code"], -32601);
    assert_eq!(ask(&mut client, "roots/list", json!({}))["error"]["code"], -32601);

    let mut client = bridge(&[("a", &a), ("b", &b)]).serve_initialized();
    assert_eq!(ask(&mut client, "vendor/own", json!({}))["error"]["code"], -32601);
    assert_eq!(a.messages("vendor/own").len(), 1);
    assert!(b.messages("vendor/own").is_empty());
}
