//! The older transport (revision 2024-11-05, Transports, HTTP with SSE): one stream of events brings everything, and its
//! first event names the endpoint that takes our messages.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;

use super::http::Http;
use super::stream::{Ending, Stream};
use super::{Error, Session};
use crate::wire::http::Content;

/// A server has this long to open its stream and to name the endpoint.
const OPEN_LIMIT: Duration = Duration::from_secs(15);
/// It names the endpoint by the first event, for which there is nothing to wait.
const NAME_LIMIT: Duration = Duration::from_secs(10);

impl Http {
    /// Opens the stream and has its messages handed to the session, which ends with it.
    pub(super) async fn open_events(&self, session: &Arc<Session>) -> Result<(), Error> {
        let late = Err(Error::TimedOut { after: OPEN_LIMIT });
        let mut stream = timeout(OPEN_LIMIT, self.find_endpoint(session)).await.unwrap_or(late)?;
        let listening = session.clone();
        session.spawn_until_over(async move {
            let Some(http) = listening.carrier.http() else { return };
            let reason = match stream.read(&listening, None).await {
                Ending::Answered | Ending::Closed => "it ended its stream".to_owned(),
                Ending::Broken(error) => http.reason(&listening, error),
                Ending::TooLarge(reason) => reason,
            };
            listening.end(&Error::Broken { host: http.host().into(), reason: reason.into() });
        });
        Ok(())
    }

    async fn find_endpoint(&self, session: &Session) -> Result<Stream, Error> {
        let no_stream =
            |reason: String| Error::NotOlder { host: self.host().into(), reason: reason.into() };
        let answer = self.get(session, None).await?;
        let status = answer.status();
        if !status.is_success() {
            // This transport has no other answer to a GET than a stream, while the present one may refuse it, or want
            // a session first.
            return Err(match self.refused(session, answer, None).await {
                Error::Status(refusal) if !matches!(status.as_u16(), 400 | 405 | 406) => {
                    Error::Status(refusal)
                }
                Error::Status(_) | Error::Refused(_) => {
                    no_stream(format!("a GET brings HTTP status {} and no stream", status.as_u16()))
                }
                other => other,
            });
        }
        if answer.content() != Content::Events {
            return Err(no_stream("a GET brings no stream of events".to_owned()));
        }
        let mut stream = Stream::new(answer);
        let nameless = |what: &str| no_stream(format!("the stream of events {what}"));
        let event = timeout(NAME_LIMIT, stream.event()).await;
        let event = event.map_err(|_| nameless("names no endpoint"))?;
        let event = event.map_err(|ending| match ending {
            Ending::Broken(error) => self.failed(session, error),
            _ => nameless("ended before it named its endpoint"),
        })?;
        if event.name != "endpoint" {
            return Err(nameless("does not begin with `endpoint`"));
        }
        let reference = String::from_utf8_lossy(&event.data);
        // Whoever can write the stream must not have our credentials sent elsewhere.
        let endpoint = self.sibling(reference.trim()).ok_or_else(|| {
            let reason = "the endpoint that the stream names is on another origin than `url`";
            Error::Handshake { reason: reason.to_owned() }
        })?;
        self.posts_to(endpoint);
        Ok(stream)
    }
}
