//! Other processes: whether they live, and waiting until something about them holds.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, test_kill_process};
use tokio::time::Instant;

use super::PATIENCE;

const PAUSE: Duration = Duration::from_millis(5);

/// Asks again and again until the answer is yes; false when patience has run out.
pub(crate) fn eventually(holds: impl FnMut() -> bool) -> bool {
    within(PATIENCE, holds)
}

/// Asks again and again until the answer is yes; false when it is not yes in time.
pub(crate) fn within(time: Duration, mut holds: impl FnMut() -> bool) -> bool {
    let deadline = Instant::now() + time;
    while !holds() {
        if Instant::now() > deadline {
            return false;
        }
        thread::sleep(PAUSE);
    }
    true
}

/// Whether the process runs. One that has ended and that nobody has waited for counts as gone.
pub(crate) fn alive(pid: u32) -> bool {
    match fs::read_to_string(format!("/proc/{pid}/stat")) {
        Ok(stat) => {
            let state = stat.rsplit(')').next().and_then(|rest| rest.trim_start().chars().next());
            !matches!(state, Some('Z' | 'X') | None)
        }
        Err(_) if Path::new("/proc/self/stat").exists() => false,
        Err(_) => i32::try_from(pid)
            .ok()
            .and_then(Pid::from_raw)
            .is_some_and(|pid| test_kill_process(pid).is_ok()),
    }
}

/// What the system tells about a process, such as `cmdline`; the parts end with a zero byte.
pub(crate) fn told_by_proc(pid: u32, file: &str) -> String {
    let text = fs::read(format!("/proc/{pid}/{file}")).unwrap_or_default();
    String::from_utf8_lossy(&text).into_owned()
}

/// Waits until none of the processes runs.
#[track_caller]
pub(crate) fn wait_gone(pids: &[u32]) {
    assert!(!pids.is_empty(), "nothing to wait for");
    let gone = eventually(|| !pids.iter().any(|&pid| alive(pid)));
    let left: Vec<_> = pids.iter().filter(|&&pid| alive(pid)).collect();
    assert!(gone, "still running: {left:?}");
}

/// A pipe under this name. Not every system has it as a call of its own.
pub(crate) fn make_pipe(path: &Path) {
    let made = std::process::Command::new("mkfifo").arg(path).status().expect("it runs");
    assert!(made.success(), "no pipe can be made at {}", path.display());
}

/// The file's lines, none when it is not there.
pub(crate) fn lines_of(file: &Path) -> Vec<String> {
    fs::read_to_string(file).unwrap_or_default().lines().map(str::to_owned).collect()
}

/// Memory of a process that is really there, in kB.
pub(crate) fn resident_kb(process: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let number = line.and_then(|line| line.trim().split(' ').next()?.parse().ok());
    number.unwrap_or_else(|| panic!("{process} has no memory: {status}"))
}

/// How long a process has been computing so far, all of its threads together.
pub(crate) fn worked(process: u32) -> Duration {
    /// As every Linux counts for its users.
    const TICKS_PER_SECOND: u64 = 100;
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).expect("the system tells");
    // The name, which may hold anything, is the second field; these are the 14th and the 15th.
    let rest = stat.rsplit_once(')').map(|(_, rest)| rest).unwrap_or_default();
    let ticks: u64 =
        rest.split_whitespace().skip(11).take(2).map(|ticks| ticks.parse().unwrap_or(0)).sum();
    Duration::from_millis(ticks * 1000 / TICKS_PER_SECOND)
}

/// All processes that a process has started, and those that they have started, with the names of their programs.
pub(crate) fn descendants(process: u32) -> Vec<(u32, String)> {
    let mut children: BTreeMap<u32, Vec<(u32, String)>> = BTreeMap::new();
    for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
        // Processes come and go meanwhile.
        let stat = fs::read_to_string(entry.path().join("stat")).unwrap_or_default();
        let Some((head, rest)) = stat.rsplit_once(')') else { continue };
        let Some((pid, name)) = head.split_once(" (") else { continue };
        let mut rest = rest.split_whitespace();
        let (state, parent) = (rest.next(), rest.next());
        if let (Ok(pid), Some(Ok(parent))) = (pid.parse(), parent.map(str::parse)) {
            let name = if state == Some("Z") { format!("{name} (dead)") } else { name.to_owned() };
            children.entry(parent).or_default().push((pid, name));
        }
    }
    let (mut found, mut parents) = (Vec::new(), vec![process]);
    while let Some(parent) = parents.pop() {
        for (pid, name) in children.remove(&parent).unwrap_or_default() {
            parents.push(pid);
            found.push((pid, name));
        }
    }
    found
}
