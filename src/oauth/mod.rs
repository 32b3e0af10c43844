//! Logging in to servers by OAuth 2: finding out where, getting tokens, keeping and renewing them.
//!
//! [`Tokens`] is what calls need; [`Browser`] and [`Device`] are the two ways in which a user logs in. Nothing here opens a
//! browser or prints: URLs and codes are handed to the caller. What servers say is checked before it is used ([`endpoint`],
//! [`Fetcher`]) and never shown with a secret in it.

mod account;
mod address;
mod assertion;
mod challenge;
mod clock;
mod discovery;
pub mod endpoint;
mod error;
mod fetcher;
mod grants;
mod interactive;
mod listener;
mod metadata;
mod record;
mod registration;
mod renewal;
mod revocation;
mod store;
#[cfg(test)]
mod tests;
mod tokens;
mod vault;

pub use account::{Account, Policy};
pub use address::{Class, Refused};
pub use assertion::KeyError;
pub use challenge::Challenge;
pub use clock::Clock;
pub use discovery::{Discovery, DiscoveryError, Found};
pub use error::{AnswerError, LoginError, Reason};
pub use fetcher::{FetchError, Fetcher, Reply};
pub use grants::GrantError;
pub use interactive::{Browser, Device, Returned};
pub use metadata::Metadata;
pub use record::Record;
pub use registration::{Client, RegistrationError};
pub use revocation::{Leftover, Revocation};
pub use store::{Store, StoreError, Taken};
pub use tokens::{Status, Tokens};
