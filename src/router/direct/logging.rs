//! `logging/setLevel`: for all servers, and for the client that asks.

use super::serve::DONE;
use crate::protocol::error::{ErrorObject, INVALID_PARAMS};
use crate::protocol::log::Level;
use crate::router::caller::{Caller, Client};
use crate::router::routing::Router;

impl Router {
    /// From now on the client has sessions of its own, each of which is told before its next request. A server that
    /// refuses logs as it likes; what is below the level does not reach the client.
    pub(super) fn set_level(&self, params: &str, caller: &Caller) -> Result<Box<str>, ErrorObject> {
        let Some(level) = Level::of(params) else {
            let names = Level::ALL.map(Level::as_str).join(", ");
            let message = format!("`logging/setLevel` needs `level`, one of {names}");
            return Err(ErrorObject::new(INVALID_PARAMS, message));
        };
        self.direct.clients.levels().insert(caller.client.id, level);
        Ok(DONE.into())
    }

    /// From which level on the client wants log messages, where it has said so.
    pub(super) fn level_of(&self, client: &Client) -> Option<Level> {
        self.direct.clients.levels().get(&client.id).copied()
    }
}
