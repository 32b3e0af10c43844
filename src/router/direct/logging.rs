//! `logging/setLevel`: for all servers, and for the client that asks.

use futures_util::future::join_all;

use super::pass::Request;
use super::serve::DONE;
use crate::protocol::error::{ErrorObject, INVALID_PARAMS};
use crate::protocol::log::Level;
use crate::protocol::method;
use crate::router::caller::{Caller, Client};
use crate::router::routing::Router;
use crate::telemetry::logging::excerpt;

impl Router {
    /// Tells every server that runs. A server that refuses does not log, or as it likes; what it logs below the level
    /// does not reach the client.
    pub(super) async fn set_level(
        &self,
        params: &str,
        caller: &Caller,
    ) -> Result<Box<str>, ErrorObject> {
        let Some(level) = Level::of(params) else {
            let names = Level::ALL.map(Level::as_str).join(", ");
            let message = format!("`logging/setLevel` needs `level`, one of {names}");
            return Err(ErrorObject::new(INVALID_PARAMS, message));
        };
        self.direct.levels().insert(caller.client.id, level);
        let open = self.pool.iter().filter(|(_, supervisor)| supervisor.is_open());
        let told = open.filter_map(|(name, _)| self.find(name.as_str()).ok()).map(async |found| {
            let method = method::LOGGING_SET_LEVEL;
            if let Err(error) =
                self.pass(found, Request { method, params, other: None, caller }).await
            {
                let why = excerpt(error.to_string().as_bytes(), 200);
                tracing::debug!("`{}` takes no level for its logs: {why}", found.name);
            }
        });
        join_all(told).await;
        Ok(DONE.into())
    }

    /// From which level on the client wants log messages, where it has said so.
    pub(super) fn level_of(&self, client: &Client) -> Option<Level> {
        self.direct.levels().get(&client.id).copied()
    }
}
