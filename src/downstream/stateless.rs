//! Requests of the stateless era (from revision 2026-07-28 on): each names its revision and its client in `_meta`.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use crate::base::json::Part;
use crate::protocol::capabilities::ServerCapabilities;
use crate::protocol::discover;
use crate::protocol::era::Era;
use crate::protocol::error::{ErrorObject, METHOD_NOT_FOUND};
use crate::protocol::freshness::Freshness;
use crate::protocol::jsonrpc::Id;
use crate::protocol::listen::{self, Wanted};
use crate::protocol::meta::{MetaFault, PROTOCOL_VERSION, RequestMeta};
use crate::protocol::method;
use crate::router::{Asks, Client, Current, Introduction, Notify};
use crate::telemetry::logging::excerpt;

/// What a request on a stream of either era says of its client; nothing if it is of the session era.
pub(super) fn declared(
    method: &str,
    params: Option<Part<'_>>,
    has_session: bool,
) -> Result<Option<RequestMeta>, MetaFault> {
    if has_session && Era::of_request(params) == Era::Session {
        return Ok(None);
    }
    let meta = RequestMeta::parse(params)?;
    let is_new = matches!(method, method::SERVER_DISCOVER | method::SUBSCRIPTIONS_LISTEN);
    if meta.is_none() && is_new && !has_session {
        return Err(MetaFault::Missing(PROTOCOL_VERSION));
    }
    Ok(meta)
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

/// Tells the client what it wants to hear of until the bridge ends, which is when the request is answered (revision
/// 2026-07-28, Subscriptions).
pub(super) async fn subscription(
    router: Arc<Current>,
    client: Arc<Client>,
    to: Notify,
    own: Id,
    wanted: Wanted,
    closing: CancellationToken,
) -> Result<Box<str>, ErrorObject> {
    let about = router.now().introduction(&client);
    let offered = ServerCapabilities::parse(&about.capabilities.to_string());
    // How a task stands is told to those who ask.
    let honoured = Wanted { tasks: Vec::new(), ..wanted.honoured(&offered) };
    to.send(method::SUBSCRIPTIONS_ACKNOWLEDGED, &listen::acknowledged(own.as_json(), &honoured));
    let tag = own.clone();
    let notify = Notify::new(move |method, params| {
        to.send(method, &listen::tagged(Some(params), tag.as_json()));
    });
    let _listening = router.listen(&client, (notify, Asks::Nobody), honoured);
    closing.cancelled().await;
    Ok(listen::ended(own.as_json()).into())
}
