//! The router itself: what it holds, and how a request finds its action.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use serde_json::{Value, json};
use tokio::sync::watch;

use super::action::Action;
use super::caller::{Caller, Client};
use super::current::Lifeline;
use super::describe::Offered;
use super::error::MAX_AVAILABLE;
use super::invocation::Shared;
use super::promotion::Promotion;
use super::request::ToolCall;
use super::settings::{Parts, ServerSettings, Settings};
use super::{Admin, Error, InForce, actions, describe, direct};
use crate::access::Usage;
use crate::base::json::Part;
use crate::base::text::nearest_all;
use crate::cache::{Flights, Kept, Results};
use crate::catalog::Sources;
use crate::config::ServerName;
use crate::protocol::content::json_result;
use crate::protocol::error::{ErrorObject, INVALID_PARAMS, METHOD_NOT_FOUND};
use crate::protocol::method;
use crate::protocol::outcome::Outcome;
use crate::search::Finder;
use crate::select::Selector;
use crate::telemetry::logging::excerpt;
use crate::tools::{Registry, ServerTools, Snapshot};
use crate::upstream::{self, Pool, Session, Supervisor};

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

    /// The answer to a request of a client that has introduced itself.
    pub async fn serve(
        &self,
        method: &str,
        params: Option<Part<'_>>,
        caller: &Caller,
    ) -> Result<Outcome, ErrorObject> {
        if self.is_direct(&caller.client) {
            let params = params.map(Part::text);
            return self.serve_direct(method, params, caller).await.map(Outcome::from);
        }
        match method {
            method::TOOLS_CALL => self.call_tool(params, caller).await,
            method::TOOLS_LIST => Ok(Outcome::from(Box::<str>::from(self.tool_list()))),
            _ => {
                let message = format!("unknown method `{}`", excerpt(method.as_bytes(), 80));
                Err(ErrorObject::new(METHOD_NOT_FOUND, message))
            }
        }
    }

    /// The answer to `tools/call` with these parameters. What goes wrong inside the `mcp` tool is a tool result
    /// that says so; a JSON-RPC error means that the request was none (specification, Tools, Error Handling).
    pub async fn call_tool(
        &self,
        params: Option<Part<'_>>,
        caller: &Caller,
    ) -> Result<Outcome, ErrorObject> {
        let failed = |error: Error| Outcome::from(json_result(&error.answer(), true));
        let call = ToolCall::parse(params.unwrap_or_else(|| "".into()))?;
        if call.name != describe::TOOL {
            if let Some(reply) = Box::pin(self.call_promoted(&call, caller)).await {
                return Ok(reply.unwrap_or_else(failed));
            }
            let message = format!(
                "unknown tool `{name}`: call `{mcp}` with {{\"tool\": \"{name}\", \"params\": {{…}}}}",
                name = excerpt(call.name.as_bytes(), 128),
                mcp = describe::TOOL
            );
            return Err(ErrorObject::new(INVALID_PARAMS, message));
        }
        let reply = match Action::parse(call.arguments, self.settings.max_batch_size) {
            Ok(action) => self.act(action, call.meta, caller).await,
            Err(error) => Err(error),
        };
        Ok(reply.unwrap_or_else(failed))
    }

    /// Carries out one action.
    pub async fn act(
        &self,
        action: Action<'_>,
        meta: Option<&str>,
        caller: &Caller,
    ) -> Result<Outcome, Error> {
        match action {
            Action::Call { server, tool, params, select } => {
                let (tool, params, select) = (&*tool, &*params, select.as_deref());
                let form = self.settings.call_format.into();
                let call = actions::call::Call { tool, params, select, meta, caller, form };
                call.run(self, server.as_deref()).await
            }
            // Calls are what there is most of; the rest is boxed to keep their futures small.
            other => Box::pin(self.act_otherwise(other, meta, caller)).await.map(Outcome::from),
        }
    }

    /// Carries out an action that is no call of one tool.
    async fn act_otherwise(
        &self,
        action: Action<'_>,
        meta: Option<&str>,
        caller: &Caller,
    ) -> Result<Box<str>, Error> {
        match action {
            Action::Call { .. } => unreachable!("`act` makes calls"),
            Action::Batch { items } => {
                Box::pin(actions::batch::run(self, &items, meta, caller)).await
            }
            Action::Intent { intent } => Box::pin(actions::intent::find(self, &intent)).await,
            Action::List { server: Some(server) } => {
                Box::pin(actions::list::tools(self, &server)).await
            }
            Action::List { server: None } => Ok(Box::pin(actions::list::servers(self)).await),
            Action::Schema { server, tool } => {
                Box::pin(actions::schema::show(self, server.as_deref(), &tool)).await
            }
            Action::Status { server } => {
                Box::pin(actions::status::show(self, server.as_deref())).await
            }
            Action::Read { id, offset, select } => {
                Box::pin(actions::read::run(self, &id, offset, select.as_deref())).await
            }
            Action::Install { server, alias } => {
                let wanted = actions::install::Wanted { name: &server, alias: alias.as_deref() };
                Box::pin(actions::install::run(self, wanted)).await
            }
            Action::Remove { .. } | Action::SetEnv { .. } | Action::SetMode { .. } => {
                Box::pin(actions::admin::run(self, action)).await
            }
            Action::Search { query } => Box::pin(actions::catalog::search(self, &query)).await,
            Action::Catalog { category } => {
                Box::pin(actions::catalog::list(self, category.as_deref())).await
            }
            Action::Promotions => Ok(actions::promotions::show(self)),
            Action::Refresh { server } => {
                Box::pin(actions::refresh::run(self, server.as_deref())).await
            }
        }
    }

    /// Takes a notification of a client.
    pub fn notified(&self, method: &str, params: Option<&str>, client: &Arc<Client>) {
        if method == method::ROOTS_LIST_CHANGED && self.is_direct(client) {
            self.pool.notify(client.id, method, params.unwrap_or("{}"));
        }
    }

    /// The client is gone: sessions of its own with servers end.
    pub fn left(&self, client: &Client) {
        self.forget(client);
        self.pool.release(client.id);
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
