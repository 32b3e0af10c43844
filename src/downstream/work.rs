//! The requests of one client that are worked on, each in a task of its own.

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
        let (owed, withdrawn) = self.owe(&id, outlet)?;
        let number = owed.number;
        // Under this lock, so that it cannot end before it was entered.
        let mut in_flight = self.in_flight.lock();
        let assigned = Box::new(Assigned { job, owed, withdrawn: withdrawn.clone() });
        let given = match &self.bench {
            Some(bench) => bench.give(assigned),
            None => Err(assigned),
        };
        let task = given.unwrap_or_else(|assigned| {
            let place = self.bench.as_ref().map(Bench::place);
            // Boxed, since starting a task moves what it runs a dozen times.
            let task = self.tasks.spawn(Box::pin(work(assigned, place.clone()))).abort_handle();
            if let Some(place) = place {
                place.is_of(task.clone());
            }
            task
        });
        in_flight.insert(id.clone(), Running { number, task, withdrawn });
        drop(in_flight);
        Some(Started { id, number })
    }

    /// Enters a request and starts what answers it.
    pub(super) fn start<F>(&mut self, id: Id, outlet: Outlet, work: F) -> Option<Started>
    where
        F: Future<Output = Result<Box<str>, ErrorObject>> + Send + 'static,
    {
        let (owed, withdrawn) = self.owe(&id, outlet)?;
        let number = owed.number;
        let mut in_flight = self.in_flight.lock();
        let task = self.tasks.spawn(Box::pin(async move {
            let reply = work.await;
            owed.answer(reply).await;
        }));
        in_flight.insert(id.clone(), Running { number, task: task.abort_handle(), withdrawn });
        drop(in_flight);
        Some(Started { id, number })
    }

    /// What is owed to a request, unless there are too many already.
    fn owe(&mut self, id: &Id, outlet: Outlet) -> Option<(Owed, Withdrawn)> {
        if self.in_flight.lock().len() >= MAX_IN_FLIGHT {
            let message = format!("more than {MAX_IN_FLIGHT} requests at a time");
            outlet.answer_now(id, Err(&ErrorObject::new(TOO_MANY_REQUESTS, message)));
            return None;
        }
        self.requests += 1;
        let (id, in_flight) = (id.clone(), self.in_flight.clone());
        let owed = Owed { id, number: self.requests, in_flight, outlet, settled: false };
        Some((owed, Withdrawn::default()))
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
