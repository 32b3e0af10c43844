//! `/mcp`: streamable HTTP in both eras. A POST brings a message, a GET opens the stream for what belongs to no request,
//! a DELETE ends the session (specification, Transports, Streamable HTTP).

use std::sync::Arc;

use axum::Router as Routes;
use axum::body::{Bytes, HttpBody};
use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::Response;
use axum::routing::post;
use tokio_util::sync::CancellationToken;

use super::archive::{Archive, STANDING};
use super::awaited::{Awaited, Clock};
use super::body::{self, Leaving, Requests};
use super::exchange::{Accepted, Events, Exchange, Opening, Resumable, Terms};
use super::incoming;
use super::outlet::Outlet;
use super::session::Session;
use super::sessions::{Held, Sessions};
use super::{reply, request};
use crate::base::json::{Checked, Strict, member, string};
use crate::protocol::era::Era;
use crate::protocol::error::{ErrorObject, INVALID_REQUEST};
use crate::protocol::headers::{PROTOCOL_VERSION, check_headers};
use crate::protocol::jsonrpc::{self, Message, salvage_id};
use crate::protocol::meta::{self, MetaFault, RequestMeta};
use crate::protocol::method;
use crate::protocol::refusal::{http_status, unsupported_version};
use crate::protocol::version::Revision;
use crate::router::Router;

/// Where it is.
pub(super) const PATH: &str = "/mcp";
/// The header with the id of the session.
const SESSION_ID: HeaderName = HeaderName::from_static("mcp-session-id");
/// The header with the revision that a request is of.
const VERSION: HeaderName = HeaderName::from_static("mcp-protocol-version");
/// The header with the id of the last event that the client has seen.
const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");
/// When a client that found no room may try again, in seconds.
const RETRY_AFTER: HeaderValue = HeaderValue::from_static("10");

/// What serves `/mcp`.
#[derive(Debug)]
pub(super) struct Service {
    pub(super) router: Arc<Router>,
    pub(super) sessions: Arc<Sessions>,
    /// Cancelled when the bridge ends.
    pub(super) closing: CancellationToken,
}

/// A message that was taken in: answered already, or to be waited for.
enum Taken {
    Now(Response),
    Wait { awaited: Awaited, leaving: Leaving },
}

/// The status and the error of a request that is refused.
type Refused = (StatusCode, ErrorObject);

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
    match service.take(parts, &bytes, accepted).await {
        Taken::Now(response) => response,
        // If the client goes before, `leaving` is dropped here.
        Taken::Wait { awaited, leaving } => begin(awaited.opening(clock).await, leaving),
    }
}

/// The answer that begins like this.
fn begin(opening: Opening, mut leaving: Leaving) -> Response {
    match opening {
        Opening::Body { status, body } => reply::json(status, body),
        Opening::Events(Events { reader, resumable }) => {
            if let Some(stream) = resumable {
                leaving.follow(stream);
            }
            reply::events(body::events(reader, leaving))
        }
        // A request that was withdrawn gets no answer, and a stream without events is none.
        Opening::Nothing => reply::events(axum::body::Body::empty()),
    }
}

