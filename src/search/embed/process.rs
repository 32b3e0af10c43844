//! The process of a model as the bridge sees it: started when there is a job, asked one job at a time, given up when it
//! does not answer, and replaced when it died.

use std::io;
use std::path::PathBuf;
use std::process::ExitStatus;
use std::time::Duration;

use tokio::io::AsyncWriteExt as _;
use tokio::time::{Instant, timeout};

use super::error::EmbedError;
use super::frame;
use super::worker::{COMMAND, CPU_TIME, Duty};
use crate::base::environment::Environment;
use crate::base::worker::{Worker, has_used_up_its_time, own_program};

/// A busy machine may take this long to give a process, which is of low priority, the time that a job may take.
const WALL_CLOCK: Duration = Duration::from_mins(2);
/// A model that could not be loaded, or whose process crashed, is not tried again sooner.
const PAUSE: Duration = Duration::from_secs(30);
/// Of the last line that a process said, in characters.
const LAST_LINE: usize = 200;
/// By these the system finds what a native library needs. Nothing else of the bridge's variables is known to its workers.
const VARIABLES: [&str; 5] =
    ["LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "DYLD_FALLBACK_LIBRARY_PATH", "PATH", "SystemRoot"];

/// The program that is started to run a model, and the variables that it gets to know.
#[derive(Debug, Clone)]
pub struct Program {
    path: PathBuf,
    variables: Vec<(&'static str, String)>,
}

impl Program {
    /// The bridge's own.
    pub fn own(environment: &Environment) -> io::Result<Self> {
        Ok(Self::new(own_program()?, environment))
    }

    /// One that runs models when it is started with [`COMMAND`].
    pub fn new(path: PathBuf, environment: &Environment) -> Self {
        let value = |name: &&'static str| Some((*name, environment.lookup(name)?.to_owned()));
        Self { path, variables: VARIABLES.iter().filter_map(value).collect() }
    }

    fn start(&self) -> io::Result<Worker> {
        let variables = self.variables.iter().map(|(name, value)| (*name, value.as_str()));
        Worker::start(&self.path, COMMAND, variables)
    }
}

/// What wants vectors, ready to be sent.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) frame: Vec<u8>,
    /// How many vectors are wanted.
    pub(super) texts: usize,
}

/// The process of a model, if it runs, and what became of the last one.
#[derive(Debug)]
pub(super) struct Process {
    program: Program,
    duty: Vec<u8>,
    dimensions: usize,
    worker: Option<Worker>,
    failed: Option<(Instant, EmbedError)>,
}

/// A job went without an answer.
enum Lost {
    /// There is nothing to be had for now.
    Model(EmbedError),
    /// The process died, which may have been before the job came.
    Died(EmbedError),
}

impl Process {
    /// Nothing is started yet.
    pub(super) fn new(program: Program, duty: &Duty) -> Self {
        let dimensions = duty.model.dimensions();
        Self { program, duty: frame::duty(duty), dimensions, worker: None, failed: None }
    }

    /// Has one job done. Not cancel safe: a job that is dropped takes the process along.
    pub(super) async fn ask(&mut self, request: &Request) -> Result<Vec<Vec<f32>>, EmbedError> {
        if let Some((at, error)) = &self.failed
            && at.elapsed() < PAUSE
        {
            return Err(error.clone());
        }
        self.failed = None;
        let was_running = self.worker.is_some();
        let mut outcome = self.attempt(request).await;
        if was_running && matches!(outcome, Err(Lost::Died(_))) {
            outcome = self.attempt(request).await;
        }
        outcome.unwrap_or_else(|lost| {
            let (Lost::Model(error) | Lost::Died(error)) = lost;
            self.failed = Some((Instant::now(), error.clone()));
            Err(error)
        })
    }

    /// Ends the process, if it runs.
    pub(super) async fn end(&mut self) {
        if let Some(worker) = self.worker.take() {
            worker.end().await;
        }
    }

    /// The inner error is one of the job, which leaves the process as it is.
    async fn attempt(
        &mut self,
        request: &Request,
    ) -> Result<Result<Vec<Vec<f32>>, EmbedError>, Lost> {
        let running = self.worker.take();
        let is_new = running.is_none();
        let mut worker = match running {
            Some(worker) => worker,
            None => self.program.start().map_err(|error| {
                Lost::Model(EmbedError::Ended { reason: format!("it cannot be started: {error}") })
            })?,
        };
        let duty = is_new.then_some(self.duty.as_slice());
        match timeout(WALL_CLOCK, exchange(&mut worker, duty, request, self.dimensions)).await {
            // Whoever has not even loaded its model is of no use.
            Ok(Ok(Err(error))) if is_new => {
                worker.end().await;
                Err(Lost::Model(error))
            }
            Ok(Ok(answer)) => {
                self.worker = Some(worker);
                Ok(answer)
            }
            Ok(Err(error)) => {
                let lost = match worker.death().await {
                    Some((status, words)) => judge(status, &words),
                    None => Lost::Died(EmbedError::Ended { reason: error.to_string() }),
                };
                worker.end().await;
                Err(lost)
            }
            Err(_) => {
                worker.end().await;
                let reason = format!("it gave nothing within {} s", WALL_CLOCK.as_secs());
                Err(Lost::Model(EmbedError::Ended { reason }))
            }
        }
    }
}

/// Sends a job, after what the worker works with where it is new, and reads the answer.
async fn exchange(
    worker: &mut Worker,
    duty: Option<&[u8]>,
    request: &Request,
    dimensions: usize,
) -> io::Result<Result<Vec<Vec<f32>>, EmbedError>> {
    let Worker { jobs, answers, words, .. } = worker;
    let exchange = async {
        if let Some(duty) = duty {
            jobs.write_all(duty).await?;
        }
        jobs.write_all(&request.frame).await?;
        jobs.flush().await?;
        frame::read_answer(answers, request.texts, dimensions).await
    };
    tokio::select! {
        answer = exchange => answer,
        never = words.follow() => match never {},
    }
}

fn judge(status: ExitStatus, words: &str) -> Lost {
    if has_used_up_its_time(status) {
        let reason = format!("it computed for {CPU_TIME} s and gave nothing");
        return Lost::Model(EmbedError::Failed { reason });
    }
    let line = words.lines().rfind(|line| !line.trim().is_empty()).unwrap_or_default().trim();
    let line: String = line.chars().filter(|letter| !letter.is_control()).take(LAST_LINE).collect();
    let said = if line.is_empty() { line } else { format!(": {line}") };
    Lost::Died(EmbedError::Ended { reason: format!("it ended with {status}{said}") })
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::process::ExitStatusExt;

    use super::*;

    #[test]
    fn the_cause_of_death_is_told() {
        let check = |status: i32, words: &str, expected: &str, is_retried: bool| {
            let lost = judge(ExitStatus::from_raw(status), words);
            let (Lost::Model(error) | Lost::Died(error)) = &lost;
            assert!(error.to_string().ends_with(expected), "{error}");
            assert_eq!(matches!(lost, Lost::Died(_)), is_retried, "{error}");
            assert_eq!(error.retryable(), is_retried, "{error}");
        };
        check(24, "", "it computed for 60 s and gave nothing", false);
        check(9, "", "it ended with signal: 9 (SIGKILL)", true);
        check(6, "first\nfree(): \u{1b}invalid pointer\n\n", ": free(): invalid pointer", true);
    }
}
