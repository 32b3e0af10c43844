//! What every engine does, whether it runs in this process or behind a network.

use std::fmt::Debug;

use futures_util::future::BoxFuture;
use serde::{Deserialize, Serialize};

use super::error::EmbedError;

/// Turns texts into vectors of unit length.
pub trait Embedder: Send + Sync + Debug {
    /// The model and its precision. Vectors under the same identity agree with one another, whichever engine made
    /// them, so they may be kept and compared; those of another identity mean nothing beside them.
    fn identity(&self) -> &str;

    /// How many numbers a vector has.
    fn dimensions(&self) -> usize;

    /// One vector per text, in the order of the texts, each of length 1.
    fn embed<'a>(
        &'a self,
        texts: &'a [String],
        purpose: Purpose,
    ) -> BoxFuture<'a, Result<Vec<Vec<f32>>, EmbedError>>;
}

/// What a text is to a search. Some models make different vectors of the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Purpose {
    /// What is wanted.
    Query,
    /// What can be found.
    Document,
}
