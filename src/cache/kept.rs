//! Results that were too long to be given at once, kept whole so that they can be read on.

use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::task::spawn_blocking;
use tokio::time::Instant;
use tracing::warn;

use super::files::{Files, MAX_AGE};

/// What is held in memory; beyond it, the oldest results move to files.
const MEMORY_BYTES: usize = 16 * 1024 * 1024;
const MEMORY_ENTRIES: usize = 64;
/// What is held in memory while a slow disk takes what is to move; beyond it, the oldest results are lost.
const BACKLOG_BYTES: usize = 4 * MEMORY_BYTES;
const BACKLOG_ENTRIES: usize = 4 * MEMORY_ENTRIES;

/// How often old files are looked for when none are written.
const SWEEP_EVERY: Duration = Duration::from_hours(1);

/// The kept results: the latest in memory, earlier ones as files, which bridges that share the folder share as well.
#[derive(Debug, Clone)]
pub struct Kept(Arc<Inner>);

/// What a kept result is asked for by: 128 random bits in hexadecimal, so that nobody guesses one that another
/// client was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResultId(Box<str>);

#[derive(Debug)]
struct Inner {
    files: Files,
    memory: Mutex<Memory>,
}

#[derive(Debug, Default)]
struct Memory {
    /// The oldest first.
    entries: VecDeque<Entry>,
    bytes: usize,
    /// Somebody is at work on the files.
    moving: bool,
    swept: Option<Instant>,
    /// The log has been told that files cannot be written.
    told: bool,
}

#[derive(Debug, Clone)]
struct Entry {
    id: ResultId,
    server: Arc<str>,
    result: Arc<str>,
    since: Instant,
}

impl Kept {
    /// Keeps results in memory and in `folder`, which is created when it is needed; until then nothing is touched.
    pub fn new(folder: PathBuf) -> Self {
        let files = Files::new(folder);
        Self(Arc::new(Inner { files, memory: Mutex::default() }))
    }

    /// Keeps a result of a server. It can be read from now on; what has to move to files for it does so on another
    /// thread.
    pub fn keep(&self, server: &str, result: Arc<str>) -> ResultId {
        let id = ResultId::random();
        let since = Instant::now();
        let entry = Entry { id: id.clone(), server: server.into(), result, since };
        let mut memory = self.0.memory();
        memory.drop_expired();
        memory.push(entry);
        memory.drop_oldest(BACKLOG_BYTES, BACKLOG_ENTRIES);
        let work = memory.exceeds(MEMORY_BYTES, MEMORY_ENTRIES) || memory.sweep_is_due();
        if work && !memory.moving {
            memory.moving = true;
            drop(memory);
            let inner = Arc::clone(&self.0);
            match Handle::try_current() {
                // Nobody waits for it. Where the bridge ends first, half a file is left under a name that no id has,
                // which a later sweep removes.
                Ok(runtime) => drop(runtime.spawn_blocking(move || inner.relieve())),
                Err(_) => inner.relieve(),
            }
        }
        id
    }

    /// Writes a result to a file even if there is room for it in memory, so that other processes can read it: the
    /// command line above all.
    pub fn share(&self, id: &ResultId) {
        let Some(entry) = self.0.memory().find(id).cloned() else { return };
        let inner = Arc::clone(&self.0);
        let write = move || {
            let written = inner.files.write(entry.id.as_str(), &entry.server, &entry.result);
            if let Err(fault) = written {
                inner.tell(&mut inner.memory(), &fault);
            }
        };
        match Handle::try_current() {
            Ok(runtime) => drop(runtime.spawn_blocking(write)),
            Err(_) => write(),
        }
    }

    /// The server and the JSON text of a kept result; nothing where the id is none, or unknown by now. Fails when
    /// there is a file that cannot be read.
    pub async fn read(&self, id: &str) -> io::Result<Option<(String, Arc<str>)>> {
        let Some(id) = ResultId::parse(id) else {
            return Ok(None);
        };
        if let Some(entry) = self.0.memory().find(&id) {
            return Ok(Some((entry.server.to_string(), Arc::clone(&entry.result))));
        }
        let inner = Arc::clone(&self.0);
        let read = move || {
            inner.sweep_if_due();
            inner.files.read(id.as_str())
        };
        spawn_blocking(read).await.map_err(io::Error::other)?
    }
}

