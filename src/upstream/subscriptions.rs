//! What a session hears beside the answers to its requests: log messages and changes to single resources.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::json;

use super::{Error, Session, Watch};
use crate::protocol::log::Level;
use crate::protocol::method;

/// The resources of one session, each with the number of those who want to hear of it.
#[derive(Debug, Default)]
pub(super) struct Subscriptions(Mutex<BTreeMap<Box<str>, u32>>);

impl Subscriptions {
    fn table(&self) -> MutexGuard<'_, BTreeMap<Box<str>, u32>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.table().is_empty()
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
    /// Says from which level on the client of this session wants log messages.
    pub async fn set_log_level(&self, level: Level, timeout: Duration) -> Result<(), Error> {
        let params = json!({ "level": level.as_str() });
        self.ask(method::LOGGING_SET_LEVEL, &params.to_string(), timeout).await
    }

    /// Asks to hear when the resource changes, which is told to [`super::Pool::changes`]. Everyone who asks takes it back
    /// by himself with [`Session::unsubscribe`].
    pub async fn subscribe(&self, uri: &str, timeout: Duration) -> Result<(), Error> {
        let params = json!({ "uri": uri }).to_string();
        self.ask(method::RESOURCES_SUBSCRIBE, &params, timeout).await?;
        self.agreement.subscriptions.add(uri);
        Ok(())
    }

    /// Takes one subscription back; the server hears of the last one.
    pub async fn unsubscribe(&self, uri: &str, timeout: Duration) -> Result<(), Error> {
        if !self.agreement.subscriptions.remove(uri) {
            return Ok(());
        }
        let params = json!({ "uri": uri }).to_string();
        self.ask(method::RESOURCES_UNSUBSCRIBE, &params, timeout).await
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
        assert!(!subscriptions.is_empty());
        assert!(subscriptions.remove("b:2"));
        assert!(subscriptions.is_empty());
    }
}
