//! Direct mode: every tool, resource and prompt of every server by itself, as its server has it. What clients send and
//! servers answer travels as text in which only names and tokens are replaced.

mod audience;
mod calls;
mod completion;
mod contents;
mod desk;
mod errors;
mod follow;
mod gather;
mod headers;
mod introduction;
mod known;
mod listeners;
mod lists;
mod logging;
mod names;
mod owners;
mod parked;
mod pass;
mod prompts;
mod resources;
mod round;
mod serve;
mod sessions;
mod state;
mod subscriptions;
mod tasks;
mod template;
mod tools;

pub(super) use contents::{shrink_contents, shrink_messages, shrink_values};
pub(super) use follow::follower;
pub use listeners::Listening;
pub(super) use pass::write;
pub(super) use sessions::declares;
pub(super) use state::State;
