//! Changes to the files of the configuration, for commands and for agents: servers added and removed, a mode, limits and
//! variables set.
//!
//! The files belong to the user. A change is a splice in the text, all other bytes stay; the file behind a symbolic
//! link is changed, the link stays; and a change that would cost a configuration or a server that runs now is refused.
//! The functions block: on files, and for moments on other processes that change the same ones.

mod add;
mod edited;
mod entries;
mod env;
mod env_text;
mod error;
mod mode;
mod rate_limit;
mod remove;
pub(crate) mod shape;

pub use add::{Added, AddedServer, Addition, add, configured, have_values};
pub use edited::{Edited, Target};
pub use env::{EnvEdited, check_name, read_env_file, set_env, unset_env, users_of, variables};
pub use error::Error;
pub use mode::set_mode;
pub use rate_limit::{Change, Limited, Limits, rate_limits, set_rate_limit};
pub use remove::{Leftover, Removed, names_of, remove};
