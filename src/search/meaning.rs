//! The vectors of all tools of one embedder: those that were kept, and those that are made in the background.

use std::collections::VecDeque;
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
use super::texts::Texts;

/// Texts of one request to the embedder.
const BATCH: usize = 64;
/// So many batches are lost at most when the bridge is killed.
const BATCHES_PER_SAVE: usize = 16;
/// A wish is answered without its meaning after this long.
const QUERY_LIMIT: Duration = Duration::from_secs(5);
/// An embedder that failed is left alone for this long.
const REST: Duration = Duration::from_mins(1);
/// What was too slow for a query may be a model that is being loaded, and ready soon.
const SHORT_REST: Duration = Duration::from_secs(10);

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

#[derive(Debug, Default)]
struct Vectors {
    texts: Texts,
    /// Texts without a vector, each by what it is known by.
    missing: VecDeque<(Key, String)>,
    /// How many vectors are being made.
    making: usize,
}

/// What was kept of vectors, read when first needed, and once for all servers that are taken in together.
#[derive(Debug, Default)]
pub(super) struct Reading(Option<Kept>);

#[derive(Debug, Clone)]
struct Failure {
    said: Arc<EmbedError>,
    /// Nothing is asked of the embedder before.
    until: Instant,
}

impl Meaning {
    /// Nothing is read or made before it is needed.
    pub fn new(embedder: Arc<dyn Embedder>, store: Store) -> Self {
        let (turn, failure) = (Turn::default(), Mutex::default());
        let (vectors, closing) = (RwLock::default(), CancellationToken::new());
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

    /// How many texts of tools have no vector yet.
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
    pub(super) fn enter(
        &self,
        documents: impl Iterator<Item = (DocumentId, String)>,
        reading: &mut Reading,
    ) {
        let vectors = &mut *self.vectors.write().unwrap_or_else(PoisonError::into_inner);
        for (document, text) in documents {
            let key = Key::of(&text);
            // Of a text that is known its vector is there, or will be.
            let is_known = vectors.texts.knows(&key);
            if vectors.texts.attach(document, key) || is_known {
                continue;
            }
            let kept = reading.0.get_or_insert_with(|| self.store.load(self.embedder.identity()));
            match kept.take(&key) {
                Some(vector) => set(&mut vectors.texts, key, vector, false),
                None => vectors.missing.push_back((key, text)),
            }
        }
    }

    /// Tools are there no more, or have other texts soon. What they had stays until [`Self::sweep`].
    pub(super) fn leave(&self, documents: &[DocumentId]) {
        let mut vectors = self.vectors.write().unwrap_or_else(PoisonError::into_inner);
        for document in documents {
            vectors.texts.detach(*document);
        }
    }

    /// Forgets what no tool has any more.
    pub(super) fn sweep(&self) {
        self.vectors.write().unwrap_or_else(PoisonError::into_inner).sweep();
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
                self.fail(error, REST);
                None
            }
            Err(_) => {
                let service = self.identity().to_owned();
                let reason = format!("no vector within {} s", QUERY_LIMIT.as_secs());
                self.fail(EmbedError::Unreachable { service, reason }, SHORT_REST);
                None
            }
        }
    }

    /// Every tool with a vector, with its cosine.
    pub(super) fn cosines(&self, wish: &[f32]) -> Vec<(DocumentId, f32)> {
        let vectors = self.vectors.read().unwrap_or_else(PoisonError::into_inner);
        vectors.texts.cosines(wish).unwrap_or_default()
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
                    self.fail(error, REST);
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

    fn next_batch(&self) -> Option<Vec<(Key, String)>> {
        let mut vectors = self.vectors.write().unwrap_or_else(PoisonError::into_inner);
        let count = vectors.missing.len().min(BATCH);
        let batch: Vec<_> = vectors.missing.drain(..count).collect();
        vectors.making = batch.len();
        Some(batch).filter(|batch| !batch.is_empty())
    }

    fn put_back(&self, batch: Vec<(Key, String)>) {
        let vectors = &mut *self.vectors.write().unwrap_or_else(PoisonError::into_inner);
        vectors.making = 0;
        for (key, text) in batch.into_iter().rev() {
            // Its tool may be another one by now.
            if vectors.texts.knows(&key) {
                vectors.missing.push_front((key, text));
            }
        }
    }

    fn take_in(&self, batch: Vec<(Key, String)>, made: &[Vec<f32>]) {
        let vectors = &mut *self.vectors.write().unwrap_or_else(PoisonError::into_inner);
        vectors.making = 0;
        for ((key, _), vector) in batch.into_iter().zip(made) {
            set(&mut vectors.texts, key, vector, true);
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

    /// Saves copies of what is new: the disk may be slow and another bridge may hold the lock, and who needs vectors does
    /// not wait for that. New vectors come only from whoever waits for this.
    fn write_down(&self) -> Result<(), StoreError> {
        let (new, used) = {
            let vectors = self.vectors.read().unwrap_or_else(PoisonError::into_inner);
            (vectors.texts.unsaved(), vectors.texts.keys())
        };
        self.store.update(self.embedder.identity(), |kept| {
            for key in &used {
                kept.take(key);
            }
            for (key, vector) in &new {
                kept.insert(*key, vector);
            }
        })?;
        let mut vectors = self.vectors.write().unwrap_or_else(PoisonError::into_inner);
        vectors.texts.saved(new.into_iter().map(|(key, _)| key));
        vectors.sweep();
        Ok(())
    }

    fn fail(&self, error: EmbedError, rest: Duration) {
        tracing::warn!("intents are compared by words only: {error}");
        let failure = Failure { said: Arc::new(error), until: Instant::now() + rest };
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
            .is_some_and(|failure| !failure.said.retryable() || Instant::now() < failure.until)
    }
}

impl Vectors {
    fn sweep(&mut self) {
        self.texts.sweep();
        self.missing.retain(|(key, _)| self.texts.knows(key));
    }
}

fn set(texts: &mut Texts, key: Key, vector: &[f32], is_unsaved: bool) {
    if let Err(error) = texts.set(key, vector, is_unsaved) {
        tracing::warn!("a vector is left out: {error}");
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
        let texts = (0..tools).map(|tool| (DocumentId(tool), format!("tool {tool}")));
        meaning.enter(texts, &mut Reading::default());
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

    #[tokio::test]
    async fn vectors_come_back_with_their_tools_and_are_made_once() {
        let folder = tempfile::tempdir().expect("a folder");
        let (meaning, service) = meaning(&folder, 2);
        let enter = |documents: std::ops::Range<u32>| {
            let texts = documents.map(|tool| (DocumentId(tool), format!("tool {}", tool % 4)));
            meaning.enter(texts, &mut Reading::default());
        };
        // Others with the same texts, before these have vectors.
        enter(4..6);
        assert_eq!(meaning.missing(), 2);
        meaning.fill().await;
        let found = || meaning.cosines(&[0.6, 0.8]).len();
        assert_eq!((found(), service.texts.load(Ordering::Relaxed)), (4, 2));
        let all: Vec<DocumentId> = (0..6).map(DocumentId).collect();
        meaning.leave(&all);
        meaning.sweep();
        assert_eq!(found(), 0);
        enter(0..3);
        // One has left before its vector was made.
        meaning.leave(&[DocumentId(2)]);
        assert_eq!((found(), meaning.missing()), (2, 1));
        meaning.sweep();
        assert_eq!(meaning.missing(), 0);
        assert_eq!(service.texts.load(Ordering::Relaxed), 2, "they were kept");
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
        drop(lock);
        filling.await.expect("no panic");
        let kept = Store::new(folder.path().to_owned()).load("service");
        assert_eq!(kept.len(), 1);
    }
}
