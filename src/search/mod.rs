//! Which tool is meant: a wish in words in, tools in order of how well they suit it out.
//!
//! [`LexicalIndex`] compares words: it needs no model, no network and no time to speak of, and it knows why it ranked a
//! tool where it did.

pub mod action;
mod document;
pub mod embed;
mod explain;
mod field;
mod kept;
mod lexical;
pub mod literal;
mod postings;
mod query;
mod score;
mod spelling;
pub mod store;
#[cfg(test)]
mod tests;
pub mod vectors;
mod weights;
pub mod words;

pub use document::{Document, ServerWords};
pub use explain::{Explanation, FieldHit};
pub use field::Field;
pub use kept::{Kept, Key};
pub use lexical::{DocumentId, LexicalHit, LexicalIndex};
pub use query::Query;
pub use score::Factors;
pub use weights::{ActionWeights, FieldWeight, KindWeights, Weights};
