//! Direct mode: calls that wait for answers of a client without a session, how many may, and what is told meanwhile.

use std::sync::Mutex;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use serde_json::{Value, json};

use crate::support::{Bridge, Client, Web, text_of};

const META: &str = "io.modelcontextprotocol";

fn serve() -> Client {
    Bridge::new().set("mode", "direct").server("one", &["--rich", "--name", "one"]).serve()
}

/// The parameters of a call by a client of this name and with these capabilities.
fn params(client: &str, tool: &str, arguments: Value, capabilities: Value) -> Value {
    let mut params = json!({"name": tool});
    params["_meta"][format!("{META}/protocolVersion")] = json!("2026-07-28");
    params["_meta"][format!("{META}/clientInfo")] = json!({"name": client, "version": "1"});
    params["_meta"][format!("{META}/clientCapabilities")] = capabilities;
    params["arguments"] = arguments;
    params
}

/// The same request with an answer to the only question of `asked`.
fn answered(mut params: Value, asked: &Value, answer: Value) -> Value {
    let requests = asked["inputRequests"].as_object().expect("a map");
    let (key, _) = requests.iter().next().expect("there is one");
    params["inputResponses"] = json!({});
    params["inputResponses"][key] = answer;
    params["requestState"] = asked["requestState"].clone();
    params
}

fn ask(client: &mut Client, params: &Value) -> Value {
    let id = client.request("tools/call", params.clone());
    client.answer(id)
}

/// A call that its server refuses so often until the user has opened a page.
fn behind_a_page(times: u64, elicitation: &Value) -> Value {
    let page = json!({
        "mode": "url", "elicitationId": "e-1", "url": "https://login.example/x", "message": "Log in",
    });
    let error = json!({
        "code": -32042, "message": "log in first", "data": {"elicitations": [page]}, "times": times,
    });
    params("me", "one_rpc_error", error, json!({ "elicitation": elicitation }))
}

#[test]
fn a_page_that_has_to_be_opened_is_a_question() {
    let mut client = serve();
    let call = behind_a_page(2, &json!({"url": {}}));
    let page = json!({"mode": "url", "url": "https://login.example/x", "message": "Log in"});
    let accept = json!({"action": "accept"});
    let mut next = call.clone();
    for _ in 0..2 {
        let asked = ask(&mut client, &next)["result"].take();
        assert_eq!(asked["resultType"], "input_required", "{asked}");
        let requests = asked["inputRequests"].as_object().expect("a map");
        assert_eq!(requests.len(), 1);
        let request = requests.values().next().expect("there is one");
        assert_eq!(request, &json!({"method": "elicitation/create", "params": page}));
        next = answered(call.clone(), &asked, accept.clone());
    }
    let last = ask(&mut client, &next)["result"].take();
    assert_eq!((text_of(&last), &last["resultType"]), ("call 3", &json!("complete")));
}

#[test]
fn a_page_that_nobody_opens_ends_the_call() {
    let mut client = serve();
    let call = behind_a_page(9, &json!({"url": {}}));
    for action in ["decline", "cancel"] {
        let asked = ask(&mut client, &call)["result"].take();
        let no = answered(call.clone(), &asked, json!({ "action": action }));
        let error = ask(&mut client, &no)["error"].take();
        let message = "log in first; the user did not agree to open it";
        assert_eq!((&error["code"], &error["message"]), (&json!(-32603), &json!(message)));
        let again = ask(&mut client, &no)["error"].take();
        assert_eq!(again["code"], -32602, "a state is used once: {again}");
    }
}

#[test]
fn a_client_that_opens_no_pages_hears_what_it_lacks() {
    let mut client = serve();
    for elicitation in [json!(null), json!({}), json!({"form": {}})] {
        let error = ask(&mut client, &behind_a_page(9, &elicitation))["error"].take();
        assert_eq!((&error["code"], &error["message"]), (&json!(-32021), &json!("log in first")));
        assert_eq!(error["data"], json!({"requiredCapabilities": {"elicitation": {"url": {}}}}));
    }
}

