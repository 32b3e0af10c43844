//! What was called and what ran: the servers write down each run, the callers each call, and in the end both must agree.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::support::lines_of;

/// How a call ended.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum End {
    /// With the result that belongs to it.
    Result,
    /// With an error of this kind.
    Error(String),
    /// Its caller had left.
    Left,
}

struct Called {
    /// It may run more than once.
    may_repeat: bool,
    /// Its server, and what was to go wrong.
    about: String,
    end: End,
}

/// All calls of one storm.
pub(super) struct Record {
    /// What processes write down.
    pub(super) file: PathBuf,
    /// What the test's own server writes down.
    runs: Mutex<Vec<String>>,
    called: Mutex<BTreeMap<String, Called>>,
}

/// What came of it all.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) calls: usize,
    pub(super) results: usize,
    pub(super) left: usize,
    /// Runs beyond the first of calls that may be repeated.
    pub(super) repeated: usize,
    /// By kind.
    pub(super) errors: BTreeMap<String, usize>,
    /// What must not be.
    pub(super) faults: Vec<String>,
}

impl Record {
    pub(super) fn new(file: PathBuf) -> Self {
        Self { file, runs: Mutex::default(), called: Mutex::default() }
    }

    fn called(&self) -> MutexGuard<'_, BTreeMap<String, Called>> {
        self.called.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A call has run in the test's own server.
    pub(super) fn ran(&self, nonce: &str) {
        self.runs.lock().unwrap_or_else(PoisonError::into_inner).push(nonce.to_owned());
    }

    /// A call that is none of the storm's will have a result.
    pub(super) fn ran_and_ended(&self, nonce: &str) {
        self.ended(nonce, true, ("", ""), End::Result);
    }

    /// A call has ended.
    pub(super) fn ended(
        &self,
        nonce: &str,
        may_repeat: bool,
        (server, fault): (&str, &str),
        end: End,
    ) {
        let about = format!("{fault} of {server}");
        let known = self.called().insert(nonce.to_owned(), Called { may_repeat, about, end });
        assert!(known.is_none(), "`{nonce}` names two calls");
    }

    /// Holds the calls against the runs.
    pub(super) fn tally(&self) -> Tally {
        let mut runs: BTreeMap<String, usize> = BTreeMap::new();
        let own = self.runs.lock().unwrap_or_else(PoisonError::into_inner).clone();
        for nonce in lines_of(&self.file).into_iter().chain(own) {
            *runs.entry(nonce).or_default() += 1;
        }
        let called = self.called();
        let mut tally = Tally { calls: called.len(), ..Tally::default() };
        for (nonce, call) in called.iter() {
            let count = runs.remove(nonce).unwrap_or_default();
            let Called { about, end, .. } = call;
            match end {
                End::Result => tally.results += 1,
                End::Left => tally.left += 1,
                End::Error(kind) => *tally.errors.entry(kind.clone()).or_default() += 1,
            }
            if call.may_repeat {
                tally.repeated += count.saturating_sub(1);
            }
            if count > 1 && !call.may_repeat {
                tally.faults.push(format!("`{nonce}` ({about}) ran {count} times: {end:?}"));
            }
            if count == 0 && *end == End::Result {
                tally.faults.push(format!("`{nonce}` ({about}) has a result and never ran"));
            }
        }
        tally.faults.extend(runs.keys().map(|nonce| format!("`{nonce}` ran and nobody called it")));
        tally
    }
}
