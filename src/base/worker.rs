//! Processes of the bridge's own program that do what may hang, grow or crash: jobs on stdin, answers on stdout.
//!
//! A worker is killed when whoever started it lets go of it, and dies with the bridge: on Linux the kernel sees to it,
//! elsewhere the end of its stdin, and the processor time that it was granted for its job, do.

use std::any::Any;
use std::convert::Infallible;
use std::future::pending;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use tokio::io::AsyncReadExt;
use tokio::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command};
use tokio::time::timeout;

/// What a dying worker says last is not longer, and not later.
const LAST_WORDS: usize = 4096;
const LAST_MOMENT: Duration = Duration::from_secs(1);

/// A running worker; it is killed when dropped, so that whoever gives up waiting leaves nothing behind.
#[derive(Debug)]
pub struct Worker {
    process: Child,
    /// What it is to do.
    pub jobs: ChildStdin,
    /// What came of it.
    pub answers: ChildStdout,
    /// What it says beside its answers.
    pub words: Words,
}

/// The stderr of a worker, of which the end is remembered.
#[derive(Debug)]
pub struct Words {
    stream: ChildStderr,
    last: Vec<u8>,
}

impl Worker {
    /// Starts the program with a command of its own. It knows no variables but these; what else it may know comes with
    /// its jobs.
    pub fn start<'a>(
        program: &Path,
        command: &str,
        variables: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> io::Result<Self> {
        let mut started = Command::new(program);
        started.arg(command).env_clear().envs(variables).kill_on_drop(true);
        started.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        // What a terminal sends to the bridge's group must not hit its workers.
        #[cfg(unix)]
        started.process_group(0);
        let mut process = started.spawn()?;
        let (jobs, answers, words) =
            (process.stdin.take(), process.stdout.take(), process.stderr.take());
        let (Some(jobs), Some(answers), Some(stream)) = (jobs, answers, words) else {
            unreachable!("all three streams are piped")
        };
        Ok(Self { process, jobs, answers, words: Words { stream, last: Vec::new() } })
    }

    /// How it ended and what it said last; nothing where it has not ended.
    pub async fn death(&mut self) -> Option<(ExitStatus, String)> {
        let ended = timeout(LAST_MOMENT, async {
            // Without last words, the status alone has to tell.
            while self.words.hear().await.is_ok_and(|count| count > 0) {}
            self.process.wait().await
        });
        let status = ended.await.ok()?.ok()?;
        Some((status, String::from_utf8_lossy(&self.words.last).into_owned()))
    }

    /// Kills it and waits until it is gone.
    pub async fn end(mut self) {
        if let Err(error) = self.process.kill().await {
            tracing::debug!("a worker cannot be killed: {error}");
        }
    }
}

impl Words {
    /// Takes in what the worker says for as long as this is waited for: one whose stderr is full stands still.
    pub async fn follow(&mut self) -> Infallible {
        while self.hear().await.is_ok_and(|count| count > 0) {}
        pending().await
    }

    async fn hear(&mut self) -> io::Result<usize> {
        let mut part = [0; 1024];
        let count = self.stream.read(&mut part).await?;
        self.last.extend_from_slice(&part[..count]);
        let too_many = self.last.len().saturating_sub(LAST_WORDS);
        self.last.drain(..too_many);
        Ok(count)
    }
}

/// The running program, even if its file was replaced since it was started.
pub fn own_program() -> io::Result<PathBuf> {
    if cfg!(target_os = "linux") { Ok("/proc/self/exe".into()) } else { std::env::current_exe() }
}

/// What a worker does first: it leaves no image of what it worked on when it crashes, and ends with the bridge. What the
/// system refuses is left out.
pub fn settle() {
    #[cfg(unix)]
    {
        use rustix::process::{Resource, Rlimit, setrlimit};
        let none = Rlimit { current: Some(0), maximum: Some(0) };
        let _ = setrlimit(Resource::Core, none);
        #[cfg(target_os = "linux")]
        {
            // The bridge starts workers on a thread that lives as long as itself.
            let kill = rustix::process::Signal::KILL;
            let _ = rustix::process::set_parent_process_death_signal(Some(kill));
        }
    }
}

/// Grants so many seconds on top of what the process has used; the system ends it after that (SIGXCPU). It holds for the
/// process as a whole, which must be a worker.
pub fn grant_time(seconds: u64) {
    #[cfg(not(unix))]
    let _ = seconds;
    #[cfg(unix)]
    {
        use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
        use rustix::time::{ClockId, clock_gettime};
        let used = clock_gettime(ClockId::ProcessCPUTime).tv_sec.unsigned_abs();
        let current = Some(used + 1 + seconds);
        let _ = setrlimit(Resource::Cpu, Rlimit { current, ..getrlimit(Resource::Cpu) });
    }
}

/// Whether the system ended a process because it had used up the time that it was granted.
pub fn has_used_up_its_time(status: ExitStatus) -> bool {
    #[cfg(not(unix))]
    {
        let _ = status;
        false
    }
    #[cfg(unix)]
    {
        let signal = std::os::unix::process::ExitStatusExt::signal(&status);
        signal == Some(rustix::process::Signal::XCPU.as_raw())
    }
}

/// What a panic says.
pub fn said(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("no reason given")
}
