//! A model of this machine as an embedder. It runs in a process of its own, which comes with the first text and goes,
//! and all its memory with it, when no text has come for a while.

use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use serde::{Deserialize, Serialize};
use tokio::sync::{mpsc, oneshot};
use tokio::task::AbortHandle;
use tokio::time::timeout;

use super::embedder::{Embedder, Purpose};
use super::error::EmbedError;
use super::frame::{self, Job};
use super::model::Model;
use super::process::{Process, Program, Request};
use super::tokens::BYTES_PER_TOKEN;
use super::worker::Duty;

/// How many texts go to the process at a time, and about how many tokens. A query waits for no more than these.
const TEXTS_AT_A_TIME: usize = 16;
const TOKENS_AT_A_TIME: usize = 1024;
/// What a token is guessed to be long.
const USUAL_TOKEN: usize = 4;
/// As many callers wait in a queue; further ones wait before it.
const QUEUE: usize = 16;
/// The process may end, being idle, at the very moment at which it is handed something.
const TRIES: usize = 3;
/// How long a model stays in memory without being used.
pub const UNLOAD_AFTER: Duration = Duration::from_mins(1);

/// What runs a model.
#[derive(Debug, Clone, Serialize, Deserialize)]
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
    program: Program,
    unload_after: Duration,
    queues: Mutex<Option<Queues>>,
}

/// The ways to the task that has the process. It ends when they are gone, or after a while without a job.
struct Queues {
    queries: mpsc::Sender<Waiting>,
    documents: mpsc::Sender<Waiting>,
    task: AbortHandle,
}

/// Texts that somebody waits for.
struct Waiting {
    request: Request,
    reply: oneshot::Sender<Result<Vec<Vec<f32>>, EmbedError>>,
}

impl Local {
    /// Nothing is started yet. `unload_after` is usually [`UNLOAD_AFTER`].
    pub fn new(model: Model, runtime: Runtime, program: Program, unload_after: Duration) -> Self {
        Self { duty: Duty { model, runtime }, program, unload_after, queues: Mutex::default() }
    }

