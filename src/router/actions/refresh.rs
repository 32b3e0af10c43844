//! `refresh`: reconnects where needed and reads the tools anew.

use std::sync::Arc;

use crate::router::Error;
use crate::router::answer::{self, Servers};
use crate::router::routing::Router;
use crate::upstream::Supervisor;

/// One server, whose failure is the answer, or all of them side by side, each with its own.
pub(in crate::router) async fn run(
    router: &Router,
    server: Option<&str>,
) -> Result<Box<str>, Error> {
    let only = server.map(|server| router.find(server)).transpose()?;
    // Before the tools are read anew, so that no call in between brings an old result back.
    if let Some(found) = only {
        router.results.clear_server(found.name.as_str());
        router.flights.close_server(found.name.as_str());
    } else {
        router.results.clear();
        router.flights.close_all();
    }
    let failures = if let Some(found) = only {
        router.pool.make_room_for(std::slice::from_ref(found.supervisor));
        found.supervisor.refresh().await.map_err(|error| found.failed(error))?;
        Vec::new()
    } else {
        let refresh = |supervisor: Arc<Supervisor>| async move { supervisor.refresh().await };
        let all = router.pool.iter().map(|(name, server)| (name.clone(), server.clone())).collect();
        router.pool.visit(all, refresh).await
    };
    let wanted =
        router.pool.iter().filter(|(name, _)| only.is_none_or(|found| found.name == *name));
    let servers = wanted.map(|(name, _)| router.overview_of(name, &failures)).collect();
    Ok(answer::result(&Servers { action: "refresh", servers }))
}
