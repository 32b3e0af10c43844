//! Reading a server's tools, page by page (specification, Pagination).

use std::time::Duration;

use super::{Error, Session, Watch};
use crate::protocol::error::METHOD_NOT_FOUND;
use crate::protocol::jsonrpc::write_json;
use crate::protocol::method;
use crate::protocol::tool::{Definition, Page};

/// A list is not followed further than this.
const MAX_PAGES: usize = 1000;
/// A server has no more tools than this.
const MAX_TOOLS: usize = 20_000;

/// Every tool that can be read; one that cannot is left out with a log line. A server without tools has none.
pub(super) async fn read(
    session: &Session,
    server: &str,
    timeout: Duration,
) -> Result<Vec<Definition>, Error> {
    let mut tools = Vec::new();
    let mut cursor: Option<String> = None;
    for _ in 0..MAX_PAGES {
        let asked = cursor.as_deref();
        let answer = session.request(
            method::TOOLS_LIST,
            timeout,
            Watch::default(),
            |buffer, _| match asked {
                Some(cursor) => {
                    buffer.extend_from_slice(b"{\"cursor\":");
                    write_json(buffer, &cursor);
                    buffer.push(b'}');
                }
                None => buffer.extend_from_slice(b"{}"),
            },
        );
        let page = match answer.await {
            Ok(page) => page,
            Err(Error::Refused(error)) if error.code == METHOD_NOT_FOUND => return Ok(tools),
            Err(error) => return Err(error),
        };
        let page: Page<'_> = serde_json::from_str(&page).map_err(|error| Error::BadAnswer {
            reason: format!("`tools/list`: {error}"),
        })?;
        for tool in &page.tools {
            match Definition::parse(tool) {
                Ok(tool) => tools.push(tool),
                Err(error) => {
                    tracing::warn!("a tool of `{server}` cannot be read and is left out: {error}");
                }
            }
        }
        if tools.len() > MAX_TOOLS {
            tracing::warn!("`{server}` lists more than {MAX_TOOLS} tools; the rest is left out");
            tools.truncate(MAX_TOOLS);
            return Ok(tools);
        }
        match page.next_cursor {
            None => return Ok(tools),
            next if next == cursor => {
                tracing::warn!("`{server}` repeats a cursor of `tools/list`; its list ends there");
                return Ok(tools);
            }
            next => cursor = next,
        }
    }
    tracing::warn!(
        "`{server}` lists its tools on more than {MAX_PAGES} pages; the rest is left out"
    );
    Ok(tools)
}
