//! From a checked config to a router with its servers. Nothing is started here.

use std::sync::Arc;

use indexmap::IndexMap;
use tokio_util::task::TaskTracker;

use crate::access::Usage;
use crate::base::environment::Environment;
use crate::base::paths::Paths;
use crate::base::secret::Secret;
use crate::config::{Config, Mode, RateLimit, Retry, Server, Stdio, ToolFilter, Transport, Trust};
use crate::router::{self, LeftOut, Router, ServerSettings};
use crate::config::{Config, Mode, Server, Stdio, ToolFilter, Transport, Trust};
use crate::router::{self, LeftOut, Router};
use crate::tools::Registry;
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
    /// What of the config this version does not carry out, a sentence each.
    pub remarks: Vec<String>,
}

/// A config that this version cannot run.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Only router mode is there yet.
    #[error("`mode` `{0}` is not available in this version; set `\"mode\": \"router\"`")]
    Mode(&'static str),
}

/// Builds the parts. Servers that this version cannot serve as their entry demands are left out,
/// with the reason.
pub fn build(config: Config, environment: Environment, paths: &Paths) -> Result<App, Error> {
    match config.mode {
        Mode::Router | Mode::Auto => {}
        Mode::Direct => return Err(Error::Mode("direct")),
    }
    let mut remarks = not_in_force(&config);
    let left_out = |name: String, transport, reason| LeftOut { name, transport, reason };
    let skipped = config.skipped.into_iter();
    let mut skipped: Vec<LeftOut> =
        skipped.map(|skipped| left_out(skipped.name, None, skipped.reason)).collect();
    let (mut servers, mut filters) = (Vec::new(), IndexMap::new());
    let (mut settings, mut limits) = (IndexMap::new(), Vec::new());
    for (name, server) in config.servers {
        let transport = server.transport.name();
        limits.push((name.clone(), server.rate_limit.clone()));
        match usable(server) {
            Ok(Usable { stdio, secrets, tool_filter, description, retry, max_result_chars }) => {
                filters.insert(name.clone(), tool_filter);
                let server = ServerSettings {
                    description,
                    retry: retry.unwrap_or_else(|| config.retry.clone()),
                    max_result_chars: max_result_chars.or(config.max_result_chars),
                };
                settings.insert(name.clone(), server);
                servers.push(upstream::pool::Server { name, stdio, secrets });
            }
            Err(reason) => {
                remarks.push(format!("server `{name}` is left out: {reason}"));
                skipped.push(left_out(name.to_string(), Some(transport), reason));
            }
        }
    }
    let tasks = TaskTracker::new();
    let shutdown = config.timeouts.shutdown;
    let registry = Arc::new(Registry::new(filters, config.schema_compression.clone()));
    let upstream = upstream::Settings { timeouts: config.timeouts, lifecycle: config.lifecycle };
    let pool =
        Pool::new(servers, upstream, &Arc::new(environment), registry.clone(), tasks.clone());
    let usage = Usage::new(paths.usage(), limits);
    let settings = router::Settings {
        call_format: config.call_format,
        schema_compression: config.schema_compression,
        max_batch_size: config.max_batch_size,
        adaptive_promotion: config.adaptive_promotion,
        debug: config.debug,
        validate_arguments: config.validate_arguments,
        servers: settings,
        left_out: skipped,
    };
    let router = Arc::new(Router::new(pool, registry, usage, settings));
    Ok(App { router, tasks, shutdown, remarks })
}

/// Keys that are checked and have no effect yet, where somebody has set them.
fn not_in_force(config: &Config) -> Vec<String> {
    let default = Config::default();
    let set = [
        ("resultCache", config.result_cache.enabled),
        ("intentRouting", config.intent_routing != default.intent_routing),
        ("maxResultChars", config.max_result_chars.is_some()),
        ("agentAdmin", config.agent_admin),
    ];
    let mut keys: Vec<String> =
        set.into_iter().filter(|(_, set)| *set).map(|(key, _)| format!("/{key}")).collect();
    for (name, server) in &config.servers {
        let set = [("maxResultChars", server.max_result_chars.is_some())];
        let own = set.into_iter().filter(|(_, set)| *set);
        keys.extend(own.map(|(key, _)| format!("/servers/{name}/{key}")));
    }
    keys.iter().map(|key| format!("`{key}` is not in force in this version")).collect()
}

/// What is used of a server's entry.
struct Usable {
    stdio: Stdio,
    secrets: Vec<Secret>,
    tool_filter: ToolFilter,
    description: Option<String>,
    retry: Option<Retry>,
    max_result_chars: Option<usize>,
}

/// What an entry asks for to protect its owner is never left away; a server that cannot be served so
/// is not served.
fn usable(server: Server) -> Result<Usable, String> {
    if server.trust != Trust::Trusted {
        return Err("only `\"trust\": \"trusted\"` can be served in this version".to_owned());
    }
    if server.rate_limit != RateLimit::default() {
        return Err("calls cannot be counted in this version (`rateLimit`)".to_owned());
    }
    let Server { transport, secrets, tool_filter, description, retry, max_result_chars, .. } =
        server;
    let Server { transport, secrets, tool_filter, description, .. } = server;
    match transport {
        Transport::Stdio(stdio) if stdio.login.is_some() => {
            Err("logging in to servers is not available in this version (`auth`)".to_owned())
        }
        Transport::Stdio(stdio) => {
            Ok(Usable { stdio, secrets, tool_filter, description, retry, max_result_chars })
        }
        remote => Err(format!("transport `{}` is not available in this version", remote.name())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_somebody_set_is_remarked_upon() {
        assert_eq!(not_in_force(&Config::default()), [""; 0]);
        let config = Config { max_result_chars: Some(5), ..Config::default() };
        assert_eq!(not_in_force(&config), ["`/maxResultChars` is not in force in this version"]);
    }
}
