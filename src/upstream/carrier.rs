//! The ways to a server: each takes messages one by one and hands in what comes back to the session.

use super::http::Http;
use super::pipe::Pipe;
use crate::wire::{Closed, Urgency};

/// What carries a session.
#[derive(Debug)]
pub(super) enum Carrier {
    /// A child process.
    Stdio(Pipe),
    /// Requests over HTTP.
    Http(Box<Http>),
}

impl Carrier {
    /// HTTP, if that is the way: there each request has an exchange of its own.
    pub(super) fn http(&self) -> Option<&Http> {
        match self {
            Self::Stdio(_) => None,
            Self::Http(http) => Some(http),
        }
    }

    /// Whether a request would be taken without waiting.
    pub(super) fn has_room(&self) -> bool {
        match self {
            Self::Stdio(pipe) => pipe.outbox().has_room(),
            Self::Http(_) => true,
        }
    }

    /// Waits until there is room.
    pub(super) async fn room(&self) -> Result<(), Closed> {
        match self {
            Self::Stdio(pipe) => pipe.outbox().room().await,
            Self::Http(_) => Ok(()),
        }
    }

    /// Sends the message that `write` writes, room or not. Over HTTP these are cancellations, of which there is one
    /// for each open request.
    pub(super) fn push(
        &self,
        urgency: Urgency,
        write: impl FnOnce(&mut Vec<u8>),
    ) -> Result<(), Closed> {
        match self {
            Self::Stdio(pipe) => pipe.push(urgency, write),
            Self::Http(http) => http.queue(write),
        }
    }

    /// Sends the message that `write` writes, if there is room.
    pub(super) fn try_push(&self, write: impl FnOnce(&mut Vec<u8>)) -> Result<bool, Closed> {
        match self {
            Self::Stdio(pipe) => pipe.try_push(write),
            Self::Http(http) => http.try_send(write),
        }
    }

    /// Sends the answer to a request of the server that `write` writes, if it leaves room by reading them.
    pub(super) fn try_answer(&self, write: impl FnOnce(&mut Vec<u8>)) -> Result<bool, Closed> {
        match self {
            Self::Stdio(pipe) => pipe.try_push(write),
            Self::Http(http) => http.try_queue(write),
        }
    }

    /// Waits until the server turns out to use `Content-Length`, which only child processes may.
    pub(super) async fn became_sized(&self) {
        match self {
            Self::Stdio(pipe) => pipe.became_sized().await,
            Self::Http(_) => std::future::pending().await,
        }
    }

    /// A message has come in; `sized` by a header, if it came through pipes.
    pub(super) fn hears(&self, sized: bool) {
        match self {
            Self::Stdio(pipe) => pipe.hears(sized),
            Self::Http(_) => {}
        }
    }

    /// Takes no more messages.
    pub(super) fn close(&self) {
        match self {
            Self::Stdio(pipe) => pipe.outbox().close(),
            Self::Http(http) => http.close(),
        }
    }
}