    async fn embed_all(
        &self,
        texts: &[String],
        purpose: Purpose,
    ) -> Result<Vec<Vec<f32>>, EmbedError> {
        let most = self.duty.model.max_tokens();
        let tokens = |at: usize| (texts[at].len() / USUAL_TOKEN).clamp(1, most);
        let mut order: Vec<usize> = (0..texts.len()).collect();
        // Texts of one length share a batch without much to fill up.
        order.sort_by_key(|at| texts[*at].len());
        let mut vectors = vec![Vec::new(); texts.len()];
        let mut left = order.as_slice();
        while !left.is_empty() {
            let count = portion(left.iter().map(|at| tokens(*at)));
            let (part, later) = left.split_at(count);
            left = later;
            let some = part.iter().map(|at| cut(&texts[*at], most)).collect();
            for (at, vector) in part.iter().zip(self.embed_some(some, purpose).await?) {
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
        let count = texts.len();
        let frame = frame::job(&Job { purpose, texts });
        for _ in 0..TRIES {
            let (reply, answer) = oneshot::channel();
            let request = Request { frame: frame.clone(), texts: count };
            if self.queue(purpose).send(Waiting { request, reply }).await.is_err() {
                continue;
            }
            if let Ok(outcome) = answer.await {
                return outcome;
            }
        }
        Err(EmbedError::Ended { reason: "it ends before it answers".to_owned() })
    }

    /// The way to the task, which is started where there is none.
    fn queue(&self, purpose: Purpose) -> mpsc::Sender<Waiting> {
        let mut queues = self.queues.lock().unwrap_or_else(PoisonError::into_inner);
        let open = queues.take().filter(|queues| !queues.queries.is_closed());
        let queues = queues.insert(open.unwrap_or_else(|| self.start()));
        match purpose {
            Purpose::Query => queues.queries.clone(),
            Purpose::Document => queues.documents.clone(),
        }
    }

    fn start(&self) -> Queues {
        let (queries, asked) = mpsc::channel(QUEUE);
        let (documents, given) = mpsc::channel(QUEUE);
        let process = Process::new(self.program.clone(), &self.duty);
        let task = tokio::spawn(run(process, asked, given, self.unload_after));
        Queues { queries, documents, task: task.abort_handle() }
    }
}

impl Drop for Local {
    fn drop(&mut self) {
        let queues = self.queues.get_mut().unwrap_or_else(PoisonError::into_inner);
        if let Some(queues) = queues {
            queues.task.abort();
        }
    }
}

/// Hands jobs to the process, a query before all texts that can be found, until there have been none for a while.
async fn run(
    mut process: Process,
    mut queries: mpsc::Receiver<Waiting>,
    mut documents: mpsc::Receiver<Waiting>,
    unload_after: Duration,
) {
    loop {
        let next = async {
            tokio::select! {
                biased;
                Some(query) = queries.recv() => Some(query),
                Some(document) = documents.recv() => Some(document),
                else => None,
            }
        };
        let Ok(Some(Waiting { request, reply })) = timeout(unload_after, next).await else { break };
        if !reply.is_closed() {
            // Nobody may be waiting any more; the process is worth more than the time of one job.
            let _gone = reply.send(process.ask(&request).await);
        }
    }
    // Whoever comes now needs another process, and need not wait for the end of this one.
    drop((queries, documents));
    process.end().await;
}

/// How many of these texts, by their lengths in tokens, go together.
fn portion(tokens: impl Iterator<Item = usize>) -> usize {
    let mut sum = 0;
    let fits = tokens.take(TEXTS_AT_A_TIME).take_while(|tokens| {
        sum += tokens;
        sum <= TOKENS_AT_A_TIME
    });
    fits.count().max(1)
}

/// As much of a text as the model looks at, at most.
fn cut(text: &str, tokens: usize) -> String {
    text[..text.floor_char_boundary(tokens * BYTES_PER_TOKEN)].to_owned()
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

#[cfg(test)]
mod tests {
    use futures_util::StreamExt as _;
    use futures_util::stream::FuturesUnordered;

    use super::*;
    use crate::base::environment::Environment;

    /// A process that cannot be started.
    fn nobody() -> Process {
        let hash = "0".repeat(64);
        let model = serde_json::json!({
            "folder": std::ffi::OsStr::new("/nowhere"), "identity": "m",
            "files": {"m": {"bytes": 0, "sha256": hash}},
            "network": {"precision": "f32", "dimensions": 2, "maxTokens": 8, "graph": "m", "tokenizer": "m"},
        });
        let model = serde_json::from_value(model).expect("a model");
        let program = Program::new("/nowhere/bridge".into(), &Environment::default());
        Process::new(program, &Duty { model, runtime: Runtime::Rust })
    }

    #[tokio::test]
    async fn a_query_goes_first() {
        let (queries, asked) = mpsc::channel(QUEUE);
        let (documents, given) = mpsc::channel(QUEUE);
        let answers = FuturesUnordered::new();
        for purpose in [Purpose::Document, Purpose::Document, Purpose::Query, Purpose::Query] {
            let (reply, answer) = oneshot::channel();
            let waiting = Waiting { request: Request { frame: Vec::new(), texts: 0 }, reply };
            let queue = if purpose == Purpose::Query { &queries } else { &documents };
            queue.send(waiting).await.expect("there is room");
            answers.push(answer.map(move |outcome| {
                let error = outcome.expect("an answer").expect_err("nobody is there").to_string();
                assert!(error.contains("cannot be started"), "{error}");
                purpose
            }));
        }
        drop((queries, documents));
        let (order, ()) =
            tokio::join!(answers.collect::<Vec<_>>(), run(nobody(), asked, given, UNLOAD_AFTER));
        let (query, document) = (Purpose::Query, Purpose::Document);
        assert_eq!(order, [query, query, document, document]);
    }

    #[test]
    fn a_portion_is_small_and_never_empty() {
        let check = |tokens: &[usize], expected: usize| {
            assert_eq!(portion(tokens.iter().copied()), expected, "{tokens:?}");
        };
        check(&[1; 100], TEXTS_AT_A_TIME);
        check(&[1; 3], 3);
        check(&[256; 10], 4);
        check(&[8192; 2], 1);
        check(&[64; 17], 16);
    }

    #[test]
    fn what_is_not_looked_at_is_not_sent() {
        assert_eq!(cut("short", 8), "short");
        let long = format!("{}文", "a".repeat(8 * BYTES_PER_TOKEN - 1));
        assert_eq!(cut(&long, 8).len(), 8 * BYTES_PER_TOKEN - 1);
    }
}
