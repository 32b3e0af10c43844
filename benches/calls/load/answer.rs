//! What comes back, read no further than is needed to know whose answer it is and whether it is right.

use std::io::{self, Error};

use memchr::memmem;
use serde::Deserialize;
use serde_json::value::RawValue;

/// How far from either end of an answer the nonce and the marks of failure are looked for.
const EDGE: usize = 1024;

#[derive(Deserialize)]
struct Envelope<'a> {
    id: Option<usize>,
    #[serde(borrow)]
    method: Option<&'a RawValue>,
}

/// The id of the request that a message answers; none if it answers none.
pub(super) fn id(message: &[u8]) -> Option<usize> {
    leading_id(message).or_else(|| trailing_id(message)).or_else(|| {
        let envelope: Envelope = serde_json::from_slice(message).ok()?;
        envelope.id.filter(|_| envelope.method.is_none())
    })
}

/// As most servers put it: before the result.
fn leading_id(message: &[u8]) -> Option<usize> {
    let (id, rest) = digits(message.strip_prefix(br#"{"jsonrpc":"2.0","id":"#)?);
    rest.starts_with(br#","result""#).then_some(id?)
}

/// As those on the TypeScript SDK put it: at the very end.
fn trailing_id(message: &[u8]) -> Option<usize> {
    const HEAD: &[u8] = br#""jsonrpc":"2.0","id":"#;
    let tail = &message[message.len().saturating_sub(HEAD.len() + 32)..];
    let (id, rest) = digits(&tail[memmem::rfind(tail, HEAD)? + HEAD.len()..]);
    (message.starts_with(br#"{"result":"#) && rest.trim_ascii() == b"}").then_some(id?)
}

fn digits(text: &[u8]) -> (Option<usize>, &[u8]) {
    let length = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let number = std::str::from_utf8(&text[..length]).ok().and_then(|text| text.parse().ok());
    (number, &text[length..])
}

/// Whether this is the whole answer to the call with that nonce, and no failure: those are quicker than what works.
pub(super) fn check(message: &[u8], nonce: &[u8], bytes: usize) -> io::Result<()> {
    let edge = EDGE.min(message.len());
    let (head, tail) = (&message[..edge], &message[message.len() - edge..]);
    let at_both_ends = memmem::find(head, nonce).is_some() && memmem::find(tail, nonce).is_some();
    let has_failed = memmem::find(head, br#""isError":true"#).is_some()
        || memmem::find(tail, br#""isError":true"#).is_some();
    if at_both_ends && !has_failed && message.len() >= bytes {
        return Ok(());
    }
    let head = String::from_utf8_lossy(head);
    Err(Error::other(format!("a wrong answer of {} bytes: {head}", message.len())))
}
