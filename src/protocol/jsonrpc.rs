//! The JSON-RPC envelope (JSON-RPC 2.0, sections 4 and 5). `params` and `result` stay raw: they are read where a
//! feature needs their content and forwarded as the bytes that were checked otherwise.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserializer, IgnoredAny, Visitor};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::error::{self, ErrorObject};

/// A request id exactly as the client spelt it, so that the answer echoes its bytes (a number beyond 2^53 keeps
/// its digits, `"1"` and `1` stay different).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Id(Box<str>);

impl Id {
    /// The JSON text of the id.
    pub fn as_json(&self) -> &str {
        &self.0
    }

    /// Reads an id from its JSON text: a string or a number, as MCP demands (Base Protocol, Requests).
    pub fn parse(raw: &RawValue) -> Option<Self> {
        match raw.get().as_bytes().first() {
            Some(b'"' | b'-' | b'0'..=b'9') => Some(Self(raw.get().into())),
            _ => None,
        }
    }
}

/// Text that is borrowed from the message unless escapes had to be undone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text<'a>(pub Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TextVisitor;
        impl<'de> Visitor<'de> for TextVisitor {
            type Value = Text<'de>;
            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a string")
            }
            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Text(Cow::Borrowed(text)))
            }
            fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Text(Cow::Owned(text.to_owned())))
            }
        }
        deserializer.deserialize_str(TextVisitor)
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
        /// Its parameters, unread.
        params: Option<&'a RawValue>,
    },
    /// Wants none.
    Notification {
        /// Its name.
        method: Cow<'a, str>,
        /// Its parameters, unread.
        params: Option<&'a RawValue>,
    },
    /// Answers a request of ours.
    Response {
        /// The JSON text of the id that it answers; `null` where the peer could not tell.
        id: &'a str,
        /// The result, or the error object.
        outcome: Result<&'a RawValue, ErrorObject>,
    },
}

/// Why a text is no JSON-RPC message; [`Refusal::answer`] is what the sender of a request hears.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// Not JSON at all.
    #[error("not JSON: {0}")]
    Syntax(#[source] serde_json::Error),
    /// JSON, but no message.
    #[error("not a JSON-RPC message: {reason}")]
    Shape {
        /// The id, where one could be read.
        id: Option<Id>,
        /// What is wrong with it.
        reason: &'static str,
    },
}

impl Refusal {
    /// The id to answer to (`null` when there is none) and the error object.
    pub fn answer(&self) -> (Option<&Id>, ErrorObject) {
        match self {
            Self::Syntax(_) => (None, ErrorObject::new(error::PARSE_ERROR, self.to_string())),
            Self::Shape { id, .. } => (
                id.as_ref(),
                ErrorObject::new(error::INVALID_REQUEST, self.to_string()),
            ),
        }
    }
}

#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow)]
    jsonrpc: Option<Text<'a>>,
    #[serde(borrow, default, deserialize_with = "even_null")]
    id: Option<&'a RawValue>,
    #[serde(borrow)]
    method: Option<Text<'a>>,
    #[serde(borrow)]
    params: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "even_null")]
    result: Option<&'a RawValue>,
    #[serde(borrow)]
    error: Option<&'a RawValue>,
}

/// Tells a member that is `null` from one that is absent.
fn even_null<'de, D: Deserializer<'de>>(d: D) -> Result<Option<&'de RawValue>, D::Error> {
    <&RawValue>::deserialize(d).map(Some)
}

/// Takes the envelope apart. The text has passed [`crate::base::json::Strict`].
pub fn parse(text: &str) -> Result<Message<'_>, Refusal> {
    let shape = |id: Option<&RawValue>, reason| Refusal::Shape {
        id: id.and_then(Id::parse),
        reason,
    };
    let envelope: Envelope<'_> = match serde_json::from_str(text) {
        Ok(envelope) => envelope,
        Err(error) if error.is_data() => {
            // The text may be no JSON at all further on.
            serde_json::from_str::<IgnoredAny>(text).map_err(Refusal::Syntax)?;
            let reason = if text.trim_start().starts_with('{') {
                "`jsonrpc` and `method` must be strings"
            } else {
                "a message is one JSON object"
            };
            return Err(Refusal::Shape {
                id: salvage_id(text.as_bytes()),
                reason,
            });
        }
        Err(error) => return Err(Refusal::Syntax(error)),
    };
    if envelope.jsonrpc.is_none_or(|version| version.0 != "2.0") {
        return Err(shape(envelope.id, "`jsonrpc` must be \"2.0\""));
    }
    if let Some(method) = envelope.method {
        let (method, params) = (method.0, envelope.params);
        if params.is_some_and(|params| !matches!(params.get().as_bytes()[0], b'{' | b'[')) {
            return Err(shape(envelope.id, "`params` must be an object"));
        }
        return match envelope.id {
            None => Ok(Message::Notification { method, params }),
            Some(raw) => match Id::parse(raw) {
                Some(id) => Ok(Message::Request { id, method, params }),
                None => Err(shape(None, "`id` must be a string or a number")),
            },
        };
    }
    let outcome = match (envelope.result, envelope.error) {
        (_, Some(error)) => Err(serde_json::from_str(error.get())
            .unwrap_or_else(|_| ErrorObject::new(error::INTERNAL_ERROR, error.get()))),
        (Some(result), None) => Ok(result),
        (None, None) => return Err(shape(envelope.id, "there is no `method`")),
    };
    Ok(Message::Response {
        id: envelope.id.map_or("null", RawValue::get),
        outcome,
    })
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
        Ok(read) => read.id.and_then(Id::parse),
        Err(error) if error.is_eof() => first_id(&text),
        Err(_) => last_id(&text),
    }
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
    values.next()?.ok().and_then(Id::parse)
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
    buffer.extend_from_slice(b",\"method\":\"");
    buffer.extend_from_slice(method.as_bytes());
    buffer.extend_from_slice(b"\",\"params\":");
    params(buffer, id);
    buffer.push(b'}');
}

