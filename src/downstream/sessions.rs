//! The sessions of clients over HTTP, each found by an id that only its client knows.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use tokio::time::Instant;

use super::archive::Archive;
use super::budget::Budget;
use super::session::Session;

/// Random bytes of an id: nobody guesses 192 bits.
const ID_BYTES: usize = 24;

/// What sessions are allowed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// So many at a time.
    pub(super) count: usize,
    /// Unused for so long.
    pub(super) idle: Duration,
}

/// All sessions.
#[derive(Debug)]
pub(super) struct Sessions {
    table: Mutex<HashMap<Box<str>, Arc<Held>>>,
    limits: Limits,
    pub(super) budget: Budget,
}

/// One session.
#[derive(Debug)]
pub(super) struct Held {
    session: Mutex<Session>,
    pub(super) archive: Arc<Archive>,
    used: Mutex<Instant>,
}

/// There are as many sessions as there may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Full;

impl Held {
    pub(super) fn session(&self) -> MutexGuard<'_, Session> {
        self.session.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn touch(&self) {
        *self.used.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    /// Whether nobody has used it for longer than `limit`. A call keeps it in use as long as its server works, but not
    /// while that waits for an answer of a client that reads nothing: one that has vanished would never give it.
    fn is_idle(&self, limit: Duration) -> bool {
        let (has_calls, asked) = {
            let session = self.session();
            (!session.work().in_flight.lock().is_empty(), session.asked().clone())
        };
        if self.archive.is_heard() || (has_calls && !asked.are_open()) {
            self.touch();
        }
        let used = *self.used.lock().unwrap_or_else(PoisonError::into_inner);
        if used.elapsed() <= limit {
            return false;
        }
        // What else is under way may end by itself.
        asked.give_up();
        !has_calls
    }

    fn end(&self) {
        self.session().leave();
        self.archive.close();
    }
}

impl Sessions {
    pub(super) fn new(limits: Limits) -> Self {
        Self { table: Mutex::default(), limits, budget: Budget::default() }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Box<str>, Arc<Held>>> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether there is room for one more.
    pub(super) fn has_room(&self) -> bool {
        self.lock().len() < self.limits.count || {
            self.sweep();
            self.lock().len() < self.limits.count
        }
    }

    /// Enters a session; its id.
    pub(super) fn enter(&self, session: Session, archive: Arc<Archive>) -> Result<Box<str>, Full> {
        let id = new_id();
        let used = Mutex::new(Instant::now());
        let held = Arc::new(Held { session: Mutex::new(session), archive, used });
        let mut table = self.lock();
        if table.len() >= self.limits.count {
            return Err(Full);
        }
        table.insert(id.clone(), held);
        Ok(id)
    }

    /// The session of this id, which is in use again.
    pub(super) fn find(&self, id: &str) -> Option<Arc<Held>> {
        let table = self.lock();
        let held = table.get(id)?;
        held.touch();
        Some(held.clone())
    }

    /// Ends the session of this id; whether there is one.
    pub(super) fn end(&self, id: &str) -> bool {
        let held = self.lock().remove(id);
        held.map(|held| held.end()).is_some()
    }

    /// Ends the sessions that nobody has used for too long.
    pub(super) fn sweep(&self) {
        let all: Vec<_> = self.lock().iter().map(|(id, held)| (id.clone(), held.clone())).collect();
        for (id, held) in all {
            // Nobody finds it from here on, unless somebody did so meanwhile.
            let mut table = self.lock();
            let ends = held.is_idle(self.limits.idle) && table.remove(&id).is_some();
            drop(table);
            if ends {
                tracing::debug!("a session ends that was not used");
                held.end();
            } else {
                held.archive.tidy();
            }
        }
    }

    /// Sweeps as often as is needed, for as long as it is polled.
    pub(super) async fn keep_swept(&self) {
        let least = Duration::from_millis(20);
        let pause = (self.limits.idle / 4).clamp(least, Duration::from_secs(15));
        loop {
            tokio::time::sleep(pause).await;
            self.sweep();
        }
    }

    /// Ends the streams that belong to no request, so that connections can end.
    pub(super) fn hush(&self) {
        for held in self.lock().values() {
            held.archive.end_standing();
        }
    }

    /// Ends all sessions.
    pub(super) fn end_all(&self) {
        let all = std::mem::take(&mut *self.lock());
        for held in all.into_values() {
            held.end();
        }
    }
}

/// An id that nobody can guess.
pub(super) fn new_id() -> Box<str> {
    let mut bytes = [0; ID_BYTES];
    getrandom::fill(&mut bytes).expect("the system has random numbers");
    URL_SAFE_NO_PAD.encode(bytes).into()
}
