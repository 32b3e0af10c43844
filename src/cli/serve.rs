//! `bridge`: serves MCP on stdin and stdout.

use super::exit::{Exit, Failure};
use crate::app::{App, lifecycle};

/// Serves until the client leaves or a signal asks to stop.
pub(super) async fn run(app: App) -> Result<Exit, Failure> {
    lifecycle::serve_stdio(app)
        .await
        .map(|()| Exit::Done)
        .map_err(|error| Failure::new(Exit::Failed, format!("stdin or stdout failed: {error}")))
}
