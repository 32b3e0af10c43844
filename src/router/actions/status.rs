//! `status`: how the servers are doing. Starts none of them.

use crate::config::ServerName;
use crate::guard::ToolFinding;
use crate::guard::pin::Note;
use crate::router::Error;
use crate::router::answer::{self, ChangedTool, Finding, ServerStatus, Status};
use crate::router::routing::{Router, TRANSPORT};
use crate::telemetry::logging::excerpt;
use crate::tools::Snapshot;
use crate::upstream::State;

/// So many changed tools are told; `bridge approve` shows all.
const MAX_CHANGED: usize = 50;

/// One server, or every configured one, those included that are left out.
pub(in crate::router) fn show(router: &Router, server: Option<&str>) -> Result<Box<str>, Error> {
    if let Some(server) = server {
        // An unknown one is told with the nearest names.
        match router.find(server) {
            Ok(_) | Err(Error::LeftOut { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    let snapshot = router.registry.snapshot();
    let wanted = |name: &str| server.is_none_or(|server| server == name);
    let served = router.pool.iter().filter(|(name, _)| wanted(name.as_str()));
    let served = served.map(|(name, supervisor)| {
        let (changed_tools, hint) = changed_tools(router, name);
        let status = supervisor.status();
        ServerStatus {
            name: name.as_str(),
            transport: Some(TRANSPORT),
            status: status.state.as_str(),
            tools: status.tools.unwrap_or(0),
            last_used: status.last_used.map(|at| humantime::format_rfc3339_millis(at).to_string()),
            error: status.error.map(|error| router.fit(name, &error)),
            changed_tools,
            findings: findings(router, &snapshot, name),
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
    Ok(answer::result(&Status { action: "status", mode: "router", servers }))
}

/// What stands in the definitions of a server's tools that should not, as far as the server was reached.
fn findings(router: &Router, snapshot: &Snapshot, server: &ServerName) -> Vec<Finding> {
    let found = snapshot.findings(server.as_str()).into_iter().take(MAX_CHANGED);
    let told = |found: ToolFinding| Finding {
        tool: router.fit(server, &found.tool),
        // Keys of a schema are the server's words, too.
        pointer: router.fit(server, &excerpt(found.pointer.as_bytes(), 128)),
        kind: found.kind,
    };
    found.map(told).collect()
}

/// The tools that are not as they were pinned, as far as the server was reached, and what to do about them.
fn changed_tools(router: &Router, server: &ServerName) -> (Vec<ChangedTool>, Option<String>) {
    let Some(tools) = router.registry.reviewed(server) else {
        return (Vec::new(), None);
    };
    let approve = || {
        format!(
            "their owner sees what changed with `bridge approve` and accepts it with `bridge approve {server}`"
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
