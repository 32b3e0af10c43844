//! Calls over HTTP: where a server is ([`Endpoint`]), who asks it ([`Client`]), and what comes of it ([`Answer`]).

mod answer;
mod client;
mod endpoint;
mod error;

pub use answer::{Answer, Content};
pub use client::Client;
pub(crate) use client::{USER_AGENT, tls};
pub use endpoint::{Endpoint, Unusable};
pub use error::Error;