impl Inner {
    /// Moves the oldest results to files until the rest may stay in memory. A result leaves memory only when its
    /// file is complete.
    fn relieve(&self) {
        self.sweep_if_due();
        loop {
            let oldest = {
                let mut memory = self.memory();
                let oldest = memory.entries.front().cloned();
                let excess = memory.exceeds(MEMORY_BYTES, MEMORY_ENTRIES);
                let Some(oldest) = oldest.filter(|_| excess) else {
                    memory.moving = false;
                    return;
                };
                oldest
            };
            let written = self.files.write(oldest.id.as_str(), &oldest.server, &oldest.result);
            let mut memory = self.memory();
            if let Err(fault) = written {
                self.tell(&mut memory, &fault);
                memory.drop_oldest(MEMORY_BYTES, MEMORY_ENTRIES);
                memory.moving = false;
                return;
            }
            memory.remove(&oldest.id);
            drop(memory);
            self.files.sweep();
        }
    }

    /// Has the log say once that files cannot be written, however many calls come to that.
    fn tell(&self, memory: &mut Memory, fault: &io::Error) {
        if !std::mem::replace(&mut memory.told, true) {
            let folder = self.files.folder().display();
            warn!("cannot write long results to {folder}, only the latest can be read on: {fault}");
        }
    }

    fn sweep_if_due(&self) {
        let mut memory = self.memory();
        if memory.sweep_is_due() {
            memory.swept = Some(Instant::now());
            drop(memory);
            self.files.sweep();
        }
    }

    /// Nothing in here leaves the memory in disorder, so that a panic elsewhere does not matter.
    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Memory {
    fn find(&self, id: &ResultId) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.id == *id && !entry.has_expired())
    }

    fn push(&mut self, entry: Entry) {
        self.bytes += entry.result.len();
        self.entries.push_back(entry);
    }

    fn remove(&mut self, id: &ResultId) {
        if let Some(at) = self.entries.iter().position(|entry| entry.id == *id)
            && let Some(entry) = self.entries.remove(at)
        {
            self.bytes -= entry.result.len();
        }
    }

    fn exceeds(&self, bytes: usize, entries: usize) -> bool {
        self.bytes > bytes || self.entries.len() > entries
    }

    /// Drops the oldest results that are beyond a limit, but never the latest one.
    fn drop_oldest(&mut self, bytes: usize, entries: usize) {
        while self.exceeds(bytes, entries) && self.entries.len() > 1 {
            self.drop_first();
        }
    }

    fn drop_expired(&mut self) {
        while self.entries.front().is_some_and(Entry::has_expired) {
            self.drop_first();
        }
    }

    fn drop_first(&mut self) {
        if let Some(entry) = self.entries.pop_front() {
            self.bytes -= entry.result.len();
        }
    }

    fn sweep_is_due(&self) -> bool {
        self.swept.is_none_or(|swept| swept.elapsed() >= SWEEP_EVERY)
    }
}

impl Entry {
    fn has_expired(&self) -> bool {
        self.since.elapsed() > MAX_AGE
    }
}

impl ResultId {
    const LENGTH: usize = 32;

    fn random() -> Self {
        let mut bits = [0; 16];
        getrandom::fill(&mut bits).expect("every system that this runs on has random numbers");
        Self(format!("{:032x}", u128::from_ne_bytes(bits)).into())
    }

    /// Takes nothing but the form that ids are given out in: it becomes the name of a file, and models ask for it.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let digits = text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        (digits && text.len() == Self::LENGTH).then(|| Self(text.into()))
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ResultId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn text(kept: &Kept, id: &ResultId) -> Option<String> {
        let found = kept.read(id.as_str()).await.expect("readable");
        found.map(|(server, result)| format!("{server} {result}"))
    }

    fn in_memory(kept: &Kept) -> (usize, usize) {
        let memory = kept.0.memory();
        let bytes: usize = memory.entries.iter().map(|entry| entry.result.len()).sum();
        assert_eq!(memory.bytes, bytes);
        (memory.entries.len(), memory.bytes)
    }

    /// Work on files is done at once where there is no runtime, so that tests see its end.
    fn runtime() -> tokio::runtime::Runtime {
        tokio::runtime::Builder::new_current_thread().build().expect("a runtime")
    }

    #[test]
    fn only_ids_are_ids() {
        fn check(text: &str, expected: bool) {
            assert_eq!(ResultId::parse(text).is_some(), expected, "{text}");
        }
        let id = ResultId::random();
        check(id.as_str(), true);
        assert_ne!(id, ResultId::random());
        check(&"0".repeat(32), true);
        check(&"0".repeat(31), false);
        check(&"0".repeat(33), false);
        check(&"A".repeat(32), false);
        check(&"g".repeat(32), false);
        check("", false);
        check("../../../../../../../../../../ab", false);
        check("0000000000000000000000000000000\n", false);
        check("000000000000000000000000000000é", false);
    }

