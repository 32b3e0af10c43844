//! The vectors of all tools of one embedder: those that were kept, and those that are made in the background.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use tokio::sync::Mutex as Turn;
use tokio::task::spawn_blocking;
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

use super::embed::{EmbedError, Embedder, Purpose};
use super::kept::{Kept, Key};
use super::lexical::DocumentId;
use super::store::{Store, StoreError};
use super::vectors::Matrix;

/// Texts of one request to the embedder.
const BATCH: usize = 64;
/// So many batches are lost at most when the bridge is killed.
const BATCHES_PER_SAVE: usize = 16;
/// A wish is answered without its meaning after this long.
const QUERY_LIMIT: Duration = Duration::from_secs(5);
/// An embedder that failed is left alone for this long.
const REST: Duration = Duration::from_mins(1);

/// What tools mean, as far as it is known.
#[derive(Debug)]
pub struct Meaning {
    embedder: Arc<dyn Embedder>,
    store: Store,
    vectors: RwLock<Vectors>,
    /// Whoever makes vectors has it.
    turn: Turn<()>,
    failure: Mutex<Option<Failure>>,
    closing: CancellationToken,
}

#[derive(Debug)]
struct Vectors {
    /// Read from the disk when first needed.
    kept: Option<Kept>,
    matrix: Matrix,
    /// What each tool's text is known by.
    keys: HashMap<DocumentId, Key>,
    missing: VecDeque<(DocumentId, String)>,
    /// How many vectors are being made.
    making: usize,
}

#[derive(Debug, Clone)]
struct Failure {
    said: Arc<EmbedError>,
    at: Instant,
}

impl Meaning {
    /// Nothing is read or made before it is needed.
    pub fn new(embedder: Arc<dyn Embedder>, store: Store) -> Self {
        let matrix = Matrix::new(0);
        let vectors = Vectors {
            kept: None,
            matrix,
            keys: HashMap::new(),
            missing: VecDeque::new(),
            making: 0,
        };
        let (turn, failure) = (Turn::default(), Mutex::default());
        let (vectors, closing) = (RwLock::new(vectors), CancellationToken::new());
        Self { embedder, store, vectors, turn, failure, closing }
    }

    /// The same model with no tools.
    pub(super) fn anew(&self) -> Self {
        Self::new(self.embedder.clone(), self.store.clone())
    }

    /// The model, and the engine that runs it.
    pub fn identity(&self) -> &str {
        self.embedder.identity()
    }

    /// How many tools have no vector yet.
    pub fn missing(&self) -> usize {
        let vectors = self.vectors.read().unwrap_or_else(PoisonError::into_inner);
        vectors.missing.len() + vectors.making
    }

    /// Why there are no vectors, if the last attempt failed.
    pub fn failure(&self) -> Option<Arc<EmbedError>> {
        self.failed().map(|failure| failure.said)
    }

    /// Makes no more vectors: whoever does stops, and keeps what there is.
    pub(super) fn close(&self) {
        self.closing.cancel();
    }

    /// Takes tools in, each with its text. Blocks while kept vectors are read.
    pub(super) fn enter(&self, documents: impl Iterator<Item = (DocumentId, String)>) {
        let vectors = &mut *self.vectors.write().unwrap_or_else(PoisonError::into_inner);
        let kept = vectors.kept.get_or_insert_with(|| self.store.load(self.embedder.identity()));
        for (document, text) in documents {
            let key = Key::of(&text);
            vectors.keys.insert(document, key);
            match kept.take(&key) {
                Some(vector) => vectors.matrix.place(document, vector),
                None => vectors.missing.push_back((document, text)),
            }
        }
    }

    /// Forgets tools.
    pub(super) fn leave(&self, documents: &[DocumentId]) {
        let mut vectors = self.vectors.write().unwrap_or_else(PoisonError::into_inner);
        for document in documents {
            vectors.keys.remove(document);
            vectors.matrix.remove(document.0);
        }
        vectors.missing.retain(|(document, _)| !documents.contains(document));
    }

    /// The vector of a wish; nothing where it cannot be had in time.
    pub(super) async fn of_wish(&self, wish: &str) -> Option<Vec<f32>> {
        if self.is_resting() {
            return None;
        }
        let texts = [wish.to_owned()];
        let embedding = timeout(QUERY_LIMIT, self.embedder.embed(&texts, Purpose::Query)).await;
        match embedding {
            Ok(Ok(mut vectors)) => {
                self.recover();
                vectors.pop()
            }
            Ok(Err(error)) => {
                self.fail(error);
                None
            }
            Err(_) => {
                let service = self.identity().to_owned();
                let reason = format!("no vector within {} s", QUERY_LIMIT.as_secs());
                self.fail(EmbedError::Unreachable { service, reason });
                None
            }
        }
    }

