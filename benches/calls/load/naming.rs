//! What a server's tool is called by, which routers change each in its own way.

use serde::Deserialize;
use serde_json::{Value, json};

/// How tools are named towards the client.
#[derive(Clone)]
pub(crate) enum Naming {
    /// By a tool of their own each, with something before or after the server's name for it.
    Plain { before: String, after: String },
    /// By one tool, which takes the names of server and tool.
    Router { by: &'static RouterTool, server: String },
}

/// A tool through which all others are called.
pub(crate) struct RouterTool {
    name: &'static str,
    /// What is to be done, where the tool does more than call.
    action: Option<&'static str>,
    /// The member that holds the arguments of the tool that is meant.
    arguments: &'static str,
}

/// The tool by which namings are found out.
const KNOWN: &str = "echo";
/// The bridge's in router mode, and that of mcp-multiplexer.
const ROUTERS: [RouterTool; 2] = [
    RouterTool { name: "mcp", action: Some("call"), arguments: "params" },
    RouterTool { name: "call_tool", action: None, arguments: "arguments" },
];

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
        let by = ROUTERS.iter().find(|router| tools.iter().any(|tool| tool.name == router.name))?;
        Some(Self::Router { by, server: "one".to_owned() })
    }

    /// The name in `tools/call`.
    pub(super) fn name(&self, tool: &str) -> String {
        match self {
            Self::Plain { before, after } => format!("{before}{tool}{after}"),
            Self::Router { by, .. } => by.name.to_owned(),
        }
    }

    /// The params of `tools/call`.
    pub(super) fn params(&self, tool: &str, arguments: &Value) -> Value {
        let arguments = match self {
            Self::Plain { .. } => arguments.clone(),
            Self::Router { by, server } => {
                let mut call = json!({"server": server, "tool": tool, by.arguments: arguments});
                if let Some(action) = by.action {
                    call["action"] = action.into();
                }
                call
            }
        };
        json!({"name": self.name(tool), "arguments": arguments})
    }
}