async fn listen(State(service): State<Arc<Service>>, request: Request) -> Response {
    let (parts, _) = request.into_parts();
    let held = match service.session_of(&parts.headers) {
        Ok((_, held)) => held,
        Err(response) => return *response,
    };
    if !request::accepted(&parts.headers).events {
        return not_acceptable();
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
                return now(reply::error(StatusCode::BAD_REQUEST, id.as_ref(), &error));
            }
        };
        let Ok(version) = text(&parts.headers, &VERSION) else {
            let message = format!("`{PROTOCOL_VERSION}` stands there twice or is no text");
            return now(reply::refusal(StatusCode::BAD_REQUEST, INVALID_REQUEST, message));
        };
        if message.is_array() {
            if is_of_stateless(version) {
                let message = "a message is one JSON object";
                return now(reply::refusal(StatusCode::BAD_REQUEST, INVALID_REQUEST, message));
            }
            return self.batch(parts, message, accepted);
        }
        let parsed = match jsonrpc::parse(message) {
            Ok(parsed) => parsed,
            Err(refusal) => {
                let error = ErrorObject::new(INVALID_REQUEST, refusal.to_string());
                return now(reply::error(StatusCode::BAD_REQUEST, refusal.id.as_ref(), &error));
            }
        };
        if is_stateless(version, &parsed) {
            return self.stateless(parts, parsed, accepted).await;
        }
        if let Some(version) = version.filter(|version| Revision::parse(version).is_none()) {
            let id = if let Message::Request { id, .. } = &parsed { Some(id) } else { None };
            let error = unsupported_version(version);
            return now(reply::error(StatusCode::BAD_REQUEST, id, &error));
        }
        if let Message::Request { method, .. } = &parsed
            && method == method::INITIALIZE
        {
            return self.initialize(parsed, accepted);
        }
        match self.session_of(&parts.headers) {
            Ok((_, held)) => pass_on(&held, parsed, accepted),
            Err(response) => now(*response),
        }
    }

    /// Opens a session. An id that the client brings along counts for nothing: ids are given, never taken.
    fn initialize(&self, message: Message<'_>, accepted: Accepted) -> Taken {
        if !self.sessions.has_room() {
            return now(full());
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
            return now(response);
        };
        if revision >= Revision::V2025_11_25 {
            archive.prime();
        }
        let Ok(id) = self.sessions.enter(session, archive) else {
            return now(full());
        };
        let id = HeaderValue::from_str(&id).expect("an id has letters, digits, `-` and `_`");
        response.headers_mut().insert(SESSION_ID, id);
        now(response)
    }

    /// Takes an array of messages, which one revision has (2025-03-26, Base Protocol, Batching).
    fn batch(&self, parts: &Parts, batch: Checked<'_>, accepted: Accepted) -> Taken {
        let held = match self.session_of(&parts.headers) {
            Ok((_, held)) => held,
            Err(response) => return now(*response),
        };
        let mut session = held.session();
        if session.is_over() {
            return now(gone());
        }
        if session.revision() != Some(Revision::V2025_03_26) || !incoming::is_batch(&batch) {
            let message = "a message is one JSON object";
            return now(reply::refusal(StatusCode::BAD_REQUEST, INVALID_REQUEST, message));
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
            return now(reply::empty(StatusCode::ACCEPTED));
        }
        let archive = Some(held.archive.clone());
        let terms = Terms { owed, batch: true, accepted, archive, statuses: false };
        let (exchange, awaited) = Exchange::new(terms);
        let way = session.way(Outlet::Post(exchange));
        let mut started = Vec::new();
        incoming::each(batch.text, |message| {
            started.extend(session.message(jsonrpc::parse(message), &way));
        });
        let in_flight = session.in_flight().clone();
        Taken::Wait { awaited, leaving: Leaving::Withdraw(Requests { in_flight, started }) }
    }

    /// Takes one message of the stateless era.
    async fn stateless(&self, parts: &Parts, message: Message<'_>, accepted: Accepted) -> Taken {
        let Message::Request { id, method, params } = message else {
            // Nothing that a client could notify has a meaning here: it withdraws by closing the stream.
            return now(reply::empty(StatusCode::ACCEPTED));
        };
        let headers = pairs(&parts.headers);
        let admitted = match admit(&headers, &method, params) {
            Ok(meta) if method == method::TOOLS_CALL => {
                self.admit_call(&headers, params, &meta).await.map(|()| meta)
            }
            admitted => admitted,
        };
        let meta = match admitted {
            Ok(meta) => meta,
            Err((status, error)) => return now(reply::error(status, Some(&id), &error)),
        };
        if method == method::SUBSCRIPTIONS_LISTEN && !accepted.events {
            return now(not_acceptable());
        }
        let terms = Terms { owed: 1, batch: false, accepted, archive: None, statuses: true };
        let (exchange, awaited) = Exchange::new(terms);
        let outlet = Outlet::Post(exchange);
        let mut session =
            Session::new(self.router.clone(), outlet.clone(), self.closing.child_token());
        let way = session.way(outlet);
        let started = Vec::from_iter(session.stateless(id, &method, params, &meta, &way));
        let in_flight = session.in_flight().clone();
        Taken::Wait { awaited, leaving: Leaving::Withdraw(Requests { in_flight, started }) }
    }

    /// Checks the headers that repeat arguments of a tool, which only its definition tells.
    async fn admit_call(
        &self,
        headers: &[(&str, &[u8])],
        params: Option<&str>,
        meta: &RequestMeta,
    ) -> Result<(), Refused> {
        let Some(tool) = params.and_then(|params| member(params, "name")).and_then(string) else {
            return Ok(());
        };
        let client = Arc::new(super::stateless::client(meta));
        let Some(annotations) = self.router.argument_headers(&tool, client).await else {
            return Ok(());
        };
        check_headers(method::TOOLS_CALL, params, headers, Some(&annotations))
            .map_err(|mismatch| (StatusCode::BAD_REQUEST, mismatch.error()))
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
                let mut response = reply::empty(StatusCode::METHOD_NOT_ALLOWED);
                response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("POST"));
                return Err(Box::new(response));
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
            // The client is to open a new one (specification, Session Management).
            None => Err(Box::new(gone())),
        }
    }
}

