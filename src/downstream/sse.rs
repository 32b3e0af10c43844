//! `/sse` and `/message`: the HTTP transport of revision 2024-11-05. A GET opens a stream that carries everything and
//! says where to POST messages to; the session ends with the stream (specification 2024-11-05, Transports, HTTP with SSE).

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router as Routes;
use axum::extract::{RawQuery, Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::{get, post};
use futures_util::future::join_all;
use tokio_util::sync::CancellationToken;

use super::archive::MAX_WAITING;
use super::body::{self, End, Leaving};
use super::incoming;
use super::outlet::{Form, Outlet};
use super::session::Session;
use super::sessions::new_id;
use super::way::Way;
use super::{reply, request};
use crate::base::json::Strict;
use crate::protocol::error::INVALID_REQUEST;
use crate::router::Current;
use crate::wire::sse::write_event_by;
use crate::wire::{Outbox, Urgency};

/// What serves both routes.
#[derive(Debug)]
pub(super) struct Service {
    pub(super) router: Arc<Current>,
    pub(super) streams: Arc<Streams>,
    /// Cancelled when the bridge ends.
    pub(super) closing: CancellationToken,
}

/// The open streams, by the ids of their sessions.
#[derive(Debug)]
pub(super) struct Streams {
    table: Mutex<HashMap<Box<str>, Arc<Stream>>>,
    most: usize,
}

#[derive(Debug)]
struct Stream {
    session: Mutex<Session>,
    way: Way,
    outbox: Outbox,
}

/// A stream in the table, taken out when its reader goes.
#[derive(Debug)]
struct Entry {
    streams: Arc<Streams>,
    id: Box<str>,
}

/// The routes of it.
pub(super) fn routes(service: Arc<Service>) -> Routes {
    Routes::new().route("/sse", get(open)).route("/message", post(receive)).with_state(service)
}

async fn open(State(service): State<Arc<Service>>) -> Response {
    let id = new_id();
    let (outbox, reader) = Outbox::read(MAX_WAITING);
    let outlet = Outlet::Stream(outbox.clone(), Form::Event);
    let closing = service.closing.child_token();
    let session = Session::new(service.router.clone(), outlet.clone(), closing);
    let way = session.way(outlet);
    let _ = outbox.push(Urgency::Gather, |to| {
        write_event_by(to, "event: endpoint\n", |to| {
            to.extend_from_slice(format!("/message?sessionId={id}").as_bytes());
        });
    });
    let stream = Arc::new(Stream { session: Mutex::new(session), way, outbox });
    if !service.streams.enter(id.clone(), stream) {
        return reply::full();
    }
    let entry = Entry { streams: service.streams.clone(), id };
    reply::events(body::events(reader, Leaving::End(Box::new(entry))))
}

async fn receive(
    State(service): State<Arc<Service>>,
    RawQuery(query): RawQuery,
    request: Request,
) -> Response {
    let query = query.unwrap_or_default();
    let id = query.split('&').find_map(|pair| pair.strip_prefix("sessionId="));
    let Some(stream) = id.and_then(|id| service.streams.find(id)) else {
        let message = "there is no such session, or not any more: open `/sse` first";
        return reply::refusal(StatusCode::NOT_FOUND, INVALID_REQUEST, message);
    };
    let (parts, body) = request.into_parts();
    let bytes = match request::message(&parts.headers, body).await {
        Ok(bytes) => bytes,
        Err(response) => return response,
    };
    // A client that does not read its answers is not served either.
    if stream.outbox.room().await.is_err() {
        return reply::empty(StatusCode::NOT_FOUND);
    }
    let mut session = stream.session();
    if session.is_over() {
        return reply::empty(StatusCode::NOT_FOUND);
    }
    incoming::take(&mut session, &stream.way, &mut Strict::new(), &bytes);
    reply::empty(StatusCode::ACCEPTED)
}

impl Stream {
    fn session(&self) -> MutexGuard<'_, Session> {
        self.session.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn end(&self) {
        self.session().leave();
        self.outbox.close();
    }

    async fn fall_silent(&self) {
        let done = self.session().work().done();
        done.await;
        self.outbox.close();
    }
}

impl Streams {
    /// No streams; there will be `most` at a time at most.
    pub(super) fn new(most: usize) -> Self {
        Self { table: Mutex::default(), most }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Box<str>, Arc<Stream>>> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn enter(&self, id: Box<str>, stream: Arc<Stream>) -> bool {
        let mut table = self.lock();
        let has_room = table.len() < self.most;
        if has_room {
            table.insert(id, stream);
        }
        has_room
    }

    fn find(&self, id: &str) -> Option<Arc<Stream>> {
        self.lock().get(id).cloned()
    }

    /// Ends each stream once nothing is under way on it, so that connections can end.
    pub(super) async fn hush(&self) {
        let all: Vec<_> = self.lock().values().cloned().collect();
        join_all(all.iter().map(|stream| stream.fall_silent())).await;
    }

    /// Ends all of them.
    pub(super) fn end_all(&self) {
        let all = std::mem::take(&mut *self.lock());
        for stream in all.into_values() {
            stream.end();
        }
    }
}

impl End for Entry {
    fn end(&self) {
        let stream = self.streams.lock().remove(&self.id);
        if let Some(stream) = stream {
            stream.end();
        }
    }
}
