//! What a router hands on to the one of the next config.

use std::sync::Arc;

use tokio::sync::watch;

use super::describe::Offered;
use super::routing::Router;
use super::settings::{Renewed, ServerSettings, Settings};
use super::{InForce, describe};
use crate::cache::Results;
use crate::catalog::Sources;
use crate::config::ServerName;
use crate::tools::Registries;

impl Router {
    /// The router of another config. What it keeps of this one is shared with it.
    pub fn successor(&self, renewed: Renewed, settings: Settings) -> Arc<Self> {
        let Renewed { pool, registries, usage, results, finder, catalog, admin } = renewed;
        let offered = Offered { catalog: catalog.is_some(), admin: admin.is_some() };
        let tool_list = describe::tool_list(&settings, offered);
        Arc::new_cyclic(|this| Self {
            pool,
            registry: registries.everybody,
            registry_of_asked: registries.asked,
            usage,
            results,
            flights: self.flights.clone(),
            kept: self.kept.clone(),
            selector: self.selector.clone(),
            finder,
            catalog,
            admin,
            tool_list,
            recent: self.recent.clone(),
            promotion: self.promotion.successor(&settings.adaptive_promotion),
            settings,
            list_changed: self.list_changed.clone(),
            direct: self.direct.clone(),
            in_force: self.in_force.clone(),
            lifeline: Arc::default(),
            this: this.clone(),
        })
    }

    /// Another router is in its place: what was known of servers that are no longer what they were is forgotten.
    pub(super) fn yield_to(&self, next: &Self) {
        let is_gone = |server: &ServerName| self.bearer(server) != next.bearer(server);
        for (server, _) in self.pool.iter().filter(|(server, _)| is_gone(server)) {
            self.results.clear_server(server.as_str());
        }
        let prefix = |router: &Self| router.settings.exposure.tool_prefix;
        self.direct.hand_on(is_gone, prefix(self) != prefix(next));
        if !Arc::ptr_eq(&self.finder, &next.finder) {
            self.finder.close();
        }
    }

    /// Which of those that have this name one after the other is behind it.
    pub(super) fn bearer(&self, server: &ServerName) -> Option<u64> {
        self.pool.find(server.as_str()).map(|(_, supervisor)| supervisor.number())
    }

    /// Whether another one is in its place.
    pub(super) fn is_replaced(&self) -> bool {
        self.lifeline.is_replaced()
    }

    /// Whether a client would be shown the same lists of everything by both.
    pub(super) fn shows_the_same(&self, other: &Self) -> bool {
        let results_are_as_they_are = |router: &Self, server: &ServerName| {
            router.settings.servers.get(server).is_some_and(ServerSettings::leaves_results_alone)
        };
        let shown = |router: &Self| -> Vec<(u64, bool)> {
            let servers = router.pool.iter();
            let shown = servers.map(|(server, supervisor)| {
                (supervisor.number(), results_are_as_they_are(router, server))
            });
            shown.collect()
        };
        self.settings.exposure == other.settings.exposure && shown(self) == shown(other)
    }

    /// Whether the files of the config are in force.
    pub fn in_force(&self) -> &InForce {
        &self.in_force
    }

    /// What is known of the tools.
    pub fn registries(&self) -> Registries {
        Registries { everybody: self.registry.clone(), asked: self.registry_of_asked.clone() }
    }

    /// Results that may be given again.
    pub fn results(&self) -> &Arc<Results> {
        &self.results
    }

    /// Where servers are found that could be installed.
    pub fn catalog(&self) -> Option<Arc<Sources>> {
        self.catalog.clone()
    }

    /// Told whenever promotions change `tools/list`.
    pub(super) fn promotions(&self) -> watch::Receiver<()> {
        self.list_changed.subscribe()
    }
}
