//! Puts the parts together, runs them, and ends them.

pub mod build;
pub mod lifecycle;

pub use build::{App, build};
