//! From a checked config to a router with its servers. Nothing is started here.

use std::sync::Arc;

use tokio_util::task::TaskTracker;

use super::meaning::meaning;
use super::plan::{Plan, unchanged};
use super::remark::Remark;
use crate::access::Usage;
use crate::base::environment::Environment;
use crate::base::paths::Paths;
use crate::base::worker::own_program;
use crate::cache::{Kept, Results};
use crate::catalog::Sources;
use crate::config::{Config, Source};
use crate::router::{Admin, Current, Parts, Renewed, Router};
use crate::search::Finder;
use crate::select::Selector;
use crate::tools::NameFile;
use crate::upstream::Pool;

/// The bridge, ready to run.
#[derive(Debug)]
pub struct App {
    /// Where the router is that answers requests.
    pub current: Arc<Current>,
    /// Everything that runs for longer than a request.
    pub tasks: TaskTracker,
    /// The config that it was built from.
    pub config: Arc<Config>,
    /// Where that came from.
    pub files: Files,
    /// What of the config this version does not carry out.
    pub remarks: Vec<Remark>,
}

/// Where a config is read from.
#[derive(Debug, Clone)]
pub struct Files {
    /// The files.
    pub source: Source,
    /// What is in the home folder.
    pub paths: Paths,
    /// The process's own variables.
    pub environment: Arc<Environment>,
}

/// A config that this version cannot run.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Filters run in processes of the bridge's own program.
    #[error("the bridge does not find its own program: {0}")]
    Program(#[source] std::io::Error),
}

impl App {
    /// The router of this moment.
    pub fn router(&self) -> Arc<Router> {
        self.current.now()
    }

    /// How long ending may take.
    pub fn shutdown(&self) -> std::time::Duration {
        self.config.timeouts.shutdown
    }
}

impl Files {
    fn admin(&self, config: &Config) -> Option<Arc<Admin>> {
        config.agent_admin.then(|| {
            let Self { source, paths, environment } = self.clone();
            Arc::new(Admin { source, paths, environment })
        })
    }
}

/// Builds the parts.
pub fn build(config: Config, files: Files) -> Result<App, Error> {
    let Files { paths, environment, .. } = &files;
    let plan = Plan::new(&config, paths);
    let tasks = TaskTracker::new();
    let Plan { registries, remarks, .. } = plan;
    let meaning = meaning(&config.intent_routing, environment, paths);
    let (servers, upstream) = (plan.servers, plan.upstream);
    let pool = Pool::new(servers, upstream, environment, registries.clone(), tasks.clone());
    let parts = Parts {
        pool,
        registries,
        usage: Usage::new(paths.usage(), plan.limits),
        results: Arc::new(Results::new(&config.result_cache)),
        names: NameFile::new(paths.names()),
        kept: Kept::new(paths.results()),
        admin: files.admin(&config),
        catalog: catalog(&config, paths),
        finder: Finder::new(plan.words, meaning, tasks.clone()),
        selector: Arc::new(Selector::new(own_program().map_err(Error::Program)?)),
    };
    let current = Current::new(Router::new(parts, plan.router));
    Ok(App { current, tasks, config: Arc::new(config), files, remarks })
}

/// The router of another config, in which everything goes on that is the same in both; what of that config this version
/// does not carry out.
pub(super) fn rebuild(
    old: &Router,
    before: &Config,
    config: &Config,
    files: &Files,
) -> (Arc<Router>, Vec<Remark>) {
    let Files { paths, environment, .. } = files;
    let plan = Plan::new(config, paths);
    let Plan { registries, remarks, .. } = plan;
    let kept = unchanged(before, config);
    let (servers, upstream) = (plan.servers, plan.upstream);
    let pool = old.pool().successor(servers, &kept, upstream, registries.clone());
    // What servers show from here on goes to both, so that nothing is missed in between.
    registries.adopt(&old.registries(), |server| kept.contains(server));
    let results = if before.result_cache == config.result_cache {
        old.results().clone()
    } else {
        Arc::new(Results::new(&config.result_cache))
    };
    let finder = if before.intent_routing == config.intent_routing {
        old.finder().successor(plan.words)
    } else {
        let meaning = meaning(&config.intent_routing, environment, paths);
        Finder::new(plan.words, meaning, old.finder().tasks().clone())
    };
    let usage = old.usage().successor(plan.limits);
    let is_same_catalog = (before.catalog, &before.catalogs) == (config.catalog, &config.catalogs);
    // It knows which of them could not be fetched just now.
    let catalog = if is_same_catalog { old.catalog() } else { catalog(config, paths) };
    let admin = files.admin(config);
    let renewed = Renewed { pool, registries, usage, results, finder, catalog, admin };
    (old.successor(renewed, plan.router), remarks)
}

/// Where servers are found that could be installed, unless the config turns that off.
fn catalog(config: &Config, paths: &Paths) -> Option<Arc<Sources>> {
    config.catalog.then(|| Arc::new(Sources::new(paths, &config.catalogs)))
}
