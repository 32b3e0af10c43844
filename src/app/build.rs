//! From a checked config to a router with its servers. Nothing is started here.

use std::sync::Arc;

use tokio_util::task::TaskTracker;

use crate::base::environment::Environment;
use crate::config::{Config, Mode, Server, ServerName, Skipped, Transport, Trust};
use crate::router::{self, Router};
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
}

/// A config that this version cannot run.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Only router mode is there yet.
    #[error("`mode` `{0}` is not available in this version; set `\"mode\": \"router\"`")]
    Mode(&'static str),
}

/// Builds the parts. Servers that this version cannot serve as their entry demands are left out, with the reason.
pub fn build(config: Config, environment: Environment) -> Result<App, Error> {
    match config.mode {
        Mode::Router | Mode::Auto => {}
        Mode::Direct => return Err(Error::Mode("direct")),
    }
    let mut skipped = config.skipped;
    let mut servers = Vec::new();
    let mut filters = indexmap::IndexMap::new();
    let mut descriptions = indexmap::IndexMap::new();
    for (name, server) in config.servers {
        match usable(&name, server) {
            Ok((server, rest)) => {
                filters.insert(name.clone(), rest.tool_filter);
                if let Some(description) = rest.description {
                    descriptions.insert(name, description);
                }
                servers.push(server);
            }
            Err(reason) => {
                tracing::warn!("`{name}` is left out: {reason}");
                skipped.push(Skipped {
                    name: name.to_string(),
                    reason,
                });
            }
        }
    }
    let tasks = TaskTracker::new();
    let shutdown = config.timeouts.shutdown;
    let registry = Arc::new(Registry::new(filters, config.schema_compression.clone()));
    let settings = upstream::Settings {
        timeouts: config.timeouts,
        lifecycle: config.lifecycle,
    };
    let environment = Arc::new(environment);
    let pool = Pool::new(
        servers,
        settings,
        &environment,
        registry.clone(),
        tasks.clone(),
    );
    let settings = router::Settings {
        call_format: config.call_format,
        schema_compression: config.schema_compression,
        descriptions,
        skipped,
    };
    Ok(App {
        router: Arc::new(Router::new(pool, registry, settings)),
        tasks,
        shutdown,
    })
}

/// What the router needs of a server beside its upstream.
struct Rest {
    tool_filter: crate::config::ToolFilter,
    description: Option<String>,
}

fn usable(name: &ServerName, server: Server) -> Result<(upstream::pool::Server, Rest), String> {
    // Answers of a server that its owner does not trust must not reach the model uncleaned.
    if server.trust != Trust::Trusted {
        return Err(
            "this version cannot clean answers yet, so only `\"trust\": \"trusted\"` is served"
                .to_owned(),
        );
    }
    let Transport::Stdio(stdio) = server.transport else {
        return Err("this version reaches servers over `stdio` only".to_owned());
    };
    if stdio.login.is_some() {
        return Err("this version cannot log in to servers yet (`auth`)".to_owned());
    }
    let rest = Rest {
        tool_filter: server.tool_filter,
        description: server.description,
    };
    Ok((
        upstream::pool::Server {
            name: name.clone(),
            stdio,
            secrets: server.secrets,
        },
        rest,
    ))
}
