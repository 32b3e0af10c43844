//! A model of this machine as an embedder: loaded with the first text, unloaded when idle.

use std::fmt;
use std::sync::mpsc::{SyncSender, TrySendError};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use tokio::sync::{Semaphore, oneshot};
use tokio::time::timeout;

use super::embedder::{Embedder, Purpose};
use super::error::EmbedError;
use super::model::Model;
use super::worker::{self, Duty, Job};

/// How many texts are handed over at a time. A query waits for no more than these.
const TEXTS_AT_A_TIME: usize = 16;
/// How long anybody waits for so many texts. A graph that makes a library run in circles must not hold up its callers.
const LONGEST: Duration = Duration::from_mins(1);
/// A worker may end, being idle, at the very moment at which it is handed something.
const TRIES: usize = 3;
/// How long a model stays in memory without being used.
pub const UNLOAD_AFTER: Duration = Duration::from_mins(1);

/// What runs a model.
#[derive(Debug, Clone)]
pub enum Runtime {
    /// This program itself.
    Rust,
    /// ONNX Runtime.
    #[cfg(feature = "onnx")]
    Onnx(super::onnx::Library),
}

/// A model folder, and who runs the model when there is something to do.
pub struct Local {
    duty: Duty,
    worker: Mutex<Option<SyncSender<Job>>>,
    /// As many as fit into the worker's queue.
    places: Arc<Semaphore>,
}

impl Local {
    /// Nothing is loaded yet. `unload_after` is usually [`UNLOAD_AFTER`].
    pub fn new(model: Model, runtime: Runtime, unload_after: Duration) -> Self {
        let duty = Duty { model, runtime, unload_after };
        Self { duty, worker: Mutex::default(), places: Arc::new(Semaphore::new(worker::QUEUE)) }
    }

    async fn embed_all(
        &self,
        texts: &[String],
        purpose: Purpose,
    ) -> Result<Vec<Vec<f32>>, EmbedError> {
        let mut order: Vec<usize> = (0..texts.len()).collect();
        // Texts of one length share a batch without much to fill up.
        order.sort_by_key(|at| texts[*at].len());
        let mut vectors = vec![Vec::new(); texts.len()];
        for part in order.chunks(TEXTS_AT_A_TIME) {
            let texts: Vec<String> = part.iter().map(|at| texts[*at].clone()).collect();
            for (at, vector) in part.iter().zip(self.embed_some(texts, purpose).await?) {
                vectors[*at] = vector;
            }
        }
        Ok(vectors)
    }

    async fn embed_some(
        &self,
        texts: Vec<String>,
        purpose: Purpose,
    ) -> Result<Vec<Vec<f32>>, EmbedError> {
        let answered = timeout(LONGEST, self.embed_soon(texts, purpose)).await;
        answered.unwrap_or_else(|_| {
            let reason = format!("it gave nothing within {} s", LONGEST.as_secs());
            Err(EmbedError::Failed { reason })
        })
    }

    async fn embed_soon(
        &self,
        texts: Vec<String>,
        purpose: Purpose,
    ) -> Result<Vec<Vec<f32>>, EmbedError> {
        for _ in 0..TRIES {
            let place = Arc::clone(&self.places).acquire_owned().await;
            let place = place.expect("the semaphore is never closed");
            let (reply, answer) = oneshot::channel();
            self.hand_over(Job { texts: texts.clone(), purpose, reply, place })?;
            if let Ok(outcome) = answer.await {
                return outcome;
            }
        }
        Err(ended())
    }

    /// Gives the worker something to do, a new worker where there is none.
    fn hand_over(&self, job: Job) -> Result<(), EmbedError> {
        let mut worker = self.worker.lock().unwrap_or_else(PoisonError::into_inner);
        let rejected = match &*worker {
            Some(running) => running.try_send(job),
            None => Err(TrySendError::Disconnected(job)),
        };
        match rejected {
            Ok(()) => Ok(()),
            Err(TrySendError::Disconnected(job)) => {
                let started = worker::start(self.duty.clone())?;
                let taken = started.try_send(job);
                *worker = Some(started);
                taken.map_err(|_| ended())
            }
            Err(TrySendError::Full(_)) => unreachable!("there are as many places as jobs fit in"),
        }
    }
}

fn ended() -> EmbedError {
    EmbedError::Failed { reason: "its thread ends before it answers".to_owned() }
}

impl Embedder for Local {
    fn identity(&self) -> &str {
        self.duty.model.identity()
    }

    fn dimensions(&self) -> usize {
        self.duty.model.dimensions()
    }

    fn embed<'a>(
        &'a self,
        texts: &'a [String],
        purpose: Purpose,
    ) -> BoxFuture<'a, Result<Vec<Vec<f32>>, EmbedError>> {
        self.embed_all(texts, purpose).boxed()
    }
}

impl fmt::Debug for Local {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Local").field(&self.identity()).field(&self.duty.runtime).finish()
    }
}
