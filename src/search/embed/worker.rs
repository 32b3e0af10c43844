//! The thread that a local model lives on. It comes with the first text and goes, and the model's memory with it, when
//! no text has come for a while. It is a thread of low priority: tools are embedded while their servers are in use.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, oneshot};
use tokio::time::Instant;

use super::embedder::Purpose;
use super::engine::Engine;
use super::error::EmbedError;
use super::local::Runtime;
use super::model::Model;

/// As many callers wait in the queue; further ones wait before it.
pub(super) const QUEUE: usize = 16;
/// A model that could not be loaded is not tried again sooner.
const PAUSE: Duration = Duration::from_secs(30);

/// Texts that want vectors.
pub(super) struct Job {
    pub(super) texts: Vec<String>,
    pub(super) purpose: Purpose,
    pub(super) reply: oneshot::Sender<Result<Vec<Vec<f32>>, EmbedError>>,
    /// The place in the queue, which is taken until the job is done, even when nobody waits for it any more.
    pub(super) place: OwnedSemaphorePermit,
}

/// What a worker works with.
#[derive(Debug, Clone)]
pub(super) struct Duty {
    pub(super) model: Model,
    pub(super) runtime: Runtime,
    pub(super) unload_after: Duration,
}

/// Starts a worker, which ends when nobody holds the sender, or after `unload_after` without a job.
pub(super) fn start(duty: Duty) -> Result<SyncSender<Job>, EmbedError> {
    let (sender, jobs) = sync_channel(QUEUE);
    thread::Builder::new()
        .name("embed".to_owned())
        .spawn(move || work(&duty, &jobs))
        .map_err(|error| EmbedError::Failed { reason: format!("no thread for it: {error}") })?;
    Ok(sender)
}

fn work(duty: &Duty, jobs: &Receiver<Job>) {
    step_back();
    let mut loaded: Option<Engine> = None;
    let mut failed: Option<(Instant, EmbedError)> = None;
    while let Ok(job) = jobs.recv_timeout(duty.unload_after) {
        let Job { texts, purpose, reply, place: _place } = job;
        if reply.is_closed() {
            continue;
        }
        if let Some((at, error)) = &failed
            && at.elapsed() < PAUSE
        {
            let _gone = reply.send(Err(error.clone()));
            continue;
        }
        let outcome = guarded(|| {
            let engine = match &mut loaded {
                Some(engine) => engine,
                none => none.insert(Engine::load(&duty.model, &duty.runtime)?),
            };
            engine.embed(&texts, purpose)
        });
        failed = None;
        if let (None, Err(error)) = (&loaded, &outcome) {
            failed = Some((Instant::now(), error.clone()));
        }
        let _gone = reply.send(outcome);
    }
}

/// Runs what is made of other people's files: a fault that a library answers with a panic costs this job and no other.
fn guarded<T>(work: impl FnOnce() -> Result<T, EmbedError>) -> Result<T, EmbedError> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| {
        let reason = format!("it panicked: {}", words(panic.as_ref()));
        Err(EmbedError::Failed { reason })
    })
}

fn words(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("without a word")
}

/// On Linux niceness is a thread's own, and passed on to the threads that it starts; elsewhere it would be the whole
/// program's.
fn step_back() {
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::nice(10) {
        tracing::debug!(%error, "the embedding thread keeps its priority");
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
}
