//! The snapshot of all known tools, swapped whole when one server's list changes. Whoever holds a snapshot keeps
//! reading a consistent one.
//!
//! The files of pins are looked at in threads that may wait, but for one case: where they have changed, a caller sees
//! to it without waiting for a lock. What servers show is looked at one after the other (`places`); nobody waits for that
//! who asks for a server of which something is known already in this run.

use std::panic::resume_unwind;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use indexmap::IndexMap;
use tokio::runtime::Handle;
use tokio::sync::{Mutex, oneshot, watch};
use tokio::task::spawn_blocking;

use super::intake::Origin;
use super::places::{place, place_for};
use super::rules::Rules;
use super::{Remembered, ServerTools, Shown, Snapshot};
use crate::config::{SchemaCompression, ServerName};
use crate::guard::pin::{PATIENCE, Pins};

/// Pins that cannot be written are tried again at the next use, but not more often.
const RETRY_GAP: Duration = Duration::from_secs(1);

/// The place where the current snapshot lies.
#[derive(Debug)]
pub struct Registry {
    pub(super) current: ArcSwap<Snapshot>,
    /// Sent whenever there is something else in it.
    pub(super) changed: watch::Sender<()>,
    /// Each is held while the tools of its server are looked at, in the order in which they came.
    turns: IndexMap<ServerName, Arc<Mutex<()>>>,
    pub(super) compression: SchemaCompression,
    pub(super) rules: Arc<IndexMap<ServerName, Rules>>,
    pub(super) pins: Pins,
    remembered: Remembered,
}

impl Registry {
    /// A registry that knows the servers and none of their tools yet.
    pub fn new(
        rules: IndexMap<ServerName, Rules>,
        compression: SchemaCompression,
        pins: Pins,
        remembered: Remembered,
    ) -> Self {
        Self::by_rules(Arc::new(rules), compression, pins, remembered)
    }

    /// Another one for the same servers, by the same rules, for what they show to clients that can be asked something.
    pub(super) fn for_asked(&self) -> Self {
        let (pins, remembered) = (self.pins.for_asked(), self.remembered.for_asked());
        Self::by_rules(self.rules.clone(), self.compression.clone(), pins, remembered)
    }

    fn by_rules(
        rules: Arc<IndexMap<ServerName, Rules>>,
        compression: SchemaCompression,
        pins: Pins,
        remembered: Remembered,
    ) -> Self {
        let servers = rules.keys().map(|name| (name.clone(), None)).collect();
        let turns = rules.keys().map(|name| (name.clone(), Arc::default())).collect();
        let current = ArcSwap::from_pointee(Snapshot { servers });
        let changed = watch::Sender::new(());
        Self { current, changed, turns, compression, rules, pins, remembered }
    }

