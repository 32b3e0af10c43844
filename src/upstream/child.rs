//! Child processes that cannot outlive the bridge: each leads a process group of its own, which is ended as a
//! whole, and dies with the bridge even when the bridge has no time to end it.

use std::io;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;

use process_wrap::tokio::{ChildWrapper, CommandWrap, KillOnDrop};
use tokio::process::{ChildStderr, ChildStdin, ChildStdout, Command};
use tokio::time::timeout;

use super::Error;
use super::guardian::Guardian;

use crate::base::environment::Environment;
use crate::base::fs::create_private_folder;
#[cfg(target_os = "linux")]
use crate::base::program::die_with_parent;
use crate::base::secret::Secret;
use crate::base::surroundings;
use crate::config;
use crate::wire::Sink;

/// A running child and its process group.
#[derive(Debug)]
pub(super) struct Child {
    process: Box<dyn ChildWrapper>,
    /// The id of the group, which is that of its leader.
    group: u32,
    guardian: Arc<Guardian>,
}

/// The three streams of a child.
pub(super) struct Streams {
    pub(super) stdin: Sink,
    pub(super) stdout: ChildStdout,
    pub(super) stderr: ChildStderr,
}

impl Child {
    /// Starts the configured command.
    pub(super) fn spawn(
        server: &config::Stdio,
        environment: &Environment,
        guardian: &Arc<Guardian>,
    ) -> Result<(Self, Streams), Error> {
        let command = &server.command;
        if let Some(folder) = server.cwd.as_ref().filter(|folder| !folder.is_dir()) {
            return Err(Error::FolderMissing { folder: folder.display().to_string() });
        }
        if let Some(folder) = &server.own_folder {
            make_own_folder(folder)
                .map_err(|source| Error::Spawn { command: command.clone(), source })?;
        }
        let mut wrap = CommandWrap::with_new(command, |child| {
            configure(child, server, environment);
            #[cfg(target_os = "linux")]
            {
                die_with_parent(child);
                announce(child, guardian);
            }
        });
        #[cfg(unix)]
        wrap.wrap(process_wrap::tokio::ProcessGroup::leader());
        #[cfg(windows)]
        wrap.wrap(process_wrap::tokio::JobObject);
        wrap.wrap(KillOnDrop);
        let failed = |source: io::Error| match source.kind() {
            io::ErrorKind::NotFound => Error::CommandNotFound { command: command.clone() },
            _ => Error::Spawn { command: command.clone(), source: Arc::new(source) },
        };
        let mut process = wrap.spawn().map_err(|error| {
            guardian.forget_announced();
            failed(error)
        })?;
        let group = process.id().unwrap_or_default();
        guardian.watch(group);
        let (stdin, stdout, stderr) =
            (process.stdin().take(), process.stdout().take(), process.stderr().take());
        // From here on, dropping the child ends its group.
        let child = Self { process, group, guardian: guardian.clone() };
        let (Some(stdin), Some(stdout), Some(stderr)) = (stdin, stdout, stderr) else {
            unreachable!("all three streams are piped by `configure`")
        };
        let stdin = sink(stdin).map_err(failed)?;
        Ok((child, Streams { stdin, stdout, stderr }))
    }

    /// Waits for the end of the process itself.
    pub(super) async fn wait(&mut self) -> io::Result<ExitStatus> {
        self.process.inner_mut().wait().await
    }

    /// Ends the whole group: the caller has closed its stdin, what is left after a third of `limit` is asked to
    /// end (SIGTERM), what is left after another third is killed.
    pub(super) async fn stop(&mut self, limit: Duration) {
        let step = limit / 3;
        if timeout(step, self.wait()).await.is_err() {
            self.terminate();
            // Whether or not it ends in time, what follows is the same.
            let _ = timeout(step, self.wait()).await;
        }
        self.kill();
        let _ = timeout(step, self.wait()).await;
    }

    /// Kills what is left of the group, be it the process or what it started and left behind.
    pub(super) fn kill(&mut self) {
        // The only failure is that nobody is left.
        let _ = self.process.start_kill();
    }

    fn terminate(&mut self) {
        #[cfg(unix)]
        let _ = self.process.signal(rustix::process::Signal::TERM.as_raw());
        #[cfg(windows)]
        self.kill();
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        self.kill();
        self.guardian.forget(self.group);
    }
}

/// The child's stdin as something that can be written to without waiting.
#[cfg(unix)]
fn sink(stdin: ChildStdin) -> io::Result<Sink> {
    let descriptor = stdin.into_owned_fd()?;
    tokio::net::unix::pipe::Sender::from_owned_fd(descriptor).map(Sink::Pipe)
}

#[cfg(not(unix))]
fn sink(stdin: ChildStdin) -> io::Result<Sink> {
    Ok(Sink::Stream(Box::new(stdin)))
}

/// Such as `exit code 1` or `signal 9`.
pub(super) fn describe(status: ExitStatus) -> String {
    #[cfg(unix)]
    if let Some(signal) = std::os::unix::process::ExitStatusExt::signal(&status) {
        return format!("signal {signal}");
    }
    status.code().map_or_else(|| "ended".to_owned(), |code| format!("exit code {code}"))
}

/// Servers that keep files in their own folder take it for granted, whoever wrote the entry.
fn make_own_folder(folder: &Path) -> Result<(), Arc<io::Error>> {
    create_private_folder(folder).map_err(|error| {
        let message = format!("its folder `{}` cannot be made: {error}", folder.display());
        Arc::new(io::Error::new(error.kind(), message))
    })
}

fn configure(child: &mut Command, server: &config::Stdio, environment: &Environment) {
    child.args(server.args.iter().map(Secret::expose));
    child.env_clear();
    child.envs(surroundings::handed_on(environment));
    child.envs(server.env.iter().map(|(name, value)| (name, value.expose())));
    if let Some(folder) = &server.cwd {
        child.current_dir(folder);
    }
    child.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
}

/// Has the child tell the guardian of itself before it becomes the server.
#[cfg(target_os = "linux")]
#[expect(
    unsafe_code,
    reason = "what a child does between fork and exec can only be set through an unsafe call"
)]
fn announce(child: &mut Command, guardian: &Guardian) {
    // Without a guardian the kernel's help has to do.
    let Some(announcements) = guardian.announcements() else { return };
    // SAFETY: between fork and exec only system calls are made, and nothing is allocated.
    unsafe {
        child.pre_exec(move || {
            let mut line = [0; 16];
            let own = rustix::process::getpid().as_raw_nonzero().get();
            let start = announcement(&mut line, own);
            let flags = rustix::net::SendFlags::NOSIGNAL;
            let _ = rustix::net::send(&announcements, &line[start..], flags);
            Ok(())
        });
    }
}

/// Writes `?`, the number and a line end to the end of `line`; where they begin.
#[cfg(target_os = "linux")]
fn announcement(line: &mut [u8; 16], mut number: i32) -> usize {
    let mut at = line.len() - 1;
    line[at] = b'\n';
    while number > 0 {
        at -= 1;
        line[at] = b'0' + u8::try_from(number % 10).unwrap_or_default();
        number /= 10;
    }
    at -= 1;
    line[at] = b'?';
    at
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use super::announcement;

    #[test]
    fn children_announce_themselves_without_allocating() {
        for (number, expected) in
            [(7, &b"?7\n"[..]), (4_194_304, b"?4194304\n"), (i32::MAX, b"?2147483647\n")]
        {
            let mut line = [0; 16];
            let start = announcement(&mut line, number);
            assert_eq!(&line[start..], expected);
        }
    }
}
