//! `completion/complete`: how an argument of a prompt, or of a template, may go on.

use super::errors;
use super::pass::Request;
use crate::base::json::{member, string};
use crate::protocol::error::{ErrorObject, INVALID_PARAMS};
use crate::protocol::method;
use crate::router::caller::Caller;
use crate::router::routing::Router;
use crate::router::shape::Form;

impl Router {
    pub(super) async fn complete(
        &self,
        params: &str,
        caller: &Caller,
    ) -> Result<Box<str>, ErrorObject> {
        let method = method::COMPLETION_COMPLETE;
        let about = member(params, "ref").unwrap_or_default();
        let text = |name| member(about, name).and_then(|spelt| Some((spelt, string(spelt)?)));
        if let Some((_, uri)) = text("uri") {
            let request = Request { method, params, other: None, caller };
            let (found, result) = self.ask_owners(request, &uri).await?;
            return Ok(self.fit_to_travel(found, result, Form::Values).await);
        }
        let Some((spelt, name)) = text("name") else {
            let message =
                "`completion/complete` needs `ref` with the `name` of a prompt or a `uri`";
            return Err(ErrorObject::new(INVALID_PARAMS, message));
        };
        let (server, own) = self.owner_of_prompt(&name, caller).await?;
        let found = self.find(server.as_str()).map_err(|error| errors::internal(&error))?;
        let own = serde_json::to_string(&own).expect("a string always serialises");
        let request = Request { method, params, other: Some((spelt, &own)), caller };
        self.fetched(found, request).await
    }
}
