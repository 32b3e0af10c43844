//! Messages of the session era that come by POST, handed to their session, and the answers that they wait for.

use axum::http::StatusCode;

use super::awaited::Taken;
use super::body::{Leaving, Requests};
use super::exchange::{Accepted, Exchange, Terms};
use super::outlet::Outlet;
use super::sessions::Held;
use super::{incoming, reply};
use crate::base::json::Checked;
use crate::protocol::error::INVALID_REQUEST;
use crate::protocol::jsonrpc::{self, Message};
use crate::protocol::version::Revision;

/// Hands one message to its session.
pub(super) fn pass_on(held: &Held, message: Message<'_>, accepted: Accepted) -> Taken {
    let mut session = held.session();
    // It may have ended since it was found.
    if session.is_over() {
        return Taken::Now(reply::gone());
    }
    let wants_answer = matches!(message, Message::Request { .. });
    if !wants_answer {
        let way = session.way(Outlet::Standing(held.archive.clone()));
        session.message(Ok(message), &way);
        return Taken::Now(reply::empty(StatusCode::ACCEPTED));
    }
    // Coming back to a stream came with streamable HTTP; a client of the revision before it would not.
    let resumes = session.revision().is_some_and(|revision| revision >= Revision::V2025_03_26);
    let archive = resumes.then(|| held.archive.clone());
    let terms = Terms { owed: 1, batch: false, accepted, archive, statuses: false };
    let (exchange, awaited) = Exchange::new(terms);
    let way = session.way(Outlet::Post(exchange));
    let started = Vec::from_iter(session.message(Ok(message), &way));
    let in_flight = session.work().in_flight.clone();
    Taken::Wait { awaited, leaving: Leaving::Withdraw(Requests { in_flight, started }) }
}

/// Takes an array of messages, which one revision has (2025-03-26, Base Protocol, Batching).
pub(super) fn batch(held: &Held, batch: &Checked<'_>, accepted: Accepted) -> Taken {
    let mut session = held.session();
    if session.is_over() {
        return Taken::Now(reply::gone());
    }
    if session.revision() != Some(Revision::V2025_03_26) || !incoming::is_batch(batch) {
        let message = "a message is one JSON object";
        return Taken::Now(reply::refusal(StatusCode::BAD_REQUEST, INVALID_REQUEST, message));
    }
    let mut owed = 0;
    incoming::each(batch.text, |message| {
        let wants_none = matches!(
            jsonrpc::parse(message),
            Ok(Message::Notification { .. } | Message::Response { .. })
        );
        owed += usize::from(!wants_none);
    });
    if owed == 0 {
        // No answer would ever end a stream.
        let way = session.way(Outlet::Standing(held.archive.clone()));
        incoming::each(batch.text, |message| {
            session.message(jsonrpc::parse(message), &way);
        });
        return Taken::Now(reply::empty(StatusCode::ACCEPTED));
    }
    let archive = Some(held.archive.clone());
    let terms = Terms { owed, batch: true, accepted, archive, statuses: false };
    let (exchange, awaited) = Exchange::new(terms);
    let way = session.way(Outlet::Post(exchange));
    let mut started = Vec::new();
    incoming::each(batch.text, |message| {
        started.extend(session.message(jsonrpc::parse(message), &way));
    });
    let in_flight = session.work().in_flight.clone();
    Taken::Wait { awaited, leaving: Leaving::Withdraw(Requests { in_flight, started }) }
}
