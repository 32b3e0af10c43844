//! What a client says before it calls.

use std::io;

use serde_json::{Value, json};

use super::answer;
use super::link::Link;

const REVISION: &str = "2025-11-25";

/// Sends a request and waits for its answer, passing over whatever else is said.
pub(super) fn ask(
    link: &mut dyn Link,
    id: usize,
    method: &str,
    params: &Value,
) -> io::Result<Vec<u8>> {
    let request = json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params});
    link.send(format!("{request}\n").as_bytes())?;
    let mut found = None;
    while found.is_none() {
        link.receive(&mut |message| {
            if answer::id(message) == Some(id) {
                found = Some(message.to_vec());
            }
            Ok(())
        })?;
    }
    Ok(found.unwrap_or_default())
}

/// Asks for the conversation that all else takes place in.
pub(super) fn initialize(link: &mut dyn Link, id: usize) -> io::Result<()> {
    let client = json!({"name": "load", "version": "1"});
    let params = json!({"protocolVersion": REVISION, "capabilities": {}, "clientInfo": client});
    ask(link, id, "initialize", &params).map(drop)
}

/// Says that it may begin.
pub(super) fn begin(link: &mut dyn Link) -> io::Result<()> {
    link.name_headers(&[("MCP-Protocol-Version", REVISION)]);
    link.send(b"{\"jsonrpc\":\"2.0\",\"method\":\"notifications/initialized\"}\n")?;
    link.settle()
}
