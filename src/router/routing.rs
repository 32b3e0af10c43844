//! The router itself: what it holds, and what is looked up in it.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use serde_json::{Value, json};
use tokio::sync::watch;

use super::caller::Client;
use super::current::Lifeline;
use super::describe::Offered;
use super::error::MAX_AVAILABLE;
use super::invocation::Shared;
use super::promotion::Promotion;
use super::settings::{Parts, ServerSettings, Settings};
use super::{Admin, Error, InForce, describe, direct};
use crate::access::Usage;
use crate::base::text::nearest_all;
use crate::cache::{Flights, Kept, Results};
use crate::catalog::Sources;
use crate::config::ServerName;
use crate::search::Finder;
use crate::select::Selector;
use crate::tools::{Registry, ServerTools, Snapshot};
use crate::upstream::{Pool, Supervisor};

/// The contract's number of last successful calls whose servers are preferred.
const RECENT_CALLS: usize = 5;

/// Turns requests of the `mcp` tool into replies.
#[derive(Debug)]
pub struct Router {
    pub(super) pool: Pool,
    /// What everybody is shown.
    pub(super) registry: Arc<Registry>,
    /// What clients are shown that can be asked something.
    pub(super) registry_of_asked: Arc<Registry>,
    pub(super) usage: Usage,
    pub(super) results: Arc<Results>,
    /// Calls that others may join.
    pub(super) flights: Arc<Flights<Shared>>,
    pub(super) kept: Kept,
    pub(super) selector: Arc<Selector>,
    pub(super) finder: Arc<Finder>,
    pub(super) catalog: Option<Arc<Sources>>,
    pub(super) admin: Option<Arc<Admin>>,
    pub(super) settings: Settings,
    pub(super) tool_list: Box<str>,
    pub(super) recent: Arc<Mutex<VecDeque<ServerName>>>,
    pub(super) promotion: Arc<Promotion>,
    /// Sent when `tools/list` has another answer.
    pub(super) list_changed: watch::Sender<()>,
    pub(super) direct: Arc<direct::State>,
    /// Whether the config is in force that is on the disk.
    pub(super) in_force: Arc<InForce>,
    pub(super) lifeline: Arc<Lifeline>,
    /// For work that outlives a request.
    pub(super) this: Weak<Self>,
}

/// What a client hears first.
#[derive(Debug)]
pub struct Introduction {
    /// What it may ask for, in the words of the session era (specification, Lifecycle, Capability Negotiation).
    pub capabilities: Value,
    /// For the model.
    pub instructions: String,
}

/// A server that was found by its name.
#[derive(Clone, Copy)]
pub(super) struct Found<'a> {
    pub(super) name: &'a ServerName,
    pub(super) supervisor: &'a Arc<Supervisor>,
    pub(super) settings: &'a ServerSettings,
}

/// What there has to be known of a server's tools.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Enough {
    /// What it showed in an earlier run will do.
    Remembered,
    /// What it shows in this run.
    Shown,
}

impl Router {
    /// Puts the router in front of the servers, for each of which there are settings.
    pub fn new(parts: Parts, settings: Settings) -> Arc<Self> {
        let offered = Offered { catalog: parts.catalog.is_some(), admin: parts.admin.is_some() };
        let tool_list = describe::tool_list(&settings, offered);
        let promotion = Arc::new(Promotion::new(settings.adaptive_promotion.clone()));
        let Parts { pool, registries, usage, results, names, kept, .. } = parts;
        let (selector, finder, catalog, admin) =
            (parts.selector, parts.finder, parts.catalog, parts.admin);
        Arc::new_cyclic(|this| Self {
            pool,
            registry: registries.everybody,
            registry_of_asked: registries.asked,
            usage,
            results,
            flights: Arc::default(),
            kept,
            selector,
            finder,
            catalog,
            admin,
            settings,
            tool_list,
            recent: Arc::default(),
            promotion,
            list_changed: watch::Sender::new(()),
            direct: Arc::new(direct::State::new(names)),
            in_force: Arc::default(),
            lifeline: Arc::default(),
            this: this.clone(),
        })
    }

    /// Reaches one server.
    pub async fn reach(&self, server: &str) -> Result<(), Error> {
        self.tools_of(self.find(server)?).await.map(drop)
    }

