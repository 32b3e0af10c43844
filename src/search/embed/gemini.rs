//! The embeddings of Gemini.

use std::borrow::Cow;
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};

use super::address::{Address, Origin};
use super::embedder::Purpose;
use super::error::EmbedError;
use super::remote::{Dialect, Remote, Said};
use crate::base::secret::Secret;

/// The variables with the key, the first that is set.
pub(super) const KEYS: [&str; 2] = ["GEMINI_API_KEY", "GOOGLE_API_KEY"];
/// The variables with the base URL, the first that is set.
pub(super) const BASES: [&str; 2] = ["GEMINI_BASE_URL", "GOOGLE_GEMINI_BASE_URL"];
const SERVICE: &str = "Gemini";
const DEFAULT_BASE: &str = "https://generativelanguage.googleapis.com";
const DEFAULT_MODEL: &str = "gemini-embedding-001";
/// Models whose vectors are cut: all their 3,072 numbers find hardly more and take four times the room.
const CUT: &str = "gemini-embedding-";
const DIMENSIONS: usize = 768;
const MOST_TEXTS: usize = 100;
const KEY_HEADER: &str = "x-goog-api-key";
const RESOURCE: &str = "models/";

/// The language of the service.
#[derive(Debug)]
pub(super) struct Gemini {
    /// With `models/` before it.
    model: String,
    dimensions: Option<usize>,
}

#[derive(Deserialize)]
struct Answer {
    embeddings: Vec<Embedding>,
}

#[derive(Deserialize)]
struct Embedding {
    values: Vec<f32>,
}

/// The model at the service, or at another base URL, which may do without a key.
pub(super) fn open(
    model: Option<&str>,
    base: Option<&str>,
    key: Option<&Secret>,
) -> Result<Remote, EmbedError> {
    let [variable, _] = KEYS;
    let [base_variable, _] = BASES;
    if key.is_none() && base.is_none() {
        return Err(EmbedError::Unconfigured {
            service: SERVICE.to_owned(),
            problem: format!("`{variable}` is not set"),
            remedy: format!("run `bridge set-env {variable}`"),
        });
    }
    let model = model.unwrap_or(DEFAULT_MODEL);
    let model = model.strip_prefix(RESOURCE).unwrap_or(model);
    let dimensions = model.starts_with(CUT).then_some(DIMENSIONS);
    let base = base.unwrap_or(DEFAULT_BASE);
    let origin = Origin { service: SERVICE, variable: base_variable, may_be_plain: false };
    let method = format!("{model}:batchEmbedContents");
    let key = key.map(|key| (KEY_HEADER, key.clone()));
    let address = Address::below(base, &["v1beta", "models", &method], key, origin)?;
    let mut identity = if base == DEFAULT_BASE {
        format!("gemini/{model}")
    } else {
        format!("gemini/{}/{model}", Address::place(base))
    };
    if let Some(dimensions) = dimensions {
        identity = format!("{identity}/{dimensions}");
    }
    let dialect = Gemini { model: format!("{RESOURCE}{model}"), dimensions };
    Remote::new(dialect, identity, &address, dimensions.unwrap_or_default())
}

impl Dialect for Gemini {
    fn name(&self) -> &'static str {
        SERVICE
    }

    fn most_texts(&self) -> usize {
        MOST_TEXTS
    }

    fn key_variable(&self) -> &'static str {
        KEYS[0]
    }

    fn request(&self, texts: &[Cow<'_, str>], purpose: Purpose) -> Value {
        let task = match purpose {
            Purpose::Query => "RETRIEVAL_QUERY",
            Purpose::Document => "RETRIEVAL_DOCUMENT",
        };
        let request = |text: &Cow<'_, str>| {
            let mut request = json!({
                "model": self.model,
                "content": {"parts": [{"text": text}]},
                "taskType": task,
            });
            if let Some(dimensions) = self.dimensions {
                request["outputDimensionality"] = dimensions.into();
            }
            request
        };
        json!({"requests": texts.iter().map(request).collect::<Vec<Value>>()})
    }

    fn vectors(&self, answer: &[u8], _count: usize) -> Result<Vec<Vec<f32>>, String> {
        let answer: Answer = serde_json::from_slice(answer).map_err(|error| error.to_string())?;
        Ok(answer.embeddings.into_iter().map(|embedding| embedding.values).collect())
    }

    /// `{"error": {"code", "message", "status", "details": [{"retryDelay": "7s"}]}}`
    fn said(&self, answer: &[u8]) -> Said {
        let Ok(answer) = serde_json::from_slice::<Value>(answer) else {
            return Said::default();
        };
        let error = &answer["error"];
        let details = error["details"].as_array();
        let delay = details.into_iter().flatten().find_map(|one| one["retryDelay"].as_str());
        Said {
            message: error["message"].as_str().map(str::to_owned),
            retry_after: delay.and_then(duration),
            is_final: false,
        }
    }
}

/// A duration as JSON has it in Protocol Buffers: seconds, with or without a fraction, and `s`.
fn duration(text: &str) -> Option<Duration> {
    let seconds: f64 = text.strip_suffix('s')?.parse().ok()?;
    Duration::try_from_secs_f64(seconds).ok()
}
