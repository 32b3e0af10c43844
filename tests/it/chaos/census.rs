//! What a process holds: threads, descriptors, children with theirs, memory.

use std::collections::BTreeMap;
use std::fs;

use crate::support::{descendants, resident_kb};

/// Counted at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Census {
    threads: usize,
    /// What they lead to, so that a difference says what it is.
    descriptors: BTreeMap<String, usize>,
    /// Of any depth, by the name of their program.
    processes: BTreeMap<String, usize>,
    pub(super) resident_kb: u64,
}

impl Census {
    pub(super) fn of(process: u32) -> Self {
        let threads = fs::read_dir(format!("/proc/{process}/task")).into_iter().flatten().count();
        let mut descriptors = BTreeMap::new();
        for entry in fs::read_dir(format!("/proc/{process}/fd")).into_iter().flatten().flatten() {
            let target = fs::read_link(entry.path()).unwrap_or_default();
            // Of sockets and pipes it is the kind that counts.
            let kind = target.to_string_lossy().split(':').next().unwrap_or_default().to_owned();
            *descriptors.entry(kind).or_default() += 1;
        }
        let mut processes = BTreeMap::new();
        for (_, name) in descendants(process) {
            *processes.entry(name).or_default() += 1;
        }
        Self { threads, descriptors, processes, resident_kb: resident_kb(process) }
    }

    /// Whether there is a process of this name among them.
    pub(super) fn has(&self, name: &str) -> bool {
        self.processes.keys().any(|known| known.starts_with(name))
    }

    /// Whether there is no more of anything than there, memory left aside.
    pub(super) fn is_within(&self, other: &Self) -> bool {
        let no_more = |ours: &BTreeMap<String, usize>, theirs: &BTreeMap<String, usize>| {
            ours.iter().all(|(name, count)| theirs.get(name).is_some_and(|most| count <= most))
        };
        self.threads <= other.threads
            && no_more(&self.descriptors, &other.descriptors)
            && no_more(&self.processes, &other.processes)
    }
}
