//! What is known of the eras that a server speaks, so that the second session with it opens straight.

use std::sync::atomic::{AtomicU8, Ordering};

use crate::protocol::era::Era;

const NO: u8 = 1;
const YES: u8 = 2;

/// Of one server, shared by all sessions with it.
#[derive(Debug, Default)]
pub(super) struct Eras {
    session: AtomicU8,
    stateless: AtomicU8,
}

impl Eras {
    fn of(&self, era: Era) -> &AtomicU8 {
        match era {
            Era::Session => &self.session,
            Era::Stateless => &self.stateless,
        }
    }

    /// The server has answered in this era, or shown that it cannot.
    pub(super) fn learn(&self, era: Era, spoken: bool) {
        self.of(era).store(if spoken { YES } else { NO }, Ordering::Relaxed);
    }

    /// Whether the server is known not to speak this era.
    pub(super) fn lacks(&self, era: Era) -> bool {
        self.of(era).load(Ordering::Relaxed) == NO
    }
}
