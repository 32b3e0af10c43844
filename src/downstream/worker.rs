//! What answers a request that goes to the router. Where requests come one after another on one stream, the task that
//! has answered one waits for the next: to start a task and to give back its memory costs as much as a tenth of a call.

use std::borrow::Cow;
use std::sync::Arc;

use super::answer::Owed;
use super::bench::Place;
use crate::base::json::Noted;
use crate::protocol::error::ErrorObject;
use crate::protocol::outcome::Outcome;
use crate::protocol::translate::{error_for, result_for};
use crate::router::{Asks, Caller, Client, Notify, Router};
use crate::upstream::Withdrawn;

/// A request for the router.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) router: Arc<Router>,
    pub(super) method: Cow<'static, str>,
    pub(super) params: Option<Noted>,
    pub(super) client: Arc<Client>,
    pub(super) notify: Notify,
    pub(super) asks: Asks,
}

/// The same with what it is answered by.
#[derive(Debug)]
pub(super) struct Assigned {
    pub(super) job: Job,
    pub(super) owed: Owed,
    pub(super) withdrawn: Withdrawn,
}

/// Answers one request, and those that come to its place later. A request that was withdrawn ends it: whoever withdraws
/// one aborts its task, which must not have another one by then.
pub(super) async fn work(first: Box<Assigned>, place: Option<Arc<Place<Box<Assigned>>>>) {
    let mut assigned = first;
    loop {
        let Assigned { job, owed, withdrawn } = *assigned;
        let reply = job.answered(withdrawn).await;
        let (true, Some(place)) = (owed.answer(reply).await, &place) else { return };
        match place.wait().await {
            Some(next) => assigned = next,
            None => return,
        }
    }
}

impl Job {
    /// What the router answers, in the terms of the client.
    async fn answered(self, withdrawn: Withdrawn) -> Result<Box<str>, ErrorObject> {
        let Self { router, method, params, client, notify, asks } = self;
        let revision = client.revision;
        let caller = Caller { notify, withdrawn, client, asks };
        match router.serve(&method, params.as_ref().map(Noted::part), &caller).await {
            Ok(Outcome { json, facts }) if facts.needs_no_change(revision, &method) => Ok(json),
            Ok(Outcome { json, .. }) => Ok(match result_for(revision, &method, &json) {
                Cow::Owned(fit) => fit.into(),
                Cow::Borrowed(_) => json,
            }),
            Err(error) => Err(error_for(revision, &method, params.as_deref(), error)),
        }
    }
}
