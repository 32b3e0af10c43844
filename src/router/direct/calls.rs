//! `tools/call`: through all that calls pass through, with the client's own parameters.

use super::errors;
use crate::base::json::Part;
use crate::protocol::content::json_result;
use crate::protocol::error::{ErrorObject, INVALID_PARAMS};
use crate::router::Error;
use crate::router::attempt::Attempt;
use crate::router::caller::Caller;
use crate::router::request::ToolCall;
use crate::router::routing::{Router, unknown_tool};
use crate::router::shape::Form;
use crate::upstream;

impl Router {
    pub(super) async fn call_direct(
        &self,
        params: &str,
        caller: &Caller,
    ) -> Result<Box<str>, ErrorObject> {
        let call = ToolCall::parse(params.into())?;
        if call.wants_task {
            self.direct.owners.enter(&caller.client);
        }
        let (server, own) = match self.owner_of_tool(&call.name, caller).await {
            Ok(owner) => owner,
            // Specification, Tools, Error Handling.
            Err(error @ (Error::UnknownTool { .. } | Error::NotFound { .. })) => {
                return Err(ErrorObject::new(INVALID_PARAMS, errors::with_hint(&error)));
            }
            Err(error) => return Ok(failed(&error)),
        };
        let found = self.find(server.as_str()).map_err(|error| errors::internal(&error))?;
        let shown = || self.registry_for(found.name, &caller.client).reviewed(found.name);
        let mut tools = shown().unwrap_or_default();
        // Hints of an earlier run shall not decide about further tries and the cache.
        if tools.is_remembered() {
            if let Err(source) = Box::pin(self.session_for(found, caller)).await {
                return Ok(failed(&found.failed(source)));
            }
            tools = shown().unwrap_or_default();
        }
        let Some(tool) = tools.get(&own) else {
            return Ok(failed(&unknown_tool(found.name, &tools, &own)));
        };
        let (arguments, meta) = (call.arguments.map_or("{}", Part::text), call.meta);
        let attempt = Attempt { found, tool, params: arguments, meta, caller, whole: Some(params) };
        match attempt.answered(self).await {
            Ok(answered) => {
                let result = self.shape(found, answered, None, Form::Direct).await.into_content();
                self.note_task(found, &caller.client, call.wants_task, &result);
                Ok(result)
            }
            Err(Error::Upstream { source: upstream::Error::Refused(error), .. }) => {
                Err(errors::fit(found, error))
            }
            Err(error) => Ok(failed(&error)),
        }
    }
}

/// What keeps a call from being made, or from being answered, is for the model to read.
fn failed(error: &Error) -> Box<str> {
    json_result(&error.answer(), true)
}
