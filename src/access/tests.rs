//! Counting as its users see it, with clocks that are set and with real processes on one folder.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tempfile::TempDir;

use super::{Exceeded, Period, Refused, Standing, Usage, read_all};
use crate::base::environment::Environment;
use crate::config::{RateLimit, ServerName};

/// Names the folder to a test that was started as a process of its own.
const FOLDER_VARIABLE: &str = "TEST_USAGE_FOLDER";

fn name() -> ServerName {
    ServerName::parse("git").expect("a name")
}

fn limit(day: Option<u64>, month: Option<u64>) -> RateLimit {
    RateLimit { max_calls_per_day: day, max_calls_per_month: month }
}

/// A folder and a clock.
struct Scene {
    folder: TempDir,
    seconds: Arc<AtomicU64>,
}

impl Scene {
    fn at(time: &str) -> Self {
        let scene =
            Self { folder: tempfile::tempdir().expect("a folder"), seconds: Arc::default() };
        scene.set(time);
        scene
    }

    fn set(&self, time: &str) {
        let time = humantime::parse_rfc3339(time).expect("a time");
        let since = time.duration_since(UNIX_EPOCH).expect("later than 1970");
        self.seconds.store(since.as_secs(), Ordering::Relaxed);
    }

    fn folder(&self) -> PathBuf {
        self.folder.path().join("usage")
    }

    fn usage(&self, limit: RateLimit) -> Usage {
        let seconds = self.seconds.clone();
        let clock = move || UNIX_EPOCH + Duration::from_secs(seconds.load(Ordering::Relaxed));
        Usage::with_clock(self.folder(), [(name(), limit)], clock)
    }

    /// The day's and the month's calls as the file has them.
    fn counted(&self) -> (u64, u64) {
        let now = UNIX_EPOCH + Duration::from_secs(self.seconds.load(Ordering::Relaxed));
        counted(&self.folder(), now)
    }
}

fn counted(folder: &Path, now: SystemTime) -> (u64, u64) {
    let mut all = read_all(folder).expect("a readable folder");
    let counts = all.remove(&name()).map_or_else(Default::default, |c| c.expect("a valid file"));
    let [day, month] = Standing::of(&counts, &RateLimit::default(), now);
    (day.calls, month.calls)
}

async fn succeed(usage: &Usage) -> Option<String> {
    let admission = usage.admit(&name()).await.expect("a place");
    admission.succeeded().await.map(|warning| warning.to_string())
}

async fn refused(usage: &Usage) -> Exceeded {
    match usage.admit(&name()).await {
        Err(Refused::Exceeded(exceeded)) => exceeded,
        other => panic!("expected a refusal: {other:?}"),
    }
}

#[tokio::test]
async fn only_successes_count_and_the_limit_holds() {
    let scene = Scene::at("2026-11-20T23:00:00Z");
    let usage = scene.usage(limit(Some(5), None));
    drop(usage.admit(&name()).await.expect("a place"));
    for expected in [None, None, None, Some("server `git`: 4 of 5 calls today")] {
        assert_eq!(succeed(&usage).await.as_deref(), expected);
    }
    assert_eq!(scene.counted(), (4, 4));
    let under_way = usage.admit(&name()).await.expect("a place");
    let exceeded = refused(&usage).await;
    assert_eq!((exceeded.used, exceeded.open, exceeded.limit), (4, 1, 5));
    drop(under_way);
    assert!(succeed(&usage).await.is_some());
    let error = Refused::Exceeded(refused(&usage).await);
    assert_eq!(error.to_string(), "server `git` has had 5 of 5 calls today (`maxCallsPerDay`)");
    assert!(error.hint().contains("2026-11-21T00:00:00Z"), "{}", error.hint());
}

