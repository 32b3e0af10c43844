//! The process that runs a model: what it works with and then texts on stdin, vectors on stdout, until stdin ends. With
//! the first tools it becomes one of low priority: they are embedded while their servers are in use.

use std::io::{self, Read, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};

use serde::{Deserialize, Serialize};

use super::embedder::Purpose;
use super::engine::Engine;
use super::error::EmbedError;
use super::frame;
use super::local::Runtime;
use super::model::Model;
use crate::base::worker::{grant_time, said, settle};

/// The command of the bridge's program that runs a model.
pub const COMMAND: &str = "embed";

/// How many seconds one job may compute, loading the model included.
pub(super) const CPU_TIME: u64 = 60;

/// How much lower its priority is where it makes what nobody waits for.
#[cfg(unix)]
const NICENESS: i32 = 10;

/// What a worker works with.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Duty {
    pub(super) model: Model,
    pub(super) runtime: Runtime,
}

/// Turns texts into vectors until no more can come.
pub fn work() -> io::Result<()> {
    settle();
    serve(io::stdin(), answers()?)
}

fn serve(mut jobs: impl Read, mut answers: impl Write) -> io::Result<()> {
    let Some(duty) = frame::read_duty::<Duty>(&mut jobs)? else { return Ok(()) };
    let mut loaded: Option<Engine> = None;
    let mut has_stepped_back = false;
    while let Some(job) = frame::read_job(&mut jobs)? {
        // Somebody waits for a query; nobody for the vectors of what can be found.
        if job.purpose == Purpose::Document && !has_stepped_back {
            step_back();
            has_stepped_back = true;
        }
        // A graph may make a library run in circles, and nobody may be left who could end it.
        grant_time(CPU_TIME);
        let outcome = guarded(|| {
            let engine = match &mut loaded {
                Some(engine) => engine,
                none => none.insert(Engine::load(&duty.model, &duty.runtime)?),
            };
            engine.embed(&job.texts, job.purpose)
        });
        frame::write(&mut answers, &frame::answer(&outcome))?;
    }
    Ok(())
}

/// Stdout for answers alone: what a native library prints goes to stderr.
#[cfg(unix)]
fn answers() -> io::Result<impl Write> {
    let answers = rustix::io::dup(io::stdout())?;
    rustix::stdio::dup2_stdout(io::stderr())?;
    Ok(std::fs::File::from(answers))
}

#[cfg(not(unix))]
#[expect(clippy::unnecessary_wraps, reason = "elsewhere it may fail")]
fn answers() -> io::Result<impl Write> {
    Ok(io::stdout())
}

/// Runs what is made of other people's files: a fault that a library answers with a panic costs this job and no other.
fn guarded<T>(work: impl FnOnce() -> Result<T, EmbedError>) -> Result<T, EmbedError> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| {
        let reason = format!("it panicked: {}", said(panic.as_ref()));
        Err(EmbedError::Failed { reason })
    })
}

/// Gives the process low priority for the rest of its life. On Linux niceness is a thread's own, and passed on to those
/// that it starts.
fn step_back() {
    #[cfg(unix)]
    {
        use rustix::process::{Pid, setpriority_process};
        let threads = std::fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
        let threads = threads.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        let whole = std::iter::once(None);
        let outcomes = whole.chain(threads.filter_map(Pid::from_raw).map(Some));
        let mut outcomes = outcomes.map(|thread| setpriority_process(thread, NICENESS));
        if let Some(error) = outcomes.find_map(Result::err) {
            tracing::debug!(%error, "the embedding process keeps its priority");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_an_error() {
        let outcome = guarded::<()>(|| panic!("odd weights"));
        let error = outcome.expect_err("an error").to_string();
        assert!(error.contains("odd weights"), "{error}");
        assert_eq!(guarded(|| Ok(1)).expect("no panic"), 1);
    }

    #[test]
    fn it_ends_with_its_input_and_takes_nothing_else() {
        assert!(serve(&b""[..], Vec::new()).is_ok());
        assert!(serve(&b"j\x02\0\0\0{}"[..], Vec::new()).is_err());
        assert!(serve(&b"d\x02\0\0\0{}"[..], Vec::new()).is_err());
    }
}
