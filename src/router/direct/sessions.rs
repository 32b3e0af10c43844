//! Which session with a server the requests of a client go to, and what is learnt when it opens.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::{Instant, timeout};

use super::audience::is_asked;
use super::follow::owner;
use super::gather::Kind;
use super::lists::LITTLE_PATIENCE;
use crate::config::ServerName;
use crate::protocol::capabilities::Tasks;
use crate::protocol::era::Era;
use crate::router::caller::{Caller, Client};
use crate::router::routing::{Enough, Found, Router};
use crate::telemetry::logging::excerpt;
use crate::upstream::{self, Declares, Established, Lease, Tenant};

impl Router {
    /// A session with the server for a request of this client: its own one, where the server may ask it something.
    pub(in crate::router) async fn session_for(
        &self,
        found: Found<'_>,
        caller: &Caller,
    ) -> Result<Lease, upstream::Error> {
        let client = &caller.client;
        let level = self.level_of(client);
        let era = client.revision.era();
        let private = level.is_some() || self.direct.owners.has(client);
        // Only a session of its own is heard and answered for by somebody.
        let has_own = era == Era::Session && (private || is_asked(client));
        let tenant = Tenant {
            client: client.id,
            era,
            capabilities: client.capabilities.clone(),
            private,
            program: client.info.clone().filter(|_| era == Era::Stateless && is_asked(client)),
            owner: has_own.then(|| owner(self, found, caller)),
        };
        let lease = self.pool.lease(found.supervisor, &tenant).await?;
        if let Some(established) = lease.established() {
            self.direct.known().put_established(found.name, established);
            if let Some(level) = level.filter(|_| established.offers.logging)
                && self.direct.is_news(&lease, level)
                && let Err(error) =
                    Box::pin(lease.set_log_level(level, found.supervisor.request_timeout())).await
            {
                let why = excerpt(error.to_string().as_bytes(), 200);
                tracing::debug!("`{}` takes no level for its logs: {why}", found.name);
            }
        }
        Ok(lease)
    }

    /// What the server offers, which is reached for it if it never was.
    pub(super) async fn offers(
        &self,
        found: Found<'_>,
        caller: &Caller,
    ) -> Result<Option<Arc<Established>>, upstream::Error> {
        let era = caller.client.revision.era();
        let known = self.direct.known().established(found.name, era);
        if known.is_some() {
            return Ok(known);
        }
        self.session_for(found, caller).await?;
        Ok(self.direct.known().established(found.name, era))
    }

    /// Reaches those of the servers of whose tools less than `enough` is known, side by side, in the sessions that the client's requests
    /// will go to; those that cannot be reached.
    pub(super) async fn reach_for(
        &self,
        caller: &Caller,
        enough: Enough,
        wanted: impl Fn(&ServerName) -> bool,
    ) -> Vec<(ServerName, upstream::Error)> {
        let quiet;
        // One that can be asked may be shown other tools, in sessions that are opened for such as it.
        let caller = if is_asked(&caller.client) {
            caller
        } else {
            quiet = to_list(caller);
            &quiet
        };
        let is_unknown = self.unknown_to(&caller.client, enough).await;
        let servers = self.pool.iter().map(|(server, _)| server);
        let unknown = servers.filter(|server| is_unknown.contains(*server) && wanted(server));
        let unknown = unknown.filter_map(|server| self.find(server.as_str()).ok());
        let reached = unknown.map(async |found| {
            let reached = if enough == Enough::Remembered {
                self.reach_to_list(found, caller).await
            } else {
                self.session_for(found, caller).await.map(drop)
            };
            reached.err().map(|error| (found.name.clone(), error))
        });
        join_all(reached).await.into_iter().flatten().collect()
    }

    /// Reaches a server for the list of its tools. One that was slow is not waited for long again: its start goes on, and
    /// the list is told to have changed when it is there.
    async fn reach_to_list(
        &self,
        found: Found<'_>,
        caller: &Caller,
    ) -> Result<(), upstream::Error> {
        let is_slow = self.direct.slow().contains(found.name);
        let patience = if is_slow { LITTLE_PATIENCE } else { Duration::MAX };
        let (began, session) = (Instant::now(), self.session_for(found, caller));
        let reached = match timeout(patience, session).await {
            Ok(reached) => reached.map(drop),
            Err(_elapsed) => Err(upstream::Error::TimedOut { after: patience }),
        };
        if began.elapsed() >= LITTLE_PATIENCE {
            self.direct.slow().insert(found.name.clone());
        } else if reached.is_ok() {
            self.direct.slow().remove(found.name);
        }
        reached
    }
}

/// The caller as one who only wants to see lists. Nobody is asked anything for a list, so a client without a session need
/// not borrow one for it.
pub(super) fn to_list(caller: &Caller) -> Caller {
    let client = &caller.client;
    if client.revision.era() == Era::Session {
        return caller.clone();
    }
    let (name, info, log_level) = (client.name.clone(), client.info.clone(), client.log_level);
    let quiet = Client { name, info, log_level, ..Client::new(client.revision) };
    Caller { client: Arc::new(quiet), ..caller.clone() }
}

/// Whether a server with these capabilities has such a list.
pub(super) fn has(established: &Established, kind: Kind) -> bool {
    match kind {
        Kind::Prompts => established.offers.prompts.is_some(),
        Kind::Resources | Kind::Templates => established.offers.resources.is_some(),
        Kind::Tasks => established.offers.tasks == Some(Tasks::Session),
    }
}

/// What a request of this client tells a stateless server.
pub(in crate::router) fn declares<'a>(router: &Router, caller: &'a Caller) -> Declares<'a> {
    let client = &caller.client;
    Declares {
        era: client.revision.era(),
        capabilities: &client.capabilities,
        client_info: client.info.as_deref(),
        log_level: client.log_level.or_else(|| router.level_of(client)),
    }
}
