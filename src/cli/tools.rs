//! `bridge tools [SERVER]`: what can be called.

use clap::Args;
use serde_json::{Value, json};

use super::call::failure;
use super::exit::{Exit, Failure};
use super::printer::Printer;
use super::servers::NOBODY;
use crate::app::App;
use crate::guard::pin::Note;
use crate::router::Enough;
use crate::tools::{Parameters, Tool};

pub(super) const EXAMPLES: &str = "\
Examples:
  bridge tools                 every tool of every server
  bridge tools filesystem      those of one server, with their required parameters
  bridge tools --json";

/// What `bridge tools` takes.
#[derive(Debug, Args)]
pub(super) struct Tools {
    /// Only the tools of this server
    pub(super) server: Option<String>,
}

/// Lists one server's tools, or all tools; servers that cannot be reached are told on stderr.
pub(super) async fn run(app: &App, printer: Printer, arguments: &Tools) -> Result<Exit, Failure> {
    let mut unreachable = 0;
    if let Some(server) = &arguments.server {
        app.router().reach(server).await.map_err(|error| failure(&error))?;
    } else {
        for server in app.router().overview(Enough::Shown).await {
            if let Some(error) = server.error {
                printer.warn(&format!("server `{}`: {error}", server.name));
                unreachable += 1;
            }
        }
    }
    let snapshot = app.router().tools();
    let wanted = |server: &str| arguments.server.as_deref().is_none_or(|only| only == server);
    for (name, _) in app.router().pool().iter().filter(|(name, _)| wanted(name.as_str())) {
        let tools = snapshot.get(name.as_str());
        let notes = tools.into_iter().flat_map(|tools| tools.notes().map(|(_, note)| note));
        let withheld: Vec<&Note> = notes.filter(|note| note.withheld).collect();
        for found in snapshot.findings(name.as_str()) {
            let (tool, pointer, kind) = (found.tool, found.pointer, found.kind.as_str());
            printer.warn(&format!(
                "tool `{tool}` of `{name}` says something suspicious at `{pointer}` ({kind}): {}",
                found.excerpt
            ));
        }
        if !withheld.is_empty() {
            let remedy = match withheld.iter().find(|note| !note.is_pending) {
                Some(note) => format!("{}; {}", note.reason, note.remedy),
                None => "`bridge approve` shows what changed".to_owned(),
            };
            let count = withheld.len();
            printer.warn(&format!("tools of `{name}` that are withheld: {count}; {remedy}"));
        }
    }
    let tools: Vec<(&str, &Tool)> = snapshot
        .iter()
        .map(|(server, tool)| (server.as_str(), tool))
        .filter(|(server, _)| wanted(server))
        .collect();
    if printer.json {
        let list = tools.iter().map(|(server, tool)| {
            let schema = tool.definition.input_schema();
            json!({
                "server": server,
                "name": tool.definition.name,
                "description": tool.definition.description(),
                "inputSchema": schema.and_then(|json| serde_json::from_str::<Value>(json).ok()),
            })
        });
        printer.json(&json!({ "tools": list.collect::<Vec<_>>() }));
    } else if tools.is_empty() && unreachable == 0 {
        printer.talk(if app.router().pool().is_empty() { NOBODY } else { "there are no tools" });
    } else {
        let row = |(server, tool): &(&str, &Tool)| {
            let Parameters { named, required } = tool.parameters();
            let parameters = named
                .into_iter()
                .map(|name| if required.contains(&name) { name } else { format!("{name}?") });
            let call =
                format!("{}({})", tool.definition.name, parameters.collect::<Vec<_>>().join(", "));
            let limit = snapshot.get(server).and_then(|tools| tools.limit());
            vec![(*server).to_owned(), call, tool.summary(limit)]
        };
        printer.table(&tools.iter().map(row).collect::<Vec<_>>());
    }
    Ok(if unreachable > 0 { Exit::Upstream } else { Exit::Done })
}
