//! A server that is reached over HTTP, by either of the two transports: what requests to it carry, and what is made of a
//! status that is no answer.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::error::Refusal;
use super::{Error, Session};
use crate::base::json::Strict;
use crate::protocol::era::Era;
use crate::protocol::error::{ErrorObject, METHOD_NOT_FOUND};
use crate::protocol::headers::{Annotations, request_headers};
use crate::protocol::jsonrpc::{self, Message};
use crate::telemetry::logging::excerpt;
use crate::wire::Closed;
use crate::wire::http::{Answer, Client, Content, Endpoint};
use crate::wire::{self};

/// Messages beside requests that may be under way at a time; more of them are dropped.
const MAX_SENDING: usize = 64;
/// A server has this long to take a message that wants no answer.
const TAKE_LIMIT: Duration = Duration::from_secs(10);
/// A server has this long to forget a session.
const FORGET_LIMIT: Duration = Duration::from_secs(1);
/// What is read of a body that comes with an error status.
const MAX_REFUSAL: usize = 64 * 1024;

const SESSION_ID: HeaderName = HeaderName::from_static("mcp-session-id");
const PROTOCOL_VERSION: HeaderName = HeaderName::from_static("mcp-protocol-version");
const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");
const JSON: HeaderValue = HeaderValue::from_static("application/json");
const EVENTS: HeaderValue = HeaderValue::from_static("text/event-stream");
const EITHER: HeaderValue = HeaderValue::from_static("application/json, text/event-stream");

/// The transports of a server with a URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// One endpoint that takes and answers everything.
    Streamable,
    /// A stream of events, and an endpoint beside it that the stream names (revision 2024-11-05).
    Events,
}

/// The way to one server, for one session.
#[derive(Debug)]
pub(super) struct Http {
    pub(super) kind: Kind,
    session: Weak<Session>,
    client: Arc<Client>,
    endpoint: Endpoint,
    /// What the server calls the session.
    id: OnceLock<HeaderValue>,
    /// Where messages go, once a stream of the older transport is open.
    posts: OnceLock<Endpoint>,
    /// What every message of the session carries, once that is known.
    posted: OnceLock<HeaderMap>,
    sending: Arc<Semaphore>,
    closed: AtomicBool,
}

/// A request on its way.
#[derive(Debug)]
pub(super) struct Call<'a> {
    pub(super) id: u64,
    pub(super) method: &'a str,
    pub(super) body: Vec<u8>,
    /// Names and values of headers that this request has beside the others.
    pub(super) headers: Vec<(String, String)>,
}

impl<'a> Call<'a> {
    /// A request whose parameters `params` writes, given its id. A stateless one repeats in headers what those on the way
    /// have to know (revision 2026-07-28, Streamable HTTP, Standard and Custom Headers); `input_schema` is that of the
    /// tool's arguments. `speaks` is how the server is spoken to, once that is agreed on.
    pub(super) fn new(
        speaks: Option<Era>,
        id: u64,
        method: &'a str,
        params: impl FnOnce(&mut Vec<u8>, u64),
        input_schema: Option<&str>,
    ) -> Self {
        if speaks == Some(Era::Session) {
            let mut body = Vec::with_capacity(512);
            jsonrpc::write_call(&mut body, id, method, params);
            return Self { id, method, body, headers: Vec::new() };
        }
        let mut written = Vec::new();
        params(&mut written, id);
        let text = std::str::from_utf8(&written).unwrap_or_default();
        let headers = if Era::of_request(Some(text)) == Era::Stateless {
            let annotations = input_schema.and_then(|schema| Annotations::parse(schema).ok());
            request_headers(method, Some(text), annotations.as_ref())
        } else {
            Vec::new()
        };
        let mut body = Vec::with_capacity(written.len() + 96);
        jsonrpc::write_call(&mut body, id, method, |to, _| to.extend_from_slice(&written));
        Self { id, method, body, headers }
    }
}

impl Http {
    pub(super) fn new(
        kind: Kind,
        session: Weak<Session>,
        client: Arc<Client>,
        endpoint: Endpoint,
    ) -> Self {
        Self {
            kind,
            session,
            client,
            endpoint,
            id: OnceLock::new(),
            posts: OnceLock::new(),
            posted: OnceLock::new(),
            sending: Arc::new(Semaphore::new(MAX_SENDING)),
            closed: AtomicBool::new(false),
        }
    }

    /// Host and port of the server.
    pub(super) fn host(&self) -> &str {
        self.endpoint.host()
    }

    /// The session that this carries.
    pub(super) fn session(&self) -> Result<Arc<Session>, Error> {
        self.session.upgrade().ok_or(Error::ShuttingDown)
    }

    /// Takes no more messages.
    pub(super) fn close(&self) {
        self.closed.store(true, Ordering::Relaxed);
    }

    /// Whether messages go by the older transport.
    pub(super) fn is_older(&self) -> bool {
        self.posts.get().is_some()
    }

