//! The JSON-RPC envelope (JSON-RPC 2.0, sections 4 and 5). `params` and `result` stay the text that was checked: they
//! are read where a feature needs their content, and forwarded as they are otherwise.

use std::borrow::Cow;
use std::sync::Arc;

use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::error::{self, ErrorObject};
use crate::base::json::{self, Checked, Part};

/// A request id exactly as the client spelt it, so that the answer echoes its bytes (a number
/// beyond 2^53 keeps its digits, `"1"` and `1` stay different).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Id(Arc<str>);

impl Id {
    /// The JSON text of the id.
    pub fn as_json(&self) -> &str {
        &self.0
    }

    /// Reads an id from its JSON text: a string or a number, as MCP demands (Base Protocol,
    /// Requests).
    pub fn parse(json: &str) -> Option<Self> {
        match json.as_bytes().first() {
            Some(b'"' | b'-' | b'0'..=b'9') => Some(Self(json.into())),
            _ => None,
        }
    }
}

/// One message, borrowed from the bytes that it came in.
#[derive(Debug)]
pub enum Message<'a> {
    /// Wants an answer.
    Request {
        /// To be echoed.
        id: Id,
        /// Its name.
        method: Cow<'a, str>,
        /// Its parameters.
        params: Option<Part<'a>>,
    },
    /// Wants none.
    Notification {
        /// Its name.
        method: Cow<'a, str>,
        /// The JSON text of its parameters.
        params: Option<&'a str>,
    },
    /// Answers a request of ours.
    Response {
        /// The JSON text of the id that it answers; `null` where the peer could not tell.
        id: &'a str,
        /// The result, or the error object.
        outcome: Result<Part<'a>, ErrorObject>,
    },
}

/// Why a JSON text is no JSON-RPC message.
#[derive(Debug, thiserror::Error)]
#[error("not a JSON-RPC message: {reason}")]
pub struct Refusal {
    /// The id, where one could be read.
    pub id: Option<Id>,
    /// What is wrong with it.
    reason: &'static str,
}

/// The members of the envelope.
#[derive(Default)]
struct Envelope<'a> {
    jsonrpc: Option<&'a str>,
    id: Option<&'a str>,
    method: Option<&'a str>,
    params: Option<Part<'a>>,
    result: Option<Part<'a>>,
    error: Option<&'a str>,
}

/// Takes the envelope apart.
pub fn parse(message: Checked<'_>) -> Result<Message<'_>, Refusal> {
    let mut envelope = Envelope::default();
    for member in message.members() {
        let place = match &*member.name() {
            "jsonrpc" => &mut envelope.jsonrpc,
            "id" => &mut envelope.id,
            "method" => &mut envelope.method,
            "params" => {
                envelope.params = Some(member.part());
                continue;
            }
            "result" => {
                envelope.result = Some(member.part());
                continue;
            }
            "error" => &mut envelope.error,
            _ => continue,
        };
        *place = Some(member.value);
    }
    if !message.is_object() {
        return Err(Refusal { id: None, reason: "a message is one JSON object" });
    }
    let Envelope { jsonrpc, id, method, params, result, error } = envelope;
    let refuse = |reason| Err(Refusal { id: id.and_then(Id::parse), reason });
    let is_two = |version: &str| {
        version == "\"2.0\"" || json::string(version).is_some_and(|version| version == "2.0")
    };
    if !jsonrpc.is_some_and(is_two) {
        return refuse("`jsonrpc` must be \"2.0\"");
    }
    if let Some(method) = method {
        let Some(method) = json::string(method) else {
            return refuse("`method` must be a string");
        };
        let params = params.filter(|params| params.text() != "null");
        if params.is_some_and(|params| !matches!(params.text().as_bytes(), [b'{' | b'[', ..])) {
            return refuse("`params` must be an object");
        }
        return match id.map(Id::parse) {
            None => Ok(Message::Notification { method, params: params.map(Part::text) }),
            Some(Some(id)) => Ok(Message::Request { id, method, params }),
            Some(None) => refuse("`id` must be a string or a number"),
        };
    }
    let outcome = match (result, error.filter(|error| *error != "null")) {
        (_, Some(error)) => Err(serde_json::from_str(error)
            .unwrap_or_else(|_| ErrorObject::new(error::INTERNAL_ERROR, error))),
        (Some(result), None) => Ok(result),
        (None, None) => return refuse("there is no `method`"),
    };
    Ok(Message::Response { id: id.unwrap_or("null"), outcome })
}

/// The id of a message that was refused (too deep, too large, not UTF-8), so that the one who waits for it hears why.
/// Reads what can be read: a whole object, or the beginning or the end of one.
pub fn salvage_id(bytes: &[u8]) -> Option<Id> {
    #[derive(Deserialize)]
    struct IdOnly<'a> {
        #[serde(borrow)]
        id: Option<&'a RawValue>,
    }
    let text = String::from_utf8_lossy(bytes);
    match serde_json::from_str::<IdOnly<'_>>(&text) {
        Ok(read) => read.id.map(RawValue::get).and_then(Id::parse),
        Err(error) if error.is_eof() => first_id(&text),
        Err(_) => last_id(&text),
    }
}

