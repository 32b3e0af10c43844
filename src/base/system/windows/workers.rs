//! Limits of a worker on Windows, where it looks after itself.

use std::process::ExitStatus;
use std::sync::Once;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use cpu_time::ProcessTime;

use crate::base::worker::LOOK;

/// The process ends with this when its time is used up; as no signal tells it.
const USED_UP: i32 = 24;

/// The processor time, in seconds, after which it is.
static GRANTED: AtomicU64 = AtomicU64::new(u64::MAX);

pub(in crate::base) fn grant_time(seconds: u64) {
    static WATCH: Once = Once::new();
    let Ok(used) = ProcessTime::try_now() else { return };
    GRANTED.store(used.as_duration().as_secs() + 1 + seconds, Ordering::Relaxed);
    WATCH.call_once(|| {
        let _ = thread::Builder::new().name("time".to_owned()).spawn(watch);
    });
}

#[expect(clippy::exit, reason = "the thread that computes cannot be asked to end")]
fn watch() {
    let left = || {
        let used = ProcessTime::try_now().map_or(Duration::ZERO, |used| used.as_duration());
        used < Duration::from_secs(GRANTED.load(Ordering::Relaxed))
    };
    while left() {
        thread::sleep(LOOK);
    }
    std::process::exit(USED_UP);
}

pub(in crate::base) fn has_used_up_its_time(status: ExitStatus) -> bool {
    status.code() == Some(USED_UP)
}
