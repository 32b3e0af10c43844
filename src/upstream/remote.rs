//! The session with a server that is reached by URL, from the first request until the server may forget it.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::carrier::Carrier;
use super::connection::Blueprint;
use super::http::{Http, Kind};
use super::{Error, Session};
use crate::config::Remote;
use crate::wire::http::Endpoint;

/// Makes the session; nothing is sent before its first request. Cancelling `stop` ends it.
pub(super) fn open(
    blueprint: &Arc<Blueprint>,
    remote: &Remote,
    kind: Kind,
    tasks: &TaskTracker,
    stop: &CancellationToken,
) -> Result<Arc<Session>, Error> {
    let endpoint = Endpoint::new(remote)
        .map_err(|unusable| Error::Handshake { reason: unusable.to_string() })?;
    let session = Arc::new_cyclic(|session| {
        let tokens = blueprint.login.as_ref().map(|login| login.tokens.clone());
        let http = Http::new(kind, session.clone(), blueprint.http.clone(), endpoint, tokens);
        Session::new(blueprint, Carrier::Http(Box::new(http)), tasks.clone())
    });
    tasks.spawn(until_over(session.clone(), stop.clone()));
    Ok(session)
}

async fn until_over(session: Arc<Session>, stop: CancellationToken) {
    let Some(http) = session.carrier.http() else { return };
    let host = http.host().into();
    tokio::select! {
        biased;
        () = stop.cancelled() => {
            let reason = "closed by the bridge";
            tracing::info!("`{}`: connection closed ({reason})", session.server);
            session.end(&Error::Broken { host, reason: reason.into() });
        }
        () = session.over.cancelled() => if let Some(error) = session.ended() {
            tracing::info!("`{}`: connection closed ({error})", session.server);
        },
        () = session.watch_the_clock() => unreachable!("it watches as long as it is polled"),
    }
    http.forget(&session).await;
}
