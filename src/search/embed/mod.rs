//! Texts turned into vectors, so that a tool is found by what is meant where no word is shared.

mod embedder;
mod error;

pub use embedder::{Embedder, Purpose};
pub use error::EmbedError;
