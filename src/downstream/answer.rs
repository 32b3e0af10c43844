//! The answer that a request in flight owes its client, exactly one or none.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::task::AbortHandle;

use super::outlet::Outlet;
use crate::protocol::error::{ErrorObject, INTERNAL_ERROR};
use crate::protocol::jsonrpc::Id;
use crate::telemetry::logging::excerpt;
use crate::upstream::Withdrawn;

/// Requests of one session that have no answer yet.
#[derive(Debug, Clone, Default)]
pub(super) struct InFlight(Arc<Mutex<BTreeMap<Id, Running>>>);

/// How a request that is worked on can be withdrawn.
#[derive(Debug)]
pub(super) struct Running {
    /// Counts the requests of a session: an id may be used again once it was withdrawn.
    pub(super) number: u64,
    pub(super) task: AbortHandle,
    pub(super) withdrawn: Withdrawn,
}

impl InFlight {
    /// Locks the table; a request is started and entered under one lock, so that it cannot end in
    /// between.
    pub(super) fn lock(&self) -> MutexGuard<'_, BTreeMap<Id, Running>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes out the request that `owed` belongs to, unless its id is another's by now; whether it was
    /// still there, and none is left.
    fn take(&self, owed: &Owed) -> Option<bool> {
        let mut table = self.lock();
        let running = table.remove(&owed.id)?;
        if running.number != owed.number {
            // Seldom enough to be looked for twice.
            table.insert(owed.id.clone(), running);
            return None;
        }
        Some(table.is_empty())
    }

    /// Withdraws a request: nothing is answered any more, and what was done for it is dropped,
    /// which is how the upstream learns of it.
    pub(super) fn withdraw(&self, id: &Id, reason: &str) -> bool {
        let running = self.lock().remove(id);
        running.map(|running| running.withdraw(reason)).is_some()
    }

    /// Withdraws the request of this number, unless its id is another's by now.
    pub(super) fn withdraw_started(&self, started: &Started, reason: &str) {
        let running = {
            let mut table = self.lock();
            let own =
                table.get(&started.id).is_some_and(|running| running.number == started.number);
            if own { table.remove(&started.id) } else { None }
        };
        if let Some(running) = running {
            running.withdraw(reason);
        }
    }

    /// Withdraws every request.
    pub(super) fn withdraw_all(&self, reason: &str) {
        let all = std::mem::take(&mut *self.lock());
        for running in all.into_values() {
            running.withdraw(reason);
        }
    }
}

/// A request that was entered.
#[derive(Debug, Clone)]
pub(super) struct Started {
    pub(super) id: Id,
    pub(super) number: u64,
}

impl Running {
    fn withdraw(&self, reason: &str) {
        // Only whoever took it out of the table gets here, so nobody has set it before.
        let _ = self.withdrawn.set(excerpt(reason.as_bytes(), 200));
        self.task.abort();
    }
}

/// Owed to one request. Whoever removes the id from [`InFlight`] decides about its answer: this,
/// when it is ready, or a cancellation, after which there is none. Dropped unanswered, it says that
/// the bridge failed.
#[derive(Debug)]
pub(super) struct Owed {
    pub(super) id: Id,
    pub(super) number: u64,
    pub(super) in_flight: InFlight,
    pub(super) outlet: Outlet,
    /// Whether it was answered; whoever makes it says no.
    pub(super) settled: bool,
}

impl Owed {
    /// Answers, if the request was not withdrawn meanwhile; whether it was not.
    pub(super) async fn answer(mut self, reply: Result<Box<str>, ErrorObject>) -> bool {
        let Some(alone) = self.in_flight.take(&self) else {
            return false;
        };
        self.settled = true;
        self.outlet.answer(alone, &self.id, reply).await;
        true
    }
}

impl Drop for Owed {
    fn drop(&mut self) {
        if self.settled {
            return;
        }
        if self.in_flight.take(self).is_some() {
            let message = "the bridge failed while it handled the request";
            let error = ErrorObject::new(INTERNAL_ERROR, message);
            self.outlet.answer_now(&self.id, Err(&error));
        } else {
            self.outlet.forgo();
        }
    }
}
