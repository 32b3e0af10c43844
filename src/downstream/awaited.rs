//! The answer to a POST, as whoever sends it waits for it. Proxies and clients cut off what sends no head for a minute or
//! some more, so that an answer that takes long begins as a stream of events, which then shows that it is alive.

use std::future::poll_fn;
use std::sync::{Mutex, PoisonError, Weak};
use std::time::Duration;

use axum::body::Body;
use axum::response::Response;
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::body::{self, Leaving};
use super::exchange::{Events, Exchange, Opening};
use super::patience::Alarm;
use super::reply;

/// An answer that has not begun for so long begins as a stream, if the client reads streams.
const SILENCE: Duration = Duration::from_secs(5);

/// A message that was taken in: answered already, or to be waited for.
pub(super) enum Taken {
    Now(Response),
    Wait { awaited: Awaited, leaving: Leaving },
}

/// How an answer will begin.
#[derive(Debug)]
pub(super) struct Awaited {
    opening: oneshot::Receiver<Opening>,
    /// Weak, so that an exchange that everybody else has dropped is seen to be over.
    exchange: Weak<Exchange>,
}

/// The clock of such waiting, one for all the requests of a connection, which come one after another.
#[derive(Debug, Default)]
pub(super) struct Clock(Mutex<Alarm>);

impl Taken {
    /// Waits for the beginning of the answer; `clock` is that of the connection.
    pub(super) async fn response(self, clock: &Clock) -> Response {
        match self {
            Self::Now(response) => response,
            // If the client goes before, `leaving` is dropped here.
            Self::Wait { awaited, leaving } => begin(awaited.opening(clock).await, leaving),
        }
    }
}

impl Awaited {
    pub(super) fn new(opening: oneshot::Receiver<Opening>, exchange: Weak<Exchange>) -> Self {
        Self { opening, exchange }
    }

    /// The beginning, if it is known.
    pub(super) fn now(mut self) -> Opening {
        self.opening.try_recv().unwrap_or(Opening::Nothing)
    }

    /// Waits for the beginning, which is that of a stream when it takes long.
    pub(super) async fn opening(mut self, clock: &Clock) -> Opening {
        let due = Instant::now() + SILENCE;
        let opening = tokio::select! {
            biased;
            opening = &mut self.opening => opening,
            () = clock.until(due) => {
                if let Some(exchange) = self.exchange.upgrade() {
                    exchange.begin_stream();
                }
                self.opening.await
            }
        };
        opening.unwrap_or(Opening::Nothing)
    }
}

impl Clock {
    async fn until(&self, due: Instant) {
        poll_fn(|context| self.0.lock().unwrap_or_else(PoisonError::into_inner).poll(due, context))
            .await;
    }
}

/// The answer that begins like this.
pub(super) fn begin(opening: Opening, mut leaving: Leaving) -> Response {
    match opening {
        Opening::Body { status, body, rest } => reply::json(status, body::pieces(body, rest)),
        Opening::Events(Events { reader, resumable }) => {
            if let Some(stream) = resumable {
                leaving.follow(stream);
            }
            reply::events(body::events(reader, leaving))
        }
        // A request that was withdrawn gets no answer, and a stream without events is none.
        Opening::Nothing => reply::events(Body::empty()),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use axum::body::HttpBody;
    use tokio::time::sleep;

    use super::*;
    use crate::downstream::exchange::{Accepted, Terms};
    use crate::protocol::jsonrpc::Id;

    fn exchange(json: bool, events: bool) -> (Arc<Exchange>, Awaited) {
        let accepted = Accepted { json, events };
        Exchange::new(Terms { owed: 1, batch: false, accepted, archive: None, statuses: true })
    }

    /// What the answer after `time` looks like to the client, and when it begins, in seconds.
    async fn check(json: bool, events: bool, time: u64, expected: (&str, u64)) {
        let (exchange, awaited) = exchange(json, events);
        let (clock, begun) = (Clock::default(), Instant::now());
        let opened = async { (awaited.opening(&clock).await, begun.elapsed().as_secs()) };
        let answered = async {
            sleep(Duration::from_secs(time)).await;
            exchange.answer(&Id::parse("1").expect("an id"), Ok("{}"));
        };
        let ((opening, begins), ()) = tokio::join!(opened, answered);
        let text = match opening {
            Opening::Body { body, rest, .. } => {
                String::from_utf8([body, rest].concat()).expect("text")
            }
            Opening::Events(mut events) => {
                String::from_utf8(events.reader.next().await.expect("an event")).expect("text")
            }
            Opening::Nothing => String::new(),
        };
        assert_eq!((&*text, begins), expected, "{json} {events} {time}");
    }

    #[tokio::test(start_paused = true)]
    async fn what_takes_long_begins_as_a_stream_for_those_who_read_streams() {
        let answer = r#"{"jsonrpc":"2.0","id":1,"result":{}}"#;
        let event = format!("data: {answer}\n\n");
        check(true, true, 4, (answer, 4)).await;
        check(true, true, 600, (&event, 5)).await;
        check(true, false, 600, (answer, 600)).await;
        check(false, true, 600, (&event, 0)).await;
    }

    #[tokio::test]
    async fn a_long_result_that_is_not_copied_is_the_same_answer() {
        let result = format!("{{\"text\":\"{}\"}}", "x".repeat(100_000));
        let id = Id::parse("1").expect("an id");
        let answered = async |long: bool, events: bool| {
            let (exchange, awaited) = exchange(!events, events);
            if long {
                exchange.answer_long(&id, result.as_str().into());
            } else {
                exchange.answer(&id, Ok(&result));
            }
            let response = begin(awaited.now(), Leaving::Withdraw(body::Requests::default()));
            let length = response.body().size_hint().exact();
            let body = axum::body::to_bytes(response.into_body(), usize::MAX).await;
            (length, body.expect("it is all there"))
        };
        for events in [false, true] {
            let (length, body) = answered(true, events).await;
            assert_eq!(length, (!events).then_some(body.len() as u64));
            assert_eq!((length, body), answered(false, events).await);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn one_clock_serves_one_wait_after_another() {
        let clock = Clock::default();
        for taken in [4, 3, 5, 1, 5] {
            let (exchange, awaited) = exchange(true, true);
            let begun = Instant::now();
            let opened = async { (awaited.opening(&clock).await, begun.elapsed().as_secs()) };
            let dropped = async {
                sleep(Duration::from_secs(taken)).await;
                // At five seconds the stream has begun already.
                sleep(Duration::from_millis(1)).await;
                drop(exchange);
            };
            let ((opening, begins), ()) = tokio::join!(opened, dropped);
            assert_eq!(begins, taken);
            assert_eq!(matches!(opening, Opening::Events(_)), taken == 5, "{opening:?}");
        }
    }
}
