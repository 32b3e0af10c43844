//! Bodies of answers: a stream of events as it comes, and what happens when its reader goes.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use futures_util::stream;
use tokio::time::timeout;

use super::answer::{InFlight, Started};
use super::archive::Archive;
use super::exchange::Resumable;
use crate::wire::{Outbox, Reader, sse};

/// A stream that says nothing for so long shows that it is alive, to the client and to whatever stands in between.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// Kept as long as somebody waits for an answer; what to do when he has gone.
#[derive(Debug)]
pub(super) enum Leaving {
    /// Withdraw what was asked for. In the stateless era closing the stream means that (revision 2026-07-28, Streamable
    /// HTTP, Cancellation). Before it, going is not to be taken for withdrawing as such (revision 2025-11-25, Streamable
    /// HTTP, Sending Messages); but without the id of an event to come back with, nobody can ever read the answer, so
    /// that the call would go on for nobody.
    Withdraw(InFlight, Vec<Started>),
    /// Let it go on: the client may come back with the id of the last event.
    Detach(Arc<Archive>, u64, Outbox),
    /// The stream was the session, which ends with it.
    End(Box<dyn End>),
}

/// What ends with a stream.
pub(super) trait End: std::fmt::Debug + Send + Sync {
    /// Ends it.
    fn end(&self);
}

impl From<Resumable> for Leaving {
    fn from(resumable: Resumable) -> Self {
        Self::Detach(resumable.archive, resumable.track, resumable.outbox)
    }
}

impl Leaving {
    /// Lets what was asked for go on.
    pub(super) fn disarm(mut self) {
        if let Self::Withdraw(_, started) = &mut self {
            started.clear();
        }
    }
}

impl Drop for Leaving {
    fn drop(&mut self) {
        match self {
            // What was answered is in flight no more.
            Self::Withdraw(in_flight, started) => {
                for started in started {
                    in_flight.withdraw_started(started, "the client has left");
                }
            }
            Self::Detach(archive, track, outbox) => archive.detach(*track, outbox),
            Self::End(what) => what.end(),
        }
    }
}

/// A body of events, which ends when the reader has no more.
pub(super) fn events(reader: Reader, leaving: Leaving) -> Body {
    let next = |(mut reader, leaving): (Reader, Leaving)| async move {
        let bytes = match timeout(KEEP_ALIVE, reader.next()).await {
            Ok(bytes) => Bytes::from(bytes?),
            Err(_elapsed) => {
                let mut comment = Vec::new();
                sse::write_comment(&mut comment);
                Bytes::from(comment)
            }
        };
        Some((Ok::<_, Infallible>(bytes), (reader, leaving)))
    };
    Body::from_stream(stream::unfold((reader, leaving), next))
}
