//! What a server's tool is called by, which routers change each in its own way.

use serde::Deserialize;
use serde_json::{Value, json};

/// How tools are named towards the client.
#[derive(Clone)]
pub(crate) enum Naming {
    /// By a tool of their own each, with something before or after the server's name for it.
    Plain { before: String, after: String },
    /// By one tool, which takes the names of server and tool.
    Router { server: String },
}

/// The tool by which namings are found out.
const KNOWN: &str = "echo";
/// The bridge's one tool in router mode.
const ROUTER: &str = "mcp";

#[derive(Deserialize)]
struct List {
    result: Page,
}

#[derive(Deserialize)]
struct Page {
    tools: Vec<Tool>,
}

#[derive(Deserialize)]
struct Tool {
    name: String,
}

impl Naming {
    /// By the answer to `tools/list`; none while the server's tools are not there yet.
    pub(super) fn discover(answer: &[u8]) -> Option<Self> {
        let tools = serde_json::from_slice::<List>(answer).ok()?.result.tools;
        let plain = tools.iter().find_map(|tool| tool.name.split_once(KNOWN));
        if let Some((before, after)) = plain {
            return Some(Self::Plain { before: before.to_owned(), after: after.to_owned() });
        }
        let has_router = tools.iter().any(|tool| tool.name == ROUTER);
        has_router.then(|| Self::Router { server: "one".to_owned() })
    }

    /// The name in `tools/call`.
    pub(super) fn name(&self, tool: &str) -> String {
        match self {
            Self::Plain { before, after } => format!("{before}{tool}{after}"),
            Self::Router { .. } => ROUTER.to_owned(),
        }
    }

    /// The params of `tools/call`.
    pub(super) fn params(&self, tool: &str, arguments: &Value) -> Value {
        let arguments = match self {
            Self::Plain { .. } => arguments.clone(),
            Self::Router { server } => {
                json!({"action": "call", "server": server, "tool": tool, "params": arguments})
            }
        };
        json!({"name": self.name(tool), "arguments": arguments})
    }
}
