//! Streamable HTTP in the session era (revision 2025-11-25, Transports, Streamable HTTP): one POST for each message,
//! whose answer is JSON or a stream of events, and one stream beside them for what belongs to no request.

use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use http::StatusCode;
use tokio::time::{Instant, sleep, timeout};

use super::attempts::Attempts;
use super::call::Call;
use super::http::{Http, Kind};
use super::inbound::MAX_MESSAGE;
use super::stream::{Ending, Stream};
use super::subscriptions::Subscriptions;
use super::{Error, Session};
use crate::protocol::era::Era;
use crate::protocol::error::{ErrorObject, METHOD_NOT_FOUND};
use crate::protocol::method;
use crate::wire::http::{Answer, Content, Error as Failure};

/// What may follow an answer on its stream, and the end of the stream itself, is read for this long.
const TRAIL_LIMIT: Duration = Duration::from_secs(1);
/// A stream that was open for this long has served its purpose, whatever came.
const LONG: Duration = Duration::from_secs(30);

impl Http {
    /// Sends a request, and hands to the session what comes back until the answer was there. By the older transport
    /// the answer comes on the common stream, maybe later than this returns.
    pub(super) async fn exchange(&self, call: Call<'_>) -> Result<(), Error> {
        let session = self.session()?;
        let opens = call.method == method::INITIALIZE;
        if self.kind == Kind::Events && !self.is_older() {
            if !opens {
                // This transport is older than anything but `initialize` as the first request.
                let unknown = format!("there is no `{}` by this transport", call.method);
                return Err(Error::Refused(ErrorObject::new(METHOD_NOT_FOUND, unknown)));
            }
            // Boxed, as is all else that is rare, to keep the futures of calls small.
            Box::pin(self.open_events(&session)).await?;
        }
        let body = bytes::Bytes::from(call.body);
        let mut answer = self.post(&session, body.clone(), &call.headers).await?;
        if self.is_older() {
            return Box::pin(self.taken(&session, answer, call.id)).await;
        }
        if !answer.status().is_success() {
            let status = answer.status();
            let refused = Box::pin(self.refused(&session, answer, Some(call.id))).await;
            let maybe_older = matches!(
                status,
                StatusCode::BAD_REQUEST | StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED
            );
            // A server of the older transport refuses the POST and offers a stream instead (specification,
            // Transports, Backwards Compatibility).
            if !(opens && maybe_older && matches!(refused, Error::Status(_))) {
                return Err(refused);
            }
            if Box::pin(self.open_events(&session)).await.is_err() {
                return Err(refused);
            }
            let answer = Box::pin(self.post(&session, body, &call.headers)).await?;
            return Box::pin(self.taken(&session, answer, call.id)).await;
        }
        if opens {
            self.remember(&answer);
        }
        match answer.content() {
            Content::Json => {
                let body = answer.body(MAX_MESSAGE).await;
                let body = body.map_err(|error| self.failed(&session, error))?;
                session.take_body(body, call.id);
                self.answered(&session, call.id, "the HTTP answer holds no answer to the request")
            }
            Content::Events => self.follow(&session, answer, call.id).await,
            Content::Page | Content::Other => {
                let (status, kind) = (answer.status().as_u16(), answer.header("content-type"));
                let kind = kind.map_or("no content".to_owned(), |kind| format!("`{kind}`"));
                let reason = format!(
                    "HTTP status {status} with {kind} where `application/json` or `text/event-stream` belongs; is \
                     `url` the address of an MCP endpoint?"
                );
                Err(Error::BadAnswer { reason: session.blotter.blot(&reason).into_owned() })
            }
        }
    }

    /// By the older transport a POST is only taken.
    async fn taken(&self, session: &Session, answer: Answer, id: u64) -> Result<(), Error> {
        if answer.status().is_success() {
            return Ok(());
        }
        Err(self.refused(session, answer, Some(id)).await)
    }

    fn answered(&self, session: &Session, id: u64, otherwise: &str) -> Result<(), Error> {
        if session.requests.waits(id) {
            let reason = format!("{otherwise} (`{}`)", self.host());
            return Err(Error::BadAnswer { reason });
        }
        Ok(())
    }

