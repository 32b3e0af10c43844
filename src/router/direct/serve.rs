//! Which part of direct mode answers a request.

use super::errors;
use super::pass::Request;
use crate::base::json::{is_object, member};
use crate::protocol::error::{ErrorObject, INVALID_PARAMS};
use crate::protocol::method;
use crate::router::caller::{Asks, Caller};
use crate::router::routing::Router;

/// The result of a request that only wants to be done.
pub(super) const DONE: &str = "{}";

impl Router {
    /// The answer to a request of a client in direct mode.
    pub(in crate::router) async fn serve_direct(
        &self,
        method: &str,
        params: Option<&str>,
        caller: &Caller,
    ) -> Result<Box<str>, ErrorObject> {
        let params = params.unwrap_or("{}");
        if !is_object(params) {
            return Err(ErrorObject::new(INVALID_PARAMS, "`params` must be an object"));
        }
        let is_in_rounds =
            matches!(method, method::TOOLS_CALL | method::PROMPTS_GET | method::RESOURCES_READ)
                && matches!(caller.asks, Asks::Rounds);
        if is_in_rounds {
            return self.serve_in_rounds(method, params, caller).await;
        }
        self.answer_direct(method, params, caller).await
    }

    /// The same for a caller that is asked nothing, or by requests.
    pub(super) async fn answer_direct(
        &self,
        method: &str,
        params: &str,
        caller: &Caller,
    ) -> Result<Box<str>, ErrorObject> {
        match method {
            // Calls are what there is most of; the rest is boxed to keep their futures small.
            method::TOOLS_CALL => self.call_direct(params, caller).await,
            method::TOOLS_LIST
            | method::PROMPTS_LIST
            | method::RESOURCES_LIST
            | method::RESOURCES_TEMPLATES_LIST => {
                only_page(params)?;
                Box::pin(self.list_direct(method, caller)).await
            }
            method::PROMPTS_GET => Box::pin(self.prompt(params, caller)).await,
            method::COMPLETION_COMPLETE => Box::pin(self.complete(params, caller)).await,
            method::RESOURCES_READ => Box::pin(self.read_resource(params, caller)).await,
            method::RESOURCES_SUBSCRIBE => Box::pin(self.subscribe(params, caller)).await,
            method::RESOURCES_UNSUBSCRIBE => Box::pin(self.unsubscribe(params, caller)).await,
            method::LOGGING_SET_LEVEL => self.set_level(params, caller),
            _ if !method::is_request_of(caller.client.revision.era(), method) => {
                Err(errors::unknown_method(method))
            }
            method::TASKS_GET
            | method::TASKS_UPDATE
            | method::TASKS_CANCEL
            | method::TASKS_RESULT => Box::pin(self.serve_task(method, params, caller)).await,
            method::TASKS_LIST => {
                only_page(params)?;
                Box::pin(self.serve_task(method, params, caller)).await
            }
            _ => Box::pin(self.pass_on(method, params, caller)).await,
        }
    }

    /// A method that the protocol does not have. Of several servers nobody can say which is meant.
    async fn pass_on(
        &self,
        method: &str,
        params: &str,
        caller: &Caller,
    ) -> Result<Box<str>, ErrorObject> {
        let mut servers = self.pool.iter();
        let (Some((server, _)), None) = (servers.next(), servers.next()) else {
            return Err(errors::unknown_method(method));
        };
        let found = self.find(server.as_str()).map_err(|error| errors::internal(&error))?;
        self.fetched(found, Request { method, params, other: None, caller }).await
    }

    async fn list_direct(&self, method: &str, caller: &Caller) -> Result<Box<str>, ErrorObject> {
        Ok(match method {
            method::TOOLS_LIST => self.list_tools(caller).await,
            method::PROMPTS_LIST => self.list_prompts(caller).await,
            method::RESOURCES_LIST => self.list_resources(caller).await,
            _ => self.list_templates(caller).await,
        })
    }
}

/// Lists have one page, so that no cursor leads anywhere (specification, Pagination, Error Handling).
fn only_page(params: &str) -> Result<(), ErrorObject> {
    match member(params, "cursor") {
        None | Some("null") => Ok(()),
        Some(_) => Err(ErrorObject::new(INVALID_PARAMS, "there is no page with this `cursor`")),
    }
}
