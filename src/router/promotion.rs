//! Which tools are called so often that they stand beside `mcp` as tools of their own.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use tokio::sync::watch;
use tokio::time::Instant;

use crate::base::sorting;
use crate::config::{AdaptivePromotion, ServerName};

/// More calls of one tool are not remembered: beyond them the exact number decides nothing.
const MOST_CALLS: usize = 1000;

/// A tool of a server.
pub(super) type ToolOfServer = (ServerName, String);

/// Counts calls and decides.
#[derive(Debug)]
pub(super) struct Promotion {
    settings: AdaptivePromotion,
    /// Shared with the promotions of other configs: a call that began under an earlier one counts all the same.
    state: Arc<Mutex<State>>,
    /// Sent when the promoted tools are others than before.
    changed: watch::Sender<()>,
}

#[derive(Debug, Default)]
struct State {
    calls: HashMap<ToolOfServer, Calls>,
    /// In the order of their promotion, so that the list of tools changes as little as can be.
    promoted: Vec<ToolOfServer>,
}

#[derive(Debug)]
struct Calls {
    recent: VecDeque<Instant>,
    last: Instant,
    last_at: SystemTime,
}

/// One tool with its calls within the window.
#[derive(Debug, PartialEq)]
pub(super) struct Count {
    pub(super) tool: ToolOfServer,
    pub(super) calls: usize,
    pub(super) last_at: SystemTime,
}

impl Promotion {
    pub(super) fn new(settings: AdaptivePromotion) -> Self {
        Self { settings, state: Arc::default(), changed: watch::Sender::new(()) }
    }

    /// The promotions of another config: the same calls were made.
    pub(super) fn successor(self: &Arc<Self>, settings: &AdaptivePromotion) -> Arc<Self> {
        if self.settings == *settings {
            return self.clone();
        }
        let (state, changed) = (self.state.clone(), self.changed.clone());
        Arc::new(Self { settings: settings.clone(), state, changed })
    }

    pub(super) fn is_enabled(&self) -> bool {
        self.settings.enabled
    }

    /// Told whenever the promoted tools are others than before.
    pub(super) fn changes(&self) -> watch::Receiver<()> {
        self.changed.subscribe()
    }

    /// Counts a call that went well.
    pub(super) fn record(&self, server: &ServerName, tool: &str) {
        if !self.settings.enabled {
            return;
        }
        let now = Instant::now();
        let mut state = self.lock();
        let calls = state.calls.entry((server.clone(), tool.to_owned())).or_insert_with(|| Calls {
            recent: VecDeque::new(),
            last: now,
            last_at: SystemTime::now(),
        });
        if calls.recent.len() == MOST_CALLS {
            calls.recent.pop_front();
        }
        calls.recent.push_back(now);
        calls.last = now;
        calls.last_at = SystemTime::now();
        self.decide(&mut state, now);
    }

    /// Takes back what has decayed; when to look again.
    pub(super) fn review(&self) -> Option<Instant> {
        let mut state = self.lock();
        self.decide(&mut state, Instant::now());
        let ends =
            |tool: &ToolOfServer| state.calls.get(tool)?.last.checked_add(self.settings.decay);
        state.promoted.iter().filter_map(ends).min()
    }

    /// The promoted tools, the first promoted one first.
    pub(super) fn promoted(&self) -> Vec<ToolOfServer> {
        // Calls that began while it was enabled may still promote something.
        if self.settings.enabled { self.lock().promoted.clone() } else { Vec::new() }
    }

    /// The tool that is meant, among those that were called not long ago: any of them may have been promoted.
    pub(super) fn find(&self, is_meant: impl Fn(&ToolOfServer) -> bool) -> Option<ToolOfServer> {
        self.lock().calls.keys().find(|tool| is_meant(tool)).cloned()
    }

    /// Every tool that was called, the one with most calls first.
    pub(super) fn counts(&self) -> Vec<Count> {
        let mut state = self.lock();
        self.decide(&mut state, Instant::now());
        let mut counts: Vec<Count> = state
            .calls
            .iter()
            .map(|(tool, calls)| Count {
                tool: tool.clone(),
                calls: calls.recent.len(),
                last_at: calls.last_at,
            })
            .collect();
        sorting::sort_by(&mut counts, |a, b| {
            b.calls.cmp(&a.calls).then_with(|| a.tool.cmp(&b.tool))
        });
        counts
    }

