//! What the services have in common: texts go out in batches, vectors come back, and what passes by itself is tried
//! again. What is sent and what comes back is for each service to say (`Dialect`).

use std::borrow::Cow;
use std::fmt::Debug;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::header::{ACCEPT, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Method};
use tokio::time::{sleep, timeout};

use super::address::Address;
use super::embedder::{Embedder, Purpose};
use super::error::EmbedError;
use crate::base::backoff::Backoff;
use crate::base::blotter::Blotter;
use crate::base::text;
use crate::base::unicode;
use crate::search::vectors::normalize;
use crate::wire::http::{Answer, Client, Endpoint, Error};

/// A text is cut here: 8,192 tokens, the least that a service takes, are rarely less.
const MAX_CHARACTERS: usize = 6000;
/// All texts of a call; a service takes 300,000 tokens at most.
const MAX_CALL_CHARACTERS: usize = 200_000;
/// What stands in for a text without letters, which services refuse.
const BLANK: &str = "-";
/// Bytes that a number may take in an answer, and those that come on top of the numbers.
const NUMBER_BYTES: usize = 32;
const OTHER_BYTES: usize = 64 * 1024;
/// Of an answer that tells an error.
const MAX_ERROR_BYTES: usize = 16 * 1024;
/// Characters of what a service says that are repeated.
const MAX_SAID: usize = 300;
const MAX_DIMENSIONS: usize = 8192;
const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// The language of one service.
pub(super) trait Dialect: Send + Sync + Debug {
    /// Its name, for people.
    fn name(&self) -> &'static str;

    /// Texts that it takes in one call.
    fn most_texts(&self) -> usize;

    /// The variable that holds the key, for those whose key is refused.
    fn key_variable(&self) -> &'static str;

    /// The body of a request, JSON.
    fn request(&self, texts: &[Cow<'_, str>], purpose: Purpose) -> serde_json::Value;

    /// The vectors of an answer, one per text, in the order of the texts; else what is wrong with it.
    fn vectors(&self, answer: &[u8], count: usize) -> Result<Vec<Vec<f32>>, String>;

    /// What it says in an answer that is an error.
    fn said(&self, answer: &[u8]) -> Said;
}

/// What a service says is wrong.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Said {
    /// Its words.
    pub(super) message: Option<String>,
    /// How long it asks to be left alone, where it says so in the body.
    pub(super) retry_after: Option<Duration>,
    /// No further try will help, whatever the status says.
    pub(super) is_final: bool,
}

/// How often and how long a service is asked.
#[derive(Debug, Clone, Copy)]
pub(super) struct Patience {
    /// Tries in all.
    pub(super) tries: u32,
    /// How long one of them may take.
    pub(super) limit: Duration,
    /// How long to wait before the next one. A service that asks for longer than the longest is not asked again.
    pub(super) backoff: Backoff,
}

/// Somebody waits for the answer.
const QUERY: Patience = Patience {
    tries: 2,
    limit: Duration::from_secs(15),
    backoff: Backoff { first: Duration::from_millis(250), longest: Duration::from_secs(2) },
};
/// Nobody waits, and a local service may have to load its model first.
const DOCUMENT: Patience = Patience {
    tries: 5,
    limit: Duration::from_mins(2),
    backoff: Backoff { first: Duration::from_secs(1), longest: Duration::from_mins(1) },
};

/// A model that is reached by HTTP.
#[derive(Debug)]
pub(super) struct Remote {
    dialect: Box<dyn Dialect>,
    identity: String,
    client: Client,
    endpoint: Endpoint,
    blotter: Blotter,
    /// 0 as long as it is not known.
    dimensions: AtomicUsize,
    query: Patience,
    document: Patience,
}

/// A try that failed.
struct Failed {
    error: EmbedError,
    is_final: bool,
}

impl Remote {
    /// Asks nobody yet. `dimensions` are those that the model is told to give, or 0 where it is told none.
    pub(super) fn new(
        dialect: impl Dialect + 'static,
        identity: String,
        address: &Address,
        dimensions: usize,
    ) -> Result<Self, EmbedError> {
        let endpoint = address.endpoint(dialect.name())?;
        Ok(Self {
            dialect: Box::new(dialect),
            identity,
            client: Client::default(),
            endpoint,
            blotter: Blotter::new(&address.secrets()),
            dimensions: AtomicUsize::new(dimensions),
            query: QUERY,
            document: DOCUMENT,
        })
    }

    #[cfg(test)]
    pub(super) fn with_patience(self, patience: Patience) -> Self {
        Self { query: patience, document: patience, ..self }
    }

    async fn all(&self, texts: &[String], purpose: Purpose) -> Result<Vec<Vec<f32>>, EmbedError> {
        let mut vectors = Vec::with_capacity(texts.len());
        for batch in batches(texts, self.dialect.most_texts()) {
            let body = Bytes::from(self.dialect.request(&batch, purpose).to_string());
            let answer = self.ask(&body, batch.len(), purpose).await?;
            vectors.extend(self.read(&answer, batch.len())?);
        }
        Ok(vectors)
    }

    /// The body of the answer to a request for so many vectors.
    async fn ask(&self, body: &Bytes, count: usize, purpose: Purpose) -> Result<Bytes, EmbedError> {
        let patience = match purpose {
            Purpose::Query => self.query,
            Purpose::Document => self.document,
        };
        let mut failures = 0;
        loop {
            let tried = timeout(patience.limit, self.try_once(body.clone(), count)).await;
            let failed = match tried {
                Ok(Ok(answer)) => return Ok(answer),
                Ok(Err(failed)) => failed,
                Err(_) => self.late(patience.limit),
            };
            failures += 1;
            let asked = match &failed.error {
                EmbedError::Refused { retry_after, .. } => retry_after.unwrap_or_default(),
                _ => Duration::ZERO,
            };
            let is_hopeless = failed.is_final || !failed.error.retryable();
            if is_hopeless || failures >= patience.tries || asked > patience.backoff.longest {
                return Err(failed.error);
            }
            tracing::debug!("another try follows: {}", failed.error);
            sleep(patience.backoff.after(failures).max(asked)).await;
        }
    }

