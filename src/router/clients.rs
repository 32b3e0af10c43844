//! What each client sees under `mode: "auto"`: every tool by itself, or the one tool `mcp`.
//!
//! A client that looks for tools itself, and shows its model only those that it has found, gains nothing from `mcp` and
//! knows its own way better. Every other one pays for each tool in each request, so it gets `mcp`; `clientModes` says
//! otherwise for single clients.

use super::caller::Client;
use super::routing::Router;
use crate::config::{Exposure, Mode};

/// Clients that search tools themselves, by the names that they give themselves in `clientInfo`.
const SEARCHERS: [&str; 4] = [
    // Its tool search leaves the definitions of servers' tools out until the model has looked for them.
    "claude-code",
    // Definitions of servers' tools stand behind its own search as well.
    "codex-mcp-client",
    // It puts tools into groups, which the model opens, where there are many.
    "Visual Studio Code",
    "Visual Studio Code - Insiders",
];

impl Router {
    /// Whether this client sees every tool by itself.
    pub fn is_direct(&self, client: &Client) -> bool {
        mode(&self.settings.exposure, &client.name) == Mode::Direct
    }
}

/// `router` or `direct`.
fn mode(exposure: &Exposure, client: &str) -> Mode {
    match exposure.mode {
        Mode::Auto => exposure.clients.get(client).copied().unwrap_or_else(|| {
            if SEARCHERS.contains(&client) { Mode::Direct } else { Mode::Router }
        }),
        mode => mode,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(configured: Mode, client: &str, expected: Mode) {
        let clients = [("mine", Mode::Direct), ("claude-code", Mode::Router)];
        let clients = clients.map(|(name, mode)| (name.to_owned(), mode)).into();
        let exposure = Exposure { mode: configured, clients, ..Exposure::default() };
        assert_eq!(mode(&exposure, client), expected, "{client}");
    }

    #[test]
    fn the_config_decides_before_the_table() {
        check(Mode::Auto, "codex-mcp-client", Mode::Direct);
        check(Mode::Auto, "claude-code", Mode::Router);
        check(Mode::Auto, "mine", Mode::Direct);
        check(Mode::Auto, "", Mode::Router);
        check(Mode::Auto, "claude-ai", Mode::Router);
        check(Mode::Router, "mine", Mode::Router);
        check(Mode::Direct, "claude-code", Mode::Direct);
    }
}
