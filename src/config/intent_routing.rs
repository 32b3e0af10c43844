//! How a tool is found from words that say what is wanted.

use std::collections::BTreeMap;

use super::reader::Reader;
use super::variables::Variables;
use crate::base::secret::Secret;

pub(super) const EMBEDDINGS: [(&str, Embedding); 6] = [
    ("auto", Embedding::Auto),
    ("keyword", Embedding::Keyword),
    ("fastembed", Embedding::Fastembed),
    ("openai", Embedding::OpenAi),
    ("ollama", Embedding::Ollama),
    ("gemini", Embedding::Gemini),
];

/// Keys and addresses of the services, under the names that their own programs give them.
const VARIABLES: [&str; 8] = [
    "OPENAI_API_KEY",
    "OPENAI_BASE_URL",
    "GEMINI_API_KEY",
    "GOOGLE_API_KEY",
    "GEMINI_BASE_URL",
    "GOOGLE_GEMINI_BASE_URL",
    "OLLAMA_HOST",
    "OLLAMA_API_KEY",
];

/// `intentRouting`.
#[derive(Debug, Clone, PartialEq)]
pub struct IntentRouting {
    /// What turns words into vectors.
    pub embedding: Embedding,
    /// The model, by the name that the provider gives it.
    pub model: Option<String>,
    /// Matches below this score, 0 to 1, are no matches.
    pub min_score: f64,
    /// What keys and addresses of services the `.env` files and the environment hold, none of them empty.
    pub variables: BTreeMap<&'static str, Secret>,
}

/// What turns words into vectors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Embedding {
    /// The best that is at hand.
    Auto,
    /// Nothing; words are compared as words.
    Keyword,
    /// A model in this process.
    Fastembed,
    /// The `OpenAI` service, or one that speaks like it.
    OpenAi,
    /// A local Ollama.
    Ollama,
    /// The Gemini service.
    Gemini,
}

impl Default for IntentRouting {
    fn default() -> Self {
        Self { embedding: Embedding::Auto, model: None, min_score: 0.3, variables: BTreeMap::new() }
    }
}

impl IntentRouting {
    pub(super) fn read(reader: Option<Reader<'_>>) -> Self {
        let default = Self::default();
        let Some(mut reader) = reader else {
            return default;
        };
        let section = Self {
            embedding: reader.choice("embedding", &EMBEDDINGS).unwrap_or(default.embedding),
            model: reader.filled_string("model"),
            min_score: reader.number("minScore", 0.0..=1.0).unwrap_or(default.min_score),
            variables: default.variables,
        };
        reader.finish();
        section
    }

    /// Takes over what a service needs to know of the `.env` files and the environment.
    pub(super) fn fill(&mut self, variables: &Variables<'_>) {
        let set =
            VARIABLES.into_iter().filter_map(|name| Some((name, variables.lookup(name)?.trim())));
        let filled = set.filter(|(_, value)| !value.is_empty());
        self.variables = filled.map(|(name, value)| (name, Secret::from(value))).collect();
    }

    /// The value of a variable by which a service is reached.
    pub fn variable(&self, name: &str) -> Option<&Secret> {
        self.variables.get(name)
    }
}
