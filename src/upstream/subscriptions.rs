//! What a session hears beside the answers to its requests: log messages and changes to single resources.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use serde_json::json;
use tokio::sync::{Notify, watch};

use super::{Error, Session, Watch};
use crate::protocol::era::Era;
use crate::protocol::log::Level;
use crate::protocol::method;

/// The resources of a server, each with the number of those who want to hear of it. They outlast the session.
#[derive(Debug, Default)]
pub(super) struct Subscriptions {
    wanted: Mutex<BTreeMap<Box<str>, Wanted>>,
    /// The session that tells of them now.
    current: Mutex<Weak<Session>>,
}

#[derive(Debug, Default)]
struct Wanted {
    by: u32,
    /// Whoever speaks with the server about the resource holds this, so that the last word is the right one.
    turn: Arc<Turn>,
}

type Turn = tokio::sync::Mutex<()>;

/// What the task that listens to a server of the stateless era is told.
#[derive(Debug, Default)]
pub(super) struct News {
    /// Something else is wanted.
    pub(super) wanted: Notify,
    /// The latest request for a stream that the server has confirmed, by its id.
    pub(super) acknowledged: watch::Sender<u64>,
}

/// The part of one who speaks with the server about a resource.
struct Part<'a> {
    subscriptions: &'a Subscriptions,
    uri: &'a str,
    turn: Arc<Turn>,
    /// He is counted, and not if this comes to nothing.
    takes_back: bool,
}

impl Drop for Part<'_> {
    fn drop(&mut self) {
        let mut table = self.subscriptions.table();
        let Some(wanted) = table.get_mut(self.uri) else { return };
        if self.takes_back {
            wanted.by = wanted.by.saturating_sub(1);
        }
        // The table and this part hold the turn, and nobody else.
        if wanted.by == 0 && Arc::strong_count(&self.turn) <= 2 {
            table.remove(self.uri);
        }
    }
}

impl Subscriptions {
    fn table(&self) -> MutexGuard<'_, BTreeMap<Box<str>, Wanted>> {
        self.wanted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.table().values().all(|wanted| wanted.by == 0)
    }

    pub(super) fn uris(&self) -> Vec<String> {
        let table = self.table();
        let wanted = table.iter().filter(|(_, wanted)| wanted.by > 0);
        wanted.map(|(uri, _)| String::from(&**uri)).collect()
    }

    fn is_wanted(&self, uri: &str) -> bool {
        self.table().get(uri).is_some_and(|wanted| wanted.by > 0)
    }

    /// Counts one more, who is taken back if the part is dropped before it is kept.
    fn add<'a>(&'a self, uri: &'a str) -> Part<'a> {
        let mut table = self.table();
        let wanted = table.entry(uri.into()).or_default();
        wanted.by += 1;
        Part { subscriptions: self, uri, turn: wanted.turn.clone(), takes_back: true }
    }

    /// Counts one less; none if there was nobody.
    fn remove<'a>(&'a self, uri: &'a str) -> Option<Part<'a>> {
        let mut table = self.table();
        let wanted = table.get_mut(uri)?;
        wanted.by = wanted.by.checked_sub(1)?;
        Some(Part { subscriptions: self, uri, turn: wanted.turn.clone(), takes_back: false })
    }

    /// Speaks of the resource without being counted.
    fn part<'a>(&'a self, uri: &'a str) -> Part<'a> {
        let turn = self.table().entry(uri.into()).or_default().turn.clone();
        Part { subscriptions: self, uri, turn, takes_back: false }
    }

    /// From now on this session tells of the resources.
    pub(super) fn move_to(&self, session: &Arc<Session>) {
        *self.current.lock().unwrap_or_else(PoisonError::into_inner) = Arc::downgrade(session);
    }

    fn current(&self) -> Option<Arc<Session>> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner).upgrade()
    }
}

impl Session {
    pub(super) fn subscriptions(&self) -> Option<&Subscriptions> {
        self.agreement.purpose.get().map(|purpose| &*purpose.subscriptions)
    }

    /// Says from which level on log messages are wanted. It holds for the session, so a client with a level of its own
    /// needs a session of its own; a server of the stateless era is told with each request ([`super::Declares`]).
    pub async fn set_log_level(&self, level: Level, timeout: Duration) -> Result<(), Error> {
        if self.era() == Era::Stateless {
            return Ok(());
        }
        let params = json!({ "level": level.as_str() });
        self.ask(method::LOGGING_SET_LEVEL, &params.to_string(), timeout).await
    }

