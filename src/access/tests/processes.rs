//! Several processes that count in one folder, and processes that are killed at it.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::SystemTime;

use super::scene::{counted, limit, name, refused, succeed};
use crate::access::{Refused, Usage};
use crate::base::environment::Environment;

/// Names the folder to a test that was started as a process of its own.
const FOLDER_VARIABLE: &str = "TEST_USAGE_FOLDER";

/// The folder, in a process that a test has started to be one of several.
fn given_folder() -> Option<PathBuf> {
    Environment::of_process().lookup(FOLDER_VARIABLE).map(PathBuf::from)
}

/// Runs a test of this file as a process of its own.
fn start(test: &str, folder: &Path) -> Child {
    let mut command = Command::new(std::env::current_exe().expect("the test's program"));
    command
        .args(["--exact", &format!("access::tests::processes::{test}"), "--nocapture"])
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
