//! How a request finds what answers it: the tool that is called, and the action that is meant.

use std::sync::Arc;

use super::action::Action;
use super::caller::{Caller, Client};
use super::request::ToolCall;
use super::routing::Router;
use super::{Error, actions, describe};
use crate::base::json::Part;
use crate::protocol::content::json_result;
use crate::protocol::error::{ErrorObject, INVALID_PARAMS, METHOD_NOT_FOUND};
use crate::protocol::method;
use crate::protocol::outcome::Outcome;
use crate::telemetry::logging::excerpt;

impl Router {
    /// The answer to a request of a client that has introduced itself.
    pub async fn serve(
        &self,
        method: &str,
        params: Option<Part<'_>>,
        caller: &Caller,
    ) -> Result<Outcome, ErrorObject> {
        if self.is_direct(&caller.client) {
            let params = params.map(Part::text);
            return self.serve_direct(method, params, caller).await.map(Outcome::from);
        }
        match method {
            method::TOOLS_CALL => self.call_tool(params, caller).await,
            method::TOOLS_LIST => Ok(Outcome::from(Box::<str>::from(self.tool_list()))),
            _ => {
                let message = format!("unknown method `{}`", excerpt(method.as_bytes(), 80));
                Err(ErrorObject::new(METHOD_NOT_FOUND, message))
            }
        }
    }

    /// The answer to `tools/call` with these parameters. What goes wrong inside the `mcp` tool is a tool result
    /// that says so; a JSON-RPC error means that the request was none (specification, Tools, Error Handling).
    pub async fn call_tool(
        &self,
        params: Option<Part<'_>>,
        caller: &Caller,
    ) -> Result<Outcome, ErrorObject> {
        let failed = |error: Error| Outcome::from(json_result(&error.answer(), true));
        let call = ToolCall::parse(params.unwrap_or_else(|| "".into()))?;
        if call.name != describe::TOOL {
            if let Some(reply) = Box::pin(self.call_promoted(&call, caller)).await {
                return Ok(reply.unwrap_or_else(failed));
            }
            let message = format!(
                "unknown tool `{name}`: call `{mcp}` with {{\"tool\": \"{name}\", \"params\": {{…}}}}",
                name = excerpt(call.name.as_bytes(), 128),
                mcp = describe::TOOL
            );
            return Err(ErrorObject::new(INVALID_PARAMS, message));
        }
        let reply = match Action::parse(call.arguments, self.settings.max_batch_size) {
            Ok(action) => self.act(action, call.meta, caller).await,
            Err(error) => Err(error),
        };
        Ok(reply.unwrap_or_else(failed))
    }

    /// Carries out one action.
    pub async fn act(
        &self,
        action: Action<'_>,
        meta: Option<&str>,
        caller: &Caller,
    ) -> Result<Outcome, Error> {
        match action {
            Action::Call { server, tool, params, select } => {
                let (tool, params, select) = (&*tool, &*params, select.as_deref());
                let form = self.settings.call_format.into();
                let call = actions::call::Call { tool, params, select, meta, caller, form };
                call.run(self, server.as_deref()).await
            }
            // Calls are what there is most of; the rest is boxed to keep their futures small.
            other => Box::pin(self.act_otherwise(other, meta, caller)).await.map(Outcome::from),
        }
    }

    /// Carries out an action that is no call of one tool.
    async fn act_otherwise(
        &self,
        action: Action<'_>,
        meta: Option<&str>,
        caller: &Caller,
    ) -> Result<Box<str>, Error> {
        match action {
            Action::Call { .. } => unreachable!("`act` makes calls"),
            Action::Batch { items } => {
                Box::pin(actions::batch::run(self, &items, meta, caller)).await
            }
            Action::Intent { intent } => Box::pin(actions::intent::find(self, &intent)).await,
            Action::List { server: Some(server) } => {
                Box::pin(actions::list::tools(self, &server)).await
            }
            Action::List { server: None } => Ok(Box::pin(actions::list::servers(self)).await),
            Action::Schema { server, tool } => {
                Box::pin(actions::schema::show(self, server.as_deref(), &tool)).await
            }
            Action::Status { server } => {
                Box::pin(actions::status::show(self, server.as_deref())).await
            }
            Action::Read { id, offset, select } => {
                Box::pin(actions::read::run(self, &id, offset, select.as_deref())).await
            }
            Action::Install { server, alias } => {
                let wanted = actions::install::Wanted { name: &server, alias: alias.as_deref() };
                Box::pin(actions::install::run(self, wanted)).await
            }
            Action::Remove { .. } | Action::SetEnv { .. } | Action::SetMode { .. } => {
                Box::pin(actions::admin::run(self, action)).await
            }
            Action::Search { query } => Box::pin(actions::catalog::search(self, &query)).await,
            Action::Catalog { category } => {
                Box::pin(actions::catalog::list(self, category.as_deref())).await
            }
            Action::Promotions => Ok(actions::promotions::show(self)),
            Action::Refresh { server } => {
                Box::pin(actions::refresh::run(self, server.as_deref())).await
            }
        }
    }

    /// Takes a notification of a client.
    pub fn notified(&self, method: &str, params: Option<&str>, client: &Arc<Client>) {
        if method == method::ROOTS_LIST_CHANGED && self.is_direct(client) {
            self.pool.notify(client.id, method, params.unwrap_or("{}"));
        }
    }

    /// The client is gone: sessions of its own with servers end.
    pub fn left(&self, client: &Client) {
        self.forget(client);
        self.pool.release(client.id);
    }
}
