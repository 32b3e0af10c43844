//! Reading a server's tools, page by page (specification, Pagination).

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use super::http::Kind;
use super::{Error, Session, Watch};
use crate::protocol::error::METHOD_NOT_FOUND;
use crate::protocol::headers::Annotations;
use crate::protocol::jsonrpc::write_json;
use crate::protocol::method;
use crate::protocol::tool::{Definition, Page, Source};
use crate::telemetry::logging::excerpt;

/// A list is not followed further than this.
const MAX_PAGES: usize = 1000;
/// A server has no more tools than this.
const MAX_TOOLS: usize = 20_000;
/// Nor more bytes of them.
const MAX_BYTES: usize = 16 * 1024 * 1024;
/// No tool has a longer name.
const MAX_NAME: usize = 256;

/// Every tool that can be read; one that cannot is left out with a log line. A server without tools has none.
pub(super) async fn read(
    session: &Session,
    server: &str,
    timeout: Duration,
) -> Result<Vec<Definition>, Error> {
    let mut faulty = None;
    let mut tools = pages(session, server, timeout, &mut faulty).await?;
    if session.carrier.http().is_some_and(|http| http.kind == Kind::Streamable) {
        tools.retain(|tool| can_have_headers(tool, session));
    }
    if let Some(reason) = faulty {
        let reason = excerpt(session.blotter.blot(&reason).as_bytes(), 200);
        tracing::warn!("tools of `{server}` cannot be read and are left out: {reason}");
    }
    Ok(tools)
}

/// Whether calls of the tool can have the headers that it wants. One that wants none that there could be has to be left
/// out, whatever the session speaks, since requests of the stateless era would go to it as well (revision 2026-07-28,
/// Streamable HTTP, Custom Headers from Tool Parameters).
fn can_have_headers(tool: &Definition, session: &Session) -> bool {
    let Some(Err(fault)) = tool.input_schema().map(Annotations::parse) else {
        return true;
    };
    let shown = |text: &str, limit| excerpt(session.blotter.blot(text).as_bytes(), limit);
    let (name, fault) = (shown(&tool.name, 80), shown(&fault.to_string(), 200));
    tracing::warn!("the tool `{name}` of `{}` is left out: {fault}", session.server);
    false
}

/// Follows the list; `faulty` is the reason why the first of those was left out that were.
async fn pages(
    session: &Session,
    server: &str,
    timeout: Duration,
    faulty: &mut Option<String>,
) -> Result<Vec<Definition>, Error> {
    let mut tools = Vec::new();
    let mut cursor: Option<String> = None;
    let mut seen = HashSet::new();
    let mut bytes = 0;
    for _ in 0..MAX_PAGES {
        let asked = cursor.as_deref();
        let answer =
            session.request(
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
        bytes += page.len();
        let text = Arc::new(String::from(page.json));
        let page: Page<'_> = serde_json::from_str(&text).map_err(|error| {
            let error = error.to_string();
            Error::BadAnswer { reason: format!("`tools/list`: {}", session.blotter.blot(&error)) }
        })?;
        let source = Source::new(&text, &page.tools);
        for tool in &page.tools {
            match source.definition(tool) {
                Ok(tool) if tool.name.is_empty() || tool.name.len() > MAX_NAME => {
                    let length = tool.name.len();
                    faulty.get_or_insert_with(|| format!("its name has {length} bytes"));
                }
                Ok(tool) => tools.push(tool),
                Err(error) => {
                    faulty.get_or_insert_with(|| error.to_string());
                }
            }
        }
        if tools.len() > MAX_TOOLS || bytes > MAX_BYTES {
            tracing::warn!("`{server}` lists too many tools; only the first are used");
            tools.truncate(MAX_TOOLS);
            return Ok(tools);
        }
        match page.next_cursor {
            None => return Ok(tools),
            Some(next) if !seen.insert(next.clone()) => {
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
