//! A server that is reached over HTTP, by either of the two transports: what requests to it carry.

use std::borrow::Cow;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use super::{Error, Session};
use crate::oauth::Tokens;
use crate::protocol::headers;
use crate::wire::Closed;
use crate::wire::http::{Answer, Client, Endpoint, Error as Failure};

/// Messages beside requests that may be under way at a time; of the others notifications are dropped.
const MAX_SENDING: usize = 64;
/// Answers to the server that may wait until others are taken.
const MAX_ANSWERS: usize = 1024;
/// A server has this long to take a message that wants no answer.
const TAKE_LIMIT: Duration = Duration::from_secs(10);
/// A server has this long to forget a session.
const FORGET_LIMIT: Duration = Duration::from_secs(1);

const SESSION_ID: HeaderName = HeaderName::from_static("mcp-session-id");
const PROTOCOL_VERSION: HeaderName = HeaderName::from_static("mcp-protocol-version");
const METHOD: HeaderName = HeaderName::from_static("mcp-method");
const NAME: HeaderName = HeaderName::from_static("mcp-name");
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
    /// Where every request gets its token from, if the server has a login.
    tokens: Option<Tokens>,
    /// What the server calls the session.
    id: OnceLock<HeaderValue>,
    /// Where messages go, once a stream of the older transport is open.
    posts: OnceLock<Endpoint>,
    /// What every message of the session carries, once that is known.
    posted: OnceLock<HeaderMap>,
    sending: Arc<Semaphore>,
    answers: Arc<Semaphore>,
    closed: AtomicBool,
}

/// A message on its way, as HTTP has it.
#[derive(Debug)]
pub(super) struct Outgoing<'a> {
    pub(super) method: Method,
    pub(super) endpoint: &'a Endpoint,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

