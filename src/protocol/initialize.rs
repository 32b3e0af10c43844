//! The handshake of the session era, from both sides (specification, Lifecycle, Initialization).

use serde::Deserialize;
use serde_json::{Value, json};

use super::version::Revision;

/// Parameters of our own `initialize`. No client capability is declared: in router mode nobody stands behind the
/// bridge who could answer sampling, elicitation or roots for a server.
pub fn client_params() -> String {
    json!({
        "protocolVersion": Revision::LATEST_SESSION.as_str(),
        "capabilities": {},
        "clientInfo": { "name": "mcp-bridge", "version": env!("CARGO_PKG_VERSION") },
    })
    .to_string()
}

/// What an upstream answers to `initialize`, as far as the bridge reads it.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ServerAnswer {
    /// The revision that the server chose.
    pub protocol_version: String,
}

/// What a client says in `initialize`, as far as the bridge reads it.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ClientParams {
    /// The revision that the client would like.
    #[serde(default)]
    pub protocol_version: String,
    /// Name and version of the client.
    #[serde(default)]
    pub client_info: Option<ClientInfo>,
}

/// Who calls.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct ClientInfo {
    /// Such as `claude-ai`.
    #[serde(default)]
    pub name: String,
    /// Such as `1.2.3`.
    #[serde(default)]
    pub version: String,
}

/// Our answer to a client's `initialize`: the JSON text of the result.
pub fn server_result(revision: Revision, capabilities: &Value, instructions: &str) -> String {
    json!({
        "protocolVersion": revision.as_str(),
        "capabilities": capabilities,
        "serverInfo": { "name": "mcp-bridge", "version": env!("CARGO_PKG_VERSION") },
        "instructions": instructions,
    })
    .to_string()
}