/// The id of our own request that a message answers which was refused, given whole or by its ends. A faulty
/// request of the peer's may bear the same number and answers nothing.
pub fn salvage_answered(parts: &[&[u8]]) -> Option<u64> {
    #[derive(Deserialize)]
    struct MethodOnly {
        method: Option<IgnoredAny>,
    }
    let head = String::from_utf8_lossy(parts.first()?);
    let is_request = match serde_json::from_str::<MethodOnly>(&head) {
        Ok(read) => read.method.is_some(),
        Err(_) => head.split_once("\"method\":").is_some_and(|(before, _)| {
            // In a result it would stand deeper.
            !before[before.find('{').map_or(0, |at| at + 1)..].contains(['{', '['])
        }),
    };
    if is_request {
        return None;
    }
    parts.iter().find_map(|part| salvage_id(part))?.as_json().parse().ok()
}

/// The id in the beginning of an object, where it stands before the large member.
fn first_id(text: &str) -> Option<Id> {
    let (before, after) = text.split_once("\"id\":")?;
    let members = before.trim_start().strip_prefix('{')?;
    let plain = !members.contains(['{', '[', '\\']);
    plain.then(|| leading_id(after)).flatten()
}

/// The id at the very end of an object.
fn last_id(text: &str) -> Option<Id> {
    let (_, after) = text.trim_end().strip_suffix('}')?.rsplit_once("\"id\":")?;
    let id = leading_id(after)?;
    (id.as_json().len() == after.trim().len()).then_some(id)
}

fn leading_id(text: &str) -> Option<Id> {
    let mut values = serde_json::Deserializer::from_str(text).into_iter::<&RawValue>();
    values.next()?.ok().map(RawValue::get).and_then(Id::parse)
}

/// Appends a request whose parameters `params` writes, given the request's own id.
pub fn write_call(
    buffer: &mut Vec<u8>,
    id: u64,
    method: &str,
    params: impl FnOnce(&mut Vec<u8>, u64),
) {
    buffer.extend_from_slice(b"{\"jsonrpc\":\"2.0\",\"id\":");
    write_json(buffer, &id);
    buffer.extend_from_slice(b",\"method\":");
    json::write_string(method, buffer);
    buffer.extend_from_slice(b",\"params\":");
    params(buffer, id);
    buffer.push(b'}');
}

/// Appends a notification.
pub fn write_notification(buffer: &mut Vec<u8>, method: &str, params: &str) {
    buffer.extend_from_slice(b"{\"jsonrpc\":\"2.0\",\"method\":");
    json::write_string(method, buffer);
    buffer.extend_from_slice(b",\"params\":");
    buffer.extend_from_slice(params.as_bytes());
    buffer.push(b'}');
}

/// Appends the answer to `id`.
pub fn write_result(buffer: &mut Vec<u8>, id: &str, result: &str) {
    buffer.reserve(id.len() + result.len() + 48);
    buffer.extend_from_slice(b"{\"jsonrpc\":\"2.0\",\"id\":");
    buffer.extend_from_slice(id.as_bytes());
    buffer.extend_from_slice(b",\"result\":");
    buffer.extend_from_slice(result.as_bytes());
    buffer.push(b'}');
}

/// Appends an error answer; without an id it goes to `null` (JSON-RPC 2.0, section 5).
pub fn write_error(buffer: &mut Vec<u8>, id: Option<&str>, error: &ErrorObject) {
    buffer.extend_from_slice(b"{\"jsonrpc\":\"2.0\",\"id\":");
    buffer.extend_from_slice(id.unwrap_or("null").as_bytes());
    buffer.extend_from_slice(b",\"error\":");
    write_json(buffer, error);
    buffer.push(b'}');
}

