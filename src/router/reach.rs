//! Reaching servers, and what is known of their tools.

use std::sync::Arc;

use super::Error;
use super::routing::{Enough, Found, Router};
use crate::config::ServerName;
use crate::tools::ServerTools;
use crate::upstream::{self, Session, Supervisor};

impl Router {
    /// An open session with the server.
    pub(super) async fn session(&self, found: Found<'_>) -> Result<Arc<Session>, Error> {
        self.pool.session(found.supervisor).await.map_err(|source| found.failed(source))
    }

    /// The server's tools as it showed them in this run, reached for the first time if need be. Calls go by these: what
    /// was remembered may permit too little or too much.
    pub(super) async fn tools_of(&self, found: Found<'_>) -> Result<Arc<ServerTools>, Error> {
        if let Some(tools) = self.registry.reviewed(found.name).filter(|it| !it.is_remembered()) {
            return Ok(tools);
        }
        self.session(found).await?;
        Ok(self.registry.reviewed(found.name).unwrap_or_default())
    }

    /// The server's tools, if need be those that it showed in an earlier run, for telling what there is: that should
    /// neither wait for a server nor start it.
    pub(super) async fn known_tools_of(&self, found: Found<'_>) -> Result<Arc<ServerTools>, Error> {
        match self.registry.recalled(found.name).await {
            Some(tools) => Ok(tools),
            None => self.tools_of(found).await,
        }
    }

    /// Reaches all servers of whose tools less than `enough` is known, side by side as far as `routerMaxConcurrent`
    /// allows; returns those that cannot be reached. Without `patience`, those that failed or hung before are not
    /// waited for again.
    pub(super) async fn reach_all(
        &self,
        enough: Enough,
        patience: bool,
    ) -> Vec<(ServerName, upstream::Error)> {
        let is_unknown = self.unknown(enough).await;
        let servers = self.pool.iter().filter(|(name, _)| is_unknown(name));
        let unknown = servers.map(|(name, server)| (name.clone(), server.clone())).collect();
        let visit = move |supervisor: Arc<Supervisor>| async move {
            let session = if patience {
                supervisor.session().await
            } else {
                supervisor.session_unless_doubtful().await
            };
            session.map(drop)
        };
        self.pool.visit(unknown, visit).await
    }

    /// Whether some servers are known only by what they showed in an earlier run.
    pub(super) fn remembers_any(&self) -> bool {
        let snapshot = self.registry.snapshot();
        let known = self.pool.iter().filter_map(|(name, _)| snapshot.get(name.as_str()));
        known.into_iter().any(|tools| tools.is_remembered())
    }

    /// Of which servers less than `enough` is known.
    pub(super) async fn unknown(&self, enough: Enough) -> impl Fn(&ServerName) -> bool + use<> {
        if enough == Enough::Remembered {
            self.registry.recall_all().await;
        }
        let snapshot = self.registry.snapshot();
        move |name: &ServerName| match snapshot.get(name.as_str()) {
            Some(tools) => tools.is_remembered() && enough == Enough::Shown,
            None => true,
        }
    }
}
