//! One thread that writes messages when their time has come, however many there are; it starts with the first.
#![expect(clippy::disallowed_types, reason = "there is no tokio here, and no clock to pause")]

use std::cmp::{Ordering, Reverse};
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

#[derive(Default)]
struct Shared {
    queue: Mutex<BinaryHeap<Reverse<Entry>>>,
    changed: Condvar,
}

struct Entry {
    due: Instant,
    sequence: u64,
    owner: String,
    output: Arc<Output>,
    bytes: Vec<u8>,
}

impl Entry {
    fn place(&self) -> (Instant, u64) {
        (self.due, self.sequence)
    }
}

impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        self.place() == other.place()
    }
}

impl Eq for Entry {}

impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Entry {
    fn cmp(&self, other: &Self) -> Ordering {
        self.place().cmp(&other.place())
    }
}

impl Timer {
    pub(crate) fn new() -> Self {
        Self { shared: Arc::default(), scheduled: 0 }
    }

    /// Writes `bytes` to `output` after `delay`, unless `owner` is cancelled before.
    pub(crate) fn schedule(
        &mut self,
        delay: Duration,
        owner: &str,
        output: &Arc<Output>,
        bytes: Vec<u8>,
    ) {
        if self.scheduled == 0 {
            let theirs = Arc::clone(&self.shared);
            thread::spawn(move || theirs.run());
        }
        self.scheduled += 1;
        let (due, sequence) = (Instant::now() + delay, self.scheduled);
        let entry = Entry { due, sequence, owner: owner.to_owned(), output: output.clone(), bytes };
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

    fn run(&self) {
        let mut queue = self.lock();
        loop {
            let now = Instant::now();
            // What is due together leaves in one write.
            let mut due: Vec<(Arc<Output>, Vec<u8>)> = Vec::new();
            while queue.peek().is_some_and(|Reverse(entry)| entry.due <= now) {
                let Some(Reverse(entry)) = queue.pop() else { break };
                match due.last_mut() {
                    Some((output, bytes)) if Arc::ptr_eq(output, &entry.output) => {
                        bytes.extend(entry.bytes);
                    }
                    _ => due.push((entry.output, entry.bytes)),
                }
            }
            if !due.is_empty() {
                drop(queue);
                for (output, bytes) in due {
                    output.write(&bytes);
                }
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