    /// Every tool with a vector, with its cosine.
    pub(super) fn cosines(&self, wish: &[f32]) -> Vec<(DocumentId, f32)> {
        let vectors = self.vectors.read().unwrap_or_else(PoisonError::into_inner);
        let scores = vectors.matrix.scores(wish);
        let scores = scores.into_iter().flatten();
        scores.map(|hit| (DocumentId(hit.id), hit.score)).collect()
    }

    /// Makes what is missing, batch after batch, and keeps it. Returns at once where somebody else is doing so.
    pub(super) async fn fill(self: &Arc<Self>) {
        let Ok(_turn) = self.turn.try_lock() else { return };
        let mut since_save = 0;
        while !self.is_resting()
            && let Some(batch) = self.next_batch()
        {
            let texts: Vec<String> = batch.iter().map(|(_, text)| text.clone()).collect();
            let made = tokio::select! {
                made = self.embedder.embed(&texts, Purpose::Document) => made,
                () = self.closing.cancelled() => break,
            };
            match made {
                Ok(made) => {
                    self.recover();
                    self.take_in(batch, &made);
                }
                Err(error) => {
                    self.put_back(batch);
                    self.fail(error);
                    break;
                }
            }
            since_save += 1;
            if since_save == BATCHES_PER_SAVE {
                self.save().await;
                since_save = 0;
            }
        }
        if since_save > 0 {
            self.save().await;
        }
    }

    fn next_batch(&self) -> Option<Vec<(DocumentId, String)>> {
        let mut vectors = self.vectors.write().unwrap_or_else(PoisonError::into_inner);
        let count = vectors.missing.len().min(BATCH);
        let batch: Vec<_> = vectors.missing.drain(..count).collect();
        vectors.making = batch.len();
        Some(batch).filter(|batch| !batch.is_empty())
    }

    fn put_back(&self, batch: Vec<(DocumentId, String)>) {
        let mut vectors = self.vectors.write().unwrap_or_else(PoisonError::into_inner);
        vectors.making = 0;
        for one in batch.into_iter().rev() {
            vectors.missing.push_front(one);
        }
    }

    fn take_in(&self, batch: Vec<(DocumentId, String)>, made: &[Vec<f32>]) {
        let vectors = &mut *self.vectors.write().unwrap_or_else(PoisonError::into_inner);
        vectors.making = 0;
        for ((document, text), vector) in batch.into_iter().zip(made) {
            let key = Key::of(&text);
            if let Some(kept) = &mut vectors.kept {
                kept.insert(key, vector);
            }
            // The tool may be another one by now.
            if vectors.keys.get(&document) == Some(&key) {
                vectors.matrix.place(document, vector);
            }
        }
    }

    async fn save(self: &Arc<Self>) {
        let this = self.clone();
        match spawn_blocking(move || this.write_down()).await {
            Ok(Err(error)) => tracing::warn!("vectors are not kept: {error}"),
            Err(error) => tracing::warn!("vectors are not kept: {error}"),
            Ok(Ok(())) => {}
        }
    }

    /// Saves a copy: the disk may be slow and another bridge may hold the lock, and who needs vectors does not wait for
    /// that. New vectors come only from whoever waits for this.
    fn write_down(&self) -> Result<(), StoreError> {
        let kept = self.vectors.read().unwrap_or_else(PoisonError::into_inner).kept.clone();
        let Some(mut kept) = kept else { return Ok(()) };
        self.store.save(&mut kept)?;
        self.vectors.write().unwrap_or_else(PoisonError::into_inner).kept = Some(kept);
        Ok(())
    }

    fn fail(&self, error: EmbedError) {
        tracing::warn!("intents are compared by words only: {error}");
        let failure = Failure { said: Arc::new(error), at: Instant::now() };
        *self.failure.lock().unwrap_or_else(PoisonError::into_inner) = Some(failure);
    }

