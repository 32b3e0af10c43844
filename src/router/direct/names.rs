//! Names of the bridge's own making and what they stand for.

use super::tools::ToolList;
use crate::config::{ServerName, ToolPrefix};
use crate::router::Error;
use crate::router::caller::Caller;
use crate::router::routing::Router;

impl Router {
    /// Whether names may stand without their server's.
    pub(super) fn may_be_plain(&self) -> bool {
        self.settings.exposure.tool_prefix != ToolPrefix::Always
    }

    /// The server and its own name of a tool, reached for the first time if need be.
    pub(super) async fn owner_of_tool(
        &self,
        name: &str,
        caller: &Caller,
    ) -> Result<(ServerName, String), Error> {
        if let Some(owner) = owner(&self.direct_tools(&caller.client), name) {
            return Ok(owner);
        }
        // Boxed, as it is rare, to keep the futures of calls small.
        let failures = Box::pin(self.reach_behind(name, caller)).await;
        if let Some(owner) = owner(&self.direct_tools(&caller.client), name) {
            return Ok(owner);
        }
        match failures.into_iter().next() {
            Some((server, source)) => Err(self.find(server.as_str())?.failed(source)),
            None => Err(Error::UnknownTool {
                server: None,
                tool: name.to_owned(),
                available: Vec::new(),
                unreachable: Vec::new(),
            }),
        }
    }
}

fn owner(list: &ToolList, name: &str) -> Option<(ServerName, String)> {
    list.names.owner(name).map(|(server, tool)| (server.clone(), tool.to_owned()))
}