    /// The older transport is open and takes messages here.
    pub(super) fn posts_to(&self, endpoint: Endpoint) {
        let _ = self.posts.set(endpoint);
    }

    /// The endpoint that a stream of the older transport names; none where it stands on another origin.
    pub(super) fn sibling(&self, reference: &str) -> Option<Endpoint> {
        self.endpoint.sibling(reference)
    }

    /// Remembers what the server calls the session (revision 2025-11-25, Transports, Session Management).
    pub(super) fn remember(&self, answer: &Answer) {
        let id = answer.header(SESSION_ID.as_str());
        if let Some(id) = id.filter(|id| id.bytes().all(|byte| matches!(byte, 0x21..=0x7e)))
            && let Ok(mut id) = HeaderValue::from_str(id)
        {
            id.set_sensitive(true);
            let _ = self.id.set(id);
        }
    }

    fn headers(&self, session: &Session) -> HeaderMap {
        // Our own headers win over those of the entry: they are what the exchange means.
        let mut headers = self.endpoint.headers().clone();
        if let Some(id) = self.id.get() {
            headers.insert(SESSION_ID, id.clone());
        }
        let established = session.established();
        let revision = established.and_then(|e| HeaderValue::from_str(&e.revision).ok());
        if let Some(revision) = revision {
            headers.insert(PROTOCOL_VERSION, revision);
        }
        headers
    }

    /// Sends a message and waits for the head of the answer.
    pub(super) async fn post(
        &self,
        session: &Session,
        body: Bytes,
        more: &[(String, String)],
    ) -> Result<Answer, Error> {
        let of_session = || {
            let mut headers = self.headers(session);
            headers.insert(ACCEPT, EITHER);
            headers.insert(CONTENT_TYPE, JSON);
            headers
        };
        let mut headers = match session.established() {
            Some(_) => self.posted.get_or_init(of_session).clone(),
            None => of_session(),
        };
        for (name, value) in more {
            let name = HeaderName::from_bytes(name.as_bytes());
            if let (Ok(name), Ok(value)) = (name, HeaderValue::from_str(value)) {
                headers.insert(name, value);
            }
        }
        let endpoint = self.posts.get().unwrap_or(&self.endpoint);
        let sent = self.client.send(Method::POST, endpoint, headers, body).await;
        sent.map_err(|error| self.failed(session, error))
    }

    /// Opens a stream of events, from after event `last` on where that is given.
    pub(super) async fn get(&self, session: &Session, last: Option<&str>) -> Result<Answer, Error> {
        let mut headers = self.headers(session);
        headers.insert(ACCEPT, EVENTS);
        if let Some(last) = last.and_then(|last| HeaderValue::from_str(last).ok()) {
            headers.insert(LAST_EVENT_ID, last);
        }
        let sent = self.client.send(Method::GET, &self.endpoint, headers, Bytes::new()).await;
        sent.map_err(|error| self.failed(session, error))
    }

    /// Has the server forget the session; one that does not answer is left to find out by itself.
    pub(super) async fn forget(&self, session: &Session) {
        if self.id.get().is_none() || matches!(session.ended(), Some(Error::SessionLost { .. })) {
            return;
        }
        let headers = self.headers(session);
        let sending = self.client.send(Method::DELETE, &self.endpoint, headers, Bytes::new());
        let outcome = timeout(FORGET_LIMIT, sending).await;
        if !matches!(&outcome, Ok(Ok(_))) {
            tracing::debug!("`{}` was not told that its session is over", session.server);
        }
    }

    /// Sends a message that wants no answer, and waits until it is taken.
    pub(super) async fn tell(&self, session: &Session, body: Vec<u8>) -> Result<(), Error> {
        let telling = async {
            let answer = self.post(session, body.into(), &[]).await?;
            if answer.status().is_success() {
                return Ok(());
            }
            Err(self.refused(session, answer, None).await)
        };
        let late = Err(Error::TimedOut { after: TAKE_LIMIT });
        timeout(TAKE_LIMIT, telling).await.unwrap_or(late)
    }

    /// Sends a message that wants no answer, if fewer than enough are under way.
    pub(super) fn try_send(&self, write: impl FnOnce(&mut Vec<u8>)) -> Result<bool, Closed> {
        if self.closed.load(Ordering::Relaxed) {
            return Err(Closed);
        }
        let session = self.session.upgrade().ok_or(Closed)?;
        let Ok(permit) = self.sending.clone().try_acquire_owned() else {
            return Ok(false);
        };
        let mut body = Vec::new();
        write(&mut body);
        let tasks = session.tasks.clone();
        tasks.spawn(async move {
            if let Some(http) = session.carrier.http()
                && let Err(error) = http.tell(&session, body).await
            {
                tracing::debug!("`{}` did not take a message: {error}", session.server);
            }
            drop(permit);
        });
        Ok(true)
    }

