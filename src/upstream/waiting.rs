//! One request that waits for its answer: who hears of it, and when it is given up.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::Instant;

use super::attribution::Whose;
use super::{Error, Follower};
use crate::protocol::method;
use crate::protocol::outcome::Outcome;

/// What a request comes back with.
pub(super) type Answer = Result<Outcome, Error>;

/// Hears of progress until its request has ended, which empties it. It has a lock of its own: whoever hears may take his
/// time, and the answer waits for him, so that no progress comes after it.
pub(super) type Listening = Arc<Mutex<Option<OnProgress>>>;

/// Receives the `params` of each progress notification and, borrowed from them, the token to be
/// replaced.
pub type OnProgress = Box<dyn FnMut(&str, &str) + Send>;

/// However often a request makes progress, it is given up after this long (specification, Lifecycle, Timeouts).
pub(super) const LONGEST: Duration = Duration::from_hours(6);

/// One request without an answer.
pub(super) struct Waiting {
    pub(super) reply: oneshot::Sender<Answer>,
    pub(super) listening: Option<Listening>,
    pub(super) follower: Option<Arc<dyn Follower>>,
    pub(super) timeout: Duration,
    pub(super) begun: Instant,
    /// When it was sent, or last made progress.
    pub(super) heard: Instant,
    pub(super) usage: Use,
    /// It was written, or will be before anything else happens.
    pub(super) sent: bool,
    /// Questions to its client that are without an answer: a person may think about them for as long as it takes.
    pub(super) asked: u32,
}

/// What a request means for the session that it is sent in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Use {
    /// Somebody uses the server.
    Call,
    /// The bridge looks after it.
    Upkeep,
    /// The server may say something at any time; the request is there for as long as the session.
    Standing,
}

impl Use {
    /// What requests of this method are.
    pub(super) fn of(method: &str) -> Self {
        match method {
            method::SUBSCRIPTIONS_LISTEN => Self::Standing,
            method::INITIALIZE
            | method::SERVER_DISCOVER
            | method::TOOLS_LIST
            | method::LOGGING_SET_LEVEL
            | method::RESOURCES_SUBSCRIBE
            | method::RESOURCES_UNSUBSCRIBE => Self::Upkeep,
            _ => Self::Call,
        }
    }
}

impl Waiting {
    /// When it is given up unless it makes progress, or in any case.
    pub(super) fn deadline(&self) -> Instant {
        let longest = self.begun + LONGEST;
        if self.asked > 0 { longest } else { longest.min(self.heard + self.timeout) }
    }

    /// Whether the server may speak of it in messages that name no request, and for whom nobody else is to hear them.
    pub(super) fn is_of_client(&self) -> bool {
        self.follower.is_some() || self.usage == Use::Call
    }

    pub(super) fn whose(&self) -> Whose {
        self.follower.as_ref().map(|follower| follower.identity())
    }

    /// Has nobody hear of its progress any more; waits for one who just does.
    pub(super) fn close(&mut self) {
        if let Some(listening) = self.listening.take() {
            drop(listening.lock().unwrap_or_else(PoisonError::into_inner).take());
        }
    }

    /// Ends it. He who waits may have left in this very moment.
    pub(super) fn end(mut self, answer: Answer) {
        self.close();
        let _ = self.reply.send(answer);
    }
}

impl std::fmt::Debug for Waiting {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Waiting").field("heard", &self.heard).finish_non_exhaustive()
    }
}
