//! From a checked config to a router with its servers. Nothing is started here.

use std::collections::HashMap;
use std::sync::Arc;

use indexmap::IndexMap;
use tokio_util::task::TaskTracker;

use super::meaning::meaning;
use super::remark::{Remark, Unusable};
use crate::access::Usage;
use crate::base::blotter::Blotter;
use crate::base::environment::Environment;
use crate::base::paths::Paths;
use crate::base::worker::own_program;
use crate::cache::{Kept, Results};
use crate::catalog::Sources;
use crate::config::{Auth, Config, Http, Remote, Source, Transport};
use crate::guard::Guard;
use crate::guard::pin::Pins;
use crate::router::{self, Admin, LeftOut, Parts, Router, ServerSettings};
use crate::search::{Finder, ServerWords};
use crate::select::Selector;
use crate::tools::{Entry, NameFile, Registries, Registry, Remembered, Rules};
use crate::upstream::{self, Pool};

/// The bridge, ready to run.
#[derive(Debug)]
pub struct App {
    /// Answers requests.
    pub router: Arc<Router>,
    /// Everything that runs for longer than a request.
    pub tasks: TaskTracker,
    /// How long ending may take.
    pub shutdown: std::time::Duration,
    /// How it is served over HTTP.
    pub http: Http,
    /// What of the config this version does not carry out.
    pub remarks: Vec<Remark>,
}

/// A config that this version cannot run.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Filters run in processes of the bridge's own program.
    #[error("the bridge does not find its own program: {0}")]
    Program(#[source] std::io::Error),
}

/// Builds the parts. Servers that this version cannot serve as their entry demands are left out,
/// with the reason.
pub fn build(
    config: Config,
    environment: Environment,
    paths: &Paths,
    source: &Source,
) -> Result<App, Error> {
    let environment = Arc::new(environment);
    let mut remarks = not_in_force(&config);
    let left_out = |name: String, transport, reason| LeftOut { name, transport, reason };
    let skipped = config.skipped.into_iter();
    let mut skipped: Vec<LeftOut> =
        skipped.map(|skipped| left_out(skipped.name, None, skipped.reason)).collect();
    let (mut servers, mut rules) = (Vec::new(), IndexMap::new());
    let mut words = HashMap::new();
    let (mut settings, mut limits, mut pinning) = (IndexMap::new(), Vec::new(), HashMap::new());
    let mut entries = HashMap::new();
    for (name, server) in config.servers {
        let transport = server.transport.name();
        limits.push((name.clone(), server.rate_limit.clone()));
        let secrets = Blotter::new(&server.secrets);
        entries.insert(name.clone(), Entry::of(&server.transport, &secrets));
        pinning.insert(name.clone(), (server.protection.pinning, secrets));
        match usable(server.transport) {
            Ok(transport) => {
                let guard = Guard::new(&name, server.trust, server.protection.sanitize_action);
                let own = Rules { filter: server.tool_filter, guard: guard.clone() };
                rules.insert(name.clone(), own);
                let secrets = server.secrets;
                let about = server.description.as_deref();
                words.insert(name.clone(), ServerWords::new(name.as_str(), about));
                let server = ServerSettings {
                    description: server.description,
                    retry: server.retry.unwrap_or_else(|| config.retry.clone()),
                    max_result_chars: server.max_result_chars.or(config.max_result_chars),
                    guard,
                };
                settings.insert(name.clone(), server);
                servers.push(upstream::pool::Server { name, transport, secrets });
            }
            Err(reason) => {
                let text = reason.to_string();
                skipped.push(left_out(name.to_string(), Some(transport), text));
                remarks.push(Remark::LeftOut { server: name, reason });
            }
        }
    }
    let tasks = TaskTracker::new();
    let (shutdown, http) = (config.timeouts.shutdown, config.http);
    let pins = Pins::new(paths.pins(), pinning);
    let remembered = Remembered::new(paths.lists(), entries);
    let registry = Registry::new(rules, config.schema_compression.clone(), pins, remembered);
    let registries = Registries::new(registry);
    let meaning = meaning(&config.intent_routing, &environment, paths);
    let upstream = upstream::Settings { timeouts: config.timeouts, lifecycle: config.lifecycle };
    let pool = Pool::new(servers, upstream, &environment, registries.clone(), tasks.clone());
    let parts = Parts {
        pool,
        registries,
        usage: Usage::new(paths.usage(), limits),
        results: Results::new(&config.result_cache),
        names: NameFile::new(paths.names()),
        kept: Kept::new(paths.results()),
        admin: config.agent_admin.then(|| {
            let (source, paths) = (source.clone(), paths.clone());
            Arc::new(Admin { source, paths, environment: environment.clone() })
        }),
        catalog: config.catalog.then(|| Sources::new(paths, &config.catalogs)),
        finder: Finder::new(words, meaning, tasks.clone()),
        selector: Selector::new(own_program().map_err(Error::Program)?),
    };
    let settings = router::Settings {
        exposure: config.exposure,
        call_format: config.call_format,
        validate_arguments: config.validate_arguments,
        schema_compression: config.schema_compression,
        max_batch_size: config.max_batch_size,
        adaptive_promotion: config.adaptive_promotion,
        min_score: config.intent_routing.min_score,
        debug: config.debug,
        servers: settings,
        left_out: skipped,
    };
    let router = Router::new(parts, settings);
    Ok(App { router, tasks, shutdown, http, remarks })
}

/// Keys that are checked and have no effect yet, where somebody has set them.
fn not_in_force(config: &Config) -> Vec<Remark> {
    let default = Config::default();
    let set = [("autoMerge", config.auto_merge != default.auto_merge)];
    set.into_iter().filter(|(_, set)| *set).map(|(key, _)| Remark::NotInForce { key }).collect()
}

/// What an entry asks for to protect its owner is never left away; a server that cannot be served so
/// is not served.
fn usable(transport: Transport) -> Result<Transport, Unusable> {
    let logs_in = match &transport {
        Transport::Stdio(stdio) => stdio.login.is_some(),
        Transport::Sse(remote) | Transport::StreamableHttp(remote) => {
            matches!(remote, Remote { auth: Some(Auth::OAuth2(_)), .. })
        }
    };
    if logs_in { Err(Unusable::Login) } else { Ok(transport) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_somebody_set_is_remarked_upon() {
        assert_eq!(not_in_force(&Config::default()), []);
        let config = Config { auto_merge: true, ..Config::default() };
        assert_eq!(not_in_force(&config), [Remark::NotInForce { key: "autoMerge" }]);
    }
}