    async fn try_once(&self, body: Bytes, count: usize) -> Result<Bytes, Failed> {
        let mut headers: HeaderMap = self.endpoint.headers().clone();
        headers.insert(CONTENT_TYPE, JSON);
        headers.insert(ACCEPT, JSON);
        let sent = self.client.send(Method::POST, &self.endpoint, || headers.clone(), body).await;
        let mut answer = sent.map_err(|error| self.broken(&error))?;
        if !answer.status().is_success() {
            return Err(self.refused(&mut answer).await);
        }
        let limit = count * MAX_DIMENSIONS * NUMBER_BYTES + OTHER_BYTES;
        answer.body(limit).await.map_err(|error| self.broken(&error))
    }

    async fn refused(&self, answer: &mut Answer) -> Failed {
        let status = answer.status().as_u16();
        let said = self.dialect.said(&answer.beginning(MAX_ERROR_BYTES).await);
        let reason = match (status, answer.redirects_to(), said.message) {
            // Some services repeat a part of the key.
            (401, ..) => format!("it does not accept the key in `{}`", self.dialect.key_variable()),
            (300..=399, Some(host), _) => format!("it sends us to `{host}`, which is not followed"),
            (_, _, Some(message)) => self.blotted(&message),
            (_, _, None) => format!("its answer has status {status}"),
        };
        let retry_after = answer.retry_after().or(said.retry_after);
        let service = self.service();
        let error = EmbedError::Refused { service, status, reason, retry_after };
        Failed { error, is_final: said.is_final }
    }

    fn broken(&self, error: &Error) -> Failed {
        let service = self.service();
        let reason = self.blotted(&error.to_string());
        let error = match error {
            Error::TooLarge { .. } => EmbedError::WrongShape { service, problem: reason },
            Error::NotReached { .. }
            | Error::NoTls { .. }
            | Error::NotHttp { .. }
            | Error::Broken { .. } => EmbedError::Unreachable { service, reason },
        };
        Failed { error, is_final: false }
    }

    fn late(&self, limit: Duration) -> Failed {
        let reason = format!("no answer within {limit:?}");
        let error = EmbedError::Unreachable { service: self.service(), reason };
        Failed { error, is_final: false }
    }

    /// The vectors of an answer, each of unit length, if it has so many and all are of one length.
    fn read(&self, answer: &[u8], count: usize) -> Result<Vec<Vec<f32>>, EmbedError> {
        let wrong = |problem| EmbedError::WrongShape { service: self.service(), problem };
        let mut vectors = self.dialect.vectors(answer, count).map_err(|problem| {
            // The parser may quote what it found.
            wrong(self.blotted(&problem))
        })?;
        if vectors.len() != count {
            return Err(wrong(format!("{} vectors came for {count} texts", vectors.len())));
        }
        for vector in &mut vectors {
            let found = vector.len();
            if found == 0 || found > MAX_DIMENSIONS {
                return Err(wrong(format!("a vector has {found} numbers")));
            }
            // The first answer says how many numbers there are.
            let known =
                self.dimensions.compare_exchange(0, found, Ordering::Relaxed, Ordering::Relaxed);
            let expected = known.err().filter(|expected| *expected != found);
            if let Some(expected) = expected {
                let problem = format!("a vector has {found} numbers and should have {expected}");
                return Err(wrong(problem));
            }
            if !normalize(vector) {
                return Err(wrong("a vector has no direction".to_owned()));
            }
        }
        Ok(vectors)
    }

    fn service(&self) -> String {
        format!("{} (`{}`)", self.dialect.name(), self.endpoint.host())
    }

    /// What others say, without our secrets, on one line, and not too much of it.
    fn blotted(&self, message: &str) -> String {
        let line: String = self
            .blotter
            .blot(message)
            .chars()
            .map(|letter| if unicode::harmful(letter) { ' ' } else { letter })
            .collect();
        text::shorten(line.trim(), MAX_SAID).into_owned()
    }
}

impl Embedder for Remote {
    fn identity(&self) -> &str {
        &self.identity
    }

    /// 0 until the first answer, where no number is configured.
    fn dimensions(&self) -> usize {
        self.dimensions.load(Ordering::Relaxed)
    }

    fn embed<'a>(
        &'a self,
        texts: &'a [String],
        purpose: Purpose,
    ) -> BoxFuture<'a, Result<Vec<Vec<f32>>, EmbedError>> {
        Box::pin(self.all(texts, purpose))
    }
}

/// The texts as they are sent, in parts that a service takes.
fn batches(texts: &[String], most: usize) -> Vec<Vec<Cow<'_, str>>> {
    let mut batches: Vec<Vec<Cow<'_, str>>> = Vec::new();
    let mut room = 0;
    for text in texts {
        let text = sendable(text);
        // Bytes are no fewer than characters, and cheaper to count.
        let length = text.len();
        match batches.last_mut() {
            Some(batch) if batch.len() < most && length <= room => {
                batch.push(text);
                room -= length;
            }
            _ => {
                batches.push(vec![text]);
                room = MAX_CALL_CHARACTERS.saturating_sub(length);
            }
        }
    }
    batches
}

fn sendable(text: &str) -> Cow<'_, str> {
    if text.trim().is_empty() {
        Cow::Borrowed(BLANK)
    } else {
        Cow::Borrowed(&text[..text::byte_of(text, MAX_CHARACTERS)])
    }
}