    #[test]
    fn results_move_to_files_and_stay_readable() {
        let folder = tempfile::tempdir().expect("a folder");
        let results = folder.path().join("cache").join("results");
        let (kept, other) = (Kept::new(results.clone()), Kept::new(results.clone()));
        assert!(!results.exists(), "nothing is touched before it is needed");
        let ids: Vec<_> = (0..MEMORY_ENTRIES + 3)
            .map(|number| kept.keep("git", format!("{{\"é\":{number}}}\n").into()))
            .collect();
        assert_eq!(in_memory(&kept).0, MEMORY_ENTRIES);
        assert_eq!(std::fs::read_dir(&results).expect("a folder").count(), 3);
        runtime().block_on(async {
            for (number, id) in ids.iter().enumerate() {
                let expected = format!("git {{\"é\":{number}}}\n");
                assert_eq!(text(&kept, id).await, Some(expected.clone()));
                let of_other = text(&other, id).await;
                assert_eq!(of_other, (number < 3).then_some(expected), "files are shared");
            }
            for id in ["", "no id", ResultId::random().as_str()] {
                assert!(kept.read(id).await.expect("no fault").is_none(), "{id}");
            }
        });
    }

    #[test]
    fn memory_is_bounded_in_bytes() {
        let folder = tempfile::tempdir().expect("a folder");
        let kept = Kept::new(folder.path().to_owned());
        let long: Arc<str> = "x".repeat(MEMORY_BYTES / 2).into();
        let ids: Vec<_> = (0..4).map(|_| kept.keep("git", Arc::clone(&long))).collect();
        assert_eq!(in_memory(&kept), (2, MEMORY_BYTES));
        let longest = kept.keep("git", "y".repeat(MEMORY_BYTES + 1).into());
        assert_eq!(in_memory(&kept), (0, 0));
        runtime().block_on(async {
            for id in ids.iter().chain([&longest]) {
                assert!(kept.read(id.as_str()).await.expect("no fault").is_some());
            }
        });
    }

    #[test]
    fn a_disk_that_takes_nothing_costs_only_what_is_too_much() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("file");
        std::fs::write(&file, "no folder").expect("written");
        let kept = Kept::new(file.join("results"));
        let ids: Vec<_> = (0..MEMORY_ENTRIES + 5).map(|_| kept.keep("git", "{}".into())).collect();
        assert_eq!(in_memory(&kept).0, MEMORY_ENTRIES);
        assert!(kept.0.memory().told);
        let longest = kept.keep("git", "x".repeat(MEMORY_BYTES + 1).into());
        assert_eq!(in_memory(&kept).0, 1, "the latest is there whatever its length");
        runtime().block_on(async {
            assert!(text(&kept, &longest).await.is_some());
            let first = kept.read(ids[0].as_str()).await;
            assert!(!matches!(first, Ok(Some(_))), "no folder, and not in memory");
        });
    }

    #[test]
    fn a_slow_disk_has_a_bounded_backlog() {
        let folder = tempfile::tempdir().expect("a folder");
        let kept = Kept::new(folder.path().to_owned());
        kept.0.memory().moving = true;
        for _ in 0..BACKLOG_ENTRIES + 5 {
            kept.keep("git", "{}".into());
        }
        assert_eq!(in_memory(&kept).0, BACKLOG_ENTRIES);
        kept.0.relieve();
        assert_eq!(in_memory(&kept).0, MEMORY_ENTRIES);
    }

    #[tokio::test]
    async fn a_result_is_readable_while_it_moves() {
        let folder = tempfile::tempdir().expect("a folder");
        let kept = Kept::new(folder.path().to_owned());
        let mut ids = Vec::new();
        for number in 0..3 * MEMORY_ENTRIES {
            ids.push((number, kept.keep("git", number.to_string().into())));
            // Whatever the thread that moves them is at.
            let (number, id) = &ids[number * 2 / 3];
            assert_eq!(text(&kept, id).await, Some(format!("git {number}")));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn results_are_kept_for_a_day() {
        let folder = tempfile::tempdir().expect("a folder");
        let kept = Kept::new(folder.path().to_owned());
        let id = kept.keep("git", "{}".into());
        tokio::time::advance(MAX_AGE).await;
        assert!(text(&kept, &id).await.is_some());
        tokio::time::advance(Duration::from_secs(1)).await;
        assert!(text(&kept, &id).await.is_none());
        kept.keep("git", "{}".into());
        assert_eq!(in_memory(&kept).0, 1);
    }

    #[test]
    fn files_of_earlier_runs_are_cleaned_up_at_first_use() {
        let folder = tempfile::tempdir().expect("a folder");
        let old = folder.path().join("0".repeat(32));
        std::fs::write(&old, "\"git\"\n{}").expect("written");
        let yesterday = std::time::SystemTime::now() - MAX_AGE - Duration::from_mins(1);
        let file = std::fs::File::options().write(true).open(&old).expect("opened");
        file.set_modified(yesterday).expect("set");
        drop(file);
        let kept = Kept::new(folder.path().to_owned());
        assert!(old.exists());
        kept.keep("git", "{}".into());
        assert!(!old.exists());
    }
}
