//! Processes of the bridge's own program that do what may hang, grow or crash: jobs on stdin, answers on stdout.
//!
//! A worker is killed when whoever started it lets go of it, and dies with the bridge: on Linux and Windows the kernel sees
//! to it, elsewhere the end of its stdin, and the processor time that it was granted for its job, do.

use std::any::Any;
use std::convert::Infallible;
use std::future::pending;
use std::io;
#[cfg(not(target_os = "linux"))]
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use process_wrap::tokio::{ChildWrapper, CommandWrap};
use tokio::io::AsyncReadExt;
use tokio::process::{ChildStderr, ChildStdin, ChildStdout, Command};
use tokio::time::timeout;

use super::program::lead;
use super::system::workers as system;

/// What a dying worker says last is not longer, and not later.
const LAST_WORDS: usize = 4096;
const LAST_MOMENT: Duration = Duration::from_secs(1);

/// Between two looks of a worker at what it uses, where the system does not watch it.
#[cfg(not(target_os = "linux"))]
pub(super) const LOOK: Duration = Duration::from_millis(20);

/// A running worker; it is killed when dropped, so that whoever gives up waiting leaves nothing behind.
#[derive(Debug)]
pub struct Worker {
    process: Box<dyn ChildWrapper>,
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
        started.arg(command).env_clear().envs(variables);
        started.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut started = CommandWrap::from(started);
        lead(&mut started);
        let mut process = started.spawn()?;
        let (jobs, answers, words) =
            (process.stdin().take(), process.stdout().take(), process.stderr().take());
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
            self.process.inner_mut().wait().await
        });
        let status = ended.await.ok()?.ok()?;
        Some((status, String::from_utf8_lossy(&self.words.last).into_owned()))
    }

    /// Kills it and waits until it is gone.
    pub async fn end(mut self) {
        let mut killed = self.process.start_kill();
        if killed.is_ok() {
            killed = self.process.inner_mut().wait().await.map(drop);
        }
        if let Err(error) = killed {
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
    system::settle();
}

/// Grants so many seconds on top of what the process has used; it is ended after that, by the system (SIGXCPU) or by a
/// thread of its own. It holds for the process as a whole, which must be a worker.
pub fn grant_time(seconds: u64) {
    system::grant_time(seconds);
}

/// Whether a process was ended because it had used up the time that it was granted.
pub fn has_used_up_its_time(status: ExitStatus) -> bool {
    system::has_used_up_its_time(status)
}

/// Ends the process, which must be a worker, once it holds more than so many bytes of memory. For systems that do not bound
/// it: a thread looks again and again, and says last what the runtime says where memory is refused.
#[cfg(not(target_os = "linux"))]
pub fn bound_memory(most: usize) {
    let look = move || {
        while memory_stats::memory_stats().is_none_or(|now| now.physical_mem <= most) {
            std::thread::sleep(LOOK);
        }
        let _ = writeln!(io::stderr(), "memory allocation of more than {most} bytes");
        std::process::abort();
    };
    // A system that has no room for a thread has none for what would be bounded.
    let _ = std::thread::Builder::new().name("memory".to_owned()).spawn(look);
}

/// What a panic says.
pub fn said(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("no reason given")
}
