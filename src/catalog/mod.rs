//! Recipes by name: those that are built in, the user's own, and those of remote catalogs.
//!
//! [`Catalog`] is what the program brings along; [`Sources`] is everywhere that a name may lead to. Nothing here installs
//! or runs anything.

mod built_in;
mod entry;
mod error;
mod files;
mod sources;
#[cfg(test)]
mod tests;

pub use built_in::Catalog;
pub use entry::{Entry, Origin};
pub use error::Error;
pub use sources::Sources;