/// Appends any value that serialises without fail: strings, numbers, raw JSON and structs of them.
pub fn write_json(buffer: &mut Vec<u8>, value: &impl Serialize) {
    serde_json::to_writer(buffer, value).expect("strings and raw JSON always serialise");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::json::Strict;

    fn check(input: &str, expected: &str) {
        let mut strict = Strict::new();
        let checked = strict.check(input.as_bytes()).expect("the input is JSON");
        let found = match parse(checked) {
            Ok(Message::Request { id, method, params }) => {
                format!("request {} {method} {}", id.as_json(), params.map_or("-", Part::text))
            }
            Ok(Message::Notification { method, params }) => {
                format!("notification {method} {}", params.unwrap_or("-"))
            }
            Ok(Message::Response { id, outcome: Ok(result) }) => {
                format!("result {id} {}", result.text())
            }
            Ok(Message::Response { id, outcome: Err(error) }) => format!("error {id} {error}"),
            Err(refusal) => format!("refused {}", refusal.id.as_ref().map_or("null", Id::as_json)),
        };
        assert_eq!(found, expected, "{input}");
    }

    #[test]
    fn messages_are_told_apart() {
        check(r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#, "request 1 ping -");
        check(
            r#"{"jsonrpc":"2.0","id":"a\u0062","method":"p\u0069ng","params":{"a": 1}}"#,
            r#"request "a\u0062" ping {"a": 1}"#,
        );
        check(
            r#"{"id":18446744073709551616,"jsonrpc":"2.0","method":"x"}"#,
            "request 18446744073709551616 x -",
        );
        check(r#"{"jsonrpc":"2.0","method":"n","params":{}}"#, "notification n {}");
        check(r#"{"result":{"a":1},"jsonrpc":"2.0","id":7}"#, r#"result 7 {"a":1}"#);
        check(
            r#"{"jsonrpc":"2.0","id":7,"error":{"code":-1,"message":"no"}}"#,
            "error 7 no (code -1)",
        );
        check(r#"{"jsonrpc":"2.0","id":7,"result":{},"error":null}"#, "result 7 {}");
        check(r#"{"jsonrpc":"2.0","id":null,"error":{"code":-1}}"#, "error null  (code -1)");
    }

    #[test]
    fn what_is_no_message_is_refused_with_the_id_where_it_has_one() {
        check("[]", "refused null");
        check("17", "refused null");
        check("{}", "refused null");
        check(r#"{"id":3,"method":"ping"}"#, "refused 3");
        check(r#"{"jsonrpc":"1.0","id":3,"method":"ping"}"#, "refused 3");
        check(r#"{"jsonrpc":"2.0","id":3}"#, "refused 3");
        check(r#"{"jsonrpc":"2.0","id":3,"method":5}"#, "refused 3");
        check(r#"{"jsonrpc":"2.0","id":3,"method":"x","params":5}"#, "refused 3");
        check(r#"{"jsonrpc":"2.0","id":null,"method":"x"}"#, "refused null");
        check(r#"{"jsonrpc":"2.0","id":{},"method":"x"}"#, "refused null");
    }

    #[test]
    fn a_method_cannot_write_a_message_of_its_own() {
        for method in
            ["x\",\"params\":{}}\n{\"jsonrpc\":\"2.0\",\"id\":2,\"result\":{}}", "\u{1b}", "a\\"]
        {
            let mut written = Vec::new();
            write_notification(&mut written, method, "{}");
            assert!(!written.contains(&b'\n') && !written.contains(&0x1b), "{method}");
            let mut strict = Strict::new();
            match parse(strict.check(&written).expect("it is JSON")) {
                Ok(Message::Notification { method: read, params: Some("{}") }) => {
                    assert_eq!(read, method);
                }
                other => panic!("{other:?}"),
            }
        }
    }

    #[test]
    fn an_id_is_salvaged_from_what_is_left() {
        for (input, expected) in [
            (&br#"{"jsonrpc":"2.0","id":12,"result":[[[["#[..], Some("12")),
            (br#"{"jsonrpc":"2.0","id":"x","method":"m","params":{"a":"#, Some("\"x\"")),
            (br#"aaaa"},"jsonrpc":"2.0","id":12}"#, Some("12")),
            (b"{\"id\":4,\"result\":\"\xff\"}", Some("4")),
            (br#"{"result":{"id":5,"#, None),
            (br#"{"method":"say \"id\":5","#, None),
            (b"junk", None),
            (b"\"id\":1", None),
            ("\u{e9}\"id\":1".as_bytes(), None),
        ] {
            let found = salvage_id(input);
            assert_eq!(found.as_ref().map(Id::as_json), expected, "{}", input.escape_ascii());
        }
    }

    #[test]
    fn a_request_answers_nothing() {
        for (input, expected) in [
            (&br#"{"jsonrpc":"2.0","id":12,"result":{"a":1,"a":2}}"#[..], Some(12)),
            (br#"{"jsonrpc":"2.0","id":12,"method":"x","params":{"a":1,"a":2}}"#, None),
            (br#"{"jsonrpc":"2.0","id":12,"method":"x","params":{"a":"#, None),
            (br#"{"jsonrpc":"2.0","id":12,"result":{"method":"x","a":"#, Some(12)),
            (br#"{"jsonrpc":"2.0","id":"12","result":{"a":1,"a":2}}"#, None),
        ] {
            assert_eq!(salvage_answered(&[input]), expected, "{}", input.escape_ascii());
        }
    }
}
