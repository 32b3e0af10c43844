//! One thread that writes messages when their time has come, however many there are.
#![expect(clippy::disallowed_types, reason = "there is no tokio here, and no clock to pause")]

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crate::frames::Output;

/// The queue of messages to come. Equal times keep the order in which they were scheduled.
pub(crate) struct Timer {
    shared: Arc<Shared>,
    scheduled: u64,
}

struct Shared {
    queue: Mutex<BinaryHeap<Reverse<Entry>>>,
    changed: Condvar,
}

#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Entry {
    due: Instant,
    sequence: u64,
    owner: String,
    bytes: Vec<u8>,
}

impl Timer {
    /// Starts the thread that writes to `output`.
    pub(crate) fn start(output: Arc<Output>) -> Self {
        let shared =
            Arc::new(Shared { queue: Mutex::new(BinaryHeap::new()), changed: Condvar::new() });
        let theirs = Arc::clone(&shared);
        thread::spawn(move || theirs.run(&output));
        Self { shared, scheduled: 0 }
    }

    /// Writes `bytes` after `delay`, unless `owner` is cancelled before.
    pub(crate) fn schedule(&mut self, delay: Duration, owner: &str, bytes: Vec<u8>) {
        self.scheduled += 1;
        let due = Instant::now() + delay;
        let entry = Entry { due, sequence: self.scheduled, owner: owner.to_owned(), bytes };
        self.shared.lock().push(Reverse(entry));
        self.shared.changed.notify_one();
    }

    /// Drops everything that was scheduled for `owner`.
    pub(crate) fn cancel(&self, owner: &str) {
        self.shared.lock().retain(|Reverse(entry)| entry.owner != owner);
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, BinaryHeap<Reverse<Entry>>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn run(&self, output: &Output) {
        let mut queue = self.lock();
        loop {
            let now = Instant::now();
            let mut due = Vec::new();
            while queue.peek().is_some_and(|Reverse(entry)| entry.due <= now) {
                due.extend(queue.pop().map(|Reverse(entry)| entry.bytes).unwrap_or_default());
            }
            if !due.is_empty() {
                drop(queue);
                output.write(&due);
                queue = self.lock();
                continue;
            }
            queue = match queue.peek().map(|Reverse(entry)| entry.due - now) {
                None => self.changed.wait(queue).unwrap_or_else(PoisonError::into_inner),
                Some(wait) => {
                    let woken = self.changed.wait_timeout(queue, wait);
                    woken.unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
    }
}
