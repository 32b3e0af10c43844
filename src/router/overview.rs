//! The servers with what is known of each, for `list`, `refresh` and the command line.

use std::time::Duration;

use serde::Serialize;

use super::routing::{Enough, Router};
use crate::config::ServerName;
use crate::upstream;

/// One server.
#[derive(Debug, Clone, Serialize)]
pub struct Overview {
    /// Its name.
    pub name: String,
    /// How it is reached, where its entry says so; agents need not know.
    #[serde(skip)]
    pub transport: Option<&'static str>,
    /// How long its start took, up to the end of the handshake; agents need not know.
    #[serde(skip)]
    pub handshake: Option<Duration>,
    /// What its owner says about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// How many of its tools may be called; unknown until it is reached.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tools: Option<usize>,
    /// Why it cannot be reached.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// What to do about it, where that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

impl Router {
    /// Every server, each reached first unless enough is known of it.
    pub async fn overview(&self, enough: Enough) -> Vec<Overview> {
        let failures = self.reach_all(enough, true).await;
        let served = self.pool.iter().map(|(name, _)| self.overview_of(name, &failures));
        let left_out = self.settings.left_out.iter().map(|server| Overview {
            name: server.name.clone(),
            transport: server.transport,
            handshake: None,
            description: None,
            tools: None,
            error: Some(server.reason.clone()),
            hint: None,
        });
        served.chain(left_out).collect()
    }

    /// One server, given what has just failed.
    pub(super) fn overview_of(
        &self,
        name: &ServerName,
        failures: &[(ServerName, upstream::Error)],
    ) -> Overview {
        let failure = failures.iter().find(|(other, _)| other == name).map(|(_, error)| error);
        let supervisor = self.pool.find(name.as_str()).map(|(_, supervisor)| supervisor);
        Overview {
            name: name.to_string(),
            transport: supervisor.map(|supervisor| supervisor.transport()),
            handshake: supervisor.and_then(|supervisor| supervisor.handshake()),
            description: self
                .settings
                .servers
                .get(name)
                .and_then(|server| server.description.clone()),
            tools: self.registry.reviewed(name).map(|tools| tools.len()),
            error: failure.map(|error| self.fit(name, &error.to_string())),
            hint: failure.and_then(upstream::Error::hint),
        }
    }
}
