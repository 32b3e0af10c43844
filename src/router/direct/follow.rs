//! The client behind a request, as the server that works on it sees it: what may be told and asked, and what may not.

use std::fmt;
use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, ready};

use super::state::{Clients, Standing};
use crate::guard::Guard;
use crate::protocol::capabilities::ClientCapabilities;
use crate::protocol::era::Era;
use crate::protocol::error::{ErrorObject, METHOD_NOT_FOUND};
use crate::protocol::log::Level;
use crate::protocol::method;
use crate::router::caller::{Asks, Caller, Client, Notify};
use crate::router::routing::{Found, Router};
use crate::telemetry::logging::excerpt;
use crate::upstream::{Follower, Identity, Reply};

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

/// Who hears and answers what a server says in a session of this caller's client outside of any request. The session
/// may outlive the request that opens it, so that nothing of that request is kept.
pub(super) fn owner(router: &Router, found: Found<'_>, caller: &Caller) -> Arc<dyn Follower> {
    Arc::new(Owner {
        client: caller.client.clone(),
        clients: router.direct.clients.clone(),
        guard: found.settings.guard.clone(),
    })
}

/// Stands for a client for as long as a session of its own lasts.
struct Owner {
    client: Arc<Client>,
    clients: Arc<Clients>,
    guard: Guard,
}

impl Owner {
    /// The client as it can be reached, and wants to be, at this moment.
    fn now(&self) -> Following {
        let standing = self.clients.standing().get(&self.client.id).cloned();
        let nobody = || Standing { notify: Notify::nobody(), asks: Asks::Nobody };
        let Standing { notify, asks } = standing.unwrap_or_else(nobody);
        Following {
            client: self.client.clone(),
            notify,
            asks,
            guard: self.guard.clone(),
            level: self.clients.levels().get(&self.client.id).copied(),
        }
    }
}

impl fmt::Debug for Owner {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Owner").field("client", &self.client.id).finish_non_exhaustive()
    }
}

impl Follower for Owner {
    fn client(&self) -> u64 {
        self.client.id
    }

    fn identity(&self) -> Identity {
        self.client.identity()
    }

    fn notified(&self, method: &str, params: &str) {
        self.now().notified(method, params);
    }

    fn asked(&self, method: &str, params: Option<&str>) -> BoxFuture<'static, Reply> {
        self.now().asked(method, params)
    }
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

    fn identity(&self) -> Identity {
        self.client.identity()
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

    fn asked(&self, method: &str, params: Option<&str>) -> BoxFuture<'static, Reply> {
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
                ask.ask_for(self.guard.server(), method, params.as_deref())
            }
            Asks::Nobody | Asks::Rounds => refuse("this client cannot be asked"),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;
    use crate::config::{SanitizeAction, ServerName, Trust};
    use crate::protocol::version::Revision;
    use crate::router::caller::Ask;

    /// Answers everything.
    #[derive(Debug)]
    struct Answers;

    impl Ask for Answers {
        fn ask(&self, _method: &str, _params: Option<&str>) -> BoxFuture<'static, Reply> {
            ready(Ok(r#"{"roots":[]}"#.into())).boxed()
        }
    }

    #[tokio::test]
    async fn an_owner_is_reached_as_it_is_now() {
        let revision = Revision::negotiate("2025-11-25");
        let client = Client { capabilities: r#"{"roots":{}}"#.into(), ..Client::new(revision) };
        let clients = Arc::new(Clients::default());
        let client = Arc::new(client);
        let server = ServerName::parse("one").expect("a name");
        let guard = Guard::new(&server, Trust::Trusted, SanitizeAction::Replace);
        let owner = Owner { client: client.clone(), clients: clients.clone(), guard };
        assert!(owner.asked("roots/list", None).await.is_err(), "nobody listens");
        let heard = Arc::new(Mutex::new(Vec::new()));
        let hears = heard.clone();
        let notify = Notify::new(move |_, params| {
            hears.lock().expect("no panic").push(params.to_owned());
        });
        let standing = Standing { notify, asks: Asks::Session(Arc::new(Answers)) };
        clients.standing().insert(client.id, standing);
        assert_eq!(&*owner.asked("roots/list", None).await.expect("an answer"), r#"{"roots":[]}"#);
        let info = r#"{"level":"info","data":1}"#;
        owner.notified(method::MESSAGE, info);
        clients.levels().insert(client.id, Level::Error);
        owner.notified(method::MESSAGE, info);
        assert_eq!(*heard.lock().expect("no panic"), [info]);
    }
}
