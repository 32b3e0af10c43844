//! A file of the user's changed in place, such that no change gets lost: not to another process that changes it at the
//! same time, not to a crash in the middle, and not to a symbolic link.

mod change;
mod error;
mod folders;
mod rights;

pub use change::{rewrite, rewrite_together};
pub use error::Error;
pub use rights::Access;
pub(in crate::base) use rights::Mode;