    /// The snapshot of this moment.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.current.load_full()
    }

    /// Looks at the snapshot of this moment for a moment, which costs less than holding it.
    pub fn look<T>(&self, look: impl FnOnce(&Snapshot) -> T) -> T {
        look(&self.current.load())
    }

    /// Told when a server turns out to have other tools than it was known by, or when others of them may be called.
    /// That a server has what was remembered of it is no change.
    pub fn changes(&self) -> watch::Receiver<()> {
        self.changed.subscribe()
    }

    /// The server's tools; `None` when it was never reached and nothing was recalled. Where there are notes on some of them, their owner may
    /// have approved these in the meantime, so the pins are looked at again if they have changed. Never waits for
    /// other processes.
    pub fn reviewed(self: &Arc<Self>, server: &ServerName) -> Option<Arc<ServerTools>> {
        let known = self.look(|snapshot| snapshot.get(server.as_str()).cloned())?;
        if known.notes.is_empty() && !known.is_unsettled {
            return Some(known);
        }
        let Ok(turn) = self.turn(server).try_lock_owned() else {
            // Somebody is just looking.
            return Some(known);
        };
        // Nobody has put others in their place meanwhile, who has the turn.
        let known = self.snapshot().get(server.as_str()).cloned()?;
        if self.pins.have_moved(server) {
            let origin = if known.is_remembered {
                Origin::Memory
            } else {
                Origin::Server { patience: Duration::ZERO }
            };
            let instructions = known.instructions.clone();
            return Some(self.put(server, known.tools.clone(), instructions, origin));
        }
        if known.is_unsettled
            && known.since.is_none_or(|since| since.elapsed() >= RETRY_GAP)
            && let Ok(runtime) = Handle::try_current()
        {
            let (registry, server, known) = (self.clone(), server.clone(), known.clone());
            runtime.spawn(async move {
                let bytes = known.originals().map(|tool| tool.text().len()).sum();
                let place = place(bytes).await;
                spawn_blocking(move || {
                    let (tools, instructions) = (known.tools.clone(), known.instructions.clone());
                    let origin = Origin::Server { patience: PATIENCE };
                    registry.put(&server, tools, instructions, origin);
                    drop((turn, place));
                });
            });
        }
        Some(known)
    }

    /// Looks again at the pins of every server with notes on its tools.
    pub fn review_all(self: &Arc<Self>) {
        for (name, tools) in &self.snapshot().servers {
            if tools.is_some() {
                self.reviewed(name);
            }
        }
    }

    /// Puts a server's tools in the place of those that it had; returns how many may be called. Of two tools of one
    /// name the first stays. The work is done in a thread of its own, since it reads and writes files; once it
    /// has begun, it is finished even if nobody waits for it any more.
    pub async fn replace_in_turn(self: &Arc<Self>, server: &ServerName, shown: Shown) -> usize {
        let turn = self.turn(server).lock_owned().await;
        let place = place_for(&shown).await;
        let (registry, server) = (self.clone(), server.clone());
        let (sender, count) = oneshot::channel();
        let work = spawn_blocking(move || {
            let count = registry.replace(&server, shown.clone());
            let is_to_write = registry.remembered.keep(&server, shown);
            drop((turn, place));
            // Whoever waited may have left.
            let _ = sender.send(count);
            // Nobody waits for the disk.
            if is_to_write {
                registry.remembered.write_all();
            }
        });
        match count.await {
            Ok(count) => count,
            Err(_) => match work.await {
                Err(error) if error.is_panic() => resume_unwind(error.into_panic()),
                // The runtime ends, and nobody calls tools any more.
                _ => 0,
            },
        }
    }

    /// What is known of the server's tools without reaching it: what [`Registry::reviewed`] has, or else what it showed
    /// in an earlier run. The file is read once, in a thread that may wait.
    pub async fn recalled(self: &Arc<Self>, server: &ServerName) -> Option<Arc<ServerTools>> {
        let known = self.reviewed(server);
        if known.is_some() || !self.remembered.is_unread(server) {
            return known;
        }
        let turn = self.turn(server).lock_owned().await;
        let (registry, name) = (self.clone(), server.clone());
        let work = spawn_blocking(move || {
            // It may have been reached while others had the turn.
            if registry.snapshot().get(name.as_str()).is_none()
                && let Some(shown) = registry.remembered.read(&name)
            {
                registry.take(&name, shown, Origin::Memory);
            }
            drop(turn);
        });
        if let Err(error) = work.await
            && error.is_panic()
        {
            resume_unwind(error.into_panic());
        }
        self.reviewed(server)
    }

    /// Recalls the tools of every server of which nothing is known.
    pub async fn recall_all(self: &Arc<Self>) {
        // One after the other, in one thread, which is faster than waking many.
        for server in self.rules.keys() {
            self.recalled(server).await;
        }
    }

    /// Takes over what `before` knows of the servers that are `kept`, which are the same under the same rules. What is
    /// known here already is later.
    pub fn adopt(&self, before: &Self, kept: impl Fn(&ServerName) -> bool) {
        let old = before.snapshot();
        let adopted: Vec<_> = old
            .servers
            .iter()
            .filter(|(name, _)| kept(name))
            .filter_map(|(name, tools)| Some((name, tools.as_ref()?)))
            .map(|(name, tools)| (name, self.summarized(before, tools)))
            .collect();
        self.current.rcu(|snapshot| {
            let mut servers = snapshot.servers.clone();
            for (name, tools) in &adopted {
                if let Some(place @ None) = servers.get_mut(*name) {
                    *place = Some(tools.clone());
                }
            }
            Snapshot { servers }
        });
    }

    /// Tools of another registry with the descriptions that lists have here.
    fn summarized(&self, before: &Self, tools: &Arc<ServerTools>) -> Arc<ServerTools> {
        if self.compression == before.compression {
            tools.clone()
        } else {
            Arc::new(tools.summarized(&self.compression))
        }
    }

    /// Waits until all that was shown so far is on the disk.
    pub async fn settled(&self) {
        for turn in self.turns.values() {
            drop(turn.lock().await);
        }
        self.remembered.settled().await;
    }

    /// A server that is not in the rules is reached by nobody else.
    fn turn(&self, server: &ServerName) -> Arc<Mutex<()>> {
        self.turns.get(server).cloned().unwrap_or_default()
    }

    /// The same, in this thread and whoever has the turn.
    pub fn replace(&self, server: &ServerName, shown: Shown) -> usize {
        self.take(server, shown, Origin::Server { patience: PATIENCE }).len()
    }
}

