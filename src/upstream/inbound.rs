//! What comes in from a server, in the order in which it comes: answers, notifications, requests, and everything
//! that is none of these.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use serde_json::value::RawValue;
use tokio::io::AsyncRead;

use super::changes::Kind;
use super::error::LastWords;
use super::pending::Delivery;
use super::{Error, Follower, Session};
use crate::base::json::{Checked, Part, Strict, elements, member, string};
use crate::base::secret::HIDDEN;
use crate::protocol::error::{ErrorObject, METHOD_NOT_FOUND};
use crate::protocol::jsonrpc::{self, Id, Message, salvage_answered};
use crate::protocol::listen::tag;
use crate::protocol::method;
use crate::protocol::outcome::{Facts, Outcome};
use crate::telemetry::logging::excerpt;
use crate::wire::{Decoder, Frame, Turn};

/// No message of a server may be larger.
pub(super) const MAX_MESSAGE: usize = 32 * 1024 * 1024;
/// Strange messages of one server that are logged as warnings; later ones only show with `--debug`.
const LOUD_ODDITIES: u32 = 5;
/// A batch is not longer.
const MAX_BATCH: usize = 1000;
/// The memory of an HTTP body is handed on with its result from so many bytes on.
const LONG: usize = 16 * 1024;
/// Those that are logged at all.
const SHOWN_ODDITIES: u32 = 1000;
/// A server that wrote so many without one answer in between is given up.
const MAX_ODDITIES: u32 = 100_000;

impl Session {
    /// Reads until the server closes its stdout; returns why.
    pub(super) async fn read(
        self: &Arc<Self>,
        stdout: &mut (impl AsyncRead + Unpin),
    ) -> std::io::Result<()> {
        let mut decoder = Decoder::of_either(MAX_MESSAGE);
        let (mut strict, mut turn) = (Strict::new(), Turn::default());
        loop {
            let read = decoder.fill(stdout).await?;
            while let Some(frame) = decoder.frame() {
                self.receive(&frame, &mut strict);
                let weight = frame.weight();
                turn.took(weight).await;
            }
            if read == 0 {
                if let Some(frame) = decoder.finish() {
                    self.receive(&frame, &mut strict);
                }
                return Ok(());
            }
        }
    }

    fn receive(self: &Arc<Self>, frame: &Frame<'_>, strict: &mut Strict) {
        let bytes = match *frame {
            Frame::Line(bytes) | Frame::Sized(bytes) => bytes,
            Frame::Junk(bytes) => {
                let line = self.shown(&String::from_utf8_lossy(bytes), 120);
                return self.odd(&format!("wrote a line to stdout that is no message: {line}"));
            }
            Frame::Oversized { head, tail, length } => {
                let reason = format!("{length} bytes, more than the {MAX_MESSAGE} that are taken");
                return self.unusable(&[head, tail], &reason);
            }
        };
        self.carrier.hears(matches!(frame, Frame::Sized(_)));
        self.take(bytes, None, strict);
    }

    /// Takes one message, or a batch of them. `of` is our request on whose own stream it came, where requests have
    /// such streams: what stands there belongs to that request.
    pub(super) fn take(self: &Arc<Self>, bytes: &[u8], of: Option<u64>, strict: &mut Strict) {
        match strict.check(bytes) {
            Ok(message) if message.is_array() => self.batch(message, of),
            Ok(message) => self.message(message, of),
            Err(fault) => self.unusable(&[bytes], &fault.to_string()),
        }
    }

