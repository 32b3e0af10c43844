//! What a server of the stateless era says that belongs to no request: it comes on a request that stays open for it, and
//! is opened anew when it ends or something else is wanted (revision 2026-07-28, Subscriptions).

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;

use super::pending::{Answer, LONGEST};
use super::subscriptions::Subscriptions;
use super::{Error, Session, Watch};
use crate::base::backoff::Backoff;
use crate::protocol::error::METHOD_NOT_FOUND;
use crate::protocol::listen::Wanted;
use crate::protocol::method;

/// A stream that keeps ending is opened less and less often.
const AGAIN: Backoff =
    Backoff { first: Duration::from_millis(500), longest: Duration::from_mins(1) };
/// The stream before is given up when the next one is confirmed, or after this long.
const OVERLAP: Duration = Duration::from_secs(5);
/// A stream that lasted so long has worked.
const WORKED: Duration = Duration::from_secs(30);

/// Why the wait for a stream is over.
enum Event {
    /// The session has ended.
    Over,
    /// The stream has.
    Ended(Answer),
    /// Something else is wanted.
    Changed,
    /// The stream before is not needed any more.
    Replaced,
}

type Stream<'a> = Pin<Box<dyn Future<Output = Answer> + Send + 'a>>;

/// Listens for as long as the session lasts.
pub(super) async fn run(session: Arc<Session>) {
    let (mut failures, mut before): (u32, Option<Stream<'_>>) = (0, None);
    let news = &session.agreement.news;
    loop {
        let wanted = session.wanted();
        if wanted.is_empty() {
            drop(before.take());
            tokio::select! {
                () = session.over.cancelled() => return,
                () = news.wanted.notified() => continue,
            }
        }
        let mut stream: Stream<'_> = Box::pin(session.listen(wanted));
        let opened = tokio::time::Instant::now();
        let end = loop {
            let event = tokio::select! {
                () = session.over.cancelled() => Event::Over,
                answer = &mut stream => Event::Ended(answer),
                () = news.wanted.notified() => Event::Changed,
                () = news.acknowledged.notified(), if before.is_some() => Event::Replaced,
                () = sleep(OVERLAP), if before.is_some() => Event::Replaced,
            };
            match event {
                Event::Over => return,
                Event::Ended(answer) => break Some(answer),
                Event::Changed => break None,
                Event::Replaced => before = None,
            }
        };
        let Some(answer) = end else {
            before = Some(stream);
            continue;
        };
        if matches!(&answer, Err(Error::Refused(refusal)) if refusal.code == METHOD_NOT_FOUND) {
            tracing::info!("`{}` does not know `subscriptions/listen`", session.server);
            return;
        }
        failures = if opened.elapsed() >= WORKED { 0 } else { failures + 1 };
        tracing::debug!("`{}` has ended its stream of notifications: {answer:?}", session.server);
        tokio::select! {
            () = session.over.cancelled() => return,
            () = sleep(AGAIN.after(failures)) => {}
        }
    }
}

impl Session {
    /// What there is to be heard: changes to all lists of which the server tells, and to the resources that somebody
    /// wants to hear of.
    fn wanted(&self) -> Wanted {
        let Some(established) = self.established() else { return Wanted::default() };
        let uris = self.subscriptions().map(Subscriptions::uris).unwrap_or_default();
        let everything =
            Wanted { tools: true, prompts: true, resources: true, uris, tasks: Vec::new() };
        everything.honoured(&established.offers)
    }

    async fn listen(&self, wanted: Wanted) -> Answer {
        let write = |to: &mut Vec<u8>, _| to.extend_from_slice(wanted.params().as_bytes());
        self.request(method::SUBSCRIPTIONS_LISTEN, LONGEST, Watch::default(), write).await
    }
}
