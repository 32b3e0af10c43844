//! Texts turned into vectors, so that a tool is found by what is meant where no word is shared.

mod address;
mod embedder;
mod error;
mod gemini;
mod ollama;
mod openai;
mod remote;
pub mod services;
#[cfg(test)]
mod tests;

pub use embedder::{Embedder, Purpose};
pub use error::EmbedError;
