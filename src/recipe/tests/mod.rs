//! Recipes as they are written, and what is said about them.

mod concerns;
pub(super) mod fixtures;
mod hostile;
mod legacy;
mod parts;
mod whole;
