//! Counting the calls of all servers: a place before each call, a count after it.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use indexmap::IndexMap;
use tokio::runtime::Handle;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::calendar::Day;
use super::error::{Error, Refused};
use super::ledger::{Holders, Ledger};
use super::standing::Warning;
use crate::base::lock::PATIENCE;
use crate::config::{RateLimit, ServerName};

/// How long counts of servers without a limit may stay in memory.
const WRITE_BEHIND: Duration = Duration::from_secs(2);

/// Work on the files that takes longer than this hangs, as on a disk in a network that is gone. It waits for a lock
/// in this time as well.
const LONGEST_WORK: Duration = Duration::from_secs(2 * PATIENCE.as_secs());

/// The counts of all servers.
#[derive(Debug)]
pub struct Usage {
    shared: Arc<Shared>,
}

/// The permission to make one call. Dropped without success, it gives the call's place back.
#[derive(Debug)]
#[must_use = "dropped at once, it counts nothing"]
pub struct Admission {
    counted: Option<Counted>,
}

#[derive(Debug)]
struct Counted {
    shared: Arc<Shared>,
    ledger: Arc<Ledger>,
}

struct Shared {
    ledgers: IndexMap<ServerName, Arc<Ledger>>,
    folder: PathBuf,
    holders: Arc<Holders>,
    clock: Arc<dyn Fn() -> SystemTime + Send + Sync>,
    /// All that is being written.
    tasks: TaskTracker,
    /// Nothing is put off any longer.
    closing: CancellationToken,
    /// The log knows that calls go uncounted.
    told: AtomicBool,
}

impl Usage {
    /// Counts the calls of these servers in a folder. Opens nothing.
    pub fn new(folder: PathBuf, limits: impl IntoIterator<Item = (ServerName, RateLimit)>) -> Self {
        Self::with_clock(folder, limits, SystemTime::now)
    }

    pub(super) fn with_clock(
        folder: PathBuf,
        limits: impl IntoIterator<Item = (ServerName, RateLimit)>,
        clock: impl Fn() -> SystemTime + Send + Sync + 'static,
    ) -> Self {
        let ledger = |(server, limit): (ServerName, RateLimit)| {
            (server.clone(), Arc::new(Ledger::new(&folder, server, limit)))
        };
        let shared = Shared {
            ledgers: limits.into_iter().map(ledger).collect(),
            holders: Arc::new(Holders::new(folder.clone())),
            folder,
            clock: Arc::new(clock),
            tasks: TaskTracker::new(),
            closing: CancellationToken::new(),
            told: AtomicBool::new(false),
        };
        Self { shared: Arc::new(shared) }
    }

    /// The counts of these servers, with what was counted for them so far. Those that were there before go on being
    /// written; closing one set closes the other.
    #[must_use]
    pub fn successor(&self, limits: impl IntoIterator<Item = (ServerName, RateLimit)>) -> Self {
        let Shared { ledgers, folder, holders, clock, tasks, closing, .. } = &*self.shared;
        let ledger = |(server, limit): (ServerName, RateLimit)| {
            let ledger = match ledgers.get(&server) {
                Some(old) if old.has_limit(&limit) => old.clone(),
                Some(old) => Arc::new(old.with_limit(limit)),
                None => Arc::new(Ledger::new(folder, server.clone(), limit)),
            };
            (server, ledger)
        };
        let shared = Shared {
            ledgers: limits.into_iter().map(ledger).collect(),
            folder: folder.clone(),
            holders: holders.clone(),
            clock: clock.clone(),
            tasks: tasks.clone(),
            closing: closing.clone(),
            told: AtomicBool::new(false),
        };
        Self { shared: Arc::new(shared) }
    }

    /// Before a call: takes a place for it, if the server's limits leave one. Without limits this does nothing and waits
    /// for nothing. Calls of a server that was not named at the beginning are not counted.
    pub async fn admit(&self, server: &ServerName) -> Result<Admission, Refused> {
        let Some(ledger) = self.shared.ledgers.get(server) else {
            return Ok(Admission { counted: None });
        };
        let counted = Counted { shared: self.shared.clone(), ledger: ledger.clone() };
        if ledger.is_limited() {
            // Boxed to keep the futures of calls without a limit small.
            Box::pin(counted.reserve()).await
        } else {
            Ok(Admission { counted: Some(counted) })
        }
    }

