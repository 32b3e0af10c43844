//! What is known of the eras that a server speaks, so that the second session with it opens straight.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::protocol::era::Era;

/// A server that did not answer in an era is asked in it again after so long, when a session is opened anyway.
const DOUBT: Duration = Duration::from_mins(10);

/// What an attempt to speak an era with a server has shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shown {
    /// It speaks it.
    Spoken,
    /// It said that it does not.
    Refused,
    /// It said nothing, or nothing of that: it was silent, ended, or had a fault of its own.
    Nothing,
}

/// Of one server, shared by all sessions with it.
#[derive(Debug, Default)]
pub(super) struct Eras(Mutex<Table>);

#[derive(Debug, Default)]
struct Table {
    session: Known,
    stateless: Known,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Known {
    #[default]
    Nothing,
    Speaks,
    Lacks,
    /// It is taken not to speak it, and asked again from then on.
    SeemsToLack(Instant),
}

impl Known {
    fn is_lack(self) -> bool {
        matches!(self, Self::Lacks | Self::SeemsToLack(_))
    }

    /// Whether it makes no sense to ask.
    fn rules_out(self) -> bool {
        match self {
            Self::Lacks => true,
            Self::SeemsToLack(until) => Instant::now() < until,
            Self::Nothing | Self::Speaks => false,
        }
    }
}

impl Table {
    fn of(&mut self, era: Era) -> &mut Known {
        match era {
            Era::Session => &mut self.session,
            Era::Stateless => &mut self.stateless,
        }
    }
}

impl Eras {
    fn table(&self) -> MutexGuard<'_, Table> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn known(&self, era: Era) -> Known {
        *self.table().of(era)
    }

    /// Takes note of what an attempt in this era has shown.
    pub(super) fn learn(&self, era: Era, shown: Shown) {
        let mut table = self.table();
        let known = table.of(era);
        *known = match shown {
            Shown::Spoken => Known::Speaks,
            Shown::Refused => Known::Lacks,
            // What it once said counts for more.
            Shown::Nothing if matches!(known, Known::Speaks | Known::Lacks) => return,
            Shown::Nothing => Known::SeemsToLack(Instant::now() + DOUBT),
        };
    }

    /// Whether the server is known to speak this era.
    pub(super) fn speaks(&self, era: Era) -> bool {
        self.known(era) == Known::Speaks
    }

    /// Whether the server is known, or taken, not to speak this era.
    pub(super) fn lacks(&self, era: Era) -> bool {
        self.known(era).is_lack()
    }

    /// Whether a session that is opened now should not begin with this era.
    pub(super) fn rules_out(&self, era: Era) -> bool {
        self.known(era).rules_out()
    }

    /// What was learnt from a server that does not start at all is worth nothing.
    pub(super) fn forget(&self) {
        *self.table() = Table::default();
    }

    /// The era to begin with where `wanted` is preferred.
    pub(super) fn first(&self, wanted: Era) -> Era {
        let other = match wanted {
            Era::Session => Era::Stateless,
            Era::Stateless => Era::Session,
        };
        if self.rules_out(wanted) && !self.lacks(other) { other } else { wanted }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_server_lacks_is_not_tried_again() {
        let eras = Eras::default();
        assert_eq!(eras.first(Era::Stateless), Era::Stateless);
        eras.learn(Era::Stateless, Shown::Refused);
        assert_eq!(eras.first(Era::Stateless), Era::Session);
        eras.learn(Era::Session, Shown::Spoken);
        assert_eq!(eras.first(Era::Session), Era::Session);
        eras.learn(Era::Session, Shown::Refused);
        assert_eq!(eras.first(Era::Stateless), Era::Stateless, "one of them has to be tried");
        eras.forget();
        assert_eq!(eras.first(Era::Session), Era::Session);
        assert!(!eras.speaks(Era::Session) && !eras.lacks(Era::Stateless));
    }

    #[tokio::test(start_paused = true)]
    async fn silence_is_remembered_for_a_while() {
        let eras = Eras::default();
        eras.learn(Era::Stateless, Shown::Nothing);
        assert_eq!(eras.first(Era::Stateless), Era::Session);
        tokio::time::advance(DOUBT).await;
        assert_eq!(eras.first(Era::Stateless), Era::Stateless, "it may have been a bad moment");
        assert!(eras.lacks(Era::Stateless), "nothing better is known");
        eras.learn(Era::Stateless, Shown::Nothing);
        assert_eq!(eras.first(Era::Stateless), Era::Session);
        for said in [Shown::Spoken, Shown::Refused] {
            eras.learn(Era::Stateless, said);
            eras.learn(Era::Stateless, Shown::Nothing);
            tokio::time::advance(DOUBT).await;
            assert_eq!(eras.speaks(Era::Stateless), said == Shown::Spoken);
            assert_eq!(eras.rules_out(Era::Stateless), said == Shown::Refused);
        }
    }
}
