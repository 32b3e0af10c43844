//! All known tools at one moment, never changed.

use std::sync::{Arc, OnceLock};

use indexmap::IndexMap;
use tokio::time::Instant;

use super::registry::limit;
use super::{Exposed, Listing, Tool};
use crate::config::{SchemaCompression, ServerName, ToolPrefix};
use crate::guard::pin::Note;
use crate::guard::{ToolFinding, scan_definition};
use crate::protocol::tool::Definition;

/// All servers, in the order of the config, with the tools of those that were reached so far.
#[derive(Debug, Default)]
pub struct Snapshot {
    pub(super) servers: IndexMap<ServerName, Option<Arc<ServerTools>>>,
}

/// The tools of one server that its filter permits, in the server's order. Those that are withheld are there in
/// their notes only.
#[derive(Debug, Default)]
pub struct ServerTools {
    pub(super) tools: Arc<IndexMap<String, Tool>>,
    pub(super) notes: IndexMap<String, Note>,
    /// They were read from the files of an earlier run; the server itself has not been asked yet.
    pub(super) is_remembered: bool,
    /// Their pins could not be written or read for now.
    pub(super) is_unsettled: bool,
    /// When their pins were looked at.
    pub(super) since: Option<Instant>,
    pub(super) server: String,
    /// How the server says that they are used, as far as it may reach the model.
    pub(super) instructions: Option<Arc<str>>,
    /// Characters of a description in a list.
    pub(super) limit: Option<usize>,
    pub(super) listing: OnceLock<Listing>,
}

impl Snapshot {
    /// These, with what `other` knows of those servers for which `takes_other` says so, given what this one and `other` know.
    #[must_use]
    pub fn mixed(
        &self,
        other: &Self,
        takes_other: impl Fn(&ServerName, Option<&ServerTools>, Option<&ServerTools>) -> bool,
    ) -> Self {
        let choose = |(name, own): (&ServerName, &Option<Arc<ServerTools>>)| {
            let other = other.get(name.as_str());
            let is_other = takes_other(name, own.as_deref(), other.map(Arc::as_ref));
            (name.clone(), if is_other { other.cloned() } else { own.clone() })
        };
        Self { servers: self.servers.iter().map(choose).collect() }
    }

    /// The tools of a server; `None` when it was never reached.
    pub fn get(&self, server: &str) -> Option<&Arc<ServerTools>> {
        self.servers.get(server)?.as_ref()
    }

    /// Servers that have a tool of this name, in the order of the config.
    pub fn holders<'a>(
        &'a self,
        tool: &'a str,
    ) -> impl Iterator<Item = (&'a ServerName, &'a Tool)> {
        self.servers
            .iter()
            .filter_map(move |(name, tools)| Some((name, tools.as_ref()?.get(tool)?)))
    }

    /// Servers that withhold a tool of this name, in the order of the config.
    pub fn withholders<'a>(&'a self, tool: &'a str) -> impl Iterator<Item = &'a ServerName> {
        let withholds = |tools: &Arc<ServerTools>| tools.withheld(tool).is_some();
        let servers = self.servers.iter();
        servers
            .filter(move |(_, tools)| tools.as_ref().is_some_and(withholds))
            .map(|(name, _)| name)
    }

    /// What stands in the definitions of a server's tools that should not: hidden instructions, invisible characters,
    /// mentions of tools of other servers. It takes a while, so it is done for those who ask.
    pub fn findings(&self, server: &str) -> Vec<ToolFinding> {
        let Some(tools) = self.get(server) else { return Vec::new() };
        let foreign = |name: &str| {
            tools.get(name).is_none()
                && self.holders(name).any(|(holder, _)| holder.as_str() != server)
        };
        let tools = tools.tools.values();
        tools.flat_map(|tool| scan_definition(tool.original(), &foreign)).collect()
    }

    /// The names of all known tools side by side, beside those that are `given`. Those that are withheld keep theirs, so
    /// that nothing is renamed when they no longer are.
    pub fn exposed(&self, given: &Exposed, prefix: ToolPrefix) -> Exposed {
        let servers = self.servers.iter().filter_map(|(name, tools)| Some((name, tools.as_ref()?)));
        let names = servers
            .flat_map(|(name, tools)| tools.tools.keys().map(move |tool| (name, tool.as_str())));
        Exposed::new(given, prefix, names)
    }

    /// Every known tool, with its server.
    pub fn iter(&self) -> impl Iterator<Item = (&ServerName, &Tool)> {
        self.servers
            .iter()
            .filter_map(|(name, tools)| Some((name, tools.as_ref()?)))
            .flat_map(|(name, tools)| tools.iter().map(move |tool| (name, tool)))
    }
}

impl ServerTools {
    /// The tool of this name, if it may be called.
    pub fn get(&self, tool: &str) -> Option<&Tool> {
        self.tools.get(tool).filter(|_| self.withheld(tool).is_none())
    }

    /// Every tool that may be called, in the server's order.
    pub fn iter(&self) -> impl Iterator<Item = &Tool> {
        let tools = self.tools.iter();
        tools.filter(|(name, _)| self.withheld(name).is_none()).map(|(_, tool)| tool)
    }

    /// The definitions as the server sent them, those of withheld tools as well.
    pub fn originals(&self) -> impl Iterator<Item = &Definition> {
        self.tools.values().map(Tool::original)
    }

    /// The tools as `list` shows them, put together when first asked for.
    pub fn listing(&self) -> &Listing {
        self.listing.get_or_init(|| Listing::new(&self.server, self.iter(), self.limit))
    }

    /// How the server says that its tools are used, for the model; its beginning, if it is long.
    pub fn instructions(&self) -> Option<&str> {
        self.instructions.as_deref()
    }

    /// Whether they are what the server showed in an earlier run. It may show others when it is reached, so nothing is
    /// refused on the strength of them.
    pub fn is_remembered(&self) -> bool {
        self.is_remembered
    }

    /// Characters of a description in a list; all of them without a limit.
    pub fn limit(&self) -> Option<usize> {
        self.limit
    }

    /// The same tools with descriptions for lists as these settings want them.
    pub(super) fn summarized(&self, compression: &SchemaCompression) -> Self {
        Self {
            tools: self.tools.clone(),
            notes: self.notes.clone(),
            server: self.server.clone(),
            instructions: self.instructions.clone(),
            limit: limit(compression),
            listing: OnceLock::new(),
            ..*self
        }
    }

    /// Whether there is nothing to tell about these that was not told about the others.
    pub(super) fn shows_the_same(&self, other: &Self) -> bool {
        let texts = self.iter().map(|tool| tool.definition.text());
        texts.eq(other.iter().map(|tool| tool.definition.text())) && self.notes == other.notes
    }

    /// How many may be called.
    pub fn len(&self) -> usize {
        self.tools.len() - self.notes.values().filter(|note| note.withheld).count()
    }

    /// Whether none may be called.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Why the tool of this name may not be called, where the server has it.
    pub fn withheld(&self, tool: &str) -> Option<&Note> {
        self.notes.get(tool).filter(|note| note.withheld)
    }

    /// What there is to say about tools that are not as they were pinned.
    pub fn notes(&self) -> impl Iterator<Item = (&str, &Note)> {
        self.notes.iter().map(|(name, note)| (name.as_str(), note))
    }
}
