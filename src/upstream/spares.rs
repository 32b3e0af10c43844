//! Sessions with one server that were lent and wait to be lent again: at once to the client that had them last, to others
//! when nothing of its calls can come any more.

use std::sync::Arc;

use tokio::time::Instant;

use super::Supervisor;
use super::attribution::AFTERMATH;
use super::follower::Identity;

/// Those that have rested are not more, whatever they were opened with: each may be a process of its own, and clients may
/// declare what they like.
const MAX_RESTED: usize = 4;

/// The spare sessions with one server, those that came first in front.
#[derive(Debug, Default)]
pub(super) struct Spares {
    waiting: Vec<Spare>,
    /// Somebody looks after those that are too many.
    pub(super) is_trimmed: bool,
}

#[derive(Debug)]
struct Spare {
    supervisor: Arc<Supervisor>,
    /// With which it was opened.
    capabilities: Box<str>,
    /// Who had it until when; nobody had one that was opened and not needed.
    last: Option<(Identity, Instant)>,
}

impl Spare {
    fn has_rested(&self) -> bool {
        self.last.as_ref().is_none_or(|(_, until)| until.elapsed() >= AFTERMATH)
    }

    fn was_of(&self, borrower: &Identity) -> bool {
        self.last.as_ref().is_some_and(|(last, _)| last == borrower)
    }
}

impl Spares {
    pub(super) fn all(&self) -> impl Iterator<Item = &Arc<Supervisor>> {
        self.waiting.iter().map(|spare| &spare.supervisor)
    }

    pub(super) fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Takes one in that was opened with these capabilities, and `last` had until now.
    pub(super) fn put(
        &mut self,
        supervisor: Arc<Supervisor>,
        capabilities: Box<str>,
        last: Option<Identity>,
    ) {
        let last = last.map(|last| (last, Instant::now()));
        self.waiting.push(Spare { supervisor, capabilities, last });
    }

    /// Hands one out that was opened with these capabilities: that which the borrower had last, or the one that has rested
    /// longest. Where no other may be opened it need not have rested for long enough: its session then still keeps from
    /// the borrower what may not be his.
    pub(super) fn take(
        &mut self,
        capabilities: &str,
        borrower: &Identity,
        is_full: bool,
    ) -> Option<Arc<Supervisor>> {
        let fits = |spare: &Spare| *spare.capabilities == *capabilities;
        let own = self.waiting.iter().rposition(|spare| fits(spare) && spare.was_of(borrower));
        let rested = |spare: &Spare| fits(spare) && (is_full || spare.has_rested());
        let place = own.or_else(|| self.waiting.iter().position(rested))?;
        Some(self.waiting.remove(place).supervisor)
    }

    /// Takes out one that makes room for another.
    pub(super) fn make_room(&mut self) -> Option<Arc<Supervisor>> {
        self.remove_of_many(|_| true)
    }

    /// Forgets those that have closed, and takes out those that have rested and are too many.
    pub(super) fn trim(&mut self) -> Vec<Arc<Supervisor>> {
        self.waiting.retain(|spare| spare.supervisor.is_open());
        let mut superfluous = Vec::new();
        while self.are_many() {
            let Some(supervisor) = self.remove_of_many(Spare::has_rested) else { break };
            superfluous.push(supervisor);
        }
        superfluous
    }

    /// Whether there are more than are kept.
    pub(super) fn are_many(&self) -> bool {
        self.waiting.len() > MAX_RESTED
    }

    /// Takes out the first `wanted` of those of whose capabilities there are most.
    fn remove_of_many(&mut self, wanted: impl Fn(&Spare) -> bool) -> Option<Arc<Supervisor>> {
        let equal = |one: &Spare| {
            self.waiting.iter().filter(|other| other.capabilities == one.capabilities).count()
        };
        let candidates = self.waiting.iter().enumerate().filter(|(_, spare)| wanted(spare));
        let (place, _) = candidates.rev().max_by_key(|(_, spare)| equal(spare))?;
        Some(self.waiting.remove(place).supervisor)
    }
}
