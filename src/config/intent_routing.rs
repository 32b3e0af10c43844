//! How a tool is found from words that say what is wanted.

use super::reader::Reader;

const EMBEDDINGS: [(&str, Embedding); 6] = [
    ("auto", Embedding::Auto),
    ("keyword", Embedding::Keyword),
    ("fastembed", Embedding::Fastembed),
    ("openai", Embedding::OpenAi),
    ("ollama", Embedding::Ollama),
    ("gemini", Embedding::Gemini),
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
        Self { embedding: Embedding::Auto, model: None, min_score: 0.3 }
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
        };
        reader.finish();
        section
    }
}
