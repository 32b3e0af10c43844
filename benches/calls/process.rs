//! Processes that are started for a measurement and end with it.

use std::io::{self, BufRead, BufReader, ErrorKind, Read};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use crate::machine::{Clock, Cpu, Memory, cpu_of, family_of, memory_of};

/// The scripted server, by which its processes are told from routers.
pub(crate) const UPSTREAM: &str = env!("CARGO_BIN_EXE_test-upstream");
const UPSTREAM_NAME: &str = "test-upstream";
/// Nothing takes this long that works.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);

/// A process and whatever it started.
pub(crate) struct Process {
    pub(crate) child: Child,
    pub(crate) started: Clock,
    routers: Vec<u32>,
    servers: Vec<u32>,
}

/// Ends a process that is waited for in vain.
pub(crate) struct Watchdog {
    _done: SyncSender<()>,
}

impl Process {
    /// Starts it with pipes for stdin and stdout.
    pub(crate) fn start(command: &mut Command) -> io::Result<Self> {
        let command = command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let started = Clock::start();
        let child = command.spawn()?;
        Ok(Self { child, started, routers: Vec::new(), servers: Vec::new() })
    }

    /// Looks who belongs to it by now. What is asked of it afterwards concerns these.
    pub(crate) fn count_family(&mut self) {
        let (servers, routers): (Vec<_>, Vec<_>) =
            family_of(self.child.id()).into_iter().partition(|(_, name)| name == UPSTREAM_NAME);
        self.servers = servers.into_iter().map(|(process, _)| process).collect();
        self.routers = routers.into_iter().map(|(process, _)| process).collect();
    }

    /// Processor time of all of it so far.
    pub(crate) fn cpu(&self) -> Cpu {
        let sum = |processes: &[u32]| processes.iter().map(|&process| cpu_of(process)).sum();
        Cpu { router: sum(&self.routers), server: sum(&self.servers) }
    }

    /// The memory of all of it but the scripted servers; what is resident is that of the process itself.
    pub(crate) fn memory(&self) -> Memory {
        let all = self.routers.iter().map(|&process| memory_of(process));
        all.reduce(|sum, one| Memory { own: sum.own + one.own, ..sum }).unwrap_or_default()
    }

    /// Ends it unless what is returned is dropped before long.
    pub(crate) fn watch(&self) -> Watchdog {
        let (done, waiting): (_, Receiver<()>) = sync_channel(0);
        let process = self.child.id();
        thread::spawn(move || {
            if waiting.recv_timeout(PATIENCE) == Err(RecvTimeoutError::Timeout) {
                end(process);
            }
        });
        Watchdog { _done: done }
    }

    /// The address in the first line on stdout with a URL; what comes later is read and dropped, so that nobody waits
    /// for us.
    pub(crate) fn told_address(&mut self) -> io::Result<SocketAddr> {
        address_in(self.child.stdout.take())
    }

    /// The same on stderr, which has to be piped.
    pub(crate) fn told_address_on_stderr(&mut self) -> io::Result<SocketAddr> {
        address_in(self.child.stderr.take())
    }
}

fn address_in(output: Option<impl Read + Send + 'static>) -> io::Result<SocketAddr> {
    let mut lines = BufReader::new(output.ok_or(ErrorKind::BrokenPipe)?).lines();
    let mut said = Vec::new();
    for line in &mut lines {
        let line = line?;
        let address = line
            .split_once("http://")
            .and_then(|(_, rest)| rest.split('/').next()?.trim().parse::<SocketAddr>().ok());
        if let Some(address) = address {
            thread::spawn(move || lines.map_while(Result::ok).for_each(drop));
            return Ok(address);
        }
        said.push(line);
    }
    Err(io::Error::other(format!("it ended without telling its address: {}", said.join("\n"))))
}

/// Kills the process and all that descend from it.
fn end(process: u32) {
    let family = family_of(process);
    let ids = family.iter().filter_map(|(id, _)| Pid::from_raw(i32::try_from(*id).ok()?));
    for id in ids {
        // It may have ended by itself.
        let _ = kill_process(id, Signal::KILL);
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // What was measured is measured; whether it ends politely is for the tests.
        end(self.child.id());
        let _ = self.child.wait();
    }
}
