//! Results that are longer than `maxResultChars`, cut so that what is left is still what it was: JSON stays JSON, text
//! ends at a line or a word.

mod cut;
mod shrink;
mod texts;

pub use cut::{Cut, cut};
pub use shrink::{Left, Shrunk, shrink};
pub use texts::length_of_text;
