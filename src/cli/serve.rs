//! `bridge`: serves MCP on stdin and stdout.

use std::io::IsTerminal;

use super::exit::{Exit, Failure};
use super::printer::Printer;
use crate::app::{App, lifecycle};

/// Serves until the client leaves or a signal asks to stop.
pub(super) async fn run(app: App, printer: Printer) -> Result<Exit, Failure> {
    if std::io::stdin().is_terminal() {
        printer.talk(
            "waiting for an MCP client on stdin, which usually starts this program itself; \
             `bridge --help` shows what else there is, Ctrl-C ends",
        );
    }
    lifecycle::serve_stdio(app)
        .await
        .map(|()| Exit::Done)
        .map_err(|error| Failure::new(Exit::Failed, format!("stdin or stdout failed: {error}")))
}
