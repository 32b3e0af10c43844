//! Clients that call us.

mod answer;
pub mod session;
pub mod stdio;

pub use session::Session;
