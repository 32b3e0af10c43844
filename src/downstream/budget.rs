//! How much all sessions together keep of what they have sent.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Bytes that are kept for all sessions.
pub(super) const MAX_KEPT_IN_ALL: usize = 64 * 1024 * 1024;

/// Bytes that all sessions keep together.
#[derive(Debug, Clone, Default)]
pub(super) struct Budget(Arc<AtomicUsize>);

impl Budget {
    /// Takes so many bytes, if there are as many left.
    pub(super) fn take(&self, bytes: usize) -> bool {
        let taken = self.0.fetch_add(bytes, Ordering::Relaxed) + bytes;
        if taken > MAX_KEPT_IN_ALL {
            self.give_back(bytes);
        }
        taken <= MAX_KEPT_IN_ALL
    }

    pub(super) fn give_back(&self, bytes: usize) {
        self.0.fetch_sub(bytes, Ordering::Relaxed);
    }

    #[cfg(test)]
    pub(super) fn taken(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_sessions_together_are_bounded() {
        let budget = Budget::default();
        assert!(budget.take(MAX_KEPT_IN_ALL));
        assert!(!budget.take(1));
        budget.give_back(MAX_KEPT_IN_ALL);
        assert!(budget.take(1));
    }
}
