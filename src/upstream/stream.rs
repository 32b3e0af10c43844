//! A stream of events from a server, whose messages go to the session one by one.

use std::sync::Arc;
use std::time::Duration;

use bytes::{Buf, Bytes};
use http::HeaderValue;

use super::Session;
use super::inbound::MAX_MESSAGE;
use crate::base::json::Strict;
use crate::wire::Turn;
use crate::wire::http::{Answer, Error as Failure};
use crate::wire::sse::{Decoder, Event};

/// One that can end and go on in another answer.
#[derive(Debug)]
pub(super) struct Stream {
    answer: Answer,
    decoder: Decoder,
    /// What was received and not decoded yet.
    rest: Bytes,
    events: u64,
    /// Those of them that have data.
    messages: u64,
    strict: Strict,
    turn: Turn,
}

/// Why no more is read.
#[derive(Debug)]
pub(super) enum Ending {
    /// The answer has come.
    Answered,
    /// The server ended the stream.
    Closed,
    /// The connection broke.
    Broken(Failure),
    /// The server sent more in one event than is taken.
    TooLarge(String),
}

impl Stream {
    pub(super) fn new(answer: Answer) -> Self {
        Self {
            answer,
            decoder: Decoder::new(MAX_MESSAGE),
            rest: Bytes::new(),
            events: 0,
            messages: 0,
            strict: Strict::new(),
            turn: Turn::default(),
        }
    }

    /// The stream that `answer` brings, which goes on from the earlier one if there was one.
    pub(super) fn after(earlier: Option<Self>, answer: Answer) -> Self {
        match earlier {
            Some(mut earlier) => {
                earlier.goes_on(answer);
                earlier
            }
            None => Self::new(answer),
        }
    }

    /// The stream goes on in this answer.
    pub(super) fn goes_on(&mut self, answer: Answer) {
        (self.events, self.messages) = (0, 0);
        self.answer = answer;
        self.rest = Bytes::new();
        self.decoder.restart();
    }

    /// How many events this answer has brought, and how many of them have data.
    pub(super) fn brought(&self) -> (u64, u64) {
        (self.events, self.messages)
    }

    /// The id of the last event that had one, as a header names it; none where no header can, so that the stream cannot
    /// go on: without it a server would open another one.
    pub(super) fn last_id(&self) -> Option<HeaderValue> {
        HeaderValue::from_bytes(self.decoder.last_id()?.as_bytes()).ok()
    }

    /// How long the server wants to be left alone before the stream is opened again.
    pub(super) fn retry(&self) -> Option<Duration> {
        self.decoder.retry()
    }

    /// The next event.
    pub(super) async fn event(&mut self) -> Result<Event, Ending> {
        loop {
            let mut bytes = &self.rest[..];
            let event = self.decoder.next(&mut bytes);
            let taken = self.rest.len() - bytes.len();
            self.rest.advance(taken);
            match event {
                Ok(Some(event)) => {
                    self.events += 1;
                    self.messages += u64::from(!event.data.is_empty());
                    return Ok(event);
                }
                Ok(None) => {}
                Err(error) => return Err(Ending::TooLarge(error.to_string())),
            }
            match self.answer.chunk().await {
                Ok(Some(chunk)) => self.rest = chunk,
                Ok(None) => return Err(Ending::Closed),
                Err(error) => return Err(Ending::Broken(error)),
            }
        }
    }

    /// Hands the messages of the stream to the session: to the end, or until request `of` has its answer.
    pub(super) async fn read(&mut self, session: &Arc<Session>, of: Option<u64>) -> Ending {
        loop {
            let event = match self.event().await {
                Ok(event) => event,
                Err(ending) => return ending,
            };
            let weight = self.take(session, &event, of);
            if of.is_some_and(|id| !session.requests.waits(id)) {
                return Ending::Answered;
            }
            self.turn.took(weight).await;
        }
    }

    /// Hands over what comes after the answer to request `id`.
    pub(super) async fn trail(&mut self, session: &Arc<Session>, id: u64) {
        while let Ok(event) = self.event().await {
            let weight = self.take(session, &event, Some(id));
            self.turn.took(weight).await;
        }
    }

    /// Events of other names, and those without data, are no messages.
    fn take(&mut self, session: &Arc<Session>, event: &Event, of: Option<u64>) -> usize {
        if matches!(event.name.as_str(), "" | "message") && !event.data.is_empty() {
            session.take(&event.data, of, &mut self.strict);
        }
        event.data.len()
    }
}

impl Session {
    /// Runs `work` beside everything else, for as long as the session lasts.
    pub(super) fn spawn_until_over(&self, work: impl Future<Output = ()> + Send + 'static) {
        let over = self.over.clone();
        self.tasks.spawn(async move {
            tokio::select! {
                () = over.cancelled() => {}
                () = work => {}
            }
        });
    }
}
