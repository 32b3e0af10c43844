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

    /// Whether an answer of the client is waited for.
    pub(super) fn are_open(&self) -> bool {
        !self.lock().waiting.is_empty()
    }

    /// Whether the client is gone.
    pub(super) fn are_closed(&self) -> bool {
        self.lock().closed
    }

    /// The client has not answered for too long: whoever waits gets an error.
    pub(super) fn give_up(&self) {
        let waiting = std::mem::take(&mut self.lock().waiting);
        drop(waiting);
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
            let (id, mut answer) = asked.enter()?;
            let mut place = Place { id, sent: false, asked, outlet };
            let params = params.as_deref().unwrap_or("{}");
            let write = |to: &mut Vec<u8>| {
                jsonrpc::write_call(to, id, &method, |to, _| {
                    to.extend_from_slice(params.as_bytes());
                });
            };
            tokio::select! {
                sent = place.outlet.ask(write) => sent.map_err(|_| gone())?,
                // The session may end while a client that does not read leaves no room.
                ended = &mut answer => return ended.unwrap_or_else(|_| Err(gone())),
            }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::downstream::outlet::Form;
    use crate::wire::{Outbox, Reader};

    fn questioner() -> (Questioner, Reader) {
        let (outbox, reader) = Outbox::read(1024);
        (Questioner { asked: Asked::default(), outlet: Outlet::Stream(outbox, Form::Line) }, reader)
    }

    async fn next(reader: &mut Reader) -> String {
        String::from_utf8(reader.next().await.expect("something is sent")).expect("text")
    }

    #[tokio::test]
    async fn an_answer_finds_its_question() {
        let (questioner, mut reader) = questioner();
        let one = tokio::spawn(questioner.ask("roots/list", None));
        assert_eq!(
            next(&mut reader).await,
            "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"roots/list\",\"params\":{}}\n"
        );
        let two = tokio::spawn(questioner.ask("elicitation/create", Some("{\"a\":1}")));
        assert!(next(&mut reader).await.contains("\"id\":2,\"method\":\"elicitation/create\""));
        let refused = ErrorObject::new(-1, "no");
        assert!(questioner.asked.answered("2", Err(refused)));
        assert!(questioner.asked.answered("1", Ok("{\"roots\":[]}")));
        assert_eq!(one.await.expect("no panic").expect("a result").as_ref(), "{\"roots\":[]}");
        assert_eq!(two.await.expect("no panic").expect_err("an error").code, -1);
        for unknown in ["1", "3", "\"2\"", "null", "1.0"] {
            assert!(!questioner.asked.answered(unknown, Ok("{}")), "{unknown}");
        }
    }

    #[tokio::test]
    async fn a_question_that_is_dropped_is_withdrawn() {
        let (questioner, mut reader) = questioner();
        let asking = tokio::spawn(questioner.ask("roots/list", None));
        assert!(next(&mut reader).await.contains("roots/list"));
        asking.abort();
        let told = next(&mut reader).await;
        assert!(
            told.contains("notifications/cancelled") && told.contains("\"requestId\":1"),
            "{told}"
        );
        assert!(!questioner.asked.answered("1", Ok("{}")));
    }

    #[tokio::test]
    async fn questions_are_bounded_and_end_with_the_session() {
        let (questioner, _reader) = questioner();
        let open: Vec<_> =
            (0..MAX_ASKED).map(|_| tokio::spawn(questioner.ask("roots/list", None))).collect();
        while questioner.asked.lock().waiting.len() < MAX_ASKED {
            tokio::task::yield_now().await;
        }
        let error = questioner.ask("roots/list", None).await.expect_err("one too many");
        assert_eq!(error.code, TOO_MANY_REQUESTS);
        questioner.asked.close();
        for asked in open {
            assert_eq!(asked.await.expect("no panic").expect_err("gone").code, INTERNAL_ERROR);
        }
        assert!(questioner.ask("roots/list", None).await.is_err());
    }
}
