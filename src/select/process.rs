//! A worker as the bridge sees it.

use std::io;
use std::path::Path;
use std::process::ExitStatus;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

use super::fault::Error;
use super::frame::{ANSWER_HEAD, Answer, job_head};
use super::limits::{CPU_TIME, MEMORY};
use super::worker::COMMAND;
use crate::base::worker::{self, has_used_up_its_time};

/// A busy machine may take this long to give a worker the time that its job may take.
const WALL_CLOCK: Duration = Duration::from_secs(10);
/// How long is waited for the part of a filter that fails, when it is known already that it does.
const SEARCH: Duration = Duration::from_millis(500);

/// A running worker; it is killed when dropped.
#[derive(Debug)]
pub(super) struct Worker(worker::Worker);

/// A job went without an answer.
#[derive(Debug)]
pub(super) enum Lost {
    /// The filter is to blame.
    Filter(Error),
    /// The worker died, and nothing tells why.
    Worker(io::Error),
}

impl Worker {
    /// Starts one. It inherits nothing: what it may know comes with its jobs.
    pub(super) fn start(program: &Path) -> io::Result<Self> {
        worker::Worker::start(program, COMMAND, []).map(Self)
    }

    /// Has one job done.
    pub(super) async fn ask(&mut self, filter: &str, input: &str) -> Result<Answer, Lost> {
        match timeout(WALL_CLOCK, self.exchange(filter, input)).await {
            Ok(Ok(early)) if early.is_early() => match timeout(SEARCH, self.answer()).await {
                Ok(Ok(answer)) => Ok(answer),
                _ => Ok(early),
            },
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error)) => Err(self.cause_of_death(error).await),
            Err(_) => Err(Lost::Filter(Error::NoAnswer { seconds: WALL_CLOCK.as_secs() })),
        }
    }

    async fn exchange(&mut self, filter: &str, input: &str) -> io::Result<Answer> {
        self.0.jobs.write_all(&job_head(filter, input)).await?;
        self.0.jobs.write_all(filter.as_bytes()).await?;
        self.0.jobs.write_all(input.as_bytes()).await?;
        self.0.jobs.flush().await?;
        self.answer().await
    }

    async fn answer(&mut self) -> io::Result<Answer> {
        let mut head = [0; ANSWER_HEAD];
        self.0.answers.read_exact(&mut head).await?;
        let length = Answer::length_in(head).ok_or(io::ErrorKind::InvalidData)?;
        let mut body = vec![0; length];
        self.0.answers.read_exact(&mut body).await?;
        Ok(Answer { head, body })
    }

    async fn cause_of_death(&mut self, error: io::Error) -> Lost {
        match self.0.death().await {
            Some((status, words)) => judge(status, &words),
            None => Lost::Worker(error),
        }
    }
}

/// Rust's runtime aborts alike when the stack and when the memory is used up, and only says which.
fn judge(status: ExitStatus, words: &str) -> Lost {
    let too_much_memory = Lost::Filter(Error::TooMuchMemory { megabytes: MEMORY });
    if words.contains("memory allocation of") {
        return too_much_memory;
    }
    if words.contains("overflowed its stack") {
        return Lost::Filter(Error::TooDeep);
    }
    if has_used_up_its_time(status) {
        return Lost::Filter(Error::TimedOut { seconds: CPU_TIME });
    }
    Lost::Worker(io::Error::other(format!("their process ended: {status}")))
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::process::ExitStatusExt;

    use super::*;

    #[track_caller]
    fn check(status: i32, words: &str, expected: &str) {
        let told = match judge(ExitStatus::from_raw(status), words) {
            Lost::Filter(error) => error.to_string(),
            Lost::Worker(error) => format!("worker: {error}"),
        };
        assert!(told.contains(expected), "{told}");
    }

    #[test]
    fn the_cause_of_death_is_told() {
        check(6, "memory allocation of 80000 bytes failed", "needs more than");
        check(6, "\nthread 'main' has overflowed its stack", "too deeply nested");
        check(24, "", "timed out");
        check(9, "", "worker: their process ended: signal: 9");
    }
}
