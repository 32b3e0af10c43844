//! What a server shows on its way into the registry: filtered, put into words that may reach the model, held against its pins.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use indexmap::IndexMap;
use tokio::time::Instant;

use super::registry::limit;
use super::rules::{permits, strangers};
use super::{Registry, ServerTools, Shown, Snapshot, Tool};
use crate::config::{ServerName, ToolFilter, Trust};
use crate::guard::pin::Note;
use crate::guard::{Guard, UnusableName};
use crate::protocol::tool::Definition;

/// Who says that a server has these tools.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    /// The server itself, now or earlier in this run. Pins that have to be written may wait so long for others.
    Server { patience: Duration },
    /// A file of an earlier run.
    Memory,
}

impl Registry {
    pub(super) fn take(
        &self,
        server: &ServerName,
        shown: Shown,
        origin: Origin,
    ) -> Arc<ServerTools> {
        let Shown { definitions, instructions } = shown;
        let rules = self.rules.get(server);
        let filter = rules.map(|rules| &rules.filter);
        let instructions = instructions.map(|said| match rules {
            Some(rules) => rules.guard.text(&said).0.into(),
            None => said.into(),
        });
        if origin != Origin::Memory
            && let Some(known) = self.known(server, &definitions, instructions.as_deref())
        {
            return known;
        }
        let is_first = self.snapshot().get(server.as_str()).is_none_or(|known| known.is_remembered);
        if is_first && origin != Origin::Memory {
            for name in filter.into_iter().flat_map(|filter| strangers(filter, &definitions)) {
                tracing::warn!("`toolFilter` of `{server}` names `{name}`, which it does not have");
            }
        }
        let mut tools = IndexMap::with_capacity(definitions.len());
        for definition in permitted(definitions, filter) {
            let name = definition.name.clone();
            let tool = || match rules {
                Some(rules) => guarded(definition, &rules.guard),
                None => Tool::new(definition),
            };
            tools.entry(name).or_insert_with(tool);
        }
        self.put(server, Arc::new(tools), instructions, origin)
    }

    /// What is known of the server, if it shows just what it has shown in this run and its pins are as they were: to
    /// compare ten thousand tools takes a millisecond, to look at each of them anew takes hundreds.
    fn known(
        &self,
        server: &ServerName,
        definitions: &[Definition],
        instructions: Option<&str>,
    ) -> Option<Arc<ServerTools>> {
        let known = self.look(|snapshot| snapshot.get(server.as_str()).cloned())?;
        let filter = self.rules.get(server).map(|rules| &rules.filter);
        let permitted = definitions
            .iter()
            .filter(|tool| filter.is_none_or(|filter| permits(filter, &tool.name)));
        let is_same = !known.is_remembered
            && !known.is_unsettled
            && known.instructions.as_deref() == instructions
            && permitted
                .map(Definition::text)
                .eq(known.tools.values().map(|tool| tool.original().text()))
            && !self.pins.have_moved(server);
        is_same.then_some(known)
    }

    /// Holds the tools against their pins and makes them the current ones; the server's turn is held.
    pub(super) fn put(
        &self,
        server: &ServerName,
        tools: Arc<IndexMap<String, Tool>>,
        instructions: Option<Arc<str>>,
        origin: Origin,
    ) -> Arc<ServerTools> {
        let originals = tools.values().map(Tool::original);
        let review = match origin {
            Origin::Server { patience } => self.pins.review(server, originals, patience),
            Origin::Memory => self.pins.look(server, originals),
        };
        let mut notes = review.notes;
        for (name, tool) in tools.iter() {
            if let Some(unusable) = &tool.unusable {
                notes.insert(name.clone(), unusable_note(*unusable));
            }
        }
        let tools = Arc::new(ServerTools {
            tools,
            notes,
            is_remembered: origin == Origin::Memory,
            is_unsettled: review.is_unsettled,
            since: Some(Instant::now()),
            server: server.to_string(),
            instructions,
            limit: limit(&self.compression),
            listing: OnceLock::new(),
        });
        let is_change = match self.snapshot().get(server.as_str()) {
            Some(before) => !before.shows_the_same(&tools),
            // Nobody has asked yet who could have heard something else.
            None => origin != Origin::Memory,
        };
        self.current.rcu(|snapshot| {
            let mut servers = snapshot.servers.clone();
            servers.insert(server.clone(), Some(tools.clone()));
            Snapshot { servers }
        });
        if is_change {
            self.changed.send_replace(());
        }
        tools
    }
}

/// Those that the filter permits. Where they are the smaller part of their list, they do not keep it in memory.
fn permitted(mut definitions: Vec<Definition>, filter: Option<&ToolFilter>) -> Vec<Definition> {
    let Some(filter) = filter else { return definitions };
    let bytes = |tools: &[Definition]| tools.iter().map(|tool| tool.text().len()).sum::<usize>();
    let all = bytes(&definitions);
    definitions.retain(|tool| permits(filter, &tool.name));
    if bytes(&definitions) >= all / 2 {
        return definitions;
    }
    definitions.into_iter().map(Definition::alone).collect()
}

/// A tool in the words that may reach the model.
fn guarded(definition: Definition, guard: &Guard) -> Tool {
    if guard.trust() == Trust::Trusted {
        return Tool::new(definition);
    }
    let original = definition.clone();
    let (definition, unusable) = match guard.definition(definition) {
        Ok(definition) => (definition, None),
        // Nobody sees it but in the reason why it is withheld.
        Err(unusable) => (original.clone(), Some(unusable)),
    };
    let is_changed = definition.text() != original.text();
    let mut tool = Tool::new(definition);
    tool.original = is_changed.then(|| Box::new(original));
    tool.unusable = unusable;
    tool
}

fn unusable_note(unusable: UnusableName) -> Note {
    Note {
        withheld: true,
        is_pending: false,
        reason: unusable.to_string(),
        difference: String::new(),
        remedy: "its owner has to rename the tool, or to be `trusted`".to_owned(),
    }
}
