//! `list`: the tools of one server, or all servers with the number of theirs.

use crate::router::Error;
use crate::router::answer::{self, Servers};
use crate::router::routing::Router;

/// The server's tools, each in a line's worth of words.
pub(in crate::router) async fn tools(router: &Router, server: &str) -> Result<Box<str>, Error> {
    let found = router.find(server)?;
    let tools = router.tools_of(found).await?;
    Ok(answer::listed(found.name.as_str(), &tools))
}

/// Every server; those that were never reached are reached now, side by side.
pub(in crate::router) async fn servers(router: &Router) -> Box<str> {
    answer::result(&Servers { action: "list", servers: router.overview().await })
}
