//! Which tool is meant by words that say what is wanted.

pub mod embed;
mod kept;
pub mod store;
pub mod vectors;

pub use kept::{Kept, Key};
