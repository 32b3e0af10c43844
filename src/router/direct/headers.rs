//! Which arguments of a tool travel in HTTP headers as well, for those who check these headers.

use std::sync::Arc;

use memchr::memmem;

use crate::protocol::headers::{self, Annotations};
use crate::router::caller::{Caller, Client};
use crate::router::routing::Router;
use crate::tools::name::qualified;

impl Router {
    /// What headers say of the arguments of the tool that this client knows by this name; its server is reached for it if
    /// it never was. Nothing where there is no such tool, and where its annotations are none by which a client could call
    /// it (revision 2026-07-28, Streamable HTTP, Custom Headers from Tool Parameters).
    pub async fn argument_headers(&self, tool: &str, client: &Arc<Client>) -> Option<Annotations> {
        let (registry, server, own) = if self.is_direct(client) {
            let list = self.direct_tools(client);
            let is_settled = list.is_given || !self.may_be_plain();
            if is_settled && !list.annotated.contains(tool) && list.names.owner(tool).is_some() {
                return None;
            }
            let caller = Caller::alone(client.clone());
            // Boxed, as it is rare, to keep the futures of calls small.
            let (server, own) = Box::pin(self.owner_of_tool(tool, &caller)).await.ok()?;
            (self.registry_for(&server, client), server, own)
        } else {
            let (server, own) =
                self.promotion.find(|(server, own)| qualified(server, own) == tool)?;
            (&self.registry, server, own)
        };
        let tools = registry.reviewed(&server)?;
        let schema = tools.get(&own)?.definition.input_schema()?;
        // Few tools have any, and looking for the word in the text costs next to nothing.
        memmem::find(schema.as_bytes(), headers::KEYWORD.as_bytes())?;
        Annotations::parse(schema).ok()
    }
}
