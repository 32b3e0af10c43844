//! Which server a request means that names only a tool.

use std::collections::HashSet;

use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::base::text::nearest_all;
use crate::router::Error;
use crate::router::answer::{Ambiguous, Candidate};
use crate::router::error::MAX_AVAILABLE;
use crate::router::routing::{Found, Router};
use crate::tools::Tool;
use crate::tools::resolve::{Holder, Resolution, resolve};

/// The answer to "which server".
pub(super) enum Which<'a> {
    /// This one.
    Found(Found<'a>),
    /// The caller has to say.
    Ambiguous(Ambiguous),
}

/// Finds the server: by its name if one is given, else by the tool, for which every server has to be known.
pub(super) async fn server<'a>(
    router: &'a Router,
    server: Option<&str>,
    tool: &str,
    params: &str,
) -> Result<Which<'a>, Error> {
    if let Some(server) = server {
        return router.find(server).map(Which::Found);
    }
    let unreachable = router.reach_all(false).await;
    router.registry.review_all();
    let snapshot = router.registry.snapshot();
    let given = parameter_names(params);
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
    let known = given.iter().filter(|name| tool.parameters.contains(name)).count();
    match u32::try_from(given.len()) {
        Ok(total @ 1..) => f64::from(u32::try_from(known).unwrap_or(0)) / f64::from(total),
        _ => 0.0,
    }
}
