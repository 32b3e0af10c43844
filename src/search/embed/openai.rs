//! The embeddings of `OpenAI`, and of the many servers that speak like it.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::{Value, json};

use super::address::{Address, Origin, bearer};
use super::embedder::Purpose;
use super::error::EmbedError;
use super::remote::{Dialect, Remote, Said};
use crate::base::secret::Secret;

/// The variable with the key.
pub(super) const KEY: &str = "OPENAI_API_KEY";
/// The variable with the base URL.
pub(super) const BASE: &str = "OPENAI_BASE_URL";
const SERVICE: &str = "OpenAI";
const DEFAULT_BASE: &str = "https://api.openai.com/v1";
const DEFAULT_MODEL: &str = "text-embedding-3-small";
/// A service takes 2,048; an answer to so many would be very large.
const MOST_TEXTS: usize = 256;
/// Too much was used, or nothing paid: that does not pass by itself.
const FINAL_CODES: [&str; 2] = ["insufficient_quota", "billing_hard_limit_reached"];

/// The language of the service.
#[derive(Debug)]
pub(super) struct OpenAi {
    model: String,
}

#[derive(Deserialize)]
struct Answer {
    data: Vec<Embedding>,
}

#[derive(Deserialize)]
struct Embedding {
    index: usize,
    embedding: Vec<f32>,
}

/// The model at the base URL of the service or of another one. Without a key only another one can be asked.
pub(super) fn open(
    model: Option<&str>,
    base: Option<&str>,
    key: Option<&Secret>,
) -> Result<Remote, EmbedError> {
    if key.is_none() && base.is_none() {
        return Err(EmbedError::Unconfigured {
            service: SERVICE.to_owned(),
            problem: format!("`{KEY}` is not set"),
            remedy: format!(
                "run `bridge set-env {KEY}`, or set `{BASE}` to a service without keys"
            ),
        });
    }
    let model = model.unwrap_or(DEFAULT_MODEL).to_owned();
    let base = base.unwrap_or(DEFAULT_BASE);
    let origin = Origin { service: SERVICE, variable: BASE, may_be_plain: false };
    let address = Address::below(base, path(base), key.map(bearer), origin)?;
    let identity = if base == DEFAULT_BASE {
        format!("openai/{model}")
    } else {
        format!("openai/{}/{model}", Address::place(base))
    };
    Remote::new(OpenAi { model }, identity, &address, 0)
}

/// What comes behind the base: the version belongs to it, but is often left out of a bare origin.
fn path(base: &str) -> &'static [&'static str] {
    let behind = base.split_once("://").map_or(base, |(_, rest)| rest);
    match behind.split_once('/') {
        Some((_, path)) if !path.is_empty() => &["embeddings"],
        _ => &["v1", "embeddings"],
    }
}

impl Dialect for OpenAi {
    fn name(&self) -> &'static str {
        SERVICE
    }

    fn most_texts(&self) -> usize {
        MOST_TEXTS
    }

    fn key_variable(&self) -> &'static str {
        KEY
    }

    fn request(&self, texts: &[Cow<'_, str>], _purpose: Purpose) -> Value {
        json!({"model": self.model, "input": texts, "encoding_format": "float"})
    }

    /// In whatever order they come: `index` says to which text each belongs.
    fn vectors(&self, answer: &[u8], count: usize) -> Result<Vec<Vec<f32>>, String> {
        let answer: Answer = serde_json::from_slice(answer).map_err(|error| error.to_string())?;
        let mut vectors: Vec<Option<Vec<f32>>> = vec![None; count];
        for Embedding { index, embedding } in answer.data {
            match vectors.get_mut(index) {
                Some(place @ None) => *place = Some(embedding),
                Some(Some(_)) => return Err(format!("two vectors have index {index}")),
                None => return Err(format!("a vector has index {index}, of {count} texts")),
            }
        }
        let missing = vectors.iter().position(Option::is_none);
        match missing {
            Some(index) => Err(format!("no vector has index {index}")),
            None => Ok(vectors.into_iter().flatten().collect()),
        }
    }

    /// `{"error": {"message", "type", "code"}}`; of servers that speak alike, sometimes only a text.
    fn said(&self, answer: &[u8]) -> Said {
        let Ok(answer) = serde_json::from_slice::<Value>(answer) else {
            return Said::default();
        };
        let error = &answer["error"];
        let message = error["message"].as_str().or(error.as_str()).or(answer["message"].as_str());
        let is_final = ["code", "type"]
            .iter()
            .any(|key| error[*key].as_str().is_some_and(|code| FINAL_CODES.contains(&code)));
        Said { message: message.map(str::to_owned), retry_after: None, is_final }
    }
}
