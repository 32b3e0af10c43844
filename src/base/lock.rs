//! Locks on files, which keep processes out of each other's way.

use std::fs::{File, TryLockError};
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

/// Others hold a lock for milliseconds; whoever holds it longer than this was stopped.
pub const PATIENCE: Duration = Duration::from_secs(5);
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

/// Somebody else holds the lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("another process holds the lock")]
pub struct Taken;

impl Lock {
    /// Waits for the lock for as long as `patience`, which blocks the thread: zero asks once.
    pub fn wait(file: File, patience: Duration) -> Result<Self, Taken> {
        let mut waited = Duration::ZERO;
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(Self { file, is_exclusive: true }),
                Err(TryLockError::WouldBlock) if waited >= patience => return Err(Taken),
                Err(TryLockError::WouldBlock) => {
                    thread::sleep(PAUSE);
                    waited += PAUSE;
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

#[cfg(test)]
mod tests {
    use super::*;

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
