//! One POST and what it is answered with. As long as nothing but the answer is to be sent, that is one JSON body; the
//! first notification or question makes it a stream of events.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

use super::archive::{Archive, MAX_WAITING};
use super::awaited::Awaited;
use super::outlet::write;
use crate::protocol::error::ErrorObject;
use crate::protocol::jsonrpc::{self, Id};
use crate::protocol::refusal::http_status;
use crate::wire::sse::write_event_by;
use crate::wire::{Closed, Outbox, Reader, Urgency};

/// How the answer to a POST begins.
#[derive(Debug)]
pub(super) enum Opening {
    /// With a JSON body, which is all of it.
    Body {
        /// The HTTP status.
        status: u16,
        /// The JSON text.
        body: Vec<u8>,
        /// The rest of it where it is long, so that it need not be copied to be one piece.
        rest: Vec<u8>,
    },
    /// With a stream of events.
    Events(Events),
    /// There is none: all requests were withdrawn.
    Nothing,
}

/// A stream of events that is to be sent.
#[derive(Debug)]
pub(super) struct Events {
    pub(super) reader: Reader,
    /// The stream of the session that it is, if a client can come back to it.
    pub(super) resumable: Option<Resumable>,
}

/// A stream that outlives its connection.
#[derive(Debug)]
pub(super) struct Resumable {
    pub(super) archive: Arc<Archive>,
    pub(super) track: u64,
    pub(super) outbox: Outbox,
}

/// What the client reads, by its `Accept`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Accepted {
    pub(super) json: bool,
    pub(super) events: bool,
}

/// What a POST wants.
#[derive(Debug)]
pub(super) struct Terms {
    /// Requests to be answered.
    pub(super) owed: usize,
    /// Whether they came in an array, as the answers go.
    pub(super) batch: bool,
    pub(super) accepted: Accepted,
    /// The streams of the session, if a client can come back to them.
    pub(super) archive: Option<Arc<Archive>>,
    /// Whether errors have HTTP statuses of their own, as they do in the stateless era.
    pub(super) statuses: bool,
}

/// The answer to one POST, as it comes to be.
#[derive(Debug)]
pub(super) struct Exchange {
    state: Mutex<State>,
    batch: bool,
    accepted: Accepted,
    archive: Option<Arc<Archive>>,
    statuses: bool,
}

#[derive(Debug)]
struct State {
    phase: Phase,
    owed: usize,
    /// Answers that wait for the others of their batch, or for a decision.
    ready: Vec<Vec<u8>>,
    status: u16,
}

#[derive(Debug)]
enum Phase {
    Undecided(oneshot::Sender<Opening>),
    /// A stream that ends with its connection.
    Plain(Outbox),
    /// One that a client can come back to.
    Resumable(Arc<Archive>, u64),
    Over,
}

