//! Which tool is meant: a wish in words in, tools in order of how well they suit it out.
//!
//! [`LexicalIndex`] compares words: it needs no model, no network and no time to speak of, and it knows why it ranked a
//! tool where it did. [`Meaning`] compares vectors, where something makes them. [`Finder`] puts both together.

pub mod action;
mod document;
pub mod embed;
mod explain;
mod field;
mod finder;
pub mod fuse;
mod kept;
mod lexical;
pub mod literal;
mod meaning;
mod postings;
mod query;
mod recipes;
mod resolve;
mod said;
mod score;
mod spelling;
pub mod store;
#[cfg(test)]
mod tests;
mod texts;
pub mod vectors;
mod weights;
pub mod words;

pub use document::{Document, ServerWords};
pub use explain::{Explanation, FieldHit};
pub use field::Field;
pub use finder::{Finder, Found, Hit, Ranks, WordsOnly};
pub use kept::{Kept, Key};
pub use lexical::{DocumentId, LexicalHit, LexicalIndex};
pub use meaning::Meaning;
pub use query::Query;
pub use recipes::{RecipeHit, RecipeIndex};
pub use score::Factors;
pub use store::Store;
pub use weights::{ActionWeights, FieldWeight, KindWeights, PassingWeights, Weights};
