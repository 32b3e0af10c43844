//! `status`: how the servers are doing. Starts none of them.

use crate::router::Error;
use crate::router::answer::{self, ServerStatus, Status};
use crate::router::routing::{Router, TRANSPORT};
use crate::upstream::State;

/// One server, or every configured one, those included that are left out.
pub(in crate::router) fn show(router: &Router, server: Option<&str>) -> Result<Box<str>, Error> {
    if let Some(server) = server {
        // An unknown one is told with the nearest names.
        match router.find(server) {
            Ok(_) | Err(Error::LeftOut { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    let wanted = |name: &str| server.is_none_or(|server| server == name);
    let served = router.pool.iter().filter(|(name, _)| wanted(name.as_str()));
    let served = served.map(|(name, supervisor)| {
        let status = supervisor.status();
        ServerStatus {
            name: name.as_str(),
            transport: Some(TRANSPORT),
            status: status.state.as_str(),
            tools: status.tools.unwrap_or(0),
            last_used: status.last_used.map(|at| humantime::format_rfc3339_millis(at).to_string()),
            error: status.error.map(|error| router.fit(name, &error)),
        }
    });
    let left_out = router.settings.left_out.iter().filter(|server| wanted(&server.name));
    let left_out = left_out.map(|server| ServerStatus {
        name: &server.name,
        transport: server.transport,
        status: State::Disconnected.as_str(),
        tools: 0,
        last_used: None,
        error: Some(server.reason.clone()),
    });
    let servers = served.chain(left_out).collect();
    Ok(answer::result(&Status { action: "status", mode: "router", servers }))
}