    /// Asks to hear when the resource changes, which is told to [`super::Pool::changes`], by later sessions with the
    /// server as well. Everyone who asks takes it back by himself with [`Session::unsubscribe`].
    pub async fn subscribe(&self, uri: &str, timeout: Duration) -> Result<(), Error> {
        let Some(subscriptions) = self.subscriptions() else { return Err(Error::ShuttingDown) };
        let mut part = subscriptions.add(uri);
        if self.era() == Era::Session {
            let _turn = part.turn.lock().await;
            let params = json!({ "uri": uri }).to_string();
            self.ask(method::RESOURCES_SUBSCRIBE, &params, timeout).await?;
        }
        part.takes_back = false;
        self.agreement.news.wanted.notify_one();
        Ok(())
    }

    /// Takes one subscription back; the server hears of the last one, in the session that is open now.
    pub async fn unsubscribe(&self, uri: &str, timeout: Duration) -> Result<(), Error> {
        let Some(subscriptions) = self.subscriptions() else { return Ok(()) };
        let Some(part) = subscriptions.remove(uri) else { return Ok(()) };
        let _turn = part.turn.lock().await;
        if subscriptions.is_wanted(uri) {
            return Ok(());
        }
        let current = subscriptions.current().filter(|_| self.is_ended());
        let session = current.as_deref().unwrap_or(self);
        session.agreement.news.wanted.notify_one();
        if session.era() == Era::Stateless || session.is_ended() {
            return Ok(());
        }
        let params = json!({ "uri": uri }).to_string();
        session.ask(method::RESOURCES_UNSUBSCRIBE, &params, timeout).await
    }

    /// Asks again for what was asked for in an earlier session, beside everything else.
    pub(super) fn resubscribe(self: &Arc<Self>, timeout: Duration) {
        let Some(subscriptions) = self.subscriptions() else { return };
        subscriptions.move_to(self);
        let session = self.clone();
        self.spawn_until_over(async move {
            let Some(subscriptions) = session.subscriptions() else { return };
            for uri in subscriptions.uris() {
                let part = subscriptions.part(&uri);
                let _turn = part.turn.lock().await;
                if !subscriptions.is_wanted(&uri) {
                    continue;
                }
                let params = json!({ "uri": uri }).to_string();
                if let Err(error) = session.ask(method::RESOURCES_SUBSCRIBE, &params, timeout).await
                {
                    tracing::info!("`{}` no longer tells of `{uri}`: {error}", session.server);
                }
            }
        });
    }

    async fn ask(&self, method: &str, params: &str, timeout: Duration) -> Result<(), Error> {
        let write = |to: &mut Vec<u8>, _| to.extend_from_slice(params.as_bytes());
        self.request(method, timeout, Watch::default(), write).await.map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_one_who_leaves_ends_a_subscription() {
        let subscriptions = Subscriptions::default();
        for uri in ["a:1", "a:1", "b:2"] {
            subscriptions.add(uri).takes_back = false;
        }
        let leave = |uri, was_there, is_wanted| {
            assert_eq!(subscriptions.remove(uri).is_some(), was_there, "{uri}");
            assert_eq!(subscriptions.is_wanted(uri), is_wanted, "{uri}");
        };
        leave("a:1", true, true);
        leave("a:1", true, false);
        leave("a:1", false, false);
        leave("c:3", false, false);
        assert_eq!(subscriptions.uris(), ["b:2"]);
        leave("b:2", true, false);
        assert!(subscriptions.is_empty());
        assert!(subscriptions.table().is_empty(), "nothing is kept of those who left");
    }

    #[test]
    fn who_did_not_get_through_is_not_counted() {
        let subscriptions = Subscriptions::default();
        let asking = subscriptions.add("a:1");
        assert!(subscriptions.is_wanted("a:1"), "he counts while he asks");
        // Somebody else leaves meanwhile, and must see that.
        subscriptions.add("a:1").takes_back = false;
        drop(subscriptions.remove("a:1"));
        assert!(subscriptions.is_wanted("a:1"));
        drop(asking);
        assert!(subscriptions.is_empty());
    }

    #[tokio::test]
    async fn those_who_speak_of_one_resource_take_turns() {
        let subscriptions = Subscriptions::default();
        let leaving = (subscriptions.add("a:1"), subscriptions.remove("a:1")).1;
        let leaving = leaving.expect("somebody was there");
        let held = leaving.turn.lock().await;
        let coming = subscriptions.add("a:1");
        assert!(coming.turn.try_lock().is_err(), "the one who leaves still speaks");
        assert!(subscriptions.add("b:2").turn.try_lock().is_ok());
        drop(held);
        drop(leaving);
        assert!(coming.turn.try_lock().is_ok());
    }
}
