//! Puts the parts together, runs them, follows the config, and ends them.

pub mod build;
pub mod lifecycle;
mod meaning;
mod plan;
mod reload;
mod remark;
mod watch;

pub use build::{App, Files, build};
pub use plan::account;
pub use remark::Remark;