    /// Those that were promoted stay until they are unused for `decayMs`, or until there is no room for them beside
    /// tools that are called more often; those with `minCalls` calls within `windowMs` come in.
    fn decide(&self, state: &mut State, now: Instant) {
        let (window, decay) = (self.settings.window, self.settings.decay);
        let is_over = |since: Instant, limit| now.saturating_duration_since(since) >= limit;
        state.calls.retain(|_, calls| {
            while calls.recent.front().is_some_and(|at| is_over(*at, window)) {
                calls.recent.pop_front();
            }
            !(calls.recent.is_empty() && is_over(calls.last, decay))
        });
        let is_promoted: HashSet<&ToolOfServer> = state.promoted.iter().collect();
        let mut wanted: Vec<(&ToolOfServer, &Calls)> = state
            .calls
            .iter()
            .filter(|(tool, calls)| {
                !is_over(calls.last, decay)
                    && (calls.recent.len() >= self.settings.min_calls || is_promoted.contains(tool))
            })
            .collect();
        sorting::sort_by_key(&mut wanted, |(tool, calls)| {
            let newcomer = !is_promoted.contains(tool);
            (std::cmp::Reverse(calls.recent.len()), newcomer, std::cmp::Reverse(calls.last))
        });
        wanted.truncate(self.settings.max_promoted);
        let wanted: Vec<ToolOfServer> = wanted.into_iter().map(|(tool, _)| tool.clone()).collect();
        let before = state.promoted.len();
        state.promoted.retain(|tool| wanted.contains(tool));
        let left = state.promoted.len();
        for tool in wanted {
            if !state.promoted.contains(&tool) {
                state.promoted.push(tool);
            }
        }
        if left != before || state.promoted.len() != left {
            self.changed.send_replace(());
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn promotion(max_promoted: usize) -> Promotion {
        Promotion::new(AdaptivePromotion {
            enabled: true,
            max_promoted,
            min_calls: 2,
            window: Duration::from_secs(100),
            decay: Duration::from_secs(200),
        })
    }

    #[tokio::test(start_paused = true)]
    async fn calls_that_began_under_an_earlier_config_count() {
        let before = Arc::new(promotion(10));
        let successor = |change: &dyn Fn(&mut AdaptivePromotion)| {
            let mut settings = before.settings.clone();
            change(&mut settings);
            before.successor(&settings)
        };
        let after = successor(&|settings| settings.max_promoted = 1);
        let off = successor(&|settings| settings.enabled = false);
        call(&before, "aab");
        check(&after, "a");
        call(&after, "b");
        assert_eq!(after.counts().len(), 2);
        check(&off, "");
    }

    fn call(promotion: &Promotion, tools: &str) {
        let server = ServerName::parse("s").expect("a name");
        tools.chars().for_each(|tool| promotion.record(&server, &tool.to_string()));
    }

    fn check(promotion: &Promotion, expected: &str) {
        let promoted: String = promotion.promoted().into_iter().map(|(_, tool)| tool).collect();
        assert_eq!(promoted, expected);
    }

    #[tokio::test(start_paused = true)]
    async fn tools_called_often_are_promoted_and_decay() {
        let promotion = promotion(10);
        let mut changes = promotion.changes();
        call(&promotion, "ab");
        check(&promotion, "");
        assert!(!changes.has_changed().expect("it is there"));
        call(&promotion, "ba");
        check(&promotion, "ba");
        assert!(changes.has_changed().expect("it is there"));
        changes.mark_unchanged();
        tokio::time::advance(Duration::from_secs(150)).await;
        // Out of the window, but in use not long ago.
        call(&promotion, "a");
        check(&promotion, "ba");
        let next = promotion.review().expect("something is promoted");
        assert_eq!(next - Instant::now(), Duration::from_secs(50));
        assert!(!changes.has_changed().expect("it is there"));
        tokio::time::advance(Duration::from_secs(50)).await;
        promotion.review();
        check(&promotion, "a");
        assert!(changes.has_changed().expect("it is there"));
        tokio::time::advance(Duration::from_secs(200)).await;
        assert_eq!(promotion.review(), None);
        check(&promotion, "");
        assert_eq!(promotion.counts(), []);
    }

    #[tokio::test(start_paused = true)]
    async fn there_is_room_for_the_most_used() {
        let promotion = promotion(2);
        call(&promotion, "aabb");
        check(&promotion, "ab");
        // As often is not more often.
        call(&promotion, "cc");
        check(&promotion, "ab");
        call(&promotion, "bc");
        check(&promotion, "bc");
        let counts = promotion.counts();
        let counts: Vec<_> =
            counts.iter().map(|count| (count.tool.1.as_str(), count.calls)).collect();
        assert_eq!(counts, [("b", 3), ("c", 3), ("a", 2)]);
    }

    #[tokio::test(start_paused = true)]
    async fn calls_out_of_the_window_do_not_count() {
        let promotion = promotion(10);
        call(&promotion, "a");
        tokio::time::advance(Duration::from_secs(100)).await;
        call(&promotion, "a");
        check(&promotion, "");
    }
}
