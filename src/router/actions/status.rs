//! `status`: how the servers are doing. Starts none of them.

use crate::router::answer::{self, ServerStatus, Status};
use crate::router::routing::{Router, TRANSPORT};
use crate::upstream::State;

/// Every configured server, the faulty entries included.
pub(in crate::router) fn show(router: &Router) -> Box<str> {
    let supervised = router.pool.iter().map(|(name, supervisor)| {
        let status = supervisor.status();
        ServerStatus {
            name: name.as_str(),
            transport: TRANSPORT,
            status: status.state.as_str(),
            tools: status.tools.unwrap_or(0),
            last_used: status
                .last_used
                .map(|at| humantime::format_rfc3339_millis(at).to_string()),
            error: status.error,
        }
    });
    let skipped = router.settings.skipped.iter().map(|skipped| ServerStatus {
        name: &skipped.name,
        transport: TRANSPORT,
        status: State::Disconnected.as_str(),
        tools: 0,
        last_used: None,
        error: Some(skipped.reason.clone()),
    });
    let servers = supervised.chain(skipped).collect();
    answer::result(&Status {
        action: "status",
        mode: "router",
        servers,
    })
}