/// Hands one message to its session.
fn pass_on(held: &Held, message: Message<'_>, accepted: Accepted) -> Taken {
    let mut session = held.session();
    // It may have ended since it was found.
    if session.is_over() {
        return now(gone());
    }
    let wants_answer = matches!(message, Message::Request { .. });
    if !wants_answer {
        let way = session.way(Outlet::Standing(held.archive.clone()));
        session.message(Ok(message), &way);
        return now(reply::empty(StatusCode::ACCEPTED));
    }
    // Coming back to a stream came with streamable HTTP; a client of the revision before it would not.
    let resumes = session.revision().is_some_and(|revision| revision >= Revision::V2025_03_26);
    let archive = resumes.then(|| held.archive.clone());
    let terms = Terms { owed: 1, batch: false, accepted, archive, statuses: false };
    let (exchange, awaited) = Exchange::new(terms);
    let way = session.way(Outlet::Post(exchange));
    let started = Vec::from_iter(session.message(Ok(message), &way));
    let in_flight = session.in_flight().clone();
    Taken::Wait { awaited, leaving: Leaving::Withdraw(Requests { in_flight, started }) }
}

/// Whether the message is of the stateless era, by its header or by what it says of itself.
fn is_stateless(version: Option<&str>, message: &Message<'_>) -> bool {
    let by_body = match message {
        Message::Request { params, .. } => Era::of_request(*params) == Era::Stateless,
        _ => false,
    };
    is_of_stateless(version) || by_body
}

fn is_of_stateless(version: Option<&str>) -> bool {
    version.and_then(Revision::parse).is_some_and(|revision| revision.era() == Era::Stateless)
}

/// Checks what a stateless request says of itself in its headers and in `_meta`; the status and the error if it is
/// refused. A header that says something else comes before a revision that is not spoken.
fn admit(
    headers: &[(&str, &[u8])],
    method: &str,
    params: Option<&str>,
) -> Result<RequestMeta, Refused> {
    let bad = |error| (StatusCode::BAD_REQUEST, error);
    check_headers(method, params, headers, None).map_err(|mismatch| bad(mismatch.error()))?;
    if !method::is_request_of(Era::Stateless, method) {
        let error = super::stateless::unknown(method);
        return Err((status_of(&error), error));
    }
    let missing = MetaFault::Missing(meta::PROTOCOL_VERSION);
    RequestMeta::parse(params)
        .and_then(|meta| meta.ok_or(missing))
        .map_err(|fault| bad(fault.error()))
}

/// Names and values.
fn pairs(headers: &HeaderMap) -> Vec<(&str, &[u8])> {
    headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect()
}

fn status_of(error: &ErrorObject) -> StatusCode {
    StatusCode::from_u16(http_status(error.code)).unwrap_or(StatusCode::OK)
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

/// The answer is a stream, which the client does not read.
fn not_acceptable() -> Response {
    let message = "`Accept` has to name `text/event-stream`";
    reply::refusal(StatusCode::NOT_ACCEPTABLE, INVALID_REQUEST, message)
}

fn gone() -> Response {
    let message = "there is no such session, or not any more";
    reply::refusal(StatusCode::NOT_FOUND, INVALID_REQUEST, message)
}

fn full() -> Response {
    let message = "there are as many sessions as there may be (`http.maxSessions`)";
    let mut response = reply::refusal(StatusCode::SERVICE_UNAVAILABLE, INVALID_REQUEST, message);
    response.headers_mut().insert(header::RETRY_AFTER, RETRY_AFTER);
    response
}

fn now(response: Response) -> Taken {
    Taken::Now(response)
}
