//! Locks on files, which keep processes out of each other's way.

use std::fs::{File, TryLockError};
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, SystemTime};

/// Others hold a lock for milliseconds; whoever holds it longer than this was stopped.
pub const PATIENCE: Duration = Duration::from_secs(5);
/// So many times as long it is waited at most while others who hold the lock get on.
const LONGEST_LINE: u32 = 12;
/// Short, since a busy process takes the lock again as soon as it has given it up.
const PAUSE: Duration = Duration::from_millis(2);

/// It has been told that there are file systems without locks.
static TOLD: AtomicBool = AtomicBool::new(false);

/// A file that is locked until this is dropped, or that cannot be: some network file systems have no locks. Who holds
/// it then goes on if something else protects what is written, such as a comparison before it.
#[derive(Debug)]
pub struct Lock {
    file: File,
    is_exclusive: bool,
}

/// How long it is waited while others hold the lock.
struct Waiting {
    patience: Duration,
    /// Since something was seen to happen.
    idle: Duration,
    whole: Duration,
    /// When what is locked was changed last.
    changed: Option<SystemTime>,
}

/// Somebody else holds the lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("another process holds the lock")]
pub struct Taken;

impl Lock {
    /// Waits for the lock for as long as `patience`, which blocks the thread: zero asks once.
    pub fn wait(file: File, patience: Duration) -> Result<Self, Taken> {
        Self::wait_while(file, Waiting::new(patience), |_| None)
    }

    /// The same, but time in which the file or folder was changed does not count: where many wait for their turn, or the disk
    /// is busy, those who come last would give up although each turn is short. There is an end to this as well.
    pub fn wait_in_line(file: File, patience: Duration) -> Result<Self, Taken> {
        Self::wait_while(file, Waiting::new(patience), |file| file.metadata().ok()?.modified().ok())
    }

    fn wait_while(
        file: File,
        mut waiting: Waiting,
        changed: impl Fn(&File) -> Option<SystemTime>,
    ) -> Result<Self, Taken> {
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(Self { file, is_exclusive: true }),
                Err(TryLockError::WouldBlock) if waiting.is_over(changed(&file)) => {
                    return Err(Taken);
                }
                Err(TryLockError::WouldBlock) => {
                    thread::sleep(PAUSE);
                    waiting.pass(PAUSE);
                }
                Err(TryLockError::Error(error)) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(TryLockError::Error(error)) => {
                    if !TOLD.swap(true, Ordering::Relaxed) {
                        tracing::warn!("files cannot be locked here: {error}");
                    }
                    return Ok(Self { file, is_exclusive: false });
                }
            }
        }
    }

    /// Whether others are really shut out.
    pub fn is_exclusive(&self) -> bool {
        self.is_exclusive
    }

    /// The file that is locked.
    pub fn file(&self) -> &File {
        &self.file
    }
}

impl Waiting {
    fn new(patience: Duration) -> Self {
        Self { patience, idle: Duration::ZERO, whole: Duration::ZERO, changed: None }
    }

    fn is_over(&mut self, changed: Option<SystemTime>) -> bool {
        if changed != self.changed {
            (self.changed, self.idle) = (changed, Duration::ZERO);
        }
        self.idle >= self.patience || self.whole >= self.patience * LONGEST_LINE
    }

    fn pass(&mut self, time: Duration) {
        self.idle += time;
        self.whole += time;
    }
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;

    #[test]
    fn time_in_which_others_get_on_does_not_count() {
        let second = Duration::from_secs(1);
        // How many seconds are waited where something happens each so many seconds.
        let check = |every: Option<u64>, expected: u64| {
            let mut waiting = Waiting::new(5 * second);
            let mut waited = 0;
            let changed = |now: u64| {
                every.map(|every| UNIX_EPOCH + second * u32::try_from(now / every).expect("small"))
            };
            while !waiting.is_over(changed(waited)) {
                waiting.pass(second);
                waited += 1;
            }
            assert_eq!(waited, expected, "{every:?}");
        };
        check(None, 5);
        check(Some(1000), 5);
        check(Some(6), 5);
        check(Some(4), 60);
        assert!(Waiting::new(Duration::ZERO).is_over(Some(UNIX_EPOCH)));
    }

    #[cfg(unix)]
    #[test]
    fn folders_are_waited_for_in_line() {
        let folder = tempfile::tempdir().expect("a folder");
        let open = || File::open(folder.path()).expect("it is there");
        let held = Lock::wait(open(), Duration::ZERO).expect("free");
        assert_eq!(Lock::wait_in_line(open(), PAUSE).expect_err("taken"), Taken);
        drop(held);
        Lock::wait_in_line(open(), Duration::ZERO).expect("free again");
    }

    #[test]
    fn one_at_a_time_holds_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let open = || File::create(folder.path().join("lock")).expect("made");
        let held = Lock::wait(open(), Duration::ZERO).expect("free");
        assert!(held.is_exclusive());
        assert_eq!(Lock::wait(open(), PAUSE).expect_err("taken"), Taken);
        drop(held);
        Lock::wait(open(), Duration::ZERO).expect("free again");
    }

    #[test]
    fn it_is_waited_for() {
        let folder = tempfile::tempdir().expect("a folder");
        let open = || File::create(folder.path().join("lock")).expect("made");
        let held = Lock::wait(open(), Duration::ZERO).expect("free");
        thread::scope(|scope| {
            let waiting = scope.spawn(|| Lock::wait(open(), PATIENCE * 10));
            drop(held);
            waiting.join().expect("no panic").expect("it was given up");
        });
    }

    /// Linux locks no files that were opened for their path alone.
    #[cfg(target_os = "linux")]
    #[test]
    fn what_cannot_be_locked_holds_nobody_up() {
        use std::os::unix::fs::OpenOptionsExt;
        let flags = i32::try_from(rustix::fs::OFlags::PATH.bits()).expect("it fits");
        let file = File::options().read(true).custom_flags(flags).open("/").expect("opened");
        assert!(!Lock::wait(file, Duration::ZERO).expect("not taken").is_exclusive());
    }
}
