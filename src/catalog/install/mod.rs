//! Installing: what a recipe comes to on this machine, told before anything is done, and then the doing of it.
//!
//! A [`Plan`] is made of a recipe and of what its user wishes beside it; nothing is touched for that. The entry and the
//! variables are written by [`crate::config::edit::add`], the server's files and the commands before and after it by what
//! is here.

mod build;
mod candidate;
mod entry;
mod files;
mod forget;
mod pin;
mod plan;
mod step;
#[cfg(test)]
mod tests;
mod write;

pub use candidate::{Candidate, Taken};
pub use files::write_files;
pub use forget::{Forgotten, clear, forget, places};
pub use pin::{package, split, version};
pub use plan::{Error, Plan, Variable, Wish, is_secret, names_path};
pub use step::{Broken, Step, When};
pub use write::{Unwritten, lock, write};
