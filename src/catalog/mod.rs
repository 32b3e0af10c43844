//! Recipes by name: those that are built in, the user's own, and those of remote catalogs.
//!
//! [`Catalog`] is what the program brings along; [`Sources`] is everywhere that a name may lead to; [`install`] is what
//! installing a recipe comes to, [`lock`] what was installed. Nothing is run or written that nobody asked for.

mod built_in;
mod copies;
mod document;
mod entry;
mod error;
mod fetch;
mod files;
pub mod install;
pub mod lock;
pub mod newest;
mod note;
pub mod order;
mod remote;
mod signature;
mod sources;
#[cfg(test)]
mod tests;

pub use built_in::Catalog;
pub use entry::{Entry, Needs, Origin};
pub use error::Error;
pub use note::{Note, Reason};
pub use remote::Freshness;
pub use sources::{Listing, Sources};