    /// Takes the body of the HTTP answer to our request `of`. Where it is long its memory becomes that of the result: as
    /// much again, which the system has to hand out page by page, costs more than all that is done to the text.
    pub(super) fn take_body(self: &Arc<Self>, body: Bytes, of: u64) {
        // A line break behind the message, as some servers write it, would have all of it copied to be one line.
        let is_blank = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\r' | b'\n');
        let end = body.iter().rposition(|byte| !is_blank(byte)).map_or(0, |last| last + 1);
        let mut strict = Strict::new();
        if end < LONG || !body.is_unique() {
            return self.take(&body[..end], Some(of), &mut strict);
        }
        let mut text = Vec::from(body);
        text.truncate(end);
        let mut text = match String::from_utf8(text) {
            Ok(text) => text,
            Err(error) => return self.take(error.as_bytes(), Some(of), &mut strict),
        };
        let Ok(Ok(Message::Response { id, outcome: Ok(result) })) =
            strict.check_text(&text).map(jsonrpc::parse)
        else {
            return self.take(text.as_bytes(), Some(of), &mut Strict::new());
        };
        let Some(place) = place(&text, result.text()) else {
            // It had line breaks, and became one line elsewhere.
            return self.answered(id, Ok(result.into()));
        };
        let facts = Facts::of(result);
        let id = id.to_owned();
        text.truncate(place.end);
        text.drain(..place.start);
        self.answered(&id, Ok(Outcome { json: text.into(), facts }));
    }

    /// Several messages in one, as revision 2025-03-26 had it.
    fn batch(self: &Arc<Self>, batch: Checked<'_>, of: Option<u64>) {
        let mut strict = Strict::new();
        for element in elements(batch.text).take(MAX_BATCH) {
            match strict.check_text(element) {
                Ok(message) if message.is_object() => self.message(message, of),
                _ => self.odd("wrote a batch of something else than messages"),
            }
            if self.is_ended() {
                return;
            }
        }
        if elements(batch.text).nth(MAX_BATCH).is_some() {
            self.odd(&format!("wrote a batch of more than {MAX_BATCH} messages; the rest is lost"));
        }
    }

    fn message(self: &Arc<Self>, message: Checked<'_>, of: Option<u64>) {
        let bytes = message.text.as_bytes();
        match jsonrpc::parse(message) {
            Ok(Message::Response { id, outcome }) => self.answered(id, outcome.map(Outcome::from)),
            Ok(Message::Notification { method, params }) => self.notified(&method, params, of),
            Ok(Message::Request { id, method, params }) => {
                self.asked(id, &method, params.map(Part::text), of);
            }
            Err(refusal) => self.unusable(&[bytes], &refusal.to_string()),
        }
    }

    fn answered(&self, id: &str, outcome: Result<Outcome, ErrorObject>) {
        // Our ids are numbers; `"1"` or `1.0` answers nothing that was asked.
        let delivery = match id.parse() {
            Ok(id) => {
                let answer = outcome.map_err(|error| Error::Refused(self.blotted(error)));
                self.requests.answer(id, answer)
            }
            Err(_) => Delivery::NeverAsked,
        };
        let id = || self.shown(id, 40);
        match delivery {
            Delivery::Delivered => self.nonsense.store(0, Ordering::Relaxed),
            Delivery::TooLate => {
                self.odd(&format!("answered request {} again, or after it was given up", id()));
            }
            Delivery::NeverAsked => {
                self.odd(&format!("answered a request that was never made: {}", id()));
            }
        }
    }

