//! The servers: whether they can be reached, what their tools say, and whether these are what they were.

use std::collections::HashMap;

use super::checkup::{Checkup, Part};
use crate::app::App;
use crate::cli::printer::counted;
use crate::cli::servers::time;
use crate::config::Trust;
use crate::router::{Enough, Overview};
use crate::telemetry::logging::excerpt;
use crate::tools::Snapshot;

/// As much of an error as a line holds.
const ERROR_LENGTH: usize = 300;

/// At most this many lines about the tools of one server.
const MAX_LINES: usize = 20;

/// What the config says about servers.
#[derive(Debug, Default)]
pub(super) struct Known {
    /// Those that are left out, of which was told why.
    pub(super) skipped: Vec<String>,
    /// How far the others are trusted.
    pub(super) trust: HashMap<String, Trust>,
}

/// Reaches every server and looks at its tools.
pub(super) async fn look(app: &App, known: &Known, checkup: &mut Checkup) {
    for server in app.router().overview(Enough::Shown).await {
        if !known.skipped.contains(&server.name) {
            reached(&server, checkup);
        }
    }
    let snapshot = app.router().tools();
    for (name, _) in app.router().pool().iter() {
        let trust = known.trust.get(name.as_str()).copied().unwrap_or_default();
        definitions(&snapshot, name.as_str(), trust, checkup);
        pins(&snapshot, name.as_str(), checkup);
    }
}

fn reached(server: &Overview, checkup: &mut Checkup) {
    let name = server.name.clone();
    match (&server.error, server.tools) {
        (Some(error), _) => {
            let error = excerpt(error.as_bytes(), ERROR_LENGTH);
            let remedy = server.hint.clone().unwrap_or_else(|| {
                format!("mend its entry, or take it out with `bridge remove {name}`")
            });
            checkup.problem(Part::Server, name, error, remedy);
        }
        (None, Some(0)) => {
            let remedy = "look at its `toolFilter`, and at `bridge approve`";
            checkup.warning(Part::Server, name, "no tool of it can be called", remedy);
        }
        (None, Some(tools)) => {
            let tools = counted(tools, "tool");
            let message = match server.handshake {
                Some(took) => format!("reached in {}, with {tools}", time(took)),
                None => format!("reached, with {tools}"),
            };
            checkup.ok(Part::Server, name, message);
        }
        (None, None) => {
            let remedy = "run it again";
            checkup.warning(Part::Server, name, "it was reached and its tools are unknown", remedy);
        }
    }
}

/// What stands in the definitions of tools that should not.
fn definitions(snapshot: &Snapshot, server: &str, trust: Trust, checkup: &mut Checkup) {
    let findings = snapshot.findings(server);
    let remedy = match trust {
        Trust::Sanitize => {
            "agents read it cleaned (`trust` is `sanitize`); ask its maker why".to_owned()
        }
        Trust::Trusted | Trust::Untrusted => format!(
            "`\"trust\": \"sanitize\"` in its entry cleans it; if it is no mistake of its maker, `bridge remove {server}`"
        ),
    };
    for found in findings.iter().take(MAX_LINES) {
        let message = format!(
            "its definition says something suspicious at `{}` ({}): {}",
            found.pointer,
            found.kind.as_str(),
            found.excerpt
        );
        checkup.warning(Part::Tool, format!("{server}/{}", found.tool), message, remedy.clone());
    }
    if findings.len() > MAX_LINES {
        let message = format!("{} more definitions are suspicious", findings.len() - MAX_LINES);
        checkup.warning(Part::Server, server, message, remedy);
    }
}

/// Tools that are not what they were.
fn pins(snapshot: &Snapshot, server: &str, checkup: &mut Checkup) {
    let Some(tools) = snapshot.get(server) else { return };
    for (tool, note) in tools.notes().take(MAX_LINES) {
        let what = if note.withheld { "withheld" } else { "in use all the same" };
        let message = format!("{} ({what})", note.reason);
        checkup.warning(Part::Pin, format!("{server}/{tool}"), message, note.remedy.clone());
    }
    let count = tools.notes().count();
    if count > MAX_LINES {
        let message = format!("{} more tools are not what they were", count - MAX_LINES);
        checkup.warning(Part::Server, server, message, "`bridge approve` shows them all");
    }
}
