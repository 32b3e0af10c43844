//! What a server of the stateless era says that belongs to no request: it comes on a request that stays open for it, and
//! is opened anew when it ends or something else is wanted (revision 2026-07-28, Subscriptions).

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep, sleep_until};

use super::subscriptions::Subscriptions;
use super::waiting::{Answer, LONGEST};
use super::{Error, Session, Watch};
use crate::base::backoff::Backoff;
use crate::protocol::error::{
    INVALID_PARAMS, METHOD_NOT_FOUND, MISSING_REQUIRED_CLIENT_CAPABILITY,
};
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
    /// The stream is confirmed, or has had time enough to be.
    Confirmed,
}

type Stream<'a> = Pin<Box<dyn Future<Output = Answer> + Send + 'a>>;

/// Listens for as long as the session lasts.
pub(super) async fn run(session: Arc<Session>) {
    let (mut failures, mut before): (u32, Option<Stream<'_>>) = (0, None);
    if let Some(subscriptions) = session.subscriptions() {
        subscriptions.move_to(&session);
    }
    loop {
        let wanted = session.wanted();
        if wanted.is_empty() {
            drop(before.take());
            if !changed(&session, &mut before).await {
                return;
            }
            continue;
        }
        let opened = Instant::now();
        let news = session.agreement.news.acknowledged.subscribe();
        let news = (news, session.requests.next_id());
        let mut stream: Stream<'_> = Box::pin(session.listen(wanted));
        let (event, confirmed) = follow(&session, &mut stream, &mut before, news).await;
        let answer = match event {
            Event::Ended(answer) => answer,
            Event::Changed => {
                // Of the two that are open, the one that surely works is kept until the next one does.
                if confirmed || before.is_none() {
                    before = Some(stream);
                }
                continue;
            }
            Event::Over | Event::Confirmed => return,
        };
        tracing::debug!("`{}` has ended its stream of notifications: {answer:?}", session.server);
        let more = match refused(&answer) {
            Some(METHOD_NOT_FOUND) => {
                tracing::info!("`{}` does not know `subscriptions/listen`", session.server);
                false
            }
            // It would be refused again, until something else is wanted.
            Some(INVALID_PARAMS | MISSING_REQUIRED_CLIENT_CAPABILITY) => {
                changed(&session, &mut before).await
            }
            _ => {
                failures = if opened.elapsed() >= WORKED { 0 } else { failures + 1 };
                let pause = sleep(AGAIN.after(failures));
                tokio::select! {
                    () = session.over.cancelled() => false,
                    () = beside(&mut before) => unreachable!("it never comes to an end"),
                    () = pause => true,
                }
            }
        };
        if !more {
            return;
        }
    }
}

/// Reads the stream, and the one before it until this one is confirmed: `news` tells of confirmed requests and from which
/// id on they are this one. Returns why no more is read, and whether it was confirmed.
async fn follow(
    session: &Session,
    stream: &mut Stream<'_>,
    before: &mut Option<Stream<'_>>,
    (mut acknowledged, first): (watch::Receiver<u64>, u64),
) -> (Event, bool) {
    let (mut confirmed, late) = (false, Instant::now() + OVERLAP);
    loop {
        let event = tokio::select! {
            () = session.over.cancelled() => Event::Over,
            answer = &mut *stream => Event::Ended(answer),
            () = beside(before) => unreachable!("it never comes to an end"),
            _ = acknowledged.wait_for(|id| *id >= first), if !confirmed => Event::Confirmed,
            () = sleep_until(late), if !confirmed => Event::Confirmed,
            () = session.agreement.news.wanted.notified() => Event::Changed,
        };
        match event {
            Event::Confirmed => (confirmed, *before) = (true, None),
            event => return (event, confirmed),
        }
    }
}

/// Waits until something else is wanted; false if the session ends first.
async fn changed(session: &Session, before: &mut Option<Stream<'_>>) -> bool {
    tokio::select! {
        () = session.over.cancelled() => false,
        () = beside(before) => unreachable!("it never comes to an end"),
        () = session.agreement.news.wanted.notified() => true,
    }
}

/// Has what comes on the stream before heard meanwhile, which over HTTP is read by nobody else.
async fn beside(before: &mut Option<Stream<'_>>) {
    if let Some(stream) = before {
        // When it ends there is nothing more to hear, and it must not be polled again.
        let _ = stream.await;
        *before = None;
    }
    std::future::pending::<()>().await;
}

/// The code of the error with which a stream was refused.
fn refused(answer: &Answer) -> Option<i64> {
    match answer {
        Err(Error::Refused(refusal)) => Some(refusal.code),
        _ => None,
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
