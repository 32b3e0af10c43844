//! `/mcp`: streamable HTTP in both eras. A POST brings a message, a GET opens the stream for what belongs to no request,
//! a DELETE ends the session (specification, Transports, Streamable HTTP).

use std::sync::Arc;

use axum::Router as Routes;
use axum::body::{Bytes, HttpBody};
use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::response::Response;
use axum::routing::post;
use tokio_util::sync::CancellationToken;

use super::admission::{admit, is_of_stateless, is_stateless};
use super::archive::{Archive, STANDING};
use super::awaited::{Clock, Taken, begin};
use super::body::{self, Leaving, Requests};
use super::exchange::{Accepted, Exchange, Resumable, Terms};
use super::outlet::Outlet;
use super::session::Session;
use super::sessions::{Held, Sessions};
use super::{conversation, incoming, reply, request};
use crate::base::json::Strict;
use crate::protocol::era::Era;
use crate::protocol::error::{ErrorObject, INVALID_REQUEST};
use crate::protocol::headers::PROTOCOL_VERSION;
use crate::protocol::jsonrpc::{self, Message, salvage_id};
use crate::protocol::method;
use crate::protocol::refusal::unsupported_version;
use crate::protocol::version::Revision;
use crate::router::Current;

/// Where it is.
pub(super) const PATH: &str = "/mcp";
/// The header with the id of the session.
const SESSION_ID: HeaderName = HeaderName::from_static("mcp-session-id");
/// The header with the revision that a request is of.
const VERSION: HeaderName = HeaderName::from_static("mcp-protocol-version");
/// The header with the id of the last event that the client has seen.
const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");
/// What serves `/mcp`.
#[derive(Debug)]
pub(super) struct Service {
    pub(super) router: Arc<Current>,
    pub(super) sessions: Arc<Sessions>,
    /// Cancelled when the bridge ends.
    pub(super) closing: CancellationToken,
}

/// The routes of it.
pub(super) fn routes(service: Arc<Service>) -> Routes {
    let methods = post(message).get(listen).delete(leave);
    Routes::new().route(PATH, methods).with_state(service)
}

async fn message(State(service): State<Arc<Service>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    receive(&service, &parts, body, &Clock::default()).await
}

/// Takes a POST in, and waits for the beginning of the answer; `clock` is that of the connection.
pub(super) async fn receive<B>(service: &Service, parts: &Parts, body: B, clock: &Clock) -> Response
where
    B: HttpBody<Data = Bytes>,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let accepted = request::accepted(&parts.headers);
    if !accepted.json && !accepted.events {
        let message = "`Accept` has to name `application/json` and `text/event-stream`";
        return reply::refusal(StatusCode::NOT_ACCEPTABLE, INVALID_REQUEST, message);
    }
    let bytes = match request::message(&parts.headers, body).await {
        Ok(bytes) => bytes,
        Err(response) => return response,
    };
    service.take(parts, &bytes, accepted).await.response(clock).await
}

async fn listen(State(service): State<Arc<Service>>, request: Request) -> Response {
    let (parts, _) = request.into_parts();
    // It comes here with GET, and would take the stream from whoever reads it.
    if parts.method == Method::HEAD {
        return not_allowed("POST, GET, DELETE");
    }
    let held = match service.session_of(&parts.headers) {
        Ok((_, held)) => held,
        Err(response) => return *response,
    };
    if !request::accepted(&parts.headers).events {
        return reply::not_acceptable();
    }
    let opened = match text(&parts.headers, &LAST_EVENT_ID) {
        Ok(None) => {
            let (outbox, reader) = held.archive.open_standing();
            Ok((STANDING, outbox, reader))
        }
        Ok(Some(last)) => held.archive.resume(last),
        Err(()) => return reply::empty(StatusCode::BAD_REQUEST),
    };
    match opened {
        Ok((track, outbox, reader)) => {
            let stream = Resumable { archive: held.archive.clone(), track, outbox };
            let leaving = Leaving::Detach(stream, Requests::default());
            reply::events(body::events(reader, leaving))
        }
        Err(unknown) => {
            reply::refusal(StatusCode::BAD_REQUEST, INVALID_REQUEST, unknown.to_string())
        }
    }
}

async fn leave(State(service): State<Arc<Service>>, headers: HeaderMap) -> Response {
    match service.session_of(&headers) {
        Ok((id, _)) => {
            service.sessions.end(id);
            reply::empty(StatusCode::NO_CONTENT)
        }
        Err(response) => *response,
    }
}

