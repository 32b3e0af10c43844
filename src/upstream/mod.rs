//! The servers that we call: each is started when it is first needed, watched while it runs and closed when idle.
//!
//! [`Pool`] holds one [`Supervisor`] per configured server, a supervisor holds at most one [`Session`], and a
//! session is one running conversation. Nothing in here knows who called.

mod carrier;
mod child;
mod connection;
pub mod error;
pub mod follower;
pub mod guardian;
mod handshake;
mod inbound;
mod listing;
mod pending;
mod pipe;
pub mod pool;
mod questions;
pub mod session;
mod start;
pub mod status;
mod stderr;
pub mod supervisor;
mod surroundings;
mod upkeep;

pub use error::Error;
pub use follower::Follower;
pub use pending::OnProgress;
pub use pool::Pool;
pub use session::{Session, Watch, Withdrawn};
pub use start::LONGEST_START;
pub use status::{State, Status};
pub use supervisor::{Settings, Supervisor};