    /// Reads the stream of request `id` until its answer was there. A stream that ends before that is opened again
    /// from its last event on, if it had one.
    async fn follow(&self, session: &Arc<Session>, answer: Answer, id: u64) -> Result<(), Error> {
        let mut stream = Stream::new(answer);
        let mut attempts = Attempts::default();
        loop {
            let why = match stream.read(session, Some(id)).await {
                Ending::Answered => {
                    trail(session, stream, id);
                    return Ok(());
                }
                Ending::TooLarge(reason) => return Err(Error::BadAnswer { reason }),
                Ending::Closed => "its stream ended before the answer".to_owned(),
                Ending::Broken(error) => self.reason(session, error),
            };
            let broken =
                |reason: String| Error::Broken { host: self.host().into(), reason: reason.into() };
            let (events, messages) = stream.brought();
            attempts.ended(events, messages);
            let resumable = stream.last_id().is_some() && session.era() == Era::Session;
            if !resumable || attempts.are_hopeless() {
                return Err(broken(why));
            }
            loop {
                Box::pin(sleep(attempts.look(stream.retry()))).await;
                match Box::pin(self.get(session, stream.last_id())).await {
                    Ok(answer) if is_stream(&answer) => {
                        stream.goes_on(answer);
                        break;
                    }
                    Ok(answer) => {
                        let refused = Box::pin(self.refused(session, answer, Some(id))).await;
                        return Err(match refused {
                            // The request itself may have run: it was the stream that was asked for.
                            Error::Unsent { error } => (*error).clone(),
                            other => broken(format!("{why} and cannot be resumed: {other}")),
                        });
                    }
                    Err(_) if !attempts.are_hopeless() => attempts.failed(),
                    Err(Error::NotReached { reason, .. } | Error::Broken { reason, .. }) => {
                        return Err(broken(format!("{why} and cannot be resumed: {reason}")));
                    }
                    Err(error) => return Err(error),
                }
            }
        }
    }

    /// Why a stream broke.
    pub(super) fn reason(&self, session: &Session, error: Failure) -> String {
        match self.failed(session, error) {
            Error::NotReached { reason, .. } | Error::Broken { reason, .. } => reason.into(),
            other => other.to_string(),
        }
    }

    /// Opens the stream for what belongs to no request and reads it until the session is over. Not every server has
    /// one.
    pub(super) fn listen(&self) {
        let Ok(session) = self.session() else { return };
        if self.is_older() {
            return;
        }
        session.clone().spawn_until_over(async move {
            if let Some(http) = session.carrier.http() {
                http.hear(&session).await;
            }
        });
    }

    async fn hear(&self, session: &Arc<Session>) {
        let (mut stream, mut attempts) = (None, Attempts::default());
        loop {
            let opened = Instant::now();
            let last = stream.as_ref().and_then(Stream::last_id);
            let mut asked = None;
            match self.get(session, last).await {
                Ok(answer) if is_stream(&answer) => {
                    let mut reading = Stream::after(stream.take(), answer);
                    let ending = reading.read(session, None).await;
                    tracing::debug!("`{}` closed its stream: {ending:?}", session.server);
                    let (events, messages) = reading.brought();
                    attempts.ended(events, messages);
                    if opened.elapsed() >= LONG {
                        attempts.lasted();
                    }
                    asked = reading.retry();
                    stream = Some(reading);
                }
                Ok(answer) if is_passing(answer.status()) => {
                    attempts.failed();
                    asked = answer.retry_after();
                }
                Ok(answer) => return self.no_stream(session, answer, stream.is_some()).await,
                Err(_) => attempts.failed(),
            }
            if attempts.are_hopeless() {
                let reason = "it has no stream that stays open";
                if stream.is_none() || self.give_up(session, reason) {
                    return;
                }
            }
            sleep(attempts.stand(asked)).await;
        }
    }

    /// The server refuses the standing stream. Without one a session is as good, and many a server says by 404 what 405 is
    /// for; but after it had one, that it is gone may mean that the session is.
    async fn no_stream(&self, session: &Session, answer: Answer, had_one: bool) {
        let status = answer.status();
        tracing::debug!("`{}` offers no stream (HTTP {status})", session.server);
        if !had_one || status == StatusCode::METHOD_NOT_ALLOWED {
            return;
        }
        let refused = self.refused(session, answer, None).await;
        let reason = format!("its stream cannot be opened again: {refused}");
        while !session.is_ended() && !self.give_up(session, &reason) {
            sleep(LONG).await;
        }
    }

    /// The session has lost its standing stream for good: where somebody waits to hear of resources it ends as soon as
    /// nothing is under way, so that they hear by another one. Whether there is nothing more to do.
    fn give_up(&self, session: &Session, reason: &str) -> bool {
        tracing::debug!("`{}`: {reason}", session.server);
        if session.subscriptions().is_none_or(Subscriptions::is_empty) {
            return true;
        }
        let error = Error::Broken { host: self.host().into(), reason: reason.into() };
        let idle = session.requests.end_if_idle(&error, |_| true);
        if idle {
            session.end(&error);
        }
        idle
    }
}

/// Whether a status says that another attempt may do better.
fn is_passing(status: StatusCode) -> bool {
    status.is_server_error()
        || matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT)
}

fn is_stream(answer: &Answer) -> bool {
    answer.status() == StatusCode::OK && answer.content() == Content::Events
}

/// Reads what follows an answer, beside everything else, so that the connection can be used again.
fn trail(session: &Arc<Session>, mut stream: Stream, id: u64) {
    // Mostly it has come with the answer.
    if stream.trail(session, id).now_or_never().is_some() {
        return;
    }
    let of = session.clone();
    session.spawn_until_over(async move {
        let _ = timeout(TRAIL_LIMIT, stream.trail(&of, id)).await;
    });
}