/// Characters of a description in a list.
pub(super) fn limit(compression: &SchemaCompression) -> Option<usize> {
    compression.enabled.then_some(compression.max_description_length)
}

#[cfg(test)]
mod tests {
    use serde_json::value::RawValue;

    use super::*;
    use crate::config::{SanitizeAction, ToolFilter, Trust};
    use crate::guard::Guard;
    use crate::protocol::tool::Definition;

    fn shown(names: &[&str]) -> Shown {
        let define = |name: &&str| {
            let raw = RawValue::from_string(format!(r#"{{"name":"{name}"}}"#)).expect("valid");
            Definition::parse(&raw).expect("a tool")
        };
        Shown::new(names.iter().map(define).collect(), None)
    }

    fn registry(filters: &[(&str, ToolFilter)]) -> Registry {
        let name = |text: &str| ServerName::parse(text).expect("a name");
        let rules = |(text, filter): &(&str, ToolFilter)| {
            let guard = Guard::new(&name(text), Trust::Trusted, SanitizeAction::Replace);
            (name(text), Rules { filter: filter.clone(), guard })
        };
        let filters = filters.iter().map(rules).collect();
        let compression = SchemaCompression { enabled: true, max_description_length: 80 };
        Registry::new(filters, compression, Pins::default(), Remembered::default())
    }

    fn check(allow: Option<&[&str]>, deny: &[&str], expected: &[&str]) {
        let owned = |list: &[&str]| list.iter().map(ToString::to_string).collect::<Vec<_>>();
        let filter = ToolFilter { allow: allow.map(owned), deny: owned(deny) };
        let registry = registry(&[("s", filter)]);
        let server = ServerName::parse("s").expect("a name");
        registry.replace(&server, shown(&["a", "b", "c"]));
        let snapshot = registry.snapshot();
        let left: Vec<&str> =
            snapshot.iter().map(|(_, tool)| tool.definition.name.as_str()).collect();
        assert_eq!(left, expected, "allow {allow:?} deny {deny:?}");
    }

    #[test]
    fn filters_allow_minus_deny() {
        check(None, &[], &["a", "b", "c"]);
        check(Some(&["a", "b"]), &[], &["a", "b"]);
        check(Some(&["a", "b"]), &["b"], &["a"]);
        check(None, &["b"], &["a", "c"]);
        check(Some(&[]), &[], &[]);
    }

    #[test]
    fn what_is_kept_is_adopted_and_nothing_else() {
        let filters = [("a", ToolFilter::default()), ("b", ToolFilter::default())];
        let (before, after) = (registry(&filters), registry(&filters));
        let server = |name| ServerName::parse(name).expect("a name");
        before.replace(&server("a"), shown(&["x", "y"]));
        before.replace(&server("b"), shown(&["x"]));
        after.adopt(&before, |name| *name == server("a"));
        let known = |name: &str| after.snapshot().get(name).map(|tools| tools.len());
        assert_eq!((known("a"), known("b")), (Some(2), None));
        // What a server showed meanwhile is not taken back.
        after.replace(&server("a"), shown(&["z"]));
        after.adopt(&before, |_| true);
        assert_eq!((known("a"), known("b")), (Some(1), Some(1)));
    }

    #[test]
    fn what_is_shown_again_is_not_looked_at_again() {
        let filter = ToolFilter { allow: None, deny: vec!["hidden".to_owned()] };
        let registry = registry(&[("s", filter)]);
        let server = ServerName::parse("s").expect("a name");
        let show = |names: &[&str]| {
            registry.replace(&server, shown(names));
            registry.snapshot().get("s").cloned().expect("it was just shown")
        };
        let mut before = show(&["a", "b"]);
        let mut check = |names: &[&str], is_same: bool| {
            let now = show(names);
            assert_eq!(Arc::ptr_eq(&before, &now), is_same, "{names:?}");
            before = now;
        };
        check(&["a", "b"], true);
        check(&["a", "hidden", "b"], true);
        check(&["a"], false);
        check(&["a", "c"], false);
        check(&["c", "a"], false);
        check(&["c", "a"], true);
    }

    #[test]
    fn an_old_snapshot_stays_what_it_was() {
        let registry = registry(&[("a", ToolFilter::default()), ("b", ToolFilter::default())]);
        let server = |name| ServerName::parse(name).expect("a name");
        registry.replace(&server("b"), shown(&["x"]));
        let old = registry.snapshot();
        registry.replace(&server("a"), shown(&["x", "y", "x"]));
        assert_eq!(old.holders("x").count(), 1);
        let holders: Vec<String> =
            registry.snapshot().holders("x").map(|(name, _)| name.to_string()).collect();
        assert_eq!(holders, ["a", "b"]);
        assert!(old.get("a").is_none());
    }
}
