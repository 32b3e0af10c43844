//! The requests of one client that are worked on, each in a task of its own.

use tokio::task::AbortHandle;
use tokio_util::task::TaskTracker;

use super::answer::{InFlight, Owed, Running, Started};
use super::bench::Bench;
use super::outlet::Outlet;
use super::worker::{Assigned, Job, work};
use crate::protocol::error::{ErrorObject, TOO_MANY_REQUESTS};
use crate::protocol::jsonrpc::Id;
use crate::upstream::Withdrawn;

/// A client has no more requests without an answer than this.
const MAX_IN_FLIGHT: usize = 1024;

/// Requests without an answer, and what answers them.
#[derive(Debug, Default)]
pub(super) struct Work {
    pub(super) in_flight: InFlight,
    tasks: TaskTracker,
    /// Where tasks that have answered one request wait for the next.
    bench: Option<Bench<Box<Assigned>>>,
    /// How many requests there were.
    requests: u64,
}

impl Work {
    /// For a client all of whose requests come on one stream: tasks that have answered one wait for the next.
    pub(super) fn of_stream() -> Self {
        let mut work = Self::default();
        work.bench = Some(Bench::new());
        work
    }

    /// Enters a request for the router and starts what answers it.
    pub(super) fn serve(&mut self, id: Id, outlet: Outlet, job: Job) -> Option<Started> {
        let withdrawn = Withdrawn::default();
        self.enter(id, outlet, withdrawn.clone(), |owed, tasks, bench| {
            let assigned = Box::new(Assigned { job, owed, withdrawn });
            let given = match bench {
                Some(bench) => bench.give(assigned),
                None => Err(assigned),
            };
            given.unwrap_or_else(|assigned| {
                let place = bench.map(Bench::place);
                // Boxed, since starting a task moves what it runs a dozen times.
                let task = tasks.spawn(Box::pin(work(assigned, place.clone()))).abort_handle();
                if let Some(place) = place {
                    place.is_of(task.clone());
                }
                task
            })
        })
    }

    /// Enters a request and starts what answers it.
    pub(super) fn start<F>(&mut self, id: Id, outlet: Outlet, work: F) -> Option<Started>
    where
        F: Future<Output = Result<Box<str>, ErrorObject>> + Send + 'static,
    {
        self.enter(id, outlet, Withdrawn::default(), |owed, tasks, _| {
            let answering = async move {
                let reply = work.await;
                owed.answer(reply).await;
            };
            tasks.spawn(Box::pin(answering)).abort_handle()
        })
    }

    /// Enters a request, unless there are too many already, under one lock with its start, so that it cannot end in
    /// between.
    fn enter(
        &mut self,
        id: Id,
        outlet: Outlet,
        withdrawn: Withdrawn,
        start: impl FnOnce(Owed, &TaskTracker, Option<&Bench<Box<Assigned>>>) -> AbortHandle,
    ) -> Option<Started> {
        let mut table = self.in_flight.lock();
        if table.len() >= MAX_IN_FLIGHT {
            drop(table);
            let message = format!("more than {MAX_IN_FLIGHT} requests at a time");
            outlet.answer_now(&id, Err(&ErrorObject::new(TOO_MANY_REQUESTS, message)));
            return None;
        }
        self.requests += 1;
        let number = self.requests;
        let in_flight = self.in_flight.clone();
        let owed = Owed { id: id.clone(), number, in_flight, outlet, settled: false };
        let task = start(owed, &self.tasks, self.bench.as_ref());
        table.insert(id.clone(), Running { number, task, withdrawn });
        drop(table);
        Some(Started { id, number })
    }

    /// Waits until nothing is under way, when no further requests come.
    pub(super) fn done(&self) -> impl Future<Output = ()> + use<> {
        self.close_bench();
        self.tasks.close();
        let tasks = self.tasks.clone();
        async move { tasks.wait().await }
    }

    fn close_bench(&self) {
        if let Some(bench) = &self.bench {
            bench.close();
        }
    }
}

impl Drop for Work {
    fn drop(&mut self) {
        self.close_bench();
    }
}
