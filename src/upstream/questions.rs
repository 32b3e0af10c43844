//! Requests of a server to the client behind one of our requests, such as `sampling/createMessage`, on their way there
//! and back.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::future::BoxFuture;
use tokio::task::AbortHandle;

use super::follower::Reply;
use super::{Follower, Session};
use crate::base::json::member;
use crate::protocol::error::{ErrorObject, INTERNAL_ERROR, INVALID_REQUEST};
use crate::protocol::jsonrpc::Id;

/// A server has no more of them without an answer.
const MAX_OPEN: usize = 100;

/// Those of one session.
#[derive(Debug, Default)]
pub(super) struct Questions(Mutex<Table>);

type Table = BTreeMap<Id, Open>;

/// One that the client has not answered yet.
#[derive(Debug)]
struct Open {
    asking: AbortHandle,
    /// Our requests that may wait for it.
    held: Vec<u64>,
}

/// Answers with an error what nobody has answered when it is dropped.
struct Asking {
    session: Arc<Session>,
    id: Id,
    /// Requests whose clocks stand still meanwhile.
    held: Vec<u64>,
}

impl Questions {
    fn table(&self) -> MutexGuard<'_, Table> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Drops the request that these parameters of a cancellation name; the server wants no answer any more.
    pub(super) fn withdraw(&self, params: &str) {
        let id = member(params, "requestId").and_then(Id::parse);
        if let Some(open) = id.and_then(|id| self.table().remove(&id)) {
            open.asking.abort();
        }
    }

    /// Our request `id` was withdrawn: the client is asked no longer what only this one may have waited for, and the
    /// server hears that there is no answer.
    pub(super) fn orphan(&self, id: u64) {
        for open in self.table().values_mut() {
            let before = open.held.len();
            open.held.retain(|held| *held != id);
            if open.held.len() < before && open.held.is_empty() {
                open.asking.abort();
            }
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.table().is_empty()
    }

    /// Drops all of them.
    pub(super) fn withdraw_all(&self) {
        let all = std::mem::take(&mut *self.table());
        for open in all.into_values() {
            open.asking.abort();
        }
    }
}

impl Session {
    /// Answers request `id` of the server, which came on the stream of our request `of` or on none, with what the
    /// follower says to it.
    pub(super) fn put(
        self: &Arc<Self>,
        id: Id,
        of: Option<u64>,
        follower: &dyn Follower,
        answer: BoxFuture<'static, Reply>,
    ) {
        // Entered under one lock with its start, so that it cannot end in between.
        let mut table = self.questions.table();
        if table.len() >= MAX_OPEN || table.contains_key(&id) {
            drop(table);
            let message = "an equal id, or too many requests, are without an answer";
            return self.reply(&id, Err(&ErrorObject::new(INVALID_REQUEST, message)));
        }
        let held = self.requests.hold(of, follower.client());
        if of.is_some() && held.is_empty() {
            // Its request has ended in this very moment.
            drop(table);
            let message = "the request on whose stream this came has ended";
            return self.reply(&id, Err(&ErrorObject::new(INVALID_REQUEST, message)));
        }
        let asking = Asking { session: self.clone(), id: id.clone(), held: held.clone() };
        let task = self.tasks.spawn(async move {
            let answer = answer.await;
            asking.answer(answer.as_deref());
        });
        table.insert(id, Open { asking: task.abort_handle(), held });
    }
}

impl Asking {
    fn answer(&self, answer: Result<&str, &ErrorObject>) {
        // Whoever takes it out of the table decides about the answer.
        if self.session.questions.table().remove(&self.id).is_some() {
            self.session.reply(&self.id, answer);
        }
    }
}

impl Drop for Asking {
    fn drop(&mut self) {
        let error = ErrorObject::new(INTERNAL_ERROR, "the client gave no answer");
        self.answer(Err(&error));
        self.session.requests.release(&self.held);
    }
}
