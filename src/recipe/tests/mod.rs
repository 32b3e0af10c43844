//! Recipes as they are written, and what is said about them.

mod concerns;
mod fixtures;
mod hostile;
mod legacy;
mod parts;
mod whole;