    /// Writes everything that is still in memory; to be called when no calls are made any more. Calls that succeed
    /// all the same are written at once.
    pub async fn flush(&self) {
        self.shared.closing.cancel();
        self.shared.tasks.close();
        for ledger in self.shared.ledgers.values().filter(|ledger| ledger.has_uncounted()) {
            let counted = Counted { shared: self.shared.clone(), ledger: ledger.clone() };
            let _ = counted.settle().await;
        }
        let _ = timeout(LONGEST_WORK, self.shared.tasks.wait()).await;
    }
}

impl Admission {
    /// The call has succeeded, so it counts. For a server with a limit this waits until the count is on disk; a caller
    /// that stops waiting loses only the warning, which is there from 80 % of a limit on. (The log is told as well, but
    /// only at every tenth.)
    pub async fn succeeded(mut self) -> Option<Warning> {
        let counted = self.counted.take()?;
        let Counted { shared, ledger } = &counted;
        ledger.succeed(Day::of((shared.clock)()));
        if !ledger.is_limited() {
            counted.schedule();
            return None;
        }
        let tasks = shared.tasks.clone();
        let settled = tasks.spawn(async move { counted.settle().await });
        settled.await.ok().flatten()
    }
}

impl Drop for Admission {
    fn drop(&mut self) {
        if let Some(counted) = self.counted.take().filter(|counted| counted.ledger.is_limited()) {
            counted.ledger.give_back();
            counted.schedule();
        }
    }
}

impl Counted {
    /// The admission is made where the place is taken: if nobody waits for it any more, it gives the place back.
    async fn reserve(self) -> Result<Admission, Refused> {
        let server = self.ledger.server.clone();
        let admission = self.in_turn(|Self { shared, ledger }| {
            let reserved = ledger.reserve(&shared.holders, (shared.clock)())?;
            Ok(reserved.map(|()| Admission { counted: Some(Self { shared, ledger }) }))
        });
        match admission.await {
            Ok(admission) => admission.map_err(Refused::Exceeded),
            Err(source) => Err(Refused::Uncountable { server, source }),
        }
    }

    /// Writes what there is to write. What cannot be written stays in memory for the next time.
    async fn settle(&self) -> Option<Warning> {
        let settled = self.in_turn(|Self { shared, ledger }| {
            let standings = ledger.settle(&shared.holders, (shared.clock)())?;
            Ok(Warning::of(&ledger.server, standings))
        });
        settled.await.unwrap_or_else(|error| {
            if !self.shared.told.swap(true, Ordering::Relaxed) {
                tracing::warn!("calls cannot be counted: {error}");
            }
            None
        })
    }

    /// Has the news written: soon, or at once where others wait for a place.
    fn schedule(&self) {
        let Self { shared, ledger } = self;
        if ledger.scheduled.load(Ordering::Relaxed)
            || ledger.scheduled.swap(true, Ordering::Relaxed)
        {
            return;
        }
        let Ok(runtime) = Handle::try_current() else {
            ledger.scheduled.store(false, Ordering::Relaxed);
            return;
        };
        let counted = Self { shared: shared.clone(), ledger: ledger.clone() };
        let write = async move {
            if !counted.ledger.is_limited() {
                tokio::select! {
                    () = sleep(WRITE_BEHIND) => {}
                    () = counted.shared.closing.cancelled() => {}
                }
            }
            // Before the news are taken: what comes later schedules anew.
            counted.ledger.scheduled.store(false, Ordering::Relaxed);
            counted.settle().await;
        };
        shared.tasks.spawn_on(write, &runtime);
    }

    /// Uses the server's files, for a bounded time, off the runtime's thread and one at a
    /// time. Once begun, the work is done even if nobody
    /// waits for it any more.
    async fn in_turn<T: Send + 'static>(
        &self,
        work: impl FnOnce(Self) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let Self { shared, ledger } = self;
        let turn = timeout(PATIENCE, ledger.turn.clone().lock_owned())
            .await
            .map_err(|_| ledger.files.busy())?;
        let counted = Self { shared: shared.clone(), ledger: ledger.clone() };
        let work = move || {
            let _turn = turn;
            work(counted)
        };
        let done = timeout(LONGEST_WORK, shared.tasks.spawn_blocking(work)).await;
        match done {
            Ok(Ok(done)) => done,
            // It panicked, or the runtime has ended.
            Ok(Err(_)) => Err(ledger.files.busy()),
            Err(_) => Err(ledger.files.slow()),
        }
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ledgers = self.ledgers.values();
        formatter.debug_set().entries(ledgers).finish()
    }
}