#[tokio::test]
async fn days_and_months_begin_anew_and_a_clock_set_back_loses_nothing() {
    let scene = Scene::at("2026-11-30T23:59:59Z");
    let usage = scene.usage(limit(Some(2), Some(3)));
    succeed(&usage).await;
    succeed(&usage).await;
    assert_eq!(refused(&usage).await.period, Period::Day);
    scene.set("2026-12-01T00:00:00Z");
    succeed(&usage).await;
    scene.set("2026-11-30T12:00:00Z");
    assert_eq!(refused(&usage).await.used, 2);
    scene.set("2026-12-02T00:00:00Z");
    succeed(&usage).await;
    succeed(&usage).await;
    let exceeded = refused(&usage).await;
    assert_eq!((exceeded.period, exceeded.used), (Period::Month, 3));
    assert_eq!(exceeded.resets, humantime::parse_rfc3339("2027-01-01T00:00:00Z").expect("a time"));
    assert_eq!(scene.counted(), (2, 3));
}

#[tokio::test]
async fn a_call_that_lasts_over_midnight_has_its_place_in_the_new_day() {
    let scene = Scene::at("2026-11-20T23:59:59Z");
    let usage = scene.usage(limit(Some(1), None));
    let under_way = usage.admit(&name()).await.expect("a place");
    scene.set("2026-11-21T00:00:01Z");
    assert_eq!(refused(&usage).await.open, 1);
    under_way.succeeded().await;
    assert_eq!(scene.counted(), (1, 1));
}

#[tokio::test]
async fn another_limit_takes_over_what_was_counted() {
    let scene = Scene::at("2026-11-20T12:00:00Z");
    let free = scene.usage(RateLimit::default());
    let unlimited = free.admit(&name()).await.expect("a place");
    succeed(&free).await;
    let narrow = free.successor([(name(), limit(Some(3), None))]);
    let under_way = narrow.admit(&name()).await.expect("a place");
    // The first call is counted though its count was not written yet, and the one that began before as it ends.
    unlimited.succeeded().await;
    let exceeded = refused(&narrow).await;
    assert_eq!(exceeded.used + exceeded.open, 3);
    let wide = narrow.successor([(name(), limit(Some(4), None))]);
    under_way.succeeded().await;
    succeed(&wide).await;
    assert_eq!(refused(&wide).await.used, 4);
    assert!(narrow.successor([]).admit(&name()).await.is_ok(), "it is not counted any more");
}

#[tokio::test]
async fn bridges_that_share_a_folder_see_each_others_calls() {
    let scene = Scene::at("2026-11-20T12:00:00Z");
    let one = scene.usage(limit(Some(3), None));
    let other = scene.usage(limit(Some(3), None));
    let under_way = one.admit(&name()).await.expect("a place");
    succeed(&other).await;
    succeed(&other).await;
    assert_eq!((refused(&other).await.used, refused(&other).await.open), (2, 1));
    // The place is given back in the background; `flush` waits for that.
    drop(under_way);
    one.flush().await;
    succeed(&other).await;
    assert_eq!(refused(&one).await.used, 3);
}

