//! The requests of one client that are worked on, each in a task of its own.

use tokio_util::task::TaskTracker;

use super::answer::{InFlight, Owed, Running, Started};
use super::outlet::Outlet;
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
    /// How many requests there were.
    requests: u64,
}

impl Work {
    /// Enters the request and starts what answers it.
    pub(super) fn start<F>(
        &mut self,
        id: Id,
        outlet: Outlet,
        work: impl FnOnce(Withdrawn) -> F,
    ) -> Option<Started>
    where
        F: Future<Output = Result<Box<str>, ErrorObject>> + Send + 'static,
    {
        let mut in_flight = self.in_flight.lock();
        if in_flight.len() >= MAX_IN_FLIGHT {
            drop(in_flight);
            let message = format!("more than {MAX_IN_FLIGHT} requests at a time");
            outlet.answer_now(&id, Err(&ErrorObject::new(TOO_MANY_REQUESTS, message)));
            return None;
        }
        let withdrawn = Withdrawn::default();
        self.requests += 1;
        let number = self.requests;
        let owed = Owed {
            id: id.clone(),
            number,
            in_flight: self.in_flight.clone(),
            outlet,
            settled: false,
        };
        let work = work(withdrawn.clone());
        // Boxed, since starting a task moves what it runs a dozen times.
        let task = self.tasks.spawn(Box::pin(async move {
            let reply = work.await;
            owed.answer(reply).await;
        }));
        in_flight.insert(id.clone(), Running { number, task: task.abort_handle(), withdrawn });
        Some(Started { id, number })
    }

    /// Waits until nothing is under way, when no further requests come.
    pub(super) fn done(&self) -> impl Future<Output = ()> + use<> {
        self.tasks.close();
        let tasks = self.tasks.clone();
        async move { tasks.wait().await }
    }
}
