//! Child processes that cannot outlive the bridge: each leads a process group of its own, which is ended as a
//! whole, and dies with the bridge even when the bridge has no time to end it.

use std::io;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;

use tokio::process::{ChildStderr, ChildStdin, ChildStdout, Command};
use tokio::time::timeout;

use super::Error;
use crate::base::environment::Environment;
use crate::base::fs::create_private_folder;
use crate::base::guardian::Guardian;
use crate::base::program::{Running, startable};
use crate::base::secret::Secret;
use crate::base::surroundings;
use crate::config;
use crate::wire::Sink;

/// A running child and its process group.
#[derive(Debug)]
pub(super) struct Child(Running);

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
        let path = server.search_path(environment);
        let mut child = Command::new(startable(command, path.as_deref(), server.cwd.as_deref()));
        configure(&mut child, server, environment);
        let failed = |source: io::Error| match source.kind() {
            io::ErrorKind::NotFound => Error::CommandNotFound { command: command.clone() },
            _ => Error::Spawn { command: command.clone(), source: Arc::new(source) },
        };
        // From here on, dropping the child ends its group.
        let mut child = Self(Running::start_guarded(child, guardian).map_err(failed)?);
        let process = child.0.process();
        let (stdin, stdout, stderr) =
            (process.stdin().take(), process.stdout().take(), process.stderr().take());
        let (Some(stdin), Some(stdout), Some(stderr)) = (stdin, stdout, stderr) else {
            unreachable!("all three streams are piped by `configure`")
        };
        let stdin = sink(stdin).map_err(failed)?;
        Ok((child, Streams { stdin, stdout, stderr }))
    }

    /// Waits for the end of the process itself.
    pub(super) async fn wait(&mut self) -> io::Result<ExitStatus> {
        self.0.process().inner_mut().wait().await
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
        self.0.kill();
    }

    fn terminate(&mut self) {
        #[cfg(unix)]
        let _ = self.0.process().signal(rustix::process::Signal::TERM.as_raw());
        #[cfg(windows)]
        self.kill();
    }
}

/// The child's stdin as something that can be written to without waiting.
#[cfg(unix)]
fn sink(stdin: ChildStdin) -> io::Result<Sink> {
    let descriptor = stdin.into_owned_fd()?;
    tokio::net::unix::pipe::Sender::from_owned_fd(descriptor).map(Sink::Pipe)
}

#[cfg(windows)]
#[expect(clippy::unnecessary_wraps, reason = "the same shape as on Unix")]
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