    /// Reads what servers showed in an earlier run, as far as nothing is known of them yet.
    pub async fn recall(&self) {
        self.registry.recall_all().await;
    }

    /// Servers whose start is under way.
    pub fn starting(&self) -> impl Iterator<Item = &ServerName> {
        let starting = self.pool.iter().filter(|(_, supervisor)| supervisor.is_starting());
        starting.map(|(name, _)| name)
    }

    /// All tools that are known by now.
    pub fn tools(&self) -> Arc<Snapshot> {
        self.registry.snapshot()
    }

    /// Waits until what servers showed, and the names that it was given, are on the disk. Once it is closed only.
    pub async fn settled(&self) {
        self.registry.settled().await;
        self.registry_of_asked.settled().await;
        self.direct.settled().await;
    }

    /// Ends the processes that run filters.
    pub fn close(&self) {
        self.selector.close();
        self.finder.close();
        self.direct.close();
    }

    /// The servers behind the router.
    pub fn pool(&self) -> &Pool {
        &self.pool
    }

    /// What finds tools by what they are for.
    pub fn finder(&self) -> &Arc<Finder> {
        &self.finder
    }

    /// What a tool must reach to be the one that an intent means, 0 to 1.
    pub fn min_score(&self) -> f64 {
        self.settings.min_score
    }

    /// The counts of calls.
    pub fn usage(&self) -> &Usage {
        &self.usage
    }

    /// What the bridge says of itself when a client connects.
    pub fn introduction(&self, client: &Client) -> Introduction {
        if self.is_direct(client) {
            return self.introduction_direct(client);
        }
        Introduction {
            // The description of the tool names the servers, which another config may change.
            capabilities: json!({ "tools": { "listChanged": true } }),
            instructions: describe::INSTRUCTIONS.to_owned(),
        }
    }

    /// The configured server of this name.
    pub(super) fn find(&self, server: &str) -> Result<Found<'_>, Error> {
        if let Some((name, supervisor)) = self.pool.find(server)
            && let Some(settings) = self.settings.servers.get(name)
        {
            return Ok(Found { name, supervisor, settings });
        }
        if let Some(skipped) = self.settings.left_out.iter().find(|skipped| skipped.name == server)
        {
            let (server, reason) = (skipped.name.clone(), skipped.reason.clone());
            return Err(Error::LeftOut { server, reason });
        }
        let names = self.pool.iter().map(|(name, _)| name.as_str());
        let available = nearest_all(server, names, MAX_AVAILABLE);
        let available = available.into_iter().map(str::to_owned).collect();
        Err(Error::UnknownServer { name: server.to_owned(), available })
    }

    /// What a server said, as far as it may reach the model.
    pub(super) fn fit(&self, server: &ServerName, said: &str) -> String {
        let guard = self.settings.servers.get(server).map(|settings| &settings.guard);
        guard.map_or_else(|| said.to_owned(), |guard| guard.text(said).0.into_owned())
    }

    /// Remembers a successful call, for the next tool that is asked for without its server.
    pub(super) fn remember(&self, server: &ServerName) {
        // Only one of several servers can be preferred.
        if self.pool.len() < 2 {
            return;
        }
        let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        if recent.len() == RECENT_CALLS {
            recent.pop_front();
        }
        recent.push_back(server.clone());
    }

    pub(super) fn is_recent(&self, server: &ServerName) -> bool {
        self.recent.lock().unwrap_or_else(PoisonError::into_inner).contains(server)
    }
}

/// The error for a tool that the server does not have, with the names that come nearest, or that is withheld.
pub(super) fn unknown_tool(server: &ServerName, tools: &ServerTools, tool: &str) -> Error {
    if let Some(note) = tools.withheld(tool) {
        return Error::Denied {
            server: server.to_string(),
            tool: tool.to_owned(),
            reason: note.reason.clone(),
            remedy: note.remedy.clone(),
        };
    }
    let names = tools.iter().map(|tool| tool.definition.name.as_str());
    let available = nearest_all(tool, names, MAX_AVAILABLE);
    Error::UnknownTool {
        server: Some(server.to_string()),
        tool: tool.to_owned(),
        available: available.into_iter().map(str::to_owned).collect(),
        unreachable: Vec::new(),
    }
}
