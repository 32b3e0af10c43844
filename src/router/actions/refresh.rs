//! `refresh`: reconnects where needed and reads the tools anew.

use tokio::task::JoinSet;

use crate::router::answer::{self, Servers};
use crate::router::routing::{Router, TRANSPORT, failed};
use crate::router::{Error, Overview};

/// One server, whose failure is the answer, or all of them side by side, each with its own.
pub(in crate::router) async fn run(
    router: &Router,
    server: Option<&str>,
) -> Result<Box<str>, Error> {
    let mut failures = Vec::new();
    let only = server.map(|server| router.find(server)).transpose()?;
    if let Some(found) = only {
        found
            .supervisor
            .refresh()
            .await
            .map_err(|error| failed(found.name, error))?;
    } else {
        let mut refreshing = JoinSet::new();
        for (name, supervisor) in router.pool.iter() {
            let (name, supervisor) = (name.clone(), supervisor.clone());
            refreshing.spawn(async move { (name, supervisor.refresh().await) });
        }
        failures = refreshing.join_all().await;
        router.pool.make_room(0);
    }
    let snapshot = router.registry.snapshot();
    let error = |name| {
        let (_, outcome) = failures.iter().find(|(other, _)| other == name)?;
        outcome.as_ref().err().map(ToString::to_string)
    };
    let servers = router
        .pool
        .iter()
        .filter(|(name, _)| only.is_none_or(|found| found.name == *name))
        .map(|(name, _)| Overview {
            name: name.to_string(),
            transport: TRANSPORT,
            description: None,
            tools: snapshot.get(name.as_str()).map(|tools| tools.len()),
            error: error(name),
        });
    Ok(answer::result(&Servers {
        action: "refresh",
        servers: servers.collect(),
    }))
}
