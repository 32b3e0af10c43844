//! The handshake of the session era, from both sides (specification, Lifecycle, Initialization).

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::meta::IDENTITY;
use super::version::Revision;

/// Parameters of our own `initialize`. No client capability is declared: in router mode nobody stands behind the
/// bridge who could answer sampling, elicitation or roots for a server.
pub fn client_params() -> String {
    client_params_for("{}", IDENTITY)
}

/// Parameters of an `initialize` for a client that stands behind the bridge: both are the JSON text of an object.
pub fn client_params_for(capabilities: &str, client_info: &str) -> String {
    format!(
        r#"{{"protocolVersion":"{}","capabilities":{capabilities},"clientInfo":{client_info}}}"#,
        Revision::LATEST_SESSION.as_str(),
    )
}

/// What an upstream answers to `initialize`, as far as the bridge reads it.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ServerAnswer {
    /// The revision that the server chose.
    pub protocol_version: String,
    /// What it offers.
    #[serde(default)]
    pub capabilities: Option<Box<RawValue>>,
    /// Its name and version.
    #[serde(default)]
    pub server_info: Option<Box<RawValue>>,
    /// How to use it, for the model.
    #[serde(default)]
    pub instructions: Option<Box<RawValue>>,
}

/// What a client says in `initialize`, as far as the bridge reads it.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ClientParams {
    /// The revision that the client would like.
    #[serde(default)]
    pub protocol_version: String,
    /// What it can be asked.
    #[serde(default)]
    pub capabilities: Option<Box<RawValue>>,
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

/// Our answer to a client's `initialize` with these capabilities: the JSON text of the result.
pub fn server_result(
    revision: Revision,
    capabilities: &impl Serialize,
    instructions: &str,
) -> String {
    let text = |value| serde_json::to_string(value).expect("texts always serialise");
    let capabilities = serde_json::to_string(capabilities).expect("capabilities are plain objects");
    format!(
        r#"{{"protocolVersion":"{}","capabilities":{capabilities},"serverInfo":{IDENTITY},"instructions":{}}}"#,
        revision.as_str(),
        text(instructions),
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn handshakes_are_read_as_they_are_written() {
        let params = client_params_for(r#"{"roots":{}}"#, r#"{"name":"c","version":"1"}"#);
        let params: ClientParams = serde_json::from_str(&params).expect("well formed");
        assert_eq!(params.protocol_version, "2025-11-25");
        assert_eq!(params.capabilities.as_deref().map(RawValue::get), Some(r#"{"roots":{}}"#));
        assert_eq!(params.client_info.map(|info| info.name).as_deref(), Some("c"));
        let result = server_result(
            Revision::V2025_03_26,
            &json!({ "tools": { "listChanged": true } }),
            "use \"it\"",
        );
        let answer: ServerAnswer = serde_json::from_str(&result).expect("well formed");
        assert_eq!(answer.protocol_version, "2025-03-26");
        let raw = |value: Option<Box<RawValue>>| value.map(|value| value.get().to_owned());
        assert_eq!(raw(answer.capabilities).as_deref(), Some(r#"{"tools":{"listChanged":true}}"#));
        assert_eq!(raw(answer.server_info).as_deref(), Some(IDENTITY));
        assert_eq!(raw(answer.instructions).as_deref(), Some(r#""use \"it\"""#));
    }
}
