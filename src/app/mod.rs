//! Puts the parts together, runs them, and ends them.

pub mod build;
pub mod lifecycle;
mod meaning;
mod remark;

pub use build::{App, build};
pub use remark::{Remark, Unusable};
