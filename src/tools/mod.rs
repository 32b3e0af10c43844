//! What can be called: the tools of all servers as one immutable snapshot, and which tool a name means.

pub mod arguments;
mod checker;
pub mod entry;
mod expense;
mod exposed;
mod fault;
mod groups;
pub mod listing;
pub mod name;
pub mod name_file;
mod naming;
mod number;
mod places;
mod quick;
pub mod registries;
pub mod registry;
pub mod remembered;
pub mod resolve;
mod shape;
mod sharing;
mod shown;
pub mod signature;
mod snapshot;
mod spelling;
mod tool;
mod weight;

pub use entry::Entry;
pub use exposed::Exposed;
pub use listing::Listing;
pub use name_file::NameFile;
pub use registries::Registries;
pub use registry::{Registry, Rules};
pub use remembered::Remembered;
pub use shown::Shown;
pub use snapshot::{ServerTools, Snapshot};
pub use tool::{Hints, Parameters, Tool};
