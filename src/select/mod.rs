//! jq filters over JSON texts, in processes of their own, so that no filter can hang the bridge.
//!
//! A filter may loop for ever, nest without end or ask for all memory, and a thread can not be stopped. So the bridge's
//! own program, started with a hidden command, runs the filters: one worker is kept warm, and one that takes too long
//! is killed. Filters see nothing but their input: no environment, no files, no modules, no clock's time zone.

mod engine;
mod fault;
mod frame;
mod limits;
mod output;
mod process;
mod selector;
mod surrogates;
mod worker;

pub use engine::{place, run};
pub use fault::{Error, Fault, Position};
pub use selector::Selector;
pub use worker::{COMMAND, work};