    fn notified(&self, method: &str, params: Option<&str>, of: Option<u64>) {
        match (method, params) {
            (method::PROGRESS, Some(params)) => match member(params, "progressToken") {
                Some(token) => {
                    // Ours is a number; some servers turn it into a string.
                    if let Ok(id) = token.trim_matches('"').parse() {
                        self.requests.progress(id, params, token);
                    }
                }
                None => self.odd("sent progress without a token"),
            },
            (method::TOOLS_LIST_CHANGED, _) => self.tools_changed.notify_one(),
            (method::SUBSCRIPTIONS_ACKNOWLEDGED, params) => {
                let named = || tag(params?)?.trim_matches('"').parse().ok();
                if let Some(id) = of.or_else(named).filter(|id| self.requests.waits(*id)) {
                    let latest = &self.agreement.news.acknowledged;
                    latest.send_modify(|latest| *latest = id.max(*latest));
                }
            }
            (method::PROMPTS_LIST_CHANGED, _) => self.changed(Kind::Prompts),
            (method::RESOURCES_LIST_CHANGED, _) => self.changed(Kind::Resources),
            (method::RESOURCES_UPDATED, Some(params)) => {
                if let Some(uri) = member(params, "uri").and_then(string) {
                    self.changed(Kind::Resource(uri.into()));
                }
            }
            (method::MESSAGE, Some(params)) => {
                tracing::info!("`{}` logs: {}", self.server, self.shown(params, 500));
                self.hand_on(method, params, of);
            }
            (method::MESSAGE | method::PROGRESS | method::RESOURCES_UPDATED, None) => {
                self.odd("sent a notification without the parameters that it has to have");
            }
            _ if !is_plain(method) || matches!(self.blotter.blot(method), Cow::Owned(_)) => {
                self.odd("sent a notification whose name is none");
            }
            (method::CANCELLED, Some(params)) => self.questions.withdraw(params),
            _ => {
                tracing::debug!("`{}` notifies `{}`", self.server, excerpt(method.as_bytes(), 80));
                self.hand_on(method, params.unwrap_or("{}"), of);
            }
        }
    }

    /// Tells the client that a notification is meant for, without what the server was given to log in with.
    fn hand_on(&self, method: &str, params: &str, of: Option<u64>) {
        let Some(follower) = self.follower(of) else {
            return tracing::debug!("`{}` notifies `{method}` for nobody for certain", self.server);
        };
        match self.blotter.blot(params) {
            Cow::Borrowed(params) => follower.notified(method, params),
            // A secret may have looked like a part of the JSON itself.
            Cow::Owned(clean) if Strict::new().check(clean.as_bytes()).is_ok() => {
                follower.notified(method, &clean);
            }
            Cow::Owned(_) => tracing::debug!("`{}` notifies `{method}` with a secret", self.server),
        }
    }

    /// Requests of servers: `ping` is ours to answer, everything else goes to the client that caused it, if it is
    /// known which one that is.
    fn asked(self: &Arc<Self>, id: Id, method: &str, params: Option<&str>, of: Option<u64>) {
        if method == method::INITIALIZE {
            let reason = "the program sends back what it is sent: it is no MCP server".to_owned();
            if let Ok(id) = id.as_json().parse() {
                self.requests.answer(id, Err(Error::BadAnswer { reason }));
            }
            return;
        }
        if method == method::PING {
            return self.reply(&id, Ok("{}"));
        }
        if let Some(follower) = self.follower(of) {
            let answer = follower.asked(method, params);
            return self.put(id, of, &*follower, answer);
        }
        let method = self.shown(method, 80);
        tracing::debug!("`{}` asks `{method}` of nobody for certain", self.server);
        let message = format!("no client is known for certain that this is asked of: `{method}`");
        self.reply(&id, Err(&ErrorObject::new(METHOD_NOT_FOUND, message)));
    }

    /// Whom a message is meant for that came on the stream of request `of`, or on none.
    fn follower(&self, of: Option<u64>) -> Option<Arc<dyn Follower>> {
        let follower = match of {
            Some(id) => self.requests.follower(id),
            None => self.requests.sole_follower(self.era()),
        };
        follower.or_else(|| self.agreement.purpose.get()?.terms.owner.clone())
    }

    /// Tells that something of the server is no longer what it was.
    pub(super) fn changed(&self, kind: Kind) {
        if let Some(purpose) = self.agreement.purpose.get() {
            purpose.tell(&self.server, kind);
        }
    }

