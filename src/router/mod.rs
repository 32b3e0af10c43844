//! One request in, one reply out: the actions of the `mcp` tool. Knows no socket and no HTTP.

mod actions;
mod answer;
pub mod describe;
pub mod error;
mod overview;
pub mod request;
mod routing;

pub use error::Error;
pub use overview::Overview;
pub use request::{Caller, Notify};
pub use routing::{LeftOut, Router, Settings};
