//! Clients as they say who they are: once in `initialize`, or in each request.

use crate::base::json::{is_object, member, string};
use crate::protocol::initialize::ClientParams;
use crate::protocol::meta::RequestMeta;
use crate::protocol::version::Revision;
use crate::router::Client;
use crate::telemetry::logging::excerpt;

/// The client that sends these parameters of `initialize`.
pub(super) fn introduced(read: &ClientParams, params: &str) -> Client {
    let mut client = Client::new(Revision::negotiate(&read.protocol_version));
    let object = |name| member(params, name).filter(|value| is_object(value)).map(Into::into);
    if let Some(capabilities) = object("capabilities") {
        client.capabilities = capabilities;
    }
    client.info = object("clientInfo");
    if let Some(info) = &read.client_info {
        client.name.clone_from(&info.name);
        tracing::info!(
            "client {} {} connects",
            excerpt(info.name.as_bytes(), 80),
            excerpt(info.version.as_bytes(), 40)
        );
    }
    client
}

/// The client that says this of itself in a request of the stateless era.
pub(super) fn declared(meta: RequestMeta) -> Client {
    let RequestMeta { revision, capabilities, client_info: info, log_level } = meta;
    let name = info.as_deref().and_then(|info| member(info, "name")).and_then(string);
    let name = name.unwrap_or_default().into_owned();
    Client { name, info, capabilities, log_level, ..Client::new(revision) }
}
