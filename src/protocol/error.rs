//! JSON-RPC error objects (JSON-RPC 2.0, section 5.1) and the codes that MCP adds to them.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// The bytes are no JSON.
pub const PARSE_ERROR: i64 = -32700;
/// JSON, but no JSON-RPC request.
pub const INVALID_REQUEST: i64 = -32600;
/// Nobody here knows the method.
pub const METHOD_NOT_FOUND: i64 = -32601;
/// The method is known, its parameters are wrong.
pub const INVALID_PARAMS: i64 = -32602;
/// The bridge itself failed.
pub const INTERNAL_ERROR: i64 = -32603;
/// There is no such resource (revisions up to 2025-11-25, Resources, Error Handling).
pub const RESOURCE_NOT_FOUND: i64 = -32002;
/// The user has to open a URL first (revision 2025-11-25, Elicitation, URL Elicitation Required Error).
pub const URL_ELICITATION_REQUIRED: i64 = -32042;
/// HTTP headers do not say what the body says (revision 2026-07-28, Streamable HTTP, Server Validation).
pub const HEADER_MISMATCH: i64 = -32020;
/// The request needs a capability that its client does not declare (revision 2026-07-28, Base Protocol).
pub const MISSING_REQUIRED_CLIENT_CAPABILITY: i64 = -32021;
/// The revision that the request names is not spoken here (revision 2026-07-28, Versioning).
pub const UNSUPPORTED_PROTOCOL_VERSION: i64 = -32022;
/// The session has as many requests in flight as it may have. Of the codes that JSON-RPC leaves to servers MCP keeps the
/// free ones for itself (revision 2026-07-28, Base Protocol, Error Codes), so this one is HTTP's for the same thing.
pub const TOO_MANY_REQUESTS: i64 = 429;

/// An error object as it travels.
#[derive(Debug, Clone, Serialize, Deserialize, thiserror::Error)]
#[error("{message} (code {code})")]
pub struct ErrorObject {
    /// What kind of error it is.
    pub code: i64,
    /// One sentence for people.
    #[serde(default)]
    pub message: String,
    /// Whatever else the sender says about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<Box<RawValue>>,
}

impl ErrorObject {
    /// An error without `data`.
    pub fn new(code: i64, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), data: None }
    }
}