#[test]
fn no_client_takes_all_the_room() {
    let mut client = serve();
    let call =
        |name: &str| params(name, "one_ask", json!({"method": "roots/list"}), json!({"roots": {}}));
    let mut waiting = Vec::new();
    for _ in 0..6 {
        waiting.push(ask(&mut client, &call("me"))["result"].take());
    }
    let error = ask(&mut client, &call("me"))["error"].take();
    let message = "6 calls of this client to `one` wait for answers already, which is the most";
    assert_eq!(error["message"], message, "{error}");
    let other = ask(&mut client, &call("you"))["result"].take();
    assert_eq!(other["resultType"], "input_required", "{other}");
    // Whoever answers makes room.
    let last = waiting.pop().expect("there are six");
    let roots = json!({"roots": []});
    let done = ask(&mut client, &answered(call("me"), &last, roots.clone()))["result"].take();
    let heard: Value = serde_json::from_str(text_of(&done)).expect("it says what it got");
    assert_eq!(heard["result"], roots);
    let next = ask(&mut client, &call("me"))["result"].take();
    assert_eq!(next["resultType"], "input_required", "{next}");
}

#[test]
fn a_refusal_that_names_no_page_is_no_lack_of_the_client() {
    let mut client = serve();
    let mut call = behind_a_page(9, &json!({"url": {}}));
    call["arguments"]["data"] = json!({"elicitations": []});
    let error = ask(&mut client, &call)["error"].take();
    assert_eq!((&error["code"], &error["message"]), (&json!(-32603), &json!("log in first")));
}

/// A server with sessions that asks for the roots within a call, and goes on with it when it is told to.
fn asking_server() -> (Web, SyncSender<()>, Receiver<()>) {
    let (go, told) = sync_channel::<()>(1);
    let (ponged, pong) = sync_channel(1);
    let (answers, answer) = sync_channel(1);
    let (told, answer) = (Mutex::new(told), Mutex::new(answer));
    let web = Web::start(move |request, reply| {
        if request.is("server/discover") {
            let error = json!({"code": -32601, "message": "unknown"});
            return reply.refuse(request, 200, &error);
        }
        match request.body["id"].as_str() {
            Some("pinged") => ponged.send(()).expect("the test waits"),
            Some("asked") => answers.send(()).expect("the call waits"),
            _ => {}
        }
        if !request.is("tools/call") {
            return false;
        }
        reply.events();
        let of_ours =
            |id: &str, method: &str| json!({"jsonrpc": "2.0", "id": id, "method": method});
        let token = request.body["params"]["_meta"]["progressToken"].clone();
        let tell = |step: u32| {
            let params = json!({"progressToken": token, "progress": step});
            json!({"jsonrpc": "2.0", "method": "notifications/progress", "params": params})
        };
        reply.event("", &tell(1));
        reply.event("", &of_ours("asked", "roots/list"));
        told.lock().expect("no panic").recv().expect("the test goes on");
        let log = json!({"level": "info", "data": "still at it"});
        let log = json!({"jsonrpc": "2.0", "method": "notifications/message", "params": log});
        for message in [tell(2), log, tell(3), of_ours("pinged", "ping")] {
            reply.event("", &message);
        }
        answer.lock().expect("no panic").recv().expect("the client answers");
        reply.event("", &tell(4));
        reply.event("", &request.says("done"));
        reply.end()
    });
    (web, go, pong)
}

#[test]
fn what_is_told_between_rounds_waits_for_the_next_one() {
    let (web, go, pong) = asking_server();
    let mut client = Bridge::new().set("mode", "direct").entry("web", web.entry()).serve();
    let call = |token: &str| {
        let mut call = params("me", "web_echo", json!({}), json!({"roots": {}}));
        call["_meta"]["progressToken"] = json!(token);
        call["_meta"][format!("{META}/logLevel")] = json!("debug");
        call
    };
    let told = |message: &Value| {
        let params = &message["params"];
        match message["method"].as_str() {
            Some("notifications/progress") => {
                format!("{} of {}", params["progress"], params["progressToken"])
            }
            _ => params["data"].to_string(),
        }
    };
    let id = client.request("tools/call", call("first"));
    assert_eq!(told(&client.next()), r#"1 of "first""#);
    let asked = client.result(id);
    assert_eq!(asked["resultType"], "input_required", "{asked}");

    go.send(()).expect("the call waits");
    pong.recv().expect("all before the ping was read");
    let id = client.request("tools/call", answered(call("next"), &asked, json!({"roots": []})));
    let heard: Vec<String> = (0..3).map(|_| told(&client.next())).collect();
    assert_eq!(heard, [r#""still at it""#, r#"3 of "next""#, r#"4 of "next""#]);
    assert_eq!(text_of(&client.result(id)), "done");
}
