//! Which tool is meant by words that say what is wanted.

pub mod embed;
pub mod vectors;
