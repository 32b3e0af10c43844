//! The client behind a request, as the server that works on it sees it: what may be told and asked, and what may not.

use std::fmt;
use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, ready};

use crate::guard::Guard;
use crate::protocol::capabilities::ClientCapabilities;
use crate::protocol::era::Era;
use crate::protocol::error::{ErrorObject, METHOD_NOT_FOUND};
use crate::protocol::log::Level;
use crate::protocol::method;
use crate::router::caller::{Asks, Caller, Client, Notify};
use crate::router::routing::{Found, Router};
use crate::telemetry::logging::excerpt;
use crate::upstream::Follower;

/// Follows one request for its client.
pub(in crate::router) struct Following {
    client: Arc<Client>,
    notify: Notify,
    asks: Asks,
    guard: Guard,
    /// From which level on log messages are wanted; all are where nobody has said.
    level: Option<Level>,
}

/// Who follows a request that this caller makes of this server.
pub(in crate::router) fn follower(
    router: &Router,
    found: Found<'_>,
    caller: &Caller,
) -> Arc<dyn Follower> {
    Arc::new(Following {
        client: caller.client.clone(),
        notify: caller.notify.clone(),
        asks: caller.asks.clone(),
        guard: found.settings.guard.clone(),
        level: router.level_of(&caller.client),
    })
}

/// Who hears and answers what a server says in a session of this caller's client outside of any request.
pub(super) fn owner(router: &Router, found: Found<'_>, caller: &Caller) -> Arc<dyn Follower> {
    let standing = router.direct.standing().get(&caller.client.id).cloned();
    Arc::new(Following {
        client: caller.client.clone(),
        notify: standing.unwrap_or_else(|| caller.notify.clone()),
        asks: caller.asks.clone(),
        guard: found.settings.guard.clone(),
        level: router.level_of(&caller.client),
    })
}

impl fmt::Debug for Following {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Following").field("client", &self.client.id).finish_non_exhaustive()
    }
}

impl Follower for Following {
    fn client(&self) -> u64 {
        self.client.id
    }

    fn notified(&self, method: &str, params: &str) {
        if method == method::MESSAGE
            && let Some(wanted) = self.level
            && Level::of(params).is_some_and(|level| level < wanted)
        {
            return;
        }
        self.notify.send(method, &self.guard.result(params, false).json);
    }

    fn asked(
        &self,
        method: &str,
        params: Option<&str>,
    ) -> BoxFuture<'static, Result<Box<str>, ErrorObject>> {
        let known = ClientCapabilities::parse(&self.client.capabilities);
        let refuse = |why: &str| {
            let method = excerpt(method.as_bytes(), 80);
            let error = ErrorObject::new(METHOD_NOT_FOUND, format!("{why} `{method}`"));
            ready(Err(error)).boxed()
        };
        // Who is asked by rounds says so himself.
        if self.client.revision.era() == Era::Session && known.missing(method, params).is_some() {
            return refuse("this client does not offer");
        }
        match &self.asks {
            Asks::Session(ask) => {
                let params = params.map(|params| self.guard.result(params, false).json);
                ask.ask(method, params.as_deref())
            }
            Asks::Nobody | Asks::Rounds => refuse("this client cannot be asked"),
        }
    }
}
