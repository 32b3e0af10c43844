//! Models for the search by intent, and the library that can run them: what is known, what is installed, how either comes
//! and goes. What is downloaded is pinned by SHA-256, here, and checked before anything of it is used.

mod download;
mod error;
mod exported;
mod folder;
mod install;
mod manifest;
mod package;
mod pip;
mod unpack;

pub use error::Error;
pub use folder::{Installed, Models};
pub use install::{Progress, Source, install};
pub use manifest::{File, MANIFEST, Manifest, Network, Pooling};
pub use package::{DEFAULT, Kind, PACKAGES, Package};
