//! `bridge servers`: what is configured, and does it work.

use serde_json::json;

use super::exit::{Exit, Failure};
use super::printer::Printer;
use crate::app::App;
use crate::router::Enough;
use crate::telemetry::logging::excerpt;

/// Said where a list would be empty.
pub(super) const NOBODY: &str =
    "no server is configured, or all are disabled; `bridge init --example` shows how it is done";
/// As much of an error as a table holds.
const ERROR_LENGTH: usize = 300;

/// Reaches every server and tells how many tools it has, or why it cannot be reached.
pub(super) async fn run(app: &App, printer: Printer) -> Result<Exit, Failure> {
    let servers = app.router().overview(Enough::Shown).await;
    if printer.json {
        let list = servers.iter().map(|server| {
            json!({
                "name": server.name,
                "transport": server.transport,
                "description": server.description,
                "tools": server.tools,
                "error": server.error,
                "hint": server.hint,
            })
        });
        printer.json(&json!({ "servers": list.collect::<Vec<_>>() }));
    } else if servers.is_empty() {
        printer.talk(NOBODY);
    } else {
        let mut rows = vec![vec!["SERVER".to_owned(), "TOOLS".to_owned(), String::new()]];
        rows.extend(servers.iter().map(|server| {
            let tools = server.tools.map_or_else(|| "-".to_owned(), |tools| tools.to_string());
            let about = match (&server.error, &server.description) {
                (Some(error), _) => format!("FAILED: {}", excerpt(error.as_bytes(), ERROR_LENGTH)),
                (None, about) => about.clone().unwrap_or_default(),
            };
            vec![server.name.clone(), tools, about]
        }));
        printer.table(&rows);
        for server in &servers {
            if let Some(hint) = &server.hint {
                printer.talk(&format!("`{}`: {hint}", server.name));
            }
        }
    }
    let failed = servers.iter().any(|server| server.error.is_some());
    Ok(if failed { Exit::Upstream } else { Exit::Done })
}
