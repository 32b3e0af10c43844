//! What is known of the lists of servers while they are asked for them: a server that takes long is not waited for each
//! time, and what it answers in the end is told to those who were shown something else.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{broadcast, watch};

use super::gather::{Item, Kind};
use crate::config::ServerName;
use crate::protocol::era::Era;
use crate::router::caller::Client;
use crate::upstream;

/// How long a server is waited for.
const PATIENCE: Duration = Duration::from_secs(10);
/// The same where an older list is at hand, or where it took long the last time.
pub(super) const LITTLE_PATIENCE: Duration = Duration::from_secs(2);
/// A longer list is not kept to stand for one that is late, in bytes.
const MAX_KEPT: usize = 1024 * 1024;
/// News that wait for those who listen.
const MAX_NEWS: usize = 256;

/// A list of a server.
pub(super) type List = Arc<Vec<Item>>;
/// What asking for a list has come to, once it has.
pub(super) type Outcome = Option<Result<List, upstream::Error>>;

/// Which list.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Key {
    pub(super) server: ServerName,
    pub(super) kind: Kind,
    /// The client, where it has a session of its own with the server.
    pub(super) client: Option<u64>,
}

/// A list that came late is another one than was shown.
#[derive(Debug, Clone, Copy)]
pub(super) struct News {
    pub(super) kind: Kind,
    /// The client that is concerned; all are where none is given.
    pub(super) client: Option<u64>,
}

#[derive(Debug)]
pub(super) struct Lists {
    entries: Mutex<HashMap<Key, Entry>>,
    news: broadcast::Sender<News>,
}

#[derive(Debug, Default)]
struct Entry {
    /// As the server showed it last.
    list: Option<List>,
    /// It took longer than little patience the last time.
    is_slow: bool,
    /// Somebody has given up waiting for it; it is still on its way.
    awaited: Option<watch::Receiver<Outcome>>,
}

impl Default for Lists {
    fn default() -> Self {
        Self { entries: Mutex::default(), news: broadcast::Sender::new(MAX_NEWS) }
    }
}

impl Lists {
    fn lock(&self) -> MutexGuard<'_, HashMap<Key, Entry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The key of a list for this client.
    pub(super) fn key(server: &ServerName, kind: Kind, client: &Client, is_private: bool) -> Key {
        let is_own = client.revision.era() == Era::Session && (is_private || kind == Kind::Tasks);
        Key { server: server.clone(), kind, client: is_own.then_some(client.id) }
    }

    /// How long to wait for a list, and where it will come, if it is on its way. From here on something is kept of it,
    /// until its client is gone: what comes later is not to bring it back.
    pub(super) fn patience(&self, key: &Key) -> (Duration, Option<watch::Receiver<Outcome>>) {
        let mut entries = self.lock();
        let entry = entries.entry(key.clone()).or_default();
        let is_little = entry.list.is_some() || entry.is_slow;
        (if is_little { LITTLE_PATIENCE } else { PATIENCE }, entry.awaited.clone())
    }

    /// Whether somebody has given up waiting for a list that is still on its way.
    pub(super) fn is_awaited(&self, key: &Key) -> bool {
        self.lock().get(key).is_some_and(|entry| entry.awaited.is_some())
    }

    /// Nobody waits for the list any longer; the older one that is shown in its place. `coming` says what has become of it
    /// in this very moment.
    pub(super) fn give_up(&self, key: &Key, coming: &watch::Receiver<Outcome>) -> Outcome {
        let mut entries = self.lock();
        // Whoever brings it does so under the same lock.
        if let Some(outcome) = &*coming.borrow() {
            return Some(outcome.clone());
        }
        let entry = entries.get_mut(key)?;
        entry.is_slow = true;
        entry.awaited = Some(coming.clone());
        entry.list.clone().map(Ok)
    }

    /// Takes in what asking for a list has come to, after this time, and hands it to those who wait.
    pub(super) fn bring(
        &self,
        key: &Key,
        outcome: Result<List, upstream::Error>,
        after: Duration,
        to: &watch::Sender<Outcome>,
    ) {
        let mut entries = self.lock();
        let Some(entry) = entries.get_mut(key) else {
            to.send_replace(Some(outcome));
            return;
        };
        entry.is_slow = after > LITTLE_PATIENCE;
        let is_late =
            entry.awaited.take_if(|awaited| awaited.same_channel(&to.subscribe())).is_some();
        let mut is_news = false;
        if let Ok(list) = &outcome {
            let shown = entry.list.as_deref().map(Vec::as_slice).unwrap_or_default();
            is_news = is_late && shown != list.as_slice();
            let length: usize = list.iter().map(|item| item.json.len()).sum();
            entry.list = (key.kind != Kind::Tasks && length <= MAX_KEPT).then(|| list.clone());
        }
        to.send_replace(Some(outcome));
        drop(entries);
        if is_news {
            // It may be that nobody listens.
            let _ = self.news.send(News { kind: key.kind, client: key.client });
        }
    }

    /// The server says that its lists are others now: what is on its way may be none of them.
    pub(super) fn changed(&self, server: &ServerName) {
        for (_, entry) in self.lock().iter_mut().filter(|(key, _)| key.server == *server) {
            entry.awaited = None;
        }
    }

    /// Every list from now on that comes late.
    pub(super) fn news(&self) -> broadcast::Receiver<News> {
        self.news.subscribe()
    }

    /// Forgets the lists of servers that are gone.
    pub(super) fn forget_servers(&self, is_gone: impl Fn(&ServerName) -> bool) {
        self.lock().retain(|key, _| !is_gone(&key.server));
    }

    /// Forgets what a client was shown, which is gone.
    pub(super) fn forget(&self, client: &Client) {
        self.lock().retain(|key, _| key.client != Some(client.id));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::version::Revision;

    #[test]
    fn nothing_is_kept_for_a_client_that_is_gone() {
        let check = |is_gone: bool, expected: usize| {
            let (lists, client) = (Lists::default(), Client::new(Revision::V2025_11_25));
            let server = ServerName::parse("one").expect("a name");
            let key = Lists::key(&server, Kind::Prompts, &client, true);
            let (sender, coming) = watch::channel(None);
            assert_eq!(lists.patience(&key).0, PATIENCE);
            if is_gone {
                lists.forget(&client);
            }
            assert!(lists.give_up(&key, &coming).is_none());
            assert_eq!(lists.lock().len(), expected);
            lists.bring(&key, Ok(Arc::default()), Duration::ZERO, &sender);
            assert_eq!(lists.lock().len(), expected);
            assert!(coming.borrow().is_some(), "who waits hears of it all the same");
        };
        check(false, 1);
        check(true, 0);
    }
}
