//! Where messages to a client go: into the one stream that stdio and the older HTTP transport have, into the answer to
//! one POST, or into the stream for what belongs to no request.

use std::sync::Arc;

use super::archive::{Archive, STANDING};
use super::exchange::Exchange;
use crate::protocol::error::ErrorObject;
use crate::protocol::jsonrpc::{self, Id};
use crate::wire::sse::write_event_by;
use crate::wire::{Closed, Outbox, Urgency};

/// Results of so many bytes are not copied to be sent, where that is possible.
const LONG: usize = 16 * 1024;

/// A way to a client. Clones lead to the same place.
#[derive(Debug, Clone)]
pub(super) enum Outlet {
    /// A stream that carries everything.
    Stream(Outbox, Form),
    /// The answer to one POST.
    Post(Arc<Exchange>),
    /// What belongs to no request of a session over HTTP.
    Standing(Arc<Archive>),
}

/// How messages stand in a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// A line each.
    Line,
    /// An event each.
    Event,
}

impl Form {
    /// Appends what `message` writes, in this form.
    pub(super) fn write(self, to: &mut Vec<u8>, message: impl FnOnce(&mut Vec<u8>)) {
        match self {
            Self::Line => {
                message(to);
                to.push(b'\n');
            }
            Self::Event => write_event_by(to, "event: message\n", message),
        }
    }
}

impl Outlet {
    /// Whether answers to several requests go here, so that only their ids tell them apart.
    pub(super) fn is_shared(&self) -> bool {
        !matches!(self, Self::Post(_))
    }

    /// Sends a notification, unless the client reads too slowly for it.
    pub(super) fn notify(&self, method: &str, params: &str) {
        let write = |to: &mut Vec<u8>| jsonrpc::write_notification(to, method, params);
        let sent = match self {
            Self::Stream(outbox, form) => outbox.try_push(|to| form.write(to, write)),
            Self::Post(exchange) => exchange.notify(write),
            Self::Standing(archive) => archive.tell(method, params),
        };
        if sent == Ok(false) {
            tracing::debug!("the client does not read: a `{method}` is dropped");
        }
    }

    /// Sends a request of ours as soon as there is room for it.
    pub(super) async fn ask(&self, write: impl FnOnce(&mut Vec<u8>) + Send) -> Result<(), Closed> {
        match self {
            Self::Stream(outbox, form) => {
                outbox.room().await?;
                outbox.push(Urgency::Gather, |to| form.write(to, write))
            }
            Self::Post(exchange) => exchange.ask(write).await,
            Self::Standing(archive) => {
                archive.room(STANDING).await?;
                archive.push(STANDING, write)
            }
        }
    }

    /// Answers a request as soon as there is room; `alone` says that no other is in flight.
    pub(super) async fn answer(&self, alone: bool, id: &Id, reply: Result<Box<str>, ErrorObject>) {
        // A client that is gone needs no answer.
        match self {
            Self::Stream(outbox, form) => {
                if !outbox.has_room() && outbox.room().await.is_err() {
                    return;
                }
                let urgency = if alone { Urgency::Alone } else { Urgency::Gather };
                let reply = reply.as_deref();
                let _ = outbox.push(urgency, |to| form.write(to, |to| write(to, id, reply)));
            }
            Self::Post(exchange) => {
                exchange.room().await;
                match reply {
                    Ok(result) if result.len() >= LONG => exchange.answer_long(id, result),
                    reply => exchange.answer(id, reply.as_deref()),
                }
            }
            Self::Standing(archive) => {
                let _ = archive.push(STANDING, |to| write(to, id, reply.as_deref()));
            }
        }
    }

    /// Answers at once: whoever feeds messages waits for room before each of them.
    pub(super) fn answer_now(&self, id: &Id, reply: Result<&str, &ErrorObject>) {
        match self {
            Self::Stream(outbox, form) => {
                let _ =
                    outbox.push(Urgency::Gather, |to| form.write(to, |to| write(to, id, reply)));
            }
            Self::Post(exchange) => exchange.answer(id, reply),
            Self::Standing(archive) => {
                let _ = archive.push(STANDING, |to| write(to, id, reply));
            }
        }
    }

    /// Refuses what has no id, or none that is its own.
    pub(super) fn refuse(&self, error: &ErrorObject) {
        match self {
            Self::Stream(outbox, form) => {
                let _ = outbox.push(Urgency::Gather, |to| {
                    form.write(to, |to| jsonrpc::write_error(to, None, error));
                });
            }
            Self::Post(exchange) => exchange.refuse(error),
            // Nothing comes in here.
            Self::Standing(_) => {}
        }
    }

    /// A request that was to be answered here was withdrawn.
    pub(super) fn forgo(&self) {
        if let Self::Post(exchange) = self {
            exchange.forgo();
        }
    }
}

/// Appends the answer to `id`.
pub(super) fn write(to: &mut Vec<u8>, id: &Id, reply: Result<&str, &ErrorObject>) {
    match reply {
        Ok(result) => jsonrpc::write_result(to, id.as_json(), result),
        Err(error) => jsonrpc::write_error(to, Some(id.as_json()), error),
    }
}
