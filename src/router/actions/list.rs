//! `list`: the tools of one server, or all servers with the number of theirs. What servers showed in an earlier run
//! answers it, too: to look around starts nothing that was ever reached.

use crate::router::Error;
use crate::router::answer::{self, Servers};
use crate::router::routing::{Enough, Router};

/// The server's tools, each in a line's worth of words.
pub(in crate::router) async fn tools(router: &Router, server: &str) -> Result<Box<str>, Error> {
    let found = router.find(server)?;
    let tools = router.known_tools_of(found).await?;
    Ok(answer::listed(found.name.as_str(), &tools))
}

/// Every server; those of which nothing is known are reached now, side by side.
pub(in crate::router) async fn servers(router: &Router) -> Box<str> {
    let servers = router.overview(Enough::Remembered).await;
    answer::result(&Servers { action: "list", servers })
}
