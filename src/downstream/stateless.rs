//! Requests of the stateless era (from revision 2026-07-28 on): each names its revision and its client in `_meta`.

use std::sync::LazyLock;

use memchr::memmem::Finder;

use crate::base::json::{member, string};
use crate::protocol::discover;
use crate::protocol::error::{ErrorObject, METHOD_NOT_FOUND};
use crate::protocol::freshness::Freshness;
use crate::protocol::meta::{MetaFault, PROTOCOL_VERSION, RequestMeta};
use crate::protocol::method;
use crate::router::{Client, Introduction};
use crate::telemetry::logging::excerpt;

/// What a request on a stream of either era says of its client; nothing if it is of the session era.
pub(super) fn declared(
    method: &str,
    params: Option<&str>,
    has_session: bool,
) -> Result<Option<RequestMeta>, MetaFault> {
    // In a session such a request is rare, and looking for the key in the text costs next to nothing.
    static KEY: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(PROTOCOL_VERSION));
    let mentions = |params: &str| KEY.find(params.as_bytes());
    if has_session && params.is_none_or(|params| mentions(params).is_none()) {
        return Ok(None);
    }
    let meta = RequestMeta::parse(params)?;
    let is_new = matches!(method, method::SERVER_DISCOVER | method::SUBSCRIPTIONS_LISTEN);
    if meta.is_none() && is_new && !has_session {
        return Err(MetaFault::Missing(PROTOCOL_VERSION));
    }
    Ok(meta)
}

/// The client that says this of itself.
pub(super) fn client(meta: &RequestMeta) -> Client {
    let mut client = Client::new(meta.revision);
    client.capabilities.clone_from(&meta.capabilities);
    client.info.clone_from(&meta.client_info);
    client.log_level = meta.log_level;
    let name = client.info.as_deref().and_then(|info| member(info, "name")).and_then(string);
    client.name = name.unwrap_or_default().into_owned();
    client
}

/// The error for a method that the era does not have.
pub(super) fn unknown(method: &str) -> ErrorObject {
    let message = format!("unknown method `{}`", excerpt(method.as_bytes(), 80));
    ErrorObject::new(METHOD_NOT_FOUND, message)
}

/// The result of `server/discover`.
pub(super) fn discovery(about: &Introduction) -> String {
    let capabilities = about.capabilities.to_string();
    discover::result(&capabilities, &about.instructions, Freshness::NONE)
}
