//! Bodies of answers: texts, and streams of events as they come, and what happens when their reader goes.

use std::convert::Infallible;
use std::mem::take;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use futures_util::stream;
use http_body::{Frame, SizeHint};
use tokio::time::timeout;

use super::answer::{InFlight, Started};
use super::exchange::Resumable;
use crate::wire::{Reader, sse};

/// A stream that says nothing for so long shows that it is alive, to the client and to whatever stands in between.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// Kept as long as somebody waits for an answer; what to do when he has gone.
#[derive(Debug)]
pub(super) enum Leaving {
    /// Withdraw what was asked for. In the stateless era closing the stream means that (revision 2026-07-28, Streamable
    /// HTTP, Cancellation). Before it, going is not to be taken for withdrawing as such (revision 2025-11-25, Streamable
    /// HTTP, Sending Messages); but without the id of an event to come back with, nobody can ever read the answer, so
    /// that the call would go on for nobody.
    Withdraw(Requests),
    /// Let it go on: the client may come back with the id of the last event. What nobody can come back to is withdrawn.
    Detach(Resumable, Requests),
    /// The stream was the session, which ends with it.
    End(Box<dyn End>),
}

/// Requests that wait for an answer.
#[derive(Debug, Default)]
pub(super) struct Requests {
    pub(super) in_flight: InFlight,
    pub(super) started: Vec<Started>,
}

/// What ends with a stream.
pub(super) trait End: std::fmt::Debug + Send + Sync {
    /// Ends it.
    fn end(&self);
}

impl Leaving {
    /// The answer is on this stream, to which the client may come back.
    pub(super) fn follow(&mut self, stream: Resumable) {
        let requests =
            if let Self::Withdraw(requests) = self { take(requests) } else { Requests::default() };
        *self = Self::Detach(stream, requests);
    }
}

impl Requests {
    fn withdraw(&self) {
        // What was answered is in flight no more.
        for started in &self.started {
            self.in_flight.withdraw_started(started, "the client has left");
        }
    }
}

impl Drop for Leaving {
    fn drop(&mut self) {
        match self {
            Self::Withdraw(requests) => requests.withdraw(),
            Self::Detach(stream, requests) => {
                if !stream.archive.detach(stream.track, &stream.outbox) {
                    requests.withdraw();
                }
            }
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

/// A body of this text, the second piece of which may be empty.
pub(super) fn pieces(first: Vec<u8>, second: Vec<u8>) -> Body {
    if second.is_empty() {
        return Body::from(first);
    }
    Body::new(Pieces([first.into(), second.into()]))
}

/// Those that were not sent yet; others are empty.
struct Pieces([Bytes; 2]);

impl HttpBody for Pieces {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let next = self.get_mut().0.iter_mut().find(|piece| !piece.is_empty());
        Poll::Ready(next.map(|piece| Ok(Frame::data(take(piece)))))
    }

    fn is_end_stream(&self) -> bool {
        self.0.iter().all(Bytes::is_empty)
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.0.iter().map(|piece| piece.len() as u64).sum())
    }
}
