//! What is known of the eras that a server speaks, so that the second session with it opens straight.

use std::sync::atomic::{AtomicU8, Ordering};

use crate::protocol::era::Era;

const UNKNOWN: u8 = 0;
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

    /// Whether the server is known to speak this era.
    pub(super) fn speaks(&self, era: Era) -> bool {
        self.of(era).load(Ordering::Relaxed) == YES
    }

    /// Whether the server is known not to speak this era.
    pub(super) fn lacks(&self, era: Era) -> bool {
        self.of(era).load(Ordering::Relaxed) == NO
    }

    /// What was learnt from a server that does not start at all is worth nothing.
    pub(super) fn forget(&self) {
        self.session.store(UNKNOWN, Ordering::Relaxed);
        self.stateless.store(UNKNOWN, Ordering::Relaxed);
    }

    /// The era to begin with where `wanted` is preferred.
    pub(super) fn first(&self, wanted: Era) -> Era {
        let other = match wanted {
            Era::Session => Era::Stateless,
            Era::Stateless => Era::Session,
        };
        if self.lacks(wanted) && !self.lacks(other) { other } else { wanted }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_server_lacks_is_not_tried_again() {
        let eras = Eras::default();
        assert_eq!(eras.first(Era::Stateless), Era::Stateless);
        eras.learn(Era::Stateless, false);
        assert_eq!(eras.first(Era::Stateless), Era::Session);
        eras.learn(Era::Session, true);
        assert_eq!(eras.first(Era::Session), Era::Session);
        eras.learn(Era::Session, false);
        assert_eq!(eras.first(Era::Stateless), Era::Stateless, "one of them has to be tried");
        eras.forget();
        assert_eq!(eras.first(Era::Session), Era::Session);
        assert!(!eras.speaks(Era::Session) && !eras.lacks(Era::Stateless));
    }
}