#[tokio::test]
async fn an_admission_that_nobody_waits_for_gives_its_place_back() {
    let scene = Scene::at("2026-11-20T12:00:00Z");
    let usage = scene.usage(limit(Some(1), None));
    for _ in 0..50 {
        let (server, mut admission) = (name(), None);
        tokio::select! {
            biased;
            admitted = usage.admit(&server) => admission = Some(admitted),
            () = tokio::task::yield_now() => {}
        }
        drop(admission);
    }
    usage.flush().await;
    succeed(&usage).await;
    assert_eq!(scene.counted(), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn calls_without_a_limit_are_written_a_little_later() {
    let scene = Scene::at("2026-11-20T12:00:00Z");
    let one = scene.usage(RateLimit::default());
    let other = scene.usage(RateLimit::default());
    assert_eq!(succeed(&one).await, None);
    drop(one.admit(&name()).await.expect("a place"));
    assert_eq!(scene.counted(), (0, 0), "not yet");
    while scene.counted() == (0, 0) {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    for _ in 0..40 {
        succeed(&one).await;
        succeed(&other).await;
    }
    one.flush().await;
    other.flush().await;
    assert_eq!(scene.counted(), (81, 81));
    succeed(&one).await;
    one.flush().await;
    assert_eq!(scene.counted(), (82, 82), "after the end, too");
}

#[tokio::test]
async fn damaged_counts_are_moved_aside() {
    let scene = Scene::at("2026-11-20T12:00:00Z");
    fs::create_dir(scene.folder()).expect("a folder");
    let file = scene.folder().join("git.json");
    fs::write(&file, "{\"version\":1,\"da").expect("written");
    succeed(&scene.usage(limit(Some(3), None))).await;
    assert_eq!(scene.counted(), (1, 1));
    let aside = fs::read_to_string(scene.folder().join("git.damaged")).expect("it was kept");
    assert_eq!(aside, "{\"version\":1,\"da");
}

#[tokio::test]
async fn without_counts_only_servers_without_limits_are_called() {
    let scene = Scene::at("2026-11-20T12:00:00Z");
    let usage = scene.usage(limit(Some(3), None));
    // A newer format is left as it is.
    fs::create_dir(scene.folder()).expect("a folder");
    let file = scene.folder().join("git.json");
    fs::write(&file, "{\"version\":2}").expect("written");
    let error = usage.admit(&name()).await.expect_err("it cannot be read");
    assert!(error.to_string().contains("newer version"), "{error}");
    assert_eq!(fs::read_to_string(&file).expect("readable"), "{\"version\":2}");
    // A folder that is none.
    fs::remove_dir_all(scene.folder()).expect("removed");
    fs::write(scene.folder(), "").expect("written");
    let error = usage.admit(&name()).await.expect_err("nothing can be written");
    assert!(error.to_string().contains("git.lock"), "{error}");
    let usage = scene.usage(RateLimit::default());
    succeed(&usage).await;
    usage.flush().await;
    // What could not be written is not forgotten.
    fs::remove_file(scene.folder()).expect("removed");
    succeed(&usage).await;
    usage.flush().await;
    assert_eq!(scene.counted(), (2, 2));
}

#[tokio::test]
async fn what_cannot_be_counted_now_is_counted_later() {
    let scene = Scene::at("2026-11-20T12:00:00Z");
    let usage = scene.usage(limit(Some(3), None));
    let under_way = usage.admit(&name()).await.expect("a place");
    let file = scene.folder().join("git.json");
    fs::create_dir(&file).expect("a folder in the way");
    under_way.succeeded().await;
    let error = usage.admit(&name()).await.expect_err("the file is none");
    assert!(error.to_string().contains("git.json"), "{error}");
    fs::remove_dir(&file).expect("removed");
    succeed(&usage).await;
    assert_eq!(scene.counted(), (2, 2));
    succeed(&usage).await;
    assert_eq!(refused(&usage).await.used, 3);
}

/// The folder, in a process that a test has started to be one of several.
fn given_folder() -> Option<PathBuf> {
    Environment::of_process().lookup(FOLDER_VARIABLE).map(PathBuf::from)
}

/// Runs a test of this file as a process of its own.
fn start(test: &str, folder: &Path) -> Child {
    let mut command = Command::new(std::env::current_exe().expect("the test's program"));
    command
        .args(["--exact", &format!("access::tests::{test}"), "--nocapture"])
        .env(FOLDER_VARIABLE, folder)
        .stdout(Stdio::piped());
    command.spawn().expect("the program starts")
}

/// The numbers that the process prints behind the word.
fn told(child: &mut Child, word: &'static str) -> impl Iterator<Item = u64> + use<> {
    let lines = BufReader::new(child.stdout.take().expect("stdout is piped")).lines();
    lines.map_while(Result::ok).filter_map(move |line| line.split_once(word)?.1.parse().ok())
}

fn in_a_runtime<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime")
        .block_on(work)
}

#[test]
fn processes_and_threads_share_a_limit_exactly() {
    const LIMIT: u64 = 500;
    if let Some(folder) = given_folder() {
        let usage = Usage::new(folder, [(name(), limit(None, Some(LIMIT)))]);
        let calls = || {
            in_a_runtime(async {
                let mut succeeded = 0;
                for number in 0..250 {
                    match usage.admit(&name()).await {
                        // One in five fails.
                        Ok(admission) if number % 5 == 4 => drop(admission),
                        Ok(admission) => {
                            admission.succeeded().await;
                            succeeded += 1;
                        }
                        Err(Refused::Exceeded(_)) => {}
                        Err(error) => panic!("{error}"),
                    }
                }
                usage.flush().await;
                succeeded
            })
        };
        let succeeded: u64 = std::thread::scope(|scope| {
            let threads = [scope.spawn(calls), scope.spawn(calls)];
            threads.map(|thread| thread.join().expect("no panic")).iter().sum()
        });
        println!("\nsucceeded={succeeded}");
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let test = "processes_and_threads_share_a_limit_exactly";
    let mut children = [(); 2].map(|()| start(test, folder.path()));
    let succeeded = children.each_mut().map(|child| told(child, "succeeded=").sum::<u64>());
    assert!(children.iter_mut().all(|child| child.wait().expect("it ends").success()));
    // A thousand calls, eight hundred of which would succeed.
    assert_eq!(succeeded.iter().sum::<u64>(), LIMIT);
    assert_eq!(counted(folder.path(), SystemTime::now()).1, LIMIT);
    let usage = Usage::new(folder.path().to_owned(), [(name(), limit(None, Some(LIMIT + 1)))]);
    in_a_runtime(async {
        succeed(&usage).await;
        refused(&usage).await;
    });
    drop(usage);
    let left = fs::read_dir(folder.path()).expect("a folder").count();
    assert_eq!(left, 2, "the counts and the lock");
}

#[test]
fn a_process_that_is_killed_leaves_its_counts_and_no_places() {
    const LIMIT: u64 = 100_000;
    if let Some(folder) = given_folder() {
        let usage = Usage::new(folder, [(name(), limit(None, Some(LIMIT)))]);
        return in_a_runtime(async {
            let mut open = Vec::new();
            for number in 1_u64.. {
                open.push(usage.admit(&name()).await);
                succeed(&usage).await;
                println!("\ncounted={number}");
            }
        });
    }
    let folder = tempfile::tempdir().expect("a folder");
    let mut counts = 0;
    for stop in [1, 7, 20] {
        let mut child =
            start("a_process_that_is_killed_leaves_its_counts_and_no_places", folder.path());
        let mut told = told(&mut child, "counted=");
        assert!(told.any(|number| number == stop));
        child.kill().expect("it is our child");
        let last = told.last().unwrap_or(stop);
        child.wait().expect("it ends");
        let now = counted(folder.path(), SystemTime::now()).1;
        // The last one may have been counted and not been told any more.
        assert!(
            (counts + last..=counts + last + 1).contains(&now),
            "{now} after {counts} + {last}"
        );
        counts = now;
    }
    let usage = Usage::new(folder.path().to_owned(), [(name(), limit(None, Some(counts + 1)))]);
    in_a_runtime(async {
        succeed(&usage).await;
        refused(&usage).await;
    });
}

/// Nobody ever writes to it, so whoever reads it waits for ever.
#[cfg(unix)]
#[tokio::test]
async fn a_pipe_in_the_place_of_a_file_holds_nobody_up() {
    let server = name();
    for name in ["git.json", "git.lock"] {
        let scene = Scene::at("2026-11-20T09:00:00Z");
        let usage = scene.usage(limit(Some(1), None));
        fs::create_dir_all(scene.folder()).expect("made");
        let pipe = scene.folder().join(name);
        rustix::fs::mkfifoat(rustix::fs::CWD, &pipe, rustix::fs::Mode::RWXU).expect("made");
        let admission = tokio::time::timeout(Duration::from_mins(1), usage.admit(&server));
        match admission.await {
            Ok(Err(refused @ Refused::Uncountable { .. })) => {
                assert!(refused.to_string().contains("no regular file"), "{refused}");
            }
            other => panic!("expected an error: {other:?}"),
        }
    }
}
