//! What is called, with a nonce of its own in every call.

use serde_json::{Value, json};

use super::naming::Naming;

/// Stands in a call's arguments where the nonce goes.
const MARK: &str = "@nonce@";
/// What a client of the stateless era says of itself with each request.
const STATELESS_REVISION: &str = "2026-07-28";

/// A call of the scripted server.
pub(crate) struct Call {
    pub(super) tool: &'static str,
    arguments: Value,
    /// How long its answer is at least.
    bytes: usize,
    /// Whether all of them are the same one.
    is_repeated: bool,
}

/// A call as it is sent: what stands around its id and its nonce.
pub(super) struct Request {
    before_id: &'static str,
    before_nonce: String,
    after: String,
    bytes: usize,
    is_repeated: bool,
}

impl Call {
    /// The shortest way through.
    pub(crate) fn small() -> Self {
        let message = format!("{MARK} and a few words more, as small calls tend to have");
        Self { tool: "echo", arguments: json!({"message": message}), bytes: 0, is_repeated: false }
    }

    /// The same small call each time, for what caches do.
    pub(crate) fn repeated() -> Self {
        Self { is_repeated: true, ..Self::small() }
    }

    /// One whose result has so many bytes of text.
    pub(crate) fn result(bytes: usize) -> Self {
        // Some routers insist on all parameters that a tool has.
        let arguments = json!({"bytes": bytes, "padding": "", "nonce": MARK});
        Self { tool: "big", arguments, bytes, is_repeated: false }
    }

    /// One whose arguments have so many bytes of text.
    pub(crate) fn upload(bytes: usize) -> Self {
        let arguments = json!({"bytes": 0, "padding": "x".repeat(bytes), "nonce": MARK});
        Self { tool: "big", arguments, bytes: 0, is_repeated: false }
    }
}

impl Request {
    pub(super) fn new(call: &Call, naming: &Naming, is_stateless: bool) -> Self {
        let mut params = naming.params(call.tool, &call.arguments);
        if is_stateless {
            params["_meta"] = json!({
                "io.modelcontextprotocol/protocolVersion": STATELESS_REVISION,
                "io.modelcontextprotocol/clientInfo": {"name": "load", "version": "1"},
                "io.modelcontextprotocol/clientCapabilities": {},
            });
        }
        let text = format!(",\"method\":\"tools/call\",\"params\":{params}}}\n");
        let (before_nonce, after) = text.split_once(MARK).expect("each call has a nonce");
        Self {
            before_id: "{\"jsonrpc\":\"2.0\",\"id\":",
            before_nonce: before_nonce.to_owned(),
            after: after.to_owned(),
            bytes: call.bytes,
            is_repeated: call.is_repeated,
        }
    }

    /// Adds the request with this id to what is to be sent, as a line.
    pub(super) fn append(&self, id: usize, lines: &mut Vec<u8>) {
        lines.extend_from_slice(self.before_id.as_bytes());
        lines.extend_from_slice(id.to_string().as_bytes());
        lines.extend_from_slice(self.before_nonce.as_bytes());
        lines.extend_from_slice(&self.nonce(id));
        lines.extend_from_slice(self.after.as_bytes());
    }

    /// What must stand in the answer to that request, at its beginning and, where it is long, at its end.
    pub(super) fn nonce(&self, id: usize) -> [u8; 16] {
        let id = if self.is_repeated { 0 } else { id };
        // The finalizer of splitmix64, by which neighbouring numbers have nothing in common.
        let mut mixed = (id as u64).wrapping_add(0x9e37_79b9_7f4a_7c15);
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        std::array::from_fn(|place| b"0123456789abcdef"[(mixed >> (4 * place) & 15) as usize])
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }
}

/// The headers that a call of the stateless era has over HTTP.
pub(super) fn stateless_headers(tool: &str) -> [(&'static str, &str); 3] {
    [("MCP-Protocol-Version", STATELESS_REVISION), ("Mcp-Method", "tools/call"), ("Mcp-Name", tool)]
}