impl Exchange {
    /// An exchange, and how its answer begins once that is known.
    pub(super) fn new(terms: Terms) -> (Arc<Self>, Awaited) {
        let (sender, opening) = oneshot::channel();
        let Terms { owed, batch, accepted, archive, statuses } = terms;
        let phase = Phase::Undecided(sender);
        let state = State { phase, owed, ready: Vec::new(), status: 200 };
        let exchange = Self { state: Mutex::new(state), batch, accepted, archive, statuses };
        if !accepted.json {
            exchange.stream(&mut exchange.lock());
        }
        let exchange = Arc::new(exchange);
        let awaited = Awaited::new(opening, Arc::downgrade(&exchange));
        (exchange, awaited)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes it a stream, if that is still open.
    fn stream(&self, state: &mut State) {
        if !self.accepted.events {
            return;
        }
        let Phase::Undecided(opening) = std::mem::replace(&mut state.phase, Phase::Over) else {
            unreachable!("only asked for while it is undecided");
        };
        let reader = if let Some(archive) = &self.archive {
            let (track, outbox, reader) = archive.open();
            state.phase = Phase::Resumable(archive.clone(), track);
            let resumable = Some(Resumable { archive: archive.clone(), track, outbox });
            Events { reader, resumable }
        } else {
            let (outbox, reader) = Outbox::read(MAX_WAITING);
            state.phase = Phase::Plain(outbox);
            Events { reader, resumable: None }
        };
        for answer in std::mem::take(&mut state.ready) {
            let _ = state.push(|to| to.extend_from_slice(&answer));
        }
        // A client that is gone hears nothing; whoever keeps its place withdraws what it asked for.
        let _ = opening.send(Opening::Events(reader));
    }

    /// Makes it a stream before there is anything to say, if the client reads streams.
    pub(super) fn begin_stream(&self) {
        let mut state = self.lock();
        if matches!(state.phase, Phase::Undecided(_)) {
            self.stream(&mut state);
        }
    }

    /// Sends a notification, if the client can take it.
    pub(super) fn notify(&self, data: impl FnOnce(&mut Vec<u8>)) -> Result<bool, Closed> {
        let mut state = self.lock();
        if matches!(state.phase, Phase::Undecided(_)) {
            self.stream(&mut state);
        }
        match &state.phase {
            Phase::Plain(outbox) => outbox.try_push(|to| write_event_by(to, "", data)),
            Phase::Resumable(archive, track) => archive.try_push(*track, data),
            // One that reads JSON only hears no notifications.
            Phase::Undecided(_) => Ok(false),
            Phase::Over => Err(Closed),
        }
    }

    /// Sends a request of ours.
    pub(super) async fn ask(&self, data: impl FnOnce(&mut Vec<u8>)) -> Result<(), Closed> {
        self.begin_stream();
        self.room().await;
        let state = self.lock();
        match state.phase {
            Phase::Undecided(_) => Err(Closed),
            _ => state.push(data),
        }
    }

    /// Waits until the client has read enough.
    pub(super) async fn room(&self) {
        enum Wait {
            Plain(Outbox),
            Resumable(Arc<Archive>, u64),
        }
        let wait = match &self.lock().phase {
            Phase::Plain(outbox) if !outbox.has_room() => Wait::Plain(outbox.clone()),
            Phase::Resumable(archive, track) => Wait::Resumable(archive.clone(), *track),
            _ => return,
        };
        // If there is nobody left, writing will show it.
        let _ = match wait {
            Wait::Plain(outbox) => outbox.room().await,
            Wait::Resumable(archive, track) => archive.room(track).await,
        };
    }

    /// Answers one of the requests.
    pub(super) fn answer(&self, id: &Id, reply: Result<&str, &ErrorObject>) {
        if let (true, Err(error)) = (self.statuses, &reply) {
            self.lock().status = http_status(error.code);
        }
        self.give(|to| write(to, id, reply));
    }

    /// Answers one of the requests with a long result, which is not copied if it is all of the body.
    pub(super) fn answer_long(&self, id: &Id, result: Box<str>) {
        let mut state = self.lock();
        let is_only = state.owed == 1 && state.ready.is_empty() && !self.batch;
        if !is_only || !matches!(state.phase, Phase::Undecided(_)) {
            drop(state);
            return self.answer(id, Ok(&result));
        }
        let mut body = Vec::new();
        write(&mut body, id, Ok(""));
        let end = body.pop();
        let mut rest = result.into_string().into_bytes();
        rest.reserve_exact(1);
        rest.extend(end);
        state.owed = 0;
        if let Phase::Undecided(opening) = std::mem::replace(&mut state.phase, Phase::Over) {
            let _ = opening.send(Opening::Body { status: state.status, body, rest });
        }
    }

    /// Answers one that has no id of its own.
    pub(super) fn refuse(&self, error: &ErrorObject) {
        self.give(|to| jsonrpc::write_error(to, None, error));
    }

    fn give(&self, write: impl FnOnce(&mut Vec<u8>)) {
        let mut state = self.lock();
        if let Phase::Undecided(_) = state.phase {
            let mut answer = Vec::new();
            write(&mut answer);
            state.ready.push(answer);
        } else {
            let _ = state.push(write);
        }
        self.settle(&mut state);
    }

    /// One of the requests gets no answer.
    pub(super) fn forgo(&self) {
        self.settle(&mut self.lock());
    }

    fn settle(&self, state: &mut State) {
        state.owed = state.owed.saturating_sub(1);
        if state.owed > 0 {
            return;
        }
        match std::mem::replace(&mut state.phase, Phase::Over) {
            Phase::Plain(outbox) => outbox.close(),
            Phase::Resumable(archive, track) => archive.end(track),
            Phase::Over => {}
            Phase::Undecided(opening) => {
                let mut ready = std::mem::take(&mut state.ready);
                let body = match (ready.len(), self.batch) {
                    (0, _) => {
                        let _ = opening.send(Opening::Nothing);
                        return;
                    }
                    (1, false) => ready.remove(0),
                    _ => [&b"["[..], &ready.join(&b','), b"]"].concat(),
                };
                let (status, rest) = (state.status, Vec::new());
                let _ = opening.send(Opening::Body { status, body, rest });
            }
        }
    }
}

impl State {
    fn push(&self, data: impl FnOnce(&mut Vec<u8>)) -> Result<(), Closed> {
        match &self.phase {
            Phase::Plain(outbox) => outbox.push(Urgency::Gather, |to| write_event_by(to, "", data)),
            Phase::Resumable(archive, track) => archive.push(*track, data),
            Phase::Undecided(_) | Phase::Over => Err(Closed),
        }
    }
}
