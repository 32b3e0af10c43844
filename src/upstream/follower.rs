//! Who hears what a server says of its own accord while it works on a request: the client that caused the request, and
//! nobody else.

use std::fmt;

use futures_util::future::BoxFuture;

use crate::protocol::error::ErrorObject;

/// What a question of a server comes back with: the JSON text of the result.
pub type Reply = Result<Box<str>, ErrorObject>;

/// Who makes requests, as far as that can be known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Identity {
    /// The number of a client, which no other one has.
    Number(u64),
    /// What a client without a session, whose requests have no number in common, says that it is: the JSON text of its
    /// `clientInfo`.
    Program(Box<str>),
}

/// Stands for the client behind a request. Upstream knows of it no more than this.
pub trait Follower: fmt::Debug + Send + Sync {
    /// Tells clients apart: equal for all requests of one, and never 0.
    fn client(&self) -> u64;

    /// Tells whether requests that came one after another are of one client.
    fn identity(&self) -> Identity {
        Identity::Number(self.client())
    }

    /// Takes a notification, such as a log message; `params` is the JSON text of its parameters. Must not block.
    fn notified(&self, method: &str, params: &str);

    /// Puts a request of the server to the client, such as `sampling/createMessage`; dropped when the server withdraws it.
    fn asked(&self, method: &str, params: Option<&str>) -> BoxFuture<'static, Reply>;
}
