//! What a session hears beside the answers to its requests: log messages and changes to single resources.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::json;
use tokio::sync::{Notify, watch};

use super::{Error, Session, Watch};
use crate::protocol::era::Era;
use crate::protocol::log::Level;
use crate::protocol::method;

/// The resources of a server, each with the number of those who want to hear of it. They outlast the session.
#[derive(Debug, Default)]
pub(super) struct Subscriptions(Mutex<BTreeMap<Box<str>, u32>>);

/// What the task that listens to a server of the stateless era is told.
#[derive(Debug, Default)]
pub(super) struct News {
    /// Something else is wanted.
    pub(super) wanted: Notify,
    /// The latest request for a stream that the server has confirmed, by its id.
    pub(super) acknowledged: watch::Sender<u64>,
}

impl Subscriptions {
    fn table(&self) -> MutexGuard<'_, BTreeMap<Box<str>, u32>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.table().is_empty()
    }

    pub(super) fn uris(&self) -> Vec<String> {
        self.table().keys().map(|uri| String::from(&**uri)).collect()
    }

    fn add(&self, uri: &str) {
        *self.table().entry(uri.into()).or_default() += 1;
    }

    /// Whether that was the last one.
    fn remove(&self, uri: &str) -> bool {
        let mut table = self.table();
        let Some(count) = table.get_mut(uri) else { return false };
        *count -= 1;
        let last = *count == 0;
        if last {
            table.remove(uri);
        }
        last
    }
}

impl Session {
    pub(super) fn subscriptions(&self) -> Option<&Subscriptions> {
        self.agreement.purpose.get().map(|purpose| &*purpose.subscriptions)
    }

    /// Says from which level on log messages are wanted. On a session that clients share it holds for all of them, so a
    /// client with a level of its own needs a session of its own, or names the level with each request
    /// ([`super::Declares`]).
    pub async fn set_log_level(&self, level: Level, timeout: Duration) -> Result<(), Error> {
        if self.era() == Era::Stateless {
            let own = &self.agreement.log_level;
            *own.lock().unwrap_or_else(PoisonError::into_inner) = Some(level);
            return Ok(());
        }
        let params = json!({ "level": level.as_str() });
        self.ask(method::LOGGING_SET_LEVEL, &params.to_string(), timeout).await
    }

    /// Asks to hear when the resource changes, which is told to [`super::Pool::changes`], by later sessions with the
    /// server as well. Everyone who asks takes it back by himself with [`Session::unsubscribe`].
    pub async fn subscribe(&self, uri: &str, timeout: Duration) -> Result<(), Error> {
        let Some(subscriptions) = self.subscriptions() else { return Err(Error::ShuttingDown) };
        if self.era() == Era::Session {
            let params = json!({ "uri": uri }).to_string();
            self.ask(method::RESOURCES_SUBSCRIBE, &params, timeout).await?;
        }
        subscriptions.add(uri);
        self.agreement.news.wanted.notify_one();
        Ok(())
    }

    /// Takes one subscription back; the server hears of the last one.
    pub async fn unsubscribe(&self, uri: &str, timeout: Duration) -> Result<(), Error> {
        if !self.subscriptions().is_some_and(|subscriptions| subscriptions.remove(uri)) {
            return Ok(());
        }
        self.agreement.news.wanted.notify_one();
        if self.era() == Era::Stateless {
            return Ok(());
        }
        let params = json!({ "uri": uri }).to_string();
        self.ask(method::RESOURCES_UNSUBSCRIBE, &params, timeout).await
    }

    /// Asks again for what was asked for in an earlier session.
    pub(super) async fn resubscribe(&self, timeout: Duration) {
        for uri in self.subscriptions().map(Subscriptions::uris).unwrap_or_default() {
            let params = json!({ "uri": uri }).to_string();
            if let Err(error) = self.ask(method::RESOURCES_SUBSCRIBE, &params, timeout).await {
                tracing::info!("`{}` no longer tells of `{uri}`: {error}", self.server);
            }
        }
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
            subscriptions.add(uri);
        }
        for (uri, last) in [("a:1", false), ("a:1", true), ("a:1", false), ("c:3", false)] {
            assert_eq!(subscriptions.remove(uri), last, "{uri}");
        }
        assert_eq!(subscriptions.uris(), ["b:2"]);
        assert!(subscriptions.remove("b:2"));
        assert!(subscriptions.is_empty());
    }
}
