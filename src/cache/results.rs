//! Results of earlier calls, given again while they are good (`resultCache`).

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use indexmap::IndexMap;
use lru::LruCache;
use tokio::time::Instant;

use super::Key;
use crate::config::ResultCache;

/// Bytes that all entries together may take up.
const MAX_BYTES: usize = 64 * 1024 * 1024;
/// Bytes that one entry may take up, so that one long result does not drive out all others.
const MAX_ENTRY_BYTES: usize = MAX_BYTES / 8;
/// What an entry costs beside its texts, roughly.
const OVERHEAD: usize = 128;

/// The result cache. What goes in is the caller's choice: only results that say nothing of an error, of tools that
/// only read.
#[derive(Debug)]
pub struct Results {
    enabled: bool,
    max_entries: usize,
    default_ttl: Duration,
    /// By `server:tool`.
    ttl: IndexMap<String, Duration>,
    shelf: Mutex<Shelf>,
}

/// When a call began, in terms of what was cleared since: a result that is older than a `clear` must not come in
/// after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use = "it is handed back with the result"]
pub struct Generation {
    all: u64,
    server: u64,
}

#[derive(Debug)]
struct Shelf {
    entries: LruCache<Key, Entry>,
    bytes: usize,
    /// How often everything was cleared.
    cleared: u64,
    /// How often the results of a server were cleared.
    cleared_servers: HashMap<Box<str>, u64>,
}

#[derive(Debug)]
struct Entry {
    result: Arc<str>,
    put: Instant,
    ttl: Duration,
    size: usize,
}

impl Results {
    /// An empty cache.
    pub fn new(settings: &ResultCache) -> Self {
        let shelf = Shelf {
            // With a bound of its own it would take the memory for all entries at once.
            entries: LruCache::unbounded(),
            bytes: 0,
            cleared: 0,
            cleared_servers: HashMap::new(),
        };
        Self {
            enabled: settings.enabled,
            max_entries: settings.max_entries,
            default_ttl: settings.default_ttl,
            ttl: settings.ttl.clone(),
            shelf: Mutex::new(shelf),
        }
    }

    /// Whether results of this tool are kept at all. Where they are not, no key needs to be made.
    pub fn keeps(&self, server: &str, tool: &str) -> bool {
        self.enabled && !self.ttl(server, tool).is_zero()
    }

    /// The result of the same call, if there is one that is still good.
    pub fn get(&self, key: &Key) -> Option<Arc<str>> {
        let mut shelf = self.shelf();
        let entry = shelf.entries.get(key)?;
        if entry.is_good() {
            return Some(Arc::clone(&entry.result));
        }
        shelf.remove(key);
        None
    }

    /// To be called before a call is sent whose result is to be kept.
    pub fn begin(&self, server: &str) -> Generation {
        self.shelf().generation(server)
    }

    /// Keeps the JSON text of a result, unless its tool is not to be kept, the server's results were cleared since
    /// the call began, or the result is too long.
    pub fn put(&self, key: Key, result: Arc<str>, since: Generation) {
        let ttl = self.ttl(key.server(), key.tool());
        let size = result.len() + key.size() + OVERHEAD;
        if !self.enabled || ttl.is_zero() || size > MAX_ENTRY_BYTES {
            return;
        }
        let mut shelf = self.shelf();
        if shelf.generation(key.server()) != since {
            return;
        }
        shelf.remove(&key);
        shelf.bytes += size;
        shelf.entries.put(key, Entry { result, put: Instant::now(), ttl, size });
        while shelf.bytes > MAX_BYTES || shelf.entries.len() > self.max_entries {
            let Some((_, oldest)) = shelf.entries.pop_lru() else {
                break;
            };
            shelf.bytes -= oldest.size;
        }
    }

    /// Drops everything, also what calls in flight will bring.
    pub fn clear(&self) {
        let mut shelf = self.shelf();
        shelf.cleared += 1;
        shelf.entries.clear();
        shelf.bytes = 0;
    }

    /// Drops the results of one server, also those that calls in flight will bring.
    pub fn clear_server(&self, server: &str) {
        let mut shelf = self.shelf();
        *shelf.cleared_servers.entry(server.into()).or_default() += 1;
        let keys: Vec<Key> = shelf
            .entries
            .iter()
            .map(|(key, _)| key)
            .filter(|key| key.server() == server)
            .cloned()
            .collect();
        for key in keys {
            shelf.remove(&key);
        }
    }

    /// Whether the config names the tool among those whose results are kept.
    pub fn is_named(&self, server: &str, tool: &str) -> bool {
        !self.ttl.is_empty() && self.ttl.contains_key(&format!("{server}:{tool}"))
    }

    fn ttl(&self, server: &str, tool: &str) -> Duration {
        if self.ttl.is_empty() {
            return self.default_ttl;
        }
        let own = self.ttl.get(&format!("{server}:{tool}"));
        own.copied().unwrap_or(self.default_ttl)
    }