impl Service {
    async fn take(&self, parts: &Parts, bytes: &[u8], accepted: Accepted) -> Taken {
        let mut strict = Strict::new();
        let message = match strict.check(bytes) {
            Ok(message) => message,
            Err(fault) => {
                let error = incoming::unreadable(&fault);
                let id = salvage_id(bytes);
                return Taken::Now(reply::error(StatusCode::BAD_REQUEST, id.as_ref(), &error));
            }
        };
        let Ok(version) = text(&parts.headers, &VERSION) else {
            let message = format!("`{PROTOCOL_VERSION}` stands there twice or is no text");
            return Taken::Now(reply::refusal(StatusCode::BAD_REQUEST, INVALID_REQUEST, message));
        };
        if message.is_array() {
            if is_of_stateless(version) {
                let message = "a message is one JSON object";
                return Taken::Now(reply::refusal(
                    StatusCode::BAD_REQUEST,
                    INVALID_REQUEST,
                    message,
                ));
            }
            return match self.session_of(&parts.headers) {
                Ok((_, held)) => conversation::batch(&held, &message, accepted),
                Err(response) => Taken::Now(*response),
            };
        }
        let parsed = match jsonrpc::parse(message) {
            Ok(parsed) => parsed,
            Err(refusal) => {
                let error = ErrorObject::new(INVALID_REQUEST, refusal.to_string());
                return Taken::Now(reply::error(
                    StatusCode::BAD_REQUEST,
                    refusal.id.as_ref(),
                    &error,
                ));
            }
        };
        if is_stateless(version, &parsed) {
            return self.stateless(parts, parsed, accepted).await;
        }
        if let Some(version) = version.filter(|version| Revision::parse(version).is_none()) {
            let id = if let Message::Request { id, .. } = &parsed { Some(id) } else { None };
            let error = unsupported_version(version);
            return Taken::Now(reply::error(StatusCode::BAD_REQUEST, id, &error));
        }
        if let Message::Request { method, .. } = &parsed
            && method == method::INITIALIZE
        {
            return self.initialize(parsed, accepted);
        }
        match self.session_of(&parts.headers) {
            Ok((_, held)) => conversation::pass_on(&held, parsed, accepted),
            Err(response) => Taken::Now(*response),
        }
    }

    /// Opens a session. An id that the client brings along counts for nothing: ids are given, never taken.
    fn initialize(&self, message: Message<'_>, accepted: Accepted) -> Taken {
        if !self.sessions.has_room() {
            return Taken::Now(reply::full());
        }
        let archive = Arc::new(Archive::new(self.sessions.budget.clone()));
        let standing = Outlet::Standing(archive.clone());
        let closing = self.closing.child_token();
        let mut session = Session::new(self.router.clone(), standing, closing);
        let terms = Terms { owed: 1, batch: false, accepted, archive: None, statuses: false };
        let (exchange, awaited) = Exchange::new(terms);
        let way = session.way(Outlet::Post(exchange));
        session.message(Ok(message), &way);
        // It is answered by now.
        let mut response = begin(awaited.now(), Leaving::Withdraw(Requests::default()));
        let Some(revision) = session.revision() else {
            return Taken::Now(response);
        };
        if revision >= Revision::V2025_11_25 {
            archive.prime();
        }
        let Ok(id) = self.sessions.enter(session, archive) else {
            return Taken::Now(reply::full());
        };
        let id = HeaderValue::from_str(&id).expect("an id has letters, digits, `-` and `_`");
        response.headers_mut().insert(SESSION_ID, id);
        Taken::Now(response)
    }

    /// Takes one message of the stateless era.
    async fn stateless(&self, parts: &Parts, message: Message<'_>, accepted: Accepted) -> Taken {
        let Message::Request { id, method, params } = message else {
            // Nothing that a client could notify has a meaning here: it withdraws by closing the stream.
            return Taken::Now(reply::empty(StatusCode::ACCEPTED));
        };
        let client = match admit(&self.router.now(), &parts.headers, &method, params).await {
            Ok(client) => client,
            Err((status, error)) => return Taken::Now(reply::error(status, Some(&id), &error)),
        };
        if method == method::SUBSCRIPTIONS_LISTEN && !accepted.events {
            return Taken::Now(reply::not_acceptable());
        }
        let terms = Terms { owed: 1, batch: false, accepted, archive: None, statuses: true };
        let (exchange, awaited) = Exchange::new(terms);
        let outlet = Outlet::Post(exchange);
        let mut session = Session::new(self.router.clone(), outlet.clone(), self.closing.clone());
        let started = Vec::from_iter(session.stateless(id, &method, params, client, outlet));
        let in_flight = session.work().in_flight.clone();
        Taken::Wait { awaited, leaving: Leaving::Withdraw(Requests { in_flight, started }) }
    }

    /// The session that the headers name, and its id.
    fn session_of<'a>(
        &self,
        headers: &'a HeaderMap,
    ) -> Result<(&'a str, Arc<Held>), Box<Response>> {
        let refuse =
            |status, message: &str| Err(Box::new(reply::refusal(status, INVALID_REQUEST, message)));
        let version = text(headers, &VERSION);
        match version.map(|version| version.map(|version| (version, Revision::parse(version)))) {
            Err(()) => return refuse(StatusCode::BAD_REQUEST, "two protocol versions"),
            Ok(Some((version, None))) => {
                let error = unsupported_version(version);
                return Err(Box::new(reply::error(StatusCode::BAD_REQUEST, None, &error)));
            }
            Ok(Some((_, Some(revision)))) if revision.era() == Era::Stateless => {
                return Err(Box::new(not_allowed("POST")));
            }
            Ok(_) => {}
        }
        let Ok(id) = text(headers, &SESSION_ID) else {
            return refuse(
                StatusCode::BAD_REQUEST,
                "`Mcp-Session-Id` is given twice or is no text",
            );
        };
        let Some(id) = id else {
            let message = "`Mcp-Session-Id` is missing: send `initialize` first, which gives one";
            return refuse(StatusCode::BAD_REQUEST, message);
        };
        match self.sessions.find(id) {
            Some(held) => Ok((id, held)),
            None => Err(Box::new(reply::gone())),
        }
    }
}

fn not_allowed(methods: &'static str) -> Response {
    let mut response = reply::empty(StatusCode::METHOD_NOT_ALLOWED);
    response.headers_mut().insert(header::ALLOW, HeaderValue::from_static(methods));
    response
}

/// The value of a header that may stand there once.
fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<Option<&'a str>, ()> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(value), None) => value.to_str().map(Some).map_err(drop),
        (Some(_), Some(_)) => Err(()),
    }
}
