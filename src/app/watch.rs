//! Notices that files have changed, by a look at them each second.
//!
//! Notifications of the kernel know nothing of folders on a network, nor of what happens behind a symlink (dotfiles,
//! `ConfigMap`s of Kubernetes), so that a look would be needed beside them. It is taken by a thread of its own, which
//! costs one wake-up a second and delays nothing of what the bridge does, however long a disk takes to answer.

use std::path::PathBuf;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread;
use std::time::{Duration, SystemTime};

/// Between two looks.
const PAUSE: Duration = Duration::from_secs(1);
/// Between two looks while files change: editors write in several steps.
const SETTLING: Duration = Duration::from_millis(200);
/// Files that never come to rest are told of after so many looks.
const MOST_LOOKS: u32 = 10;
/// A file may change without a trace within the grain of its time; so many looks after a change it is told of once more.
const ONCE_MORE: u32 = 3;

/// Looks for as long as it is there.
#[derive(Debug)]
pub(super) struct Watch {
    _stop: SyncSender<()>,
}

/// What tells one state of a file from another; nothing where there is none.
type Stamp = Option<(SystemTime, u64, Detail)>;

/// Which file it is, and when anything about it changed.
#[cfg(unix)]
type Detail = (u64, u64, i64, i64);
#[cfg(not(unix))]
type Detail = ();

/// What there is to do after a look.
#[derive(Debug, PartialEq, Eq)]
struct Next {
    tell: bool,
    pause: Duration,
}

/// What was seen so far.
#[derive(Debug, Default)]
struct Seen<T> {
    stamps: T,
    /// Looks since the files began to change.
    restless: u32,
    /// Looks until they are told of once more.
    once_more: Option<u32>,
}

impl Watch {
    /// Calls `changed` once the files have changed and come to rest, and once soon after the start: they may have changed
    /// since they were read.
    pub(super) fn start(
        files: Vec<PathBuf>,
        changed: impl Fn() + Send + 'static,
    ) -> std::io::Result<Self> {
        let (stop, stopped) = sync_channel(0);
        let look = move || watch(&files, &stopped, changed);
        thread::Builder::new().name("config".to_owned()).spawn(look)?;
        Ok(Self { _stop: stop })
    }
}

fn watch(files: &[PathBuf], stopped: &Receiver<()>, changed: impl Fn()) {
    let look = || -> Vec<Stamp> { files.iter().map(stamp).collect() };
    let mut seen = Seen { stamps: look(), restless: 0, once_more: Some(0) };
    let mut pause = PAUSE;
    while stopped.recv_timeout(pause) == Err(RecvTimeoutError::Timeout) {
        let next = seen.take_in(look());
        if next.tell {
            changed();
        }
        pause = next.pause;
    }
}

impl<T: PartialEq> Seen<T> {
    fn take_in(&mut self, stamps: T) -> Next {
        if stamps != self.stamps && self.restless < MOST_LOOKS {
            self.stamps = stamps;
            self.restless += 1;
            return Next { tell: false, pause: SETTLING };
        }
        let tell = if self.restless > 0 {
            self.stamps = stamps;
            (self.restless, self.once_more) = (0, Some(ONCE_MORE));
            true
        } else {
            let is_due = self.once_more == Some(0);
            self.once_more = self.once_more.and_then(|looks| looks.checked_sub(1));
            is_due
        };
        Next { tell, pause: PAUSE }
    }
}

/// Follows symlinks, so that what counts is the file that is read in the end.
fn stamp(file: &PathBuf) -> Stamp {
    let metadata = std::fs::metadata(file).ok()?;
    #[cfg(unix)]
    let detail = {
        use std::os::unix::fs::MetadataExt;
        (metadata.dev(), metadata.ino(), metadata.ctime(), metadata.ctime_nsec())
    };
    #[cfg(not(unix))]
    let detail = ();
    Some((metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH), metadata.len(), detail))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_told_of_once_they_rest_and_once_more() {
        let mut seen = Seen { stamps: 'a', restless: 0, once_more: None };
        let looks: String = "aabccccccc"
            .chars()
            .map(|stamps| match seen.take_in(stamps) {
                Next { tell: true, pause: PAUSE } => '!',
                Next { tell: false, pause: PAUSE } => '.',
                Next { tell: false, pause: SETTLING } => '~',
                next => panic!("{next:?}"),
            })
            .collect();
        assert_eq!(looks, "..~~!...!.");
    }

    #[test]
    fn files_that_never_rest_are_told_of_too() {
        let mut seen = Seen { stamps: 0, restless: 0, once_more: None };
        let told = (1..=22).filter(|look| seen.take_in(*look).tell).collect::<Vec<_>>();
        assert_eq!(told, [11, 22]);
    }
}
