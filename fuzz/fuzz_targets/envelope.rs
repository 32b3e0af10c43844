//! What the strict check accepts is JSON to others as well, and what a message means survives being written.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mcp_bridge::base::json::{Fault, Noted, Part, Strict, elements, members};
use mcp_bridge::protocol::jsonrpc::{self, Message, parse};
use serde::de::IgnoredAny;

/// A message and its parts as they mean.
#[derive(Debug, PartialEq)]
enum Meaning {
    Request(String, String, Option<String>),
    Notification(String, Option<String>),
    Result(String, String),
    Error(String, String),
}

fn meaning(message: &Message<'_>) -> Meaning {
    match message {
        Message::Request { id, method, params } => {
            Meaning::Request(id.as_json().into(), method.to_string(), params.map(|it| it.text().into()))
        }
        Message::Notification { method, params } => {
            Meaning::Notification(method.to_string(), params.map(Into::into))
        }
        Message::Response { id, outcome: Ok(result) } => {
            Meaning::Result((*id).into(), result.text().into())
        }
        Message::Response { id, outcome: Err(error) } => {
            let error = serde_json::to_string(error).expect("an error becomes JSON");
            Meaning::Error((*id).into(), error)
        }
    }
}

fn write(message: &Message<'_>) -> Vec<u8> {
    let mut text = Vec::new();
    // As the inside of a JSON string.
    let plain = |method: &str| {
        let quoted = serde_json::to_string(method).expect("a string becomes JSON");
        quoted[1..quoted.len() - 1].to_owned()
    };
    match message {
        Message::Request { id, method, params } => {
            let params = params.map(|it| format!(",\"params\":{}", it.text())).unwrap_or_default();
            let (id, method) = (id.as_json(), plain(method));
            let request =
                format!("{{\"jsonrpc\":\"2.0\",\"id\":{id},\"method\":\"{method}\"{params}}}");
            text.extend_from_slice(request.as_bytes());
        }
        Message::Notification { method, params } => {
            jsonrpc::write_notification(&mut text, method, params.unwrap_or("null"));
        }
        Message::Response { id, outcome: Ok(result) } => {
            jsonrpc::write_result(&mut text, id, result.text());
        }
        Message::Response { id, outcome: Err(error) } => {
            jsonrpc::write_error(&mut text, Some(id), error);
        }
    }
    text
}

/// What was noted of a value is what is found in its text, and travels with it.
fn agree(part: Part<'_>) {
    let kept = Noted::from(part);
    let found: Vec<_> = members(part.text()).map(|it| (it.key(), it.value)).collect();
    for noted in [part, kept.part()] {
        let noted: Vec<_> = noted.members().map(|it| (it.key(), it.value)).collect();
        assert_eq!(noted, found);
    }
    for member in part.members() {
        agree(member.part());
    }
}

fuzz_target!(|data: &[u8]| {
    // Read along by other rules, and never a reason to panic.
    let _ = jsonrpc::salvage_id(data);
    let _ = jsonrpc::salvage_answered(&[data]);
    let others = serde_json::from_slice::<IgnoredAny>(data);
    let mut strict = Strict::new();
    let checked = match strict.check(data) {
        Ok(checked) => checked,
        Err(fault) => {
            let syntax = matches!(fault, Fault::Syntax { .. });
            assert!(!syntax || others.is_err(), "{fault}, but others read it");
            return;
        }
    };
    assert!(others.is_ok(), "{others:?}, but it was accepted");
    for part in members(checked.text).map(|member| member.value).chain(elements(checked.text)) {
        assert!(Strict::new().check(part.as_bytes()).is_ok(), "`{part}` is no JSON");
    }
    agree(checked.part());
    if let Ok(message) = parse(checked) {
        let written = write(&message);
        let mut strict = Strict::new();
        let again = strict.check(&written).expect("what is written is JSON");
        let again = parse(again).expect("what is written is a message");
        assert_eq!(meaning(&again), meaning(&message));
    }
});
