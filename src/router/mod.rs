//! One request in, one reply out: the actions of the `mcp` tool. Knows no socket and no HTTP.

pub mod action;
mod actions;
mod answer;
mod arguments;
mod attempt;
pub mod caller;
mod clients;
mod current;
pub mod describe;
mod direct;
pub mod error;
mod failed;
mod in_force;
mod invocation;
mod item;
mod marks;
mod media;
mod overview;
mod promoted;
mod promotion;
pub mod request;
mod routing;
mod settings;
mod shape;
mod succession;
mod value;

pub use action::Action;
pub use answer::listed;
pub use caller::{Ask, Asks, Caller, Client, Notify};
pub use current::Current;
pub use direct::Listening;
pub use error::Error;
pub use in_force::{InForce, Pending};
pub use overview::Overview;
pub use routing::{Enough, Introduction, Router};
pub use settings::{Admin, LeftOut, Parts, Renewed, ServerSettings, Settings};
