//! A folder of counts and a clock, and what comes of calls there.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tempfile::TempDir;

use crate::access::{Exceeded, Refused, Standing, Usage, read_all};
use crate::config::{RateLimit, ServerName};

pub(super) fn name() -> ServerName {
    ServerName::parse("git").expect("a name")
}

pub(super) fn limit(day: Option<u64>, month: Option<u64>) -> RateLimit {
    RateLimit { max_calls_per_day: day, max_calls_per_month: month }
}

/// A folder and a clock.
pub(super) struct Scene {
    folder: TempDir,
    seconds: Arc<AtomicU64>,
}

impl Scene {
    pub(super) fn at(time: &str) -> Self {
        let scene =
            Self { folder: tempfile::tempdir().expect("a folder"), seconds: Arc::default() };
        scene.set(time);
        scene
    }

    pub(super) fn set(&self, time: &str) {
        let time = humantime::parse_rfc3339(time).expect("a time");
        let since = time.duration_since(UNIX_EPOCH).expect("later than 1970");
        self.seconds.store(since.as_secs(), Ordering::Relaxed);
    }

    pub(super) fn folder(&self) -> PathBuf {
        self.folder.path().join("usage")
    }

    pub(super) fn usage(&self, limit: RateLimit) -> Usage {
        let seconds = self.seconds.clone();
        let clock = move || UNIX_EPOCH + Duration::from_secs(seconds.load(Ordering::Relaxed));
        Usage::with_clock(self.folder(), [(name(), limit)], clock)
    }

    /// The day's and the month's calls as the file has them.
    pub(super) fn counted(&self) -> (u64, u64) {
        let now = UNIX_EPOCH + Duration::from_secs(self.seconds.load(Ordering::Relaxed));
        counted(&self.folder(), now)
    }
}

pub(super) fn counted(folder: &Path, now: SystemTime) -> (u64, u64) {
    let mut all = read_all(folder).expect("a readable folder");
    let counts = all.remove(&name()).map_or_else(Default::default, |c| c.expect("a valid file"));
    let [day, month] = Standing::of(&counts, &RateLimit::default(), now);
    (day.calls, month.calls)
}

pub(super) async fn succeed(usage: &Usage) -> Option<String> {
    let admission = usage.admit(&name()).await.expect("a place");
    admission.succeeded().await.map(|warning| warning.to_string())
}

pub(super) async fn refused(usage: &Usage) -> Exceeded {
    match usage.admit(&name()).await {
        Err(Refused::Exceeded(exceeded)) => exceeded,
        other => panic!("expected a refusal: {other:?}"),
    }
}
