//! What a recipe would do on the machine of whoever installs it that has to be seen first, and what no recipe may do.
//!
//! A recipe can hardly be proved harmless, since it names programs that other people wrote. What is told here is what
//! reaches further than the method it declares: shell commands, doors in the wall around a container, code and packages
//! that arguments bring in, connections that others can listen to.

mod docker;
mod environment;
mod fetch;
mod install;
mod names;
mod own;
mod reason;
mod start;
mod subject;

pub use environment::steers;
pub use names::is_archive;
pub use reason::{Concern, Reason, Severity};
pub(super) use subject::Subject;
