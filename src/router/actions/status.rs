//! `status`: how the servers are doing. Starts none of them.

use std::collections::HashMap;

use crate::config::ServerName;
use crate::guard::ToolFinding;
use crate::guard::pin::Note;
use crate::router::Error;
use crate::router::answer::{self, ChangedTool, Finding, ServerStatus, Status};
use crate::router::routing::Router;
use crate::router::shape::off_thread;
use crate::telemetry::logging::excerpt;
use crate::upstream::State;

/// So many changed tools are told; `bridge approve` shows all.
const MAX_CHANGED: usize = 50;

/// One server, or every configured one, those included that are left out.
pub(in crate::router) async fn show(
    router: &Router,
    server: Option<&str>,
) -> Result<Box<str>, Error> {
    if let Some(server) = server {
        // An unknown one is told with the nearest names.
        match router.find(server) {
            Ok(_) | Err(Error::LeftOut { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    let mut found = findings(router, server).await;
    let wanted = |name: &str| server.is_none_or(|server| server == name);
    let served = router.pool.iter().filter(|(name, _)| wanted(name.as_str()));
    let served = served.map(|(name, supervisor)| {
        let (changed_tools, hint) = changed_tools(router, name);
        let status = router.pool.status(supervisor);
        ServerStatus {
            name: name.as_str(),
            transport: Some(supervisor.transport()),
            status: status.state.as_str(),
            tools: status.tools.unwrap_or(0),
            last_used: status.last_used.map(|at| humantime::format_rfc3339_millis(at).to_string()),
            error: status.error.map(|error| router.fit(name, &error)),
            changed_tools,
            findings: found.remove(name).unwrap_or_default(),
            hint,
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
        changed_tools: Vec::new(),
        findings: Vec::new(),
        hint: None,
    });
    let servers = served.chain(left_out).collect();
    Ok(answer::result(&Status {
        action: "status",
        mode: router.settings.exposure.mode.name(),
        intent_search: server.is_none().then(|| router.finder.about()),
        servers,
        config: router.in_force.pending(),
    }))
}

/// What stands in the definitions of the tools of each server, or of one, that should not, as far as they were reached.
/// To look takes a while, and others do not wait for it.
async fn findings(router: &Router, only: Option<&str>) -> HashMap<ServerName, Vec<Finding>> {
    let snapshot = router.registry.snapshot();
    let names: Vec<ServerName> = router
        .pool
        .iter()
        .map(|(name, _)| name.clone())
        .filter(|name| only.is_none_or(|only| only == name.as_str()))
        .collect();
    let look = move || -> Vec<(ServerName, Vec<ToolFinding>)> {
        let of = |name: ServerName| {
            let found = snapshot.findings(name.as_str());
            (name, found)
        };
        names.into_iter().map(of).collect()
    };
    let found = off_thread(usize::MAX, look).await;
    let told = |(server, found): (ServerName, Vec<ToolFinding>)| {
        let tell = |found: ToolFinding| Finding {
            tool: router.fit(&server, &found.tool),
            // Keys of a schema are the server's words, too.
            pointer: router.fit(&server, &excerpt(found.pointer.as_bytes(), 128)),
            kind: found.kind,
        };
        let found = found.into_iter().take(MAX_CHANGED).map(tell).collect();
        (server, found)
    };
    found.into_iter().map(told).collect()
}

/// The tools that are not as they were pinned, as far as the server was reached, and what to do about them.
fn changed_tools(router: &Router, server: &ServerName) -> (Vec<ChangedTool>, Option<String>) {
    let Some(tools) = router.registry.reviewed(server) else {
        return (Vec::new(), None);
    };
    let approve = || {
        format!(
            "their owner sees what changed with `bridge approve` and accepts all of it with `bridge approve {server}`"
        )
    };
    let remedy =
        |(_, note): (&str, &Note)| if note.is_pending { approve() } else { note.remedy.clone() };
    let hint = tools.notes().next().map(remedy);
    let told = tools.notes().take(MAX_CHANGED).map(|(tool, note)| ChangedTool {
        tool: router.fit(server, &excerpt(tool.as_bytes(), 128)),
        withheld: note.withheld,
        difference: router.fit(server, &note.difference),
    });
    (told.collect(), hint)
}
