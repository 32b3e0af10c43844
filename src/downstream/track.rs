//! One event stream of a session: where it goes at present, and what was last sent on it.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

use crate::wire::sse::{write_event_by, write_priming};
use crate::wire::{Outbox, Urgency};

/// A stream that has ended can be asked for so long.
const KEPT_AFTER_END: Duration = Duration::from_mins(1);
/// When a client comes back to a stream that broke.
const RETRY: Duration = Duration::from_secs(1);

/// One stream.
#[derive(Debug, Default)]
pub(super) struct Track {
    /// Where it goes at present.
    live: Option<Outbox>,
    last: u64,
    kept: VecDeque<Event>,
    /// Bytes of what is kept.
    size: usize,
    /// The last event that is not kept any more, or never was: whoever has not seen it cannot go on without a gap.
    lost: u64,
    ended: Option<Instant>,
}

/// One event, as it was written.
#[derive(Debug)]
pub(super) struct Event {
    number: u64,
    pub(super) text: Box<[u8]>,
}

/// The client names an event of no stream that is still known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("`Last-Event-ID` names no event of a stream that is still known")]
pub(super) struct UnknownEvent;

impl Track {
    pub(super) fn live(&self) -> Option<&Outbox> {
        self.live.as_ref()
    }

    pub(super) fn has_ended(&self) -> bool {
        self.ended.is_some()
    }

    /// Whether it ended so long ago that nobody comes back to it.
    pub(super) fn is_old(&self) -> bool {
        self.ended.is_some_and(|ended| ended.elapsed() > KEPT_AFTER_END)
    }

    /// Whether somebody reads it.
    pub(super) fn is_heard(&self) -> bool {
        !self.has_ended() && self.live().is_some_and(|live| !live.is_closed())
    }

    /// Bytes of what is kept.
    pub(super) fn size(&self) -> usize {
        self.size
    }

    /// From now on it goes there, and nowhere else.
    pub(super) fn attach(&mut self, outbox: &Outbox) {
        if let Some(former) = self.live.replace(outbox.clone()) {
            former.close();
        }
    }

    /// Sends an event that has only an id to come back with; `number` is that of the stream.
    pub(super) fn prime(&mut self, number: u64, outbox: &Outbox) {
        self.last += 1;
        let id = format!("{number}-{}", self.last);
        let _ = outbox.push(Urgency::Gather, |to| write_priming(to, &id, RETRY));
    }

    /// Goes on there, from the event on that was seen last.
    pub(super) fn resume(&mut self, seen: u64, outbox: &Outbox) -> Result<(), UnknownEvent> {
        if seen > self.last || seen < self.lost {
            return Err(UnknownEvent);
        }
        self.attach(outbox);
        for event in self.kept.iter().filter(|event| event.number > seen) {
            let _ = outbox.push(Urgency::Gather, |to| to.extend_from_slice(&event.text));
        }
        if self.has_ended() {
            outbox.close();
        }
        Ok(())
    }

    /// It does not go there any more, if it did; whether somebody reads it or can come back to it, for which an event
    /// must have been sent.
    pub(super) fn detach(&mut self, outbox: &Outbox) -> bool {
        if self.live().is_some_and(|live| live.is(outbox)) {
            self.live = None;
        }
        self.live.is_some() || self.last > 0
    }

    /// Ends its connection.
    pub(super) fn let_go(&mut self) {
        if let Some(live) = self.live.take() {
            live.close();
        }
    }

    /// It has nothing more to say.
    pub(super) fn end(&mut self) {
        self.ended = Some(Instant::now());
        if let Some(live) = self.live() {
            live.close();
        }
    }

    /// Sends an event, which then is to be kept or counted as lost; `number` is that of the stream.
    pub(super) fn send(&mut self, number: u64, data: impl FnOnce(&mut Vec<u8>)) -> Event {
        self.last += 1;
        let mut text = Vec::new();
        write_event_by(&mut text, &format!("id: {number}-{}\n", self.last), data);
        if let Some(live) = self.live() {
            // Its reader may go at this moment; the event is kept for the next one.
            let _ = live.push(Urgency::Gather, |to| to.extend_from_slice(&text));
        }
        Event { number: self.last, text: text.into() }
    }

    pub(super) fn keep(&mut self, event: Event) {
        self.size += event.text.len();
        self.kept.push_back(event);
    }

    pub(super) fn lose(&mut self, event: &Event) {
        self.lost = self.lost.max(event.number);
    }

    /// Drops the oldest event that is kept; its length.
    pub(super) fn drop_oldest(&mut self) -> usize {
        let Some(oldest) = self.kept.pop_front() else { return 0 };
        self.lose(&oldest);
        self.size -= oldest.text.len();
        oldest.text.len()
    }
}
