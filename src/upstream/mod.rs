//! The servers that we call: each is started when it is first needed, watched while it runs and closed when idle.
//!
//! [`Pool`] holds one [`Supervisor`] per configured server, and further ones where clients cannot share it ([`lease`]).
//! A supervisor holds at most one [`Session`], and a session is one running conversation. Nothing in here knows who called.

mod attempts;
mod attribution;
mod call;
mod carrier;
pub mod changes;
mod child;
mod connection;
mod eras;
pub mod error;
pub mod follower;
mod handshake;
mod http;
mod inbound;
mod last_words;
pub mod lease;
mod listen;
mod listing;
pub mod login;
mod pending;
mod phase;
mod pipe;
pub mod pool;
mod process;
mod questions;
mod refused;
mod remote;
mod rounds;
pub mod session;
mod shared;
mod spares;
mod sse;
mod start;
pub mod status;
mod stderr;
mod stream;
mod streamable_http;
mod subscriptions;
pub mod supervisor;
pub mod terms;
mod upkeep;
mod waiting;

pub use changes::Change;
pub use error::Error;
pub use follower::{Follower, Identity, Reply};
pub use lease::Lease;
pub use login::Login;
pub use pool::Pool;
pub use session::{Declares, Session, Watch, Withdrawn};
pub use shared::Settings;
pub use start::LONGEST_START;
pub use status::{State, Status};
pub use supervisor::Supervisor;
pub use terms::{Established, Tenant, Terms};
pub use waiting::OnProgress;
