//! Filters for the bridge: workers are started when they are needed, kept for a while, and never more than a few.

use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::task::AbortHandle;
use tokio::time::{Instant, sleep_until};

use super::fault::{Error, Fault, Position};
use super::process::{Lost, Worker};
use super::worker::{MAX_FILTER, MAX_INPUT};
use crate::base::json::Strict;

/// So many filters run at once, others wait.
const MAX_WORKERS: usize = 4;
/// So many workers wait for the next job.
const MAX_IDLE: usize = 2;
/// How long they wait.
const IDLE_TIME: Duration = Duration::from_mins(1);

/// Runs jq filters. Dropping it ends its workers.
#[derive(Debug)]
pub struct Selector {
    program: PathBuf,
    places: Semaphore,
    idle: Arc<Mutex<Idle>>,
}

#[derive(Debug, Default)]
struct Idle {
    /// The one that has waited longest comes first.
    workers: Vec<(Instant, Worker)>,
    /// The task that ends workers once they have waited long enough; it runs only while some wait.
    ending: Option<AbortHandle>,
    closed: bool,
}

impl Selector {
    /// `program` is the bridge's own, see [`own_program`](crate::base::worker::own_program). Nothing is started yet.
    pub fn new(program: PathBuf) -> Self {
        Self { program, places: Semaphore::new(MAX_WORKERS), idle: Arc::default() }
    }

    /// Applies a jq filter to a JSON text that has passed [`Strict`].
    ///
    /// The result is compact JSON on one line: `null` when the filter gives nothing, its output when it gives one, an
    /// array when it gives several; `[…]` or `first(…)` make a filter definite. What passes a filter unchanged keeps
    /// the spelling of its numbers and the order of its keys. A filter may compute for 2 s and use 512 MB where the
    /// system can hold it to that. Cancel safe:
    /// a filter that nobody waits for any more is killed.
    pub async fn select(&self, filter: &str, input: &str) -> Result<String, Error> {
        if filter.len() > MAX_FILTER {
            return Err(Error::FilterTooLong { length: filter.len(), limit: MAX_FILTER });
        }
        if input.len() > MAX_INPUT {
            return Err(Error::InputTooLong { length: input.len(), limit: MAX_INPUT });
        }
        let closed = |_| Error::Unavailable(io::Error::other("the bridge is ending"));
        let _place = self.places.acquire().await.map_err(closed)?;
        if let Some(mut warm) = self.take() {
            match warm.ask(filter, input).await {
                Ok(answer) => return self.accept(warm, answer, filter),
                Err(Lost::Filter(error)) => return Err(error),
                // It may have died before; filters have no effects, so another worker may run this one again.
                Err(Lost::Worker(error)) => tracing::debug!("a worker for jq is lost: {error}"),
            }
        }
        let mut worker = Worker::start(&self.program).map_err(Error::Unavailable)?;
        match worker.ask(filter, input).await {
            Ok(answer) => self.accept(worker, answer, filter),
            Err(Lost::Filter(error)) => Err(error),
            Err(Lost::Worker(error)) => Err(Error::Unavailable(error)),
        }
    }

    /// Whether a filter can be read at all, to be known before something is done whose result it is for.
    pub async fn check(&self, filter: &str) -> Result<(), Error> {
        self.select(filter, "").await.map(drop)
    }

    /// Ends the workers that wait; those at work end with their jobs. No filter is run from now on.
    pub fn close(&self) {
        self.places.close();
        let mut idle = lock(&self.idle);
        idle.closed = true;
        idle.workers.clear();
        if let Some(ending) = idle.ending.take() {
            ending.abort();
        }
    }

    /// The worker that has waited for the shortest time, so that more than are needed end in time.
    fn take(&self) -> Option<Worker> {
        lock(&self.idle).workers.pop().map(|(_, worker)| worker)
    }

    fn accept(
        &self,
        worker: Worker,
        answer: super::frame::Answer,
        filter: &str,
    ) -> Result<String, Error> {
        let retires = answer.wants_retirement();
        let Some(outcome) = answer.outcome() else {
            return Err(Error::Unavailable(io::ErrorKind::InvalidData.into()));
        };
        if !retires {
            self.keep(worker);
        }
        let output = outcome?;
        match Strict::new().check(output.as_bytes()) {
            Ok(_) => Ok(output),
            Err(fault) => Err(Error::Filter(Fault::Failed {
                position: Position::of(filter, 0),
                part: super::engine::excerpt(filter),
                message: format!("what it gives is no plain JSON: {fault}"),
            })),
        }
    }

    fn keep(&self, worker: Worker) {
        let mut idle = lock(&self.idle);
        if idle.closed || idle.workers.len() >= MAX_IDLE {
            return;
        }
        idle.workers.push((Instant::now() + IDLE_TIME, worker));
        if idle.ending.is_none() {
            let task = tokio::spawn(end_in_time(self.idle.clone()));
            idle.ending = Some(task.abort_handle());
        }
    }
}

impl Drop for Selector {
    fn drop(&mut self) {
        self.close();
    }
}

/// Ends workers that have waited long enough, and itself when none is left.
async fn end_in_time(idle: Arc<Mutex<Idle>>) {
    loop {
        let next = {
            let mut idle = lock(&idle);
            let now = Instant::now();
            idle.workers.retain(|(end, _)| *end > now);
            let Some(next) = idle.workers.first().map(|(end, _)| *end) else {
                idle.ending = None;
                return;
            };
            next
        };
        sleep_until(next).await;
    }
}

fn lock(idle: &Mutex<Idle>) -> MutexGuard<'_, Idle> {
    idle.lock().unwrap_or_else(PoisonError::into_inner)
}