    /// What failed is of the past.
    fn recover(&self) {
        *self.failure.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    fn failed(&self) -> Option<Failure> {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether it failed, and it is too early to try again, or of no use.
    fn is_resting(&self) -> bool {
        self.failed()
            .is_some_and(|failure| !failure.said.retryable() || failure.at.elapsed() < REST)
    }
}

/// A matrix takes on the length of the first vector that comes.
trait Place {
    fn place(&mut self, document: DocumentId, vector: &[f32]);
}

impl Place for Matrix {
    fn place(&mut self, document: DocumentId, vector: &[f32]) {
        if self.is_empty() && self.dimensions() != vector.len() {
            *self = Self::new(vector.len());
        }
        if let Err(error) = self.set(document.0, vector) {
            tracing::warn!("a vector is left out: {error}");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

    use futures_util::FutureExt as _;
    use futures_util::future::BoxFuture;
    use tokio::time::advance;

    use super::*;

    /// A service that refuses for as long as it is down, and counts the texts that it was given.
    #[derive(Debug, Default)]
    struct Service {
        is_down: AtomicBool,
        texts: AtomicUsize,
    }

    impl Embedder for Service {
        fn identity(&self) -> &'static str {
            "service"
        }

        fn dimensions(&self) -> usize {
            2
        }

        fn embed<'a>(
            &'a self,
            texts: &'a [String],
            _: Purpose,
        ) -> BoxFuture<'a, Result<Vec<Vec<f32>>, EmbedError>> {
            self.texts.fetch_add(texts.len(), Ordering::Relaxed);
            let answer = if self.is_down.load(Ordering::Relaxed) {
                let (service, reason) = ("it".to_owned(), "it is down".to_owned());
                Err(EmbedError::Unreachable { service, reason })
            } else {
                Ok(vec![vec![0.6, 0.8]; texts.len()])
            };
            async { answer }.boxed()
        }
    }

    /// With so many tools, none of which has a vector.
    fn meaning(folder: &tempfile::TempDir, tools: u32) -> (Arc<Meaning>, Arc<Service>) {
        let service = Arc::new(Service::default());
        let store = Store::new(folder.path().to_owned());
        let meaning = Arc::new(Meaning::new(service.clone(), store));
        meaning.enter((0..tools).map(|tool| (DocumentId(tool), format!("tool {tool}"))));
        (meaning, service)
    }

    #[tokio::test(start_paused = true)]
    async fn no_tool_is_forgotten_while_the_service_is_down() {
        let folder = tempfile::tempdir().expect("a folder");
        let (meaning, service) = meaning(&folder, 100);
        service.is_down.store(true, Ordering::Relaxed);
        for _ in 0..3 {
            meaning.fill().await;
            assert_eq!(meaning.missing(), 100);
        }
        let asked = service.texts.load(Ordering::Relaxed);
        assert_eq!(asked, BATCH, "it is left alone for a while");
        service.is_down.store(false, Ordering::Relaxed);
        advance(REST).await;
        meaning.fill().await;
        assert_eq!((meaning.missing(), meaning.cosines(&[0.6, 0.8]).len()), (0, 100));
    }

    #[tokio::test(start_paused = true)]
    async fn a_failure_that_has_passed_is_not_told() {
        let folder = tempfile::tempdir().expect("a folder");
        let (meaning, service) = meaning(&folder, 1);
        for by_wish in [true, false] {
            service.is_down.store(true, Ordering::Relaxed);
            assert_eq!(meaning.of_wish("ring").await, None);
            assert!(meaning.failure().is_some());
            service.is_down.store(false, Ordering::Relaxed);
            advance(REST).await;
            if by_wish {
                assert_eq!(meaning.of_wish("ring").await, Some(vec![0.6, 0.8]));
            } else {
                meaning.fill().await;
            }
            assert!(meaning.failure().is_none(), "by a wish: {by_wish}");
        }
    }

    #[tokio::test]
    async fn nobody_waits_for_vectors_to_be_kept() {
        let folder = tempfile::tempdir().expect("a folder");
        let (meaning, _) = meaning(&folder, 1);
        let lock = std::fs::File::create(folder.path().join("lock")).expect("made");
        lock.lock().expect("nobody else has it");
        let filling = tokio::spawn({
            let meaning = meaning.clone();
            async move { meaning.fill().await }
        });
        // The vector is there as soon as it is made; keeping it waits for the lock.
        while meaning.missing() > 0 || meaning.cosines(&[0.6, 0.8]).is_empty() {
            tokio::task::yield_now().await;
        }
        for _ in 0..100 {
            tokio::time::sleep(Duration::from_millis(1)).await;
            assert!(meaning.vectors.try_read().is_ok(), "it is held while the disk is waited for");
        }
        assert!(!filling.is_finished());
        lock.unlock().expect("it was held");
        filling.await.expect("no panic");
        let kept = Store::new(folder.path().to_owned()).load("service");
        assert_eq!(kept.len(), 1);
    }
}
