//! The load generator: one thread without a runtime, whatever is called and however.

mod answer;
mod call;
mod connection;
mod handshake;
mod link;
mod naming;
mod pipe;
mod round;
mod sockets;
mod way;

pub(crate) use call::Call;
pub(crate) use round::{Figures, Round};
pub(crate) use sockets::{Endpoint, Sockets, allow_descriptors};
pub(crate) use way::{Opening, Way};
