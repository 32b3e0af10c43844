//! What can be called: the tools of all servers as one immutable snapshot, and which tool a name means.

pub mod name;
pub mod registry;
pub mod resolve;
pub mod signature;
mod tool;

pub use registry::{Registry, Rules, ServerTools, Snapshot};
pub use tool::{Hints, Tool};
