//! Requests of servers to a client (revisions up to 2025-11-25): sent under ids of our own, each with a place for the
//! answer until it comes, is not wanted any more, or the session ends.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::future::BoxFuture;
use tokio::sync::oneshot;

use super::outlet::Outlet;
use crate::protocol::error::{ErrorObject, INTERNAL_ERROR, TOO_MANY_REQUESTS};
use crate::protocol::jsonrpc;
use crate::protocol::method;
use crate::router::Ask;

/// A client has no more questions without an answer than this.
const MAX_ASKED: usize = 64;

type Reply = Result<Box<str>, ErrorObject>;

/// Questions of one session that have no answer yet.
#[derive(Debug, Clone, Default)]
pub(super) struct Asked(Arc<Mutex<Table>>);

#[derive(Debug, Default)]
struct Table {
    last: u64,
    waiting: HashMap<u64, oneshot::Sender<Reply>>,
    closed: bool,
}

/// Asks along one outlet.
#[derive(Debug)]
pub(super) struct Questioner {
    pub(super) asked: Asked,
    pub(super) outlet: Outlet,
}

/// The place of one question. Dropped without an answer, it tells the client that none is wanted.
struct Place {
    id: u64,
    sent: bool,
    asked: Asked,
    outlet: Outlet,
}

impl Asked {
    fn lock(&self) -> MutexGuard<'_, Table> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn enter(&self) -> Result<(u64, oneshot::Receiver<Reply>), ErrorObject> {
        let mut table = self.lock();
        if table.closed {
            return Err(gone());
        }
        if table.waiting.len() >= MAX_ASKED {
            let message = format!("the client has {MAX_ASKED} questions to answer already");
            return Err(ErrorObject::new(TOO_MANY_REQUESTS, message));
        }
        table.last += 1;
        let (sender, receiver) = oneshot::channel();
        let id = table.last;
        table.waiting.insert(id, sender);
        Ok((id, receiver))
    }

    /// Takes the answer to the question of this id, the JSON text as the client spells it; whether there is one.
    pub(super) fn answered(&self, id: &str, outcome: Result<&str, ErrorObject>) -> bool {
        let Some(waiting) = id.parse().ok().and_then(|id| self.lock().waiting.remove(&id)) else {
            return false;
        };
        // Whoever asked may be gone at this moment.
        let _ = waiting.send(outcome.map(Into::into));
        true
    }

    /// The client is gone: nobody waits any longer.
    pub(super) fn close(&self) {
        let waiting = {
            let mut table = self.lock();
            table.closed = true;
            std::mem::take(&mut table.waiting)
        };
        drop(waiting);
    }
}

impl Ask for Questioner {
    fn ask(&self, method: &str, params: Option<&str>) -> BoxFuture<'static, Reply> {
        let (asked, outlet) = (self.asked.clone(), self.outlet.clone());
        let (method, params) = (method.to_owned(), params.map(Box::<str>::from));
        Box::pin(async move {
            let (id, answer) = asked.enter()?;
            let mut place = Place { id, sent: false, asked, outlet };
            let params = params.as_deref().unwrap_or("{}");
            let write = |to: &mut Vec<u8>| {
                jsonrpc::write_call(to, id, &method, |to, _| {
                    to.extend_from_slice(params.as_bytes());
                });
            };
            place.outlet.ask(write).await.map_err(|_| gone())?;
            place.sent = true;
            answer.await.unwrap_or_else(|_| Err(gone()))
        })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let waited = self.asked.lock().waiting.remove(&self.id).is_some();
        if waited && self.sent {
            let params = format!(
                r#"{{"requestId":{},"reason":"the answer is not wanted any more"}}"#,
                self.id
            );
            self.outlet.notify(method::CANCELLED, &params);
        }
    }
}

fn gone() -> ErrorObject {
    ErrorObject::new(INTERNAL_ERROR, "the client cannot be asked any more")
}
