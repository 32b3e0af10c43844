//! One recipe: how a server is got, started and logged in to (Universal Recipe Spec v2, and `config.json` of v1).
//!
//! A recipe comes from strangers. It is read strictly and within bounds, and everything that is wrong with it is told at
//! once; what can be run is a [`Recipe`] that reads the same when it is written and read again. Nothing here runs anything
//! or opens the network.

mod auth;
mod capabilities;
mod check;
mod choice;
pub mod concern;
mod date;
mod fetched;
mod install;
mod legacy;
mod local_only;
mod metadata;
mod migrate;
mod options;
mod path;
mod program;
mod read;
mod schema;
mod spec;
mod syntax;
#[cfg(test)]
mod tests;
mod transport;
mod variables;

pub use auth::{Auth, AuthKind, Bootstrap, OAuth2};
pub use capabilities::Capabilities;
pub use check::{Checked, MAX_BYTES, check};
pub use concern::{Concern, Reason, is_archive, steers};
pub use date::moment;
pub use install::{ConfigFile, Install, Method, Platform};
pub use local_only::LocalOnly;
pub use metadata::{CATEGORIES, Metadata, ToolExample};
pub use migrate::left_out;
pub use read::{Error, Text, open, read};
pub use schema::schema;
pub use spec::{Recipe, is_id};
pub use transport::{Remote, Stdio, Transport};