/// Appends a notification.
pub fn write_notification(buffer: &mut Vec<u8>, method: &str, params: &str) {
    buffer.extend_from_slice(b"{\"jsonrpc\":\"2.0\",\"method\":\"");
    buffer.extend_from_slice(method.as_bytes());
    buffer.extend_from_slice(b"\",\"params\":");
    buffer.extend_from_slice(params.as_bytes());
    buffer.push(b'}');
}

/// Appends the answer to `id`.
pub fn write_result(buffer: &mut Vec<u8>, id: &str, result: &str) {
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

    fn check(input: &str, expected: &str) {
        let found = match parse(input) {
            Ok(Message::Request { id, method, params }) => {
                format!(
                    "request {} {method} {}",
                    id.as_json(),
                    params.map_or("-", RawValue::get)
                )
            }
            Ok(Message::Notification { method, params }) => {
                format!(
                    "notification {method} {}",
                    params.map_or("-", RawValue::get)
                )
            }
            Ok(Message::Response {
                id,
                outcome: Ok(result),
            }) => format!("result {id} {result}"),
            Ok(Message::Response {
                id,
                outcome: Err(error),
            }) => format!("error {id} {error}"),
            Err(refusal) => {
                let (id, error) = refusal.answer();
                format!("refused {} {}", id.map_or("null", Id::as_json), error.code)
            }
        };
        assert_eq!(found, expected, "{input}");
    }

    #[test]
    fn messages_are_told_apart() {
        check(
            r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#,
            "request 1 ping -",
        );
        check(
            r#"{"jsonrpc":"2.0","id":"a\u0062","method":"p\u0069ng","params":{"a": 1}}"#,
            r#"request "a\u0062" ping {"a": 1}"#,
        );
        check(
            r#"{"id":18446744073709551616,"jsonrpc":"2.0","method":"x"}"#,
            "request 18446744073709551616 x -",
        );
        check(
            r#"{"jsonrpc":"2.0","method":"n","params":{}}"#,
            "notification n {}",
        );
        check(
            r#"{"result":{"a":1},"jsonrpc":"2.0","id":7}"#,
            r#"result 7 {"a":1}"#,
        );
        check(
            r#"{"jsonrpc":"2.0","id":7,"error":{"code":-1,"message":"no"}}"#,
            "error 7 no (code -1)",
        );
        check(
            r#"{"jsonrpc":"2.0","id":7,"result":{},"error":null}"#,
            "result 7 {}",
        );
        check(
            r#"{"jsonrpc":"2.0","id":null,"error":{"code":-1}}"#,
            "error null  (code -1)",
        );
    }

    #[test]
    fn what_is_no_message_is_refused_with_the_id_where_it_has_one() {
        check("hello", "refused null -32700");
        check("{\"jsonrpc\":", "refused null -32700");
        check("[]", "refused null -32600");
        check("[1,", "refused null -32700");
        check("17", "refused null -32600");
        check("{}", "refused null -32600");
        check(r#"{"id":3,"method":"ping"}"#, "refused 3 -32600");
        check(
            r#"{"jsonrpc":"1.0","id":3,"method":"ping"}"#,
            "refused 3 -32600",
        );
        check(r#"{"jsonrpc":"2.0","id":3}"#, "refused 3 -32600");
        check(r#"{"jsonrpc":"2.0","id":3,"method":5}"#, "refused 3 -32600");
        check(
            r#"{"jsonrpc":"2.0","id":3,"method":"x","params":5}"#,
            "refused 3 -32600",
        );
        check(
            r#"{"jsonrpc":"2.0","id":null,"method":"x"}"#,
            "refused null -32600",
        );
        check(
            r#"{"jsonrpc":"2.0","id":{},"method":"x"}"#,
            "refused null -32600",
        );
    }

    #[test]
    fn an_id_is_salvaged_from_what_is_left() {
        for (input, expected) in [
            (
                &br#"{"jsonrpc":"2.0","id":12,"result":[[[["#[..],
                Some("12"),
            ),
            (
                br#"{"jsonrpc":"2.0","id":"x","method":"m","params":{"a":"#,
                Some("\"x\""),
            ),
            (br#"aaaa"},"jsonrpc":"2.0","id":12}"#, Some("12")),
            (b"{\"id\":4,\"result\":\"\xff\"}", Some("4")),
            (br#"{"result":{"id":5,"#, None),
            (br#"{"method":"say \"id\":5","#, None),
            (b"junk", None),
            (b"\"id\":1", None),
            ("\u{e9}\"id\":1".as_bytes(), None),
        ] {
            let found = salvage_id(input);
            assert_eq!(
                found.as_ref().map(Id::as_json),
                expected,
                "{}",
                input.escape_ascii()
            );
        }
    }
}
