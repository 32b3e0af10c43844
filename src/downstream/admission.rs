//! What a POST of the stateless era has to say of itself, in its headers and in `_meta`, before it is served
//! (revision 2026-07-28, Streamable HTTP, Request Headers).

use std::sync::Arc;

use axum::http::{HeaderMap, StatusCode};

use super::{client, stateless};
use crate::base::json::{Part, member, string};
use crate::protocol::era::Era;
use crate::protocol::error::ErrorObject;
use crate::protocol::headers::check_headers;
use crate::protocol::jsonrpc::Message;
use crate::protocol::meta::{self, MetaFault, RequestMeta};
use crate::protocol::method;
use crate::protocol::refusal::http_status;
use crate::protocol::version::Revision;
use crate::router::{Client, Router};

/// The status and the error of a request that is refused.
pub(super) type Refused = (StatusCode, ErrorObject);

/// Whether the message is of the stateless era, by its header or by what it says of itself.
pub(super) fn is_stateless(version: Option<&str>, message: &Message<'_>) -> bool {
    let by_body = || match message {
        Message::Request { params, .. } => Era::of_request(*params) == Era::Stateless,
        _ => false,
    };
    is_of_stateless(version) || by_body()
}

/// Whether the revision in the header is of the stateless era.
pub(super) fn is_of_stateless(version: Option<&str>) -> bool {
    version.and_then(Revision::parse).is_some_and(|revision| revision.era() == Era::Stateless)
}

/// Takes a request in, or refuses it; the client that it comes from.
pub(super) async fn admit(
    router: &Router,
    headers: &HeaderMap,
    method: &str,
    params: Option<Part<'_>>,
) -> Result<Arc<Client>, Refused> {
    let headers = pairs(headers);
    let meta = introduced(&headers, method, params)?;
    let client = Arc::new(client::declared(meta));
    if method == method::TOOLS_CALL {
        check_arguments(router, &headers, params.map(Part::text), &client).await?;
    }
    Ok(client)
}

/// Checks what a stateless request says of itself in its headers and in `_meta`; the status and the error if it is
/// refused. A header that says something else comes before a revision that is not spoken.
fn introduced(
    headers: &[(&str, &[u8])],
    method: &str,
    params: Option<Part<'_>>,
) -> Result<RequestMeta, Refused> {
    let bad = |error| (StatusCode::BAD_REQUEST, error);
    check_headers(method, params.map(Part::text), headers, None)
        .map_err(|mismatch| bad(mismatch.error()))?;
    if !method::is_request_of(Era::Stateless, method) {
        let error = stateless::unknown(method);
        return Err((status_of(&error), error));
    }
    let missing = MetaFault::Missing(meta::PROTOCOL_VERSION);
    RequestMeta::parse(params)
        .and_then(|meta| meta.ok_or(missing))
        .map_err(|fault| bad(fault.error()))
}

/// Checks the headers that repeat arguments of a tool, which only its definition tells.
async fn check_arguments(
    router: &Router,
    headers: &[(&str, &[u8])],
    params: Option<&str>,
    client: &Arc<Client>,
) -> Result<(), Refused> {
    let Some(tool) = params.and_then(|params| member(params, "name")).and_then(string) else {
        return Ok(());
    };
    let Some(annotations) = router.argument_headers(&tool, client).await else {
        return Ok(());
    };
    check_headers(method::TOOLS_CALL, params, headers, Some(&annotations))
        .map_err(|mismatch| (StatusCode::BAD_REQUEST, mismatch.error()))
}

/// Names and values.
fn pairs(headers: &HeaderMap) -> Vec<(&str, &[u8])> {
    headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect()
}

fn status_of(error: &ErrorObject) -> StatusCode {
    StatusCode::from_u16(http_status(error.code)).unwrap_or(StatusCode::OK)
}