impl Http {
    pub(super) fn new(
        kind: Kind,
        session: Weak<Session>,
        client: Arc<Client>,
        endpoint: Endpoint,
        tokens: Option<Tokens>,
    ) -> Self {
        Self {
            kind,
            session,
            client,
            endpoint,
            tokens,
            id: OnceLock::new(),
            posts: OnceLock::new(),
            posted: OnceLock::new(),
            sending: Arc::new(Semaphore::new(MAX_SENDING)),
            answers: Arc::new(Semaphore::new(MAX_ANSWERS)),
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

    /// Whether the server has given the session a name.
    pub(super) fn has_id(&self) -> bool {
        self.id.get().is_some()
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
        more: &[(Cow<'static, str>, String)],
    ) -> Result<Answer, Error> {
        let of_session = || {
            let mut headers = self.headers(session);
            headers.insert(ACCEPT, EITHER);
            headers.insert(CONTENT_TYPE, JSON);
            headers
        };
        let headers = || {
            let mut headers = match session.established() {
                Some(_) => self.posted.get_or_init(of_session).clone(),
                None => of_session(),
            };
            for (name, value) in more {
                let name = match &**name {
                    headers::PROTOCOL_VERSION => Ok(PROTOCOL_VERSION),
                    headers::METHOD => Ok(METHOD),
                    headers::NAME => Ok(NAME),
                    other => HeaderName::from_bytes(other.as_bytes()),
                };
                if let (Ok(name), Ok(value)) = (name, HeaderValue::from_str(value)) {
                    headers.insert(name, value);
                }
            }
            headers
        };
        let endpoint = self.posts.get().unwrap_or(&self.endpoint);
        self.send(session, Method::POST, endpoint, headers, body).await
    }

    /// Sends a request, with a token where the server has a login.
    async fn send(
        &self,
        session: &Session,
        method: Method,
        endpoint: &Endpoint,
        headers: impl Fn() -> HeaderMap,
        body: Bytes,
    ) -> Result<Answer, Error> {
        if let Some(tokens) = &self.tokens {
            let message = Outgoing { method, endpoint, headers: headers(), body };
            return Box::pin(self.send_with_token(session, tokens, message)).await;
        }
        let sent = self.client.send(method, endpoint, headers, body).await;
        sent.map_err(|error| self.failed(session, error))
    }

    /// Sends a request as it is.
    pub(super) async fn send_out(
        &self,
        session: &Session,
        message: &Outgoing<'_>,
    ) -> Result<Answer, Error> {
        let Outgoing { method, endpoint, headers, body } = message;
        let sent =
            self.client.send(method.clone(), endpoint, || headers.clone(), body.clone()).await;
        sent.map_err(|error| self.failed(session, error))
    }

    /// Opens a stream of events, from after event `last` on where that is given.
    pub(super) async fn get(
        &self,
        session: &Session,
        last: Option<HeaderValue>,
    ) -> Result<Answer, Error> {
        let mut headers = self.headers(session);
        headers.insert(ACCEPT, EVENTS);
        if let Some(last) = last {
            headers.insert(LAST_EVENT_ID, last);
        }
        self.send(session, Method::GET, &self.endpoint, || headers.clone(), Bytes::new()).await
    }

    /// Has the server forget the session; one that does not answer is left to find out by itself.
    pub(super) async fn forget(&self, session: &Session) {
        if self.id.get().is_none() || matches!(session.ended(), Some(Error::SessionLost { .. })) {
            return;
        }
        let headers = self.headers(session);
        let endpoint = &self.endpoint;
        let sending =
            self.send(session, Method::DELETE, endpoint, || headers.clone(), Bytes::new());
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
        let session = self.open_session()?;
        let Ok(permit) = self.sending.clone().try_acquire_owned() else {
            return Ok(false);
        };
        let body = written(write);
        session.tasks.clone().spawn(async move {
            take(&session, body).await;
            drop(permit);
        });
        Ok(true)
    }

    /// Sends a message that wants no answer, after others where too many are under way. The caller sees to it that not too
    /// many wait.
    pub(super) fn queue(&self, write: impl FnOnce(&mut Vec<u8>)) -> Result<(), Closed> {
        self.send_in_turn(written(write), None)
    }

    /// Sends an answer to the server like [`Http::queue`], unless it has asked so much that too many wait.
    pub(super) fn try_queue(&self, write: impl FnOnce(&mut Vec<u8>)) -> Result<bool, Closed> {
        let Ok(place) = self.answers.clone().try_acquire_owned() else {
            return Ok(false);
        };
        self.send_in_turn(written(write), Some(place)).map(|()| true)
    }

    fn send_in_turn(
        &self,
        body: Vec<u8>,
        place: Option<OwnedSemaphorePermit>,
    ) -> Result<(), Closed> {
        let session = self.open_session()?;
        let sending = self.sending.clone();
        session.tasks.clone().spawn(async move {
            let permit = tokio::select! {
                biased;
                permit = sending.acquire_owned() => permit.ok(),
                () = session.over.cancelled() => None,
            };
            if permit.is_some() {
                take(&session, body).await;
            }
            drop(place);
        });
        Ok(())
    }

    fn open_session(&self) -> Result<Arc<Session>, Closed> {
        if self.closed.load(Ordering::Relaxed) {
            return Err(Closed);
        }
        self.session.upgrade().ok_or(Closed)
    }

    /// What an exchange failed of, as the session's errors have it.
    pub(super) fn failed(&self, session: &Session, error: Failure) -> Error {
        let blot = |reason: String| Box::from(session.blotter.blot(&reason));
        match error {
            Failure::NotReached { host, reason } => {
                Error::NotReached { host: host.into(), reason: blot(reason) }
            }
            Failure::Broken { host, reason } => {
                Error::Broken { host: host.into(), reason: blot(reason) }
            }
            Failure::NoTls { host } => Error::NoTls { host: host.into() },
            Failure::NotHttp { host, reason } => {
                Error::NotHttp { host: host.into(), reason: blot(reason) }
            }
            error @ Failure::TooLarge { .. } => Error::BadAnswer { reason: error.to_string() },
        }
    }
}

fn written(write: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut body = Vec::new();
    write(&mut body);
    body
}

/// Has the server take a message; that it does not is nobody's failure.
async fn take(session: &Session, body: Vec<u8>) {
    if let Some(http) = session.carrier.http()
        && let Err(error) = http.tell(session, body).await
    {
        tracing::debug!("`{}` did not take a message: {error}", session.server);
    }
}