    /// Nothing in here leaves the shelf in disorder, so that a panic elsewhere does not matter.
    fn shelf(&self) -> MutexGuard<'_, Shelf> {
        self.shelf.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shelf {
    fn generation(&self, server: &str) -> Generation {
        let server = self.cleared_servers.get(server).copied().unwrap_or(0);
        Generation { all: self.cleared, server }
    }

    fn remove(&mut self, key: &Key) {
        if let Some(entry) = self.entries.pop(key) {
            self.bytes -= entry.size;
        }
    }
}

impl Entry {
    fn is_good(&self) -> bool {
        self.put.elapsed() < self.ttl
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings() -> ResultCache {
        ResultCache { enabled: true, ..ResultCache::default() }
    }

    fn key(server: &str, tool: &str) -> Key {
        Key::new(server, tool, "{}")
    }

    fn put(results: &Results, key: &Key, text: &str) {
        results.put(key.clone(), text.into(), results.begin(key.server()));
    }

    #[tokio::test(start_paused = true)]
    async fn results_are_good_for_their_time() {
        let mut settings = settings();
        settings.ttl.insert("git:log".to_owned(), Duration::from_secs(5));
        settings.ttl.insert("git:never".to_owned(), Duration::ZERO);
        let results = Results::new(&settings);
        let check = |tool: &str, expected: Option<&str>| {
            assert_eq!(results.get(&key("git", tool)).as_deref(), expected, "{tool}");
        };
        for tool in ["log", "status", "never"] {
            put(&results, &key("git", tool), tool);
        }
        assert!(results.keeps("git", "log") && !results.keeps("git", "never"));
        check("never", None);
        tokio::time::advance(Duration::from_millis(4999)).await;
        check("log", Some("log"));
        tokio::time::advance(Duration::from_millis(1)).await;
        check("log", None);
        assert_eq!(results.shelf().entries.len(), 1, "what has expired is gone");
        tokio::time::advance(Duration::from_secs(294)).await;
        check("status", Some("status"));
        tokio::time::advance(Duration::from_secs(1)).await;
        check("status", None);
        assert_eq!(results.shelf().bytes, 0);
    }

    #[tokio::test]
    async fn nothing_is_kept_unless_it_is_wanted() {
        let results = Results::new(&ResultCache::default());
        put(&results, &key("git", "log"), "x");
        assert_eq!(results.get(&key("git", "log")), None);
        assert!(!results.keeps("git", "log"));
    }

    #[tokio::test]
    async fn those_used_longest_ago_make_room() {
        let results = Results::new(&ResultCache { max_entries: 2, ..settings() });
        put(&results, &key("git", "a"), "a");
        put(&results, &key("git", "b"), "b");
        assert!(results.get(&key("git", "a")).is_some());
        put(&results, &key("git", "c"), "c");
        put(&results, &key("git", "c"), "again");
        let kept = ["a", "b", "c"].map(|tool| results.get(&key("git", tool)));
        assert_eq!(
            kept.map(|kept| kept.as_deref().map(str::to_owned)),
            [Some("a".to_owned()), None, Some("again".to_owned()),]
        );
    }

    #[tokio::test]
    async fn bytes_are_bounded() {
        let results = Results::new(&ResultCache { max_entries: usize::MAX, ..settings() });
        let long = "x".repeat(MAX_ENTRY_BYTES - 1024);
        for tool in 0..12 {
            put(&results, &key("git", &tool.to_string()), &long);
            assert!(results.shelf().bytes <= MAX_BYTES);
        }
        assert_eq!(results.shelf().entries.len(), 8);
        put(&results, &key("git", "too long"), &"x".repeat(MAX_ENTRY_BYTES));
        assert_eq!(results.get(&key("git", "too long")), None);
        results.clear();
        assert_eq!(results.shelf().bytes, 0);
    }

    #[tokio::test]
    async fn clearing_keeps_out_what_began_before() {
        let results = Results::new(&settings());
        let (git, web) = (key("git", "log"), key("web", "get"));
        let late = |key: &Key, since: Generation| {
            results.put(key.clone(), "late".into(), since);
            results.get(key).is_some()
        };
        put(&results, &git, "x");
        put(&results, &web, "x");
        let (before_git, before_web) = (results.begin("git"), results.begin("web"));
        results.clear_server("git");
        assert_eq!(results.get(&git), None);
        assert!(results.get(&web).is_some());
        assert!(!late(&git, before_git));
        assert!(late(&web, before_web));
        assert!(late(&git, results.begin("git")));
        let before = results.begin("git");
        results.clear();
        assert_eq!(results.get(&git), None);
        assert_eq!(results.get(&web), None);
        assert!(!late(&git, before));
        assert!(!late(&web, before_web));
    }
}