    /// Answers a request of the server.
    pub(super) fn reply(&self, id: &Id, reply: Result<&str, &ErrorObject>) {
        let sent = self.carrier.try_answer(|buffer| match reply {
            Ok(result) => jsonrpc::write_result(buffer, id.as_json(), result),
            Err(error) => jsonrpc::write_error(buffer, Some(id.as_json()), error),
        });
        // One that is closed takes no answer any more, which is not the server's doing.
        if sent == Ok(false) {
            self.odd("asks without reading the answers");
        }
    }

    /// An answer that cannot be read fails the request that it answers, if it says which.
    fn unusable(&self, parts: &[&[u8]], reason: &str) {
        let id = salvage_answered(parts);
        let error = Error::BadAnswer { reason: reason.to_owned() };
        let delivered =
            id.is_some_and(|id| self.requests.answer(id, Err(error)) == Delivery::Delivered);
        if !delivered {
            self.odd(&format!("wrote a message that cannot be read: {reason}"));
        }
    }

    /// Text of the server as a log shows it.
    fn shown(&self, text: &str, limit: usize) -> String {
        excerpt(self.blotter.blot(text).as_bytes(), limit)
    }

    /// An error object without the server's own secrets, which some servers echo.
    pub(super) fn blotted(&self, mut error: ErrorObject) -> ErrorObject {
        if let Cow::Owned(message) = self.blotter.blot(&error.message) {
            error.message = message;
        }
        if let Some(data) = &error.data
            && let Cow::Owned(data) = self.blotter.blot(data.get())
        {
            // A number may have been blotted, which leaves no JSON.
            let data = RawValue::from_string(data);
            error.data = data.or_else(|_| RawValue::from_string(format!("\"{HIDDEN}\""))).ok();
        }
        error
    }

    /// Notes something that no server should do. The first times it is worth a warning, later ones only
    /// show with `--debug`, and a server that does little else is given up.
    pub(super) fn odd(&self, what: &str) {
        // What still comes in while it is being ended is nobody's concern.
        if self.is_ended() {
            return;
        }
        let before = self.oddities.fetch_add(1, Ordering::Relaxed);
        if before < LOUD_ODDITIES {
            tracing::warn!("`{}` {}", self.server, excerpt(what.as_bytes(), 400));
        } else if before < SHOWN_ODDITIES {
            tracing::debug!("`{}` {}", self.server, excerpt(what.as_bytes(), 400));
        }
        if self.nonsense.fetch_add(1, Ordering::Relaxed) == MAX_ODDITIES {
            let status = format!("it wrote {MAX_ODDITIES} messages in a row that mean nothing");
            tracing::warn!("`{}` is given up: {status}", self.server);
            self.end(&Error::Closed {
                last: Box::new(LastWords { status, ..LastWords::default() }),
            });
        }
    }
}

/// Where `part` lies in `whole`; nowhere if it is no part of its memory.
fn place(whole: &str, part: &str) -> Option<Range<usize>> {
    let start = part.as_ptr().addr().checked_sub(whole.as_ptr().addr())?;
    let end = start + part.len();
    (end <= whole.len()).then_some(start..end)
}

/// Whether this may be the name of a method, which stands in messages to clients as it is.
fn is_plain(method: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"/_-.$".contains(&byte);
    method.len() <= 128 && method.bytes().all(fits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_of_a_text_has_its_place_there() {
        let whole = "x{}y".to_owned();
        let check = |part: &str, expected| assert_eq!(place(&whole, part), expected, "{part:?}");
        check(&whole[1..3], Some(1..3));
        check(&whole, Some(0..4));
        check(&whole[4..], Some(4..4));
        check(&whole.clone(), None);
    }

    #[test]
    fn names_of_methods_are_plain() {
        let check = |method: &str, expected| assert_eq!(is_plain(method), expected, "{method:?}");
        check("notifications/message", true);
        check("vendor/own_1.x-$", true);
        check("x\",\"params\":{}}\n{\"jsonrpc\":\"2.0\"", false);
        check("notifications/\u{202e}x", false);
        check("say this", false);
        check(&"x".repeat(129), false);
    }
}
