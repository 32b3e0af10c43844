//! jq filters in their worker processes: no filter can hang, exhaust or outlive the bridge.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use mcp_bridge::select::{Error, Selector};
use rustix::process::{Pid, Signal, kill_process};
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::support::{Workers, eventually, run_async as run, wait_gone};

fn selector_of(workers: &Workers) -> Selector {
    Selector::new(workers.program.clone())
}

#[track_caller]
fn assert_told(outcome: &Result<String, Error>, words: &str) {
    let error = outcome.as_ref().expect_err("the filter cannot succeed").to_string();
    assert!(error.contains(words), "`{words}` is missing in: {error}");
}

#[test]
fn a_warm_worker_does_one_job_after_the_other() {
    let workers = Workers::new();
    run(async {
        let selector = selector_of(&workers);
        assert_eq!(workers.running(), [0; 0], "none is started before it is needed");
        assert_eq!(selector.select(".a", r#"{"a":1.0}"#).await.expect("it works"), "1.0");
        let first = workers.running();
        assert_eq!(first.len(), 1);
        assert_told(&selector.select(".a | |", "1").await, "fault at character 6");
        assert_told(&selector.select(".a", "1").await, "fails at character 1");
        assert_eq!(selector.select(".[]", "[1,2]").await.expect("it works"), "[1,2]");
        assert_eq!(workers.running(), first);
        selector.close();
        assert_told(&selector.select(".", "1").await, "ending");
    });
    workers.assert_none();
}

#[cfg(target_os = "linux")]
#[test]
fn runaway_filters_are_stopped_and_told_apart() {
    let workers = Workers::new();
    run(async {
        let selector = selector_of(&workers);
        assert_told(&selector.select("def f: 1 + f; f", "1").await, "too deeply nested");
        assert_told(&selector.select("def f: f; f", "1").await, "timed out");
        assert_told(&selector.select("until(false; . + .)", "\"x\"").await, "more than 512 MB");
        assert_told(&selector.select(". * 1e9", "\"x\"").await, "cannot calculate");
        assert_told(&selector.select(". * 1000000000", "\"x\"").await, "more than 512 MB");
        assert_told(
            &selector.select("repeat(\"x\" * 1000)", "1").await,
            "more than 16777216 bytes",
        );
        assert_eq!(selector.select(".", "1").await.expect("a new worker has come"), "1");
    });
    workers.assert_none();
}

#[test]
fn a_failure_is_told_though_its_place_cannot_be_found() {
    let workers = Workers::new();
    run(async {
        let selector = selector_of(&workers);
        // The first part alone never ends.
        assert_told(&selector.select("repeat(1) | error(\"late\")", "1").await, "`: late");
        let grows = "repeat(\"x\" * 1000000) | .[:5] as $x | error(\"large\")";
        assert_told(&selector.select(grows, "1").await, "`: large");
        assert_eq!(selector.select(".", "1").await.expect("a new worker has come"), "1");
    });
    workers.assert_none();
}

#[test]
fn the_bridge_keeps_running_while_filters_compute() {
    let workers = Workers::new();
    run(async {
        let selector = selector_of(&workers);
        let slow = selector.select("def f: f; f", "1");
        tokio::pin!(slow);
        let mut quick = 0;
        loop {
            tokio::select! {
                biased;
                outcome = &mut slow => break assert_told(&outcome, "timed out"),
                outcome = selector.select(". + 1", "1") => {
                    assert_eq!(outcome.expect("it works"), "2");
                    quick += 1;
                }
            }
        }
        assert!(quick > 10, "only {quick} filters ran beside a slow one");
    });
    workers.assert_none();
}

#[test]
fn many_filters_share_few_workers() {
    let workers = Workers::new();
    run(async {
        let selector = Arc::new(selector_of(&workers));
        let mut jobs = JoinSet::new();
        for number in 0..40 {
            let selector = selector.clone();
            jobs.spawn(async move {
                let output = selector.select(". + 1", &number.to_string()).await;
                assert_eq!(output.expect("it works"), (number + 1).to_string());
            });
        }
        while let Some(job) = jobs.join_next().await {
            job.expect("the output is right");
            let running = workers.running().len();
            assert!(running <= 4 + 2, "{running} workers");
        }
        assert!(eventually(|| workers.running().len() <= 2), "{:?}", workers.running());
    });
    workers.assert_none();
}

#[test]
fn a_filter_that_nobody_waits_for_is_killed() {
    let workers = Workers::new();
    run(async {
        let selector = selector_of(&workers);
        assert_eq!(selector.select(".", "1").await.expect("it works"), "1");
        let warm = workers.running();
        let endless = selector.select("def f: f; f", "1");
        timeout(Duration::from_millis(50), endless).await.expect_err("it is endless");
        wait_gone(&warm);
        assert_eq!(selector.select(".", "2").await.expect("it works"), "2");
    });
    workers.assert_none();
}

#[test]
fn a_worker_that_died_is_replaced() {
    let workers = Workers::new();
    run(async {
        let selector = selector_of(&workers);
        assert_eq!(selector.select(".", "1").await.expect("it works"), "1");
        let warm = workers.running();
        let pid = i32::try_from(warm[0]).ok().and_then(Pid::from_raw).expect("a process id");
        kill_process(pid, Signal::KILL).expect("it runs");
        wait_gone(&warm);
        assert_eq!(selector.select(".", "2").await.expect("it works"), "2");
    });
    workers.assert_none();
}

#[test]
fn an_idle_worker_ends_after_a_minute() {
    let workers = Workers::new();
    run(async {
        let selector = selector_of(&workers);
        assert_eq!(selector.select(".", "1").await.expect("it works"), "1");
        let warm = workers.running();
        // A paused clock jumps to the end of a sleep.
        tokio::time::pause();
        tokio::time::sleep(Duration::from_secs(59)).await;
        assert_eq!(workers.running(), warm);
        tokio::time::sleep(Duration::from_secs(2)).await;
        tokio::time::resume();
        wait_gone(&warm);
        assert_eq!(selector.select(".", "2").await.expect("it works"), "2");
    });
    workers.assert_none();
}

#[test]
fn a_worker_that_grew_is_not_kept() {
    let workers = Workers::new();
    run(async {
        let selector = selector_of(&workers);
        let input = format!("[{}]", vec!["{\"a\":1}"; 400_000].join(","));
        let length = selector.select("length", &input).await.expect("it works");
        assert_eq!(length, "400000");
    });
    workers.assert_none();
}

#[test]
fn what_is_too_long_is_not_even_tried() {
    let selector = Selector::new("/nowhere".into());
    run(async {
        assert_told(&selector.select(&" ".repeat(10_241), "1").await, "more than 10240");
        assert_told(&selector.select(".", &" ".repeat(16_777_217)).await, "without `select`");
        assert_told(&selector.select(".", "1").await, "cannot be run");
    });
}

#[test]
fn workers_know_nothing_and_end_with_their_input() {
    let workers = Workers::new();
    run(async {
        let selector = selector_of(&workers);
        selector.select(".", "1").await.expect("it works");
        for pid in workers.running() {
            let folder = PathBuf::from(format!("/proc/{pid}"));
            assert_eq!(fs::read(folder.join("environ")).expect("it is ours"), b"");
            assert_eq!(descriptors(&folder), inheritable());
        }
    });
    let mut orphan = std::process::Command::new(&workers.program);
    orphan.arg("select").stdin(Stdio::null());
    assert!(orphan.status().expect("it starts").success());
    workers.assert_none();
}

#[cfg(target_os = "linux")]
#[test]
fn workers_die_with_whoever_started_them() {
    use std::io::{Read, Write};

    let workers = Workers::new();
    let mut starter = std::process::Command::new("sh");
    starter.args(["-c", "\"$0\" select; true"]).arg(&workers.program);
    // The worker's input stays open: that must not keep it alive.
    let mut starter =
        starter.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("a shell");
    let mut jobs = starter.stdin.take().expect("stdin is piped");
    jobs.write_all(b"\x01\0\0\0\x01\0\0\0.1").expect("the worker reads");
    let mut answer = [0; 7];
    let mut answers = starter.stdout.take().expect("stdout is piped");
    answers.read_exact(&mut answer).expect("the worker answers");
    assert_eq!(answer[6], b'1');
    let worker: Vec<u32> =
        workers.running().into_iter().filter(|pid| *pid != starter.id()).collect();
    assert_eq!(worker.len(), 1);
    starter.kill().expect("it runs");
    starter.wait().expect("it is ours");
    wait_gone(&worker);
    drop(jobs);
}

/// The numbers of a process's open files.
fn descriptors(process: &Path) -> Vec<u32> {
    let entries = fs::read_dir(process.join("fd")).expect("it is ours");
    let number = |entry: fs::DirEntry| entry.file_name().to_str()?.parse().ok();
    let mut numbers: Vec<u32> = entries.filter_map(|entry| number(entry.ok()?)).collect();
    numbers.sort_unstable();
    numbers
}

/// Standard streams, and what whoever started the tests left open for every child.
fn inheritable() -> Vec<u32> {
    let closed_on_exec = |number: &u32| {
        let info = fs::read_to_string(format!("/proc/self/fdinfo/{number}")).unwrap_or_default();
        let flags = info.lines().find_map(|line| line.strip_prefix("flags:"));
        let flags = flags.and_then(|flags| u32::from_str_radix(flags.trim(), 8).ok());
        flags.is_none_or(|flags| flags & 0o200_0000 != 0)
    };
    let mut numbers = descriptors(Path::new("/proc/self"));
    numbers.retain(|number| *number <= 2 || !closed_on_exec(number));
    numbers
}

#[test]
fn honest_filters_over_a_megabyte_are_not_stopped() {
    let workers = Workers::new();
    run(async {
        let selector = selector_of(&workers);
        let item = r#"{"id":12345,"name":"something with a name","tags":["a","b"],"price":12.50}"#;
        let input = format!("[{}]", vec![item; 14_000].join(","));
        let filter = "map(select(.price > 10) | {id, tags}) | group_by(.id) | map(length)";
        assert_eq!(selector.select(filter, &input).await.expect("it works"), "[14000]");
    });
    workers.assert_none();
}
