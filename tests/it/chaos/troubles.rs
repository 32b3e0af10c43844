//! What happens to servers from outside: they are killed, and stopped for a while.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::thread::sleep;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tokio::time::Instant;

use super::plan::Chance;
use super::storm::Storm;
use crate::support::{UPSTREAM, lines_of};

/// The longest stop. Calls wait longer than this.
const STOP_MS: u64 = 700;
/// Between two troubles, at most.
const CALM_MS: u64 = 350;

/// A server over HTTP that is started again whenever it has ended, always on one port.
pub(super) struct Remote {
    process: Mutex<Child>,
    port: u16,
    record: PathBuf,
}

impl Remote {
    pub(super) fn start(record: PathBuf) -> Self {
        let mut process = spawn(0, &record);
        let mut url = String::new();
        let stdout = process.stdout.take().expect("it is piped");
        BufReader::new(stdout).read_line(&mut url).expect("it says where it listens");
        let port = url.split(':').nth(2).and_then(|rest| rest.split('/').next()?.parse().ok());
        let port = port.unwrap_or_else(|| panic!("no port in {url}"));
        Self { process: Mutex::new(process), port, record }
    }

    pub(super) fn url(&self) -> String {
        format!("http://127.0.0.1:{}/mcp", self.port)
    }

    fn pid(&self) -> u32 {
        self.process.lock().unwrap_or_else(PoisonError::into_inner).id()
    }

    /// Starts it again if it has ended.
    pub(super) fn revive(&self) {
        let mut process = self.process.lock().unwrap_or_else(PoisonError::into_inner);
        if process.try_wait().is_ok_and(|ended| ended.is_some()) {
            *process = spawn(self.port, &self.record);
        }
    }
}

impl Drop for Remote {
    fn drop(&mut self) {
        let mut process = self.process.lock().unwrap_or_else(PoisonError::into_inner);
        // It may have ended by itself.
        let _ = process.kill();
        let _ = process.wait();
    }
}

fn spawn(port: u16, record: &PathBuf) -> Child {
    let mut command = Command::new(UPSTREAM);
    command.args(["--http", &port.to_string(), "--record"]).arg(record);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    command.spawn().expect("it starts")
}

/// Makes trouble until the storm is over; everybody runs again then. `files` are those in which servers that the bridges
/// start write their process ids.
pub(super) fn make(storm: &Storm, files: &[PathBuf], remote: &Remote) {
    let mut chance = Chance::of(storm.plan.seed, u64::MAX);
    while Instant::now() < storm.end {
        let pid = if chance.one_in(4) {
            Some(remote.pid())
        } else {
            let file = chance.of_these(files);
            let last = lines_of(file).last().and_then(|pid| pid.parse().ok());
            last.filter(|pid| is_upstream(*pid))
        };
        if let Some(pid) = pid {
            match chance.below(4) {
                0 => signal(pid, Signal::KILL),
                1 => {
                    signal(pid, Signal::STOP);
                    sleep(chance.millis_below(STOP_MS));
                    signal(pid, Signal::KILL);
                }
                _ => {
                    signal(pid, Signal::STOP);
                    sleep(chance.millis_below(STOP_MS));
                    signal(pid, Signal::CONT);
                }
            }
        }
        remote.revive();
        sleep(Duration::from_millis(30) + chance.millis_below(CALM_MS));
        remote.revive();
    }
}

/// Whether it is one of ours still: ids are given to others once a process is gone.
fn is_upstream(pid: u32) -> bool {
    let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    line.starts_with(UPSTREAM.as_bytes())
}

fn signal(pid: u32, signal: Signal) {
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw).expect("a process id is positive");
    // It may end at this very moment.
    let _ = kill_process(pid, signal);
}
