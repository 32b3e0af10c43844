//! Which server a request means that names only a tool.

use std::collections::HashSet;

use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::base::text::nearest_all;
use crate::config::ServerName;
use crate::router::Error;
use crate::router::answer::{Ambiguous, Candidate};
use crate::router::error::MAX_AVAILABLE;
use crate::router::routing::{Enough, Found, Router};
use crate::tools::Tool;
use crate::tools::resolve::{Holder, Resolution, resolve};
use crate::upstream;

/// The answer to "which server".
pub(super) enum Which<'a> {
    /// This one.
    Found(Found<'a>),
    /// The caller has to say.
    Ambiguous(Ambiguous),
}

/// What the server is looked for.
#[derive(Clone, Copy)]
pub(super) enum Purpose<'a> {
    /// To tell about the tool.
    Telling,
    /// To call it with these parameters, the JSON text of an object.
    Calling {
        /// Which of them a tool knows speaks for its server.
        params: &'a str,
    },
}

impl Purpose<'_> {
    fn is_call(self) -> bool {
        matches!(self, Self::Calling { .. })
    }
}

/// Finds the server: by its name if one is given, else by the tool, for which every server has to be known. What they
/// showed in an earlier run suffices, unless the tool is not among it, or is no longer where it is to be called.
pub(super) async fn server<'a>(
    router: &'a Router,
    server: Option<&str>,
    tool: &str,
    purpose: Purpose<'_>,
) -> Result<Which<'a>, Error> {
    if let Some(server) = server {
        return router.find(server).map(Which::Found);
    }
    let unreachable = router.reach_all(Enough::Remembered, false).await;
    let which = among_known(router, tool, purpose, &unreachable);
    let is_outdated = match &which {
        Ok(Which::Found(found)) => purpose.is_call() && is_gone(router, *found, tool).await,
        Err(Error::UnknownTool { .. }) => router.remembers_any(),
        _ => false,
    };
    if !is_outdated {
        return which;
    }
    let unreachable = router.reach_all(Enough::Shown, false).await;
    among_known(router, tool, purpose, &unreachable)
}

/// Whether the server had the tool in an earlier run and no longer has it. Where it cannot be reached, the call says why.
async fn is_gone(router: &Router, found: Found<'_>, tool: &str) -> bool {
    let known = || router.registry.snapshot().get(found.name.as_str()).cloned();
    if !known().is_some_and(|tools| tools.is_remembered()) || router.session(found).await.is_err() {
        return false;
    }
    known().is_none_or(|tools| tools.get(tool).is_none() && tools.withheld(tool).is_none())
}

/// The same among the servers that are known by now.
fn among_known<'a>(
    router: &'a Router,
    tool: &str,
    purpose: Purpose<'_>,
    unreachable: &[(ServerName, upstream::Error)],
) -> Result<Which<'a>, Error> {
    router.registry.review_all();
    let snapshot = router.registry.snapshot();
    let given = match purpose {
        Purpose::Telling => Vec::new(),
        Purpose::Calling { params } => parameter_names(params),
    };
    let holders: Vec<Holder<'_>> = snapshot
        .holders(tool)
        .filter_map(|(name, held)| {
            Some(Holder {
                server: name.as_str(),
                place: router.pool.place(name.as_str())?,
                recent: router.is_recent(name),
                known_share: known_share(&given, held),
            })
        })
        .collect();
    match resolve(&holders, router.pool.len()) {
        Resolution::Server(server) => router.find(server).map(Which::Found),
        Resolution::Ambiguous(scored) => Ok(Which::Ambiguous(ask(tool, &scored))),
        Resolution::Nobody => {
            if let Some(name) = snapshot.withholders(tool).next() {
                return router.find(name.as_str()).map(Which::Found);
            }
            let names = snapshot.iter().map(|(_, tool)| tool.definition.name.as_str());
            let names: HashSet<&str> = names.collect();
            let available = nearest_all(tool, names, MAX_AVAILABLE);
            Err(Error::UnknownTool {
                server: None,
                tool: tool.to_owned(),
                available: available.into_iter().map(str::to_owned).collect(),
                unreachable: unreachable.iter().map(|(name, _)| name.to_string()).collect(),
            })
        }
    }
}

fn ask(tool: &str, scored: &[(&str, f64)]) -> Ambiguous {
    let names: Vec<&str> = scored.iter().map(|(server, _)| *server).collect();
    let candidates = scored.iter().enumerate().map(|(index, (server, score))| Candidate {
        server: (*server).to_owned(),
        tool: tool.to_owned(),
        score: (score * 100.0).round() / 100.0,
        suggested: index == 0,
    });
    let message =
        format!("several servers have `{tool}`: give `server`, one of {}", names.join(", "));
    Ambiguous { ambiguous: true, message, candidates: candidates.collect() }
}

fn parameter_names(params: &str) -> Vec<String> {
    #[derive(Deserialize)]
    #[serde(transparent)]
    struct Names(indexmap::IndexMap<String, IgnoredAny>);
    let names: Names = serde_json::from_str(params).unwrap_or(Names(indexmap::IndexMap::new()));
    names.0.into_keys().collect()
}

fn known_share(given: &[String], tool: &Tool) -> f64 {
    let parameters = tool.parameters().named;
    let known = given.iter().filter(|name| parameters.contains(name)).count();
    match u32::try_from(given.len()) {
        Ok(total @ 1..) => f64::from(u32::try_from(known).unwrap_or(0)) / f64::from(total),
        _ => 0.0,
    }
}