    /// What an exchange failed of, as the session's errors have it.
    pub(super) fn failed(&self, session: &Session, error: wire::http::Error) -> Error {
        let blot = |reason: String| Box::from(session.blotter.blot(&reason));
        match error {
            wire::http::Error::NotReached { host, reason } => {
                Error::NotReached { host: host.into(), reason: blot(reason) }
            }
            wire::http::Error::Broken { host, reason } => {
                Error::Broken { host: host.into(), reason: blot(reason) }
            }
            error @ wire::http::Error::TooLarge { .. } => {
                Error::BadAnswer { reason: error.to_string() }
            }
        }
    }

    /// What a status says that is no success. `call` is the request that it answers.
    pub(super) async fn refused(
        &self,
        session: &Session,
        mut answer: Answer,
        call: Option<u64>,
    ) -> Error {
        let status = answer.status();
        let page = answer.content() == Content::Page;
        let body = answer.beginning(MAX_REFUSAL).await;
        let object = error_object(&body, call);
        if self.is_lost(session, status, object.as_ref()) {
            let lost = Error::SessionLost { host: self.host().into() };
            if let Some(call) = call {
                session.requests.forget(call);
            }
            session.end(&lost);
            return Error::Unsent { error: Arc::new(lost) };
        }
        let said = match object {
            Some((object, _)) if is_protocol(status) => {
                return Error::Refused(session.blotted(object));
            }
            Some((object, _)) => object.message,
            None if page => String::new(),
            None => String::from_utf8_lossy(&body).into_owned(),
        };
        Error::Status(Box::new(Refusal {
            host: self.host().to_owned(),
            status: status.as_u16(),
            said: excerpt(session.blotter.blot(said.trim()).as_bytes(), 300),
            retry_after: answer.retry_after(),
            redirects_to: answer.redirects_to(),
        }))
    }

    /// Whether the server has forgotten the session: 404 says so (revision 2025-11-25, Transports, Session
    /// Management), and many servers say it by 400 and an error that belongs to no request.
    fn is_lost(
        &self,
        session: &Session,
        status: StatusCode,
        object: Option<&(ErrorObject, bool)>,
    ) -> bool {
        let had_one = self.id.get().is_some() || self.is_older();
        if session.era() != Era::Session || !had_one {
            return false;
        }
        match (status, object) {
            (StatusCode::NOT_FOUND, Some((error, ours))) => !ours || error.code != METHOD_NOT_FOUND,
            (StatusCode::NOT_FOUND | StatusCode::GONE, None) => true,
            (StatusCode::BAD_REQUEST, Some((error, false))) => {
                error.message.to_lowercase().contains("session")
            }
            _ => false,
        }
    }
}

/// Whether a JSON-RPC error that comes with this status is the answer to the request, and not only a way to say what
/// the status says anyway.
fn is_protocol(status: StatusCode) -> bool {
    !matches!(
        status,
        StatusCode::UNAUTHORIZED
            | StatusCode::FORBIDDEN
            | StatusCode::METHOD_NOT_ALLOWED
            | StatusCode::PROXY_AUTHENTICATION_REQUIRED
            | StatusCode::TOO_MANY_REQUESTS
            | StatusCode::BAD_GATEWAY
            | StatusCode::SERVICE_UNAVAILABLE
            | StatusCode::GATEWAY_TIMEOUT
    )
}

/// The JSON-RPC error in a body, if it is one and belongs to request `call` or to none; and whether it names that
/// request.
fn error_object(body: &[u8], call: Option<u64>) -> Option<(ErrorObject, bool)> {
    let mut strict = Strict::new();
    match jsonrpc::parse(strict.check(body).ok()?).ok()? {
        Message::Response { id, outcome: Err(error) } => {
            let ours = call.is_some() && id.parse().ok() == call;
            let other = !ours && id.parse::<u64>().is_ok();
            (!other).then_some((error, ours))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_in_bodies_belong_to_the_request_or_to_none() {
        let check = |body: &str, expected: Option<(i64, bool)>| {
            let found = error_object(body.as_bytes(), Some(7));
            assert_eq!(found.map(|(error, ours)| (error.code, ours)), expected, "{body}");
        };
        let error = r#""error":{"code":-32020,"message":"m"}"#;
        check(&format!(r#"{{"jsonrpc":"2.0","id":7,{error}}}"#), Some((-32020, true)));
        check(&format!(r#"{{"jsonrpc":"2.0","id":null,{error}}}"#), Some((-32020, false)));
        check(
            &format!(r#"{{"jsonrpc":"2.0","id":"server-error",{error}}}"#),
            Some((-32020, false)),
        );
        check(&format!(r#"{{"jsonrpc":"2.0",{error}}}"#), Some((-32020, false)));
        check(&format!(r#"{{"jsonrpc":"2.0","id":8,{error}}}"#), None);
        check(r#"{"jsonrpc":"2.0","id":7,"result":{}}"#, None);
        check(r#"{"error":"invalid_token"}"#, None);
        check("<html>", None);
        check("", None);
    }
}
