//! `call`: the upstream's own result comes back as it is.

use super::which::{self, Purpose, Which};
use crate::protocol::outcome::Outcome;
use crate::router::Error;
use crate::router::answer;
use crate::router::attempt::Attempt;
use crate::router::caller::Caller;
use crate::router::routing::{Router, unknown_tool};
use crate::router::shape::Form;

/// One call of one tool.
pub(in crate::router) struct Call<'a> {
    pub(in crate::router) tool: &'a str,
    /// The JSON text of an object.
    pub(in crate::router) params: &'a str,
    /// A jq filter for the result.
    pub(in crate::router) select: Option<&'a str>,
    pub(in crate::router) meta: Option<&'a str>,
    pub(in crate::router) caller: &'a Caller,
    pub(in crate::router) form: Form,
}

impl Call<'_> {
    /// Finds the server, calls the tool, and returns the result of the `mcp` tool.
    pub(in crate::router) async fn run(
        &self,
        router: &Router,
        server: Option<&str>,
    ) -> Result<Outcome, Error> {
        router.check_filter(self.select).await?;
        let purpose = Purpose::Calling { params: self.params };
        let found = match which::server(router, server, self.tool, purpose).await? {
            Which::Found(found) => found,
            Which::Ambiguous(question) => return Ok(answer::result(&question).into()),
        };
        let tools = router.tools_of(found).await?;
        let Some(tool) = tools.get(self.tool) else {
            return Err(unknown_tool(found.name, &tools, self.tool));
        };
        let (params, meta, caller) = (self.params, self.meta, self.caller);
        let answered =
            Attempt { found, tool, params, meta, caller, whole: None }.answered(router).await?;
        let picked = router.picked(found, &answered.result, self.select, None).await?;
        let shaped = router.shape(found, answered, picked, self.form).await;
        Ok(if self.form.is_own() {
            shaped.into_outcome()
        } else {
            shaped.into_envelope(found.name.as_str(), self.tool).into()
        })
    }
}
