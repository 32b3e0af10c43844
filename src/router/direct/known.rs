//! What was seen of servers: what they offer and say of themselves, and whose a prompt or a resource is.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::state::Given;
use super::template::Template;
use crate::config::{ServerName, ToolPrefix};
use crate::protocol::era::Era;
use crate::tools::Exposed;
use crate::tools::name_file::Plain;
use crate::upstream::Established;

/// All of it, of which what is seen later takes the place of what was seen before.
#[derive(Debug, Default)]
pub(super) struct Known {
    /// Most servers speak one era only.
    established: HashMap<ServerName, Vec<Arc<Established>>>,
    prompts: HashMap<ServerName, Vec<String>>,
    /// Of prompts.
    pub(super) given: Given,
    uris: HashMap<ServerName, HashSet<String>>,
    templates: HashMap<ServerName, Vec<Template>>,
}

impl Known {
    /// Takes in what a server offers.
    pub(super) fn put_established(&mut self, server: &ServerName, established: &Established) {
        let all = match self.established.get_mut(server) {
            Some(all) => all,
            None => self.established.entry(server.clone()).or_default(),
        };
        match all.iter_mut().find(|known| known.era == established.era) {
            Some(known)
                if known.capabilities == established.capabilities
                    && known.instructions == established.instructions => {}
            Some(known) => *known = Arc::new(established.clone()),
            None => all.push(Arc::new(established.clone())),
        }
    }

    /// What a server offered when it was last reached, in this era if it was, or else in the other one.
    pub(super) fn established(&self, server: &ServerName, era: Era) -> Option<Arc<Established>> {
        let all = self.established.get(server)?;
        all.iter().find(|known| known.era == era).or(all.first()).cloned()
    }

    /// Takes the prompts of servers in.
    pub(super) fn put_prompts(&mut self, new: impl Iterator<Item = (ServerName, Vec<String>)>) {
        self.prompts.extend(new);
    }

    /// Names those that have no name yet, in the order of the config. Returns the names of all that there are, and whether
    /// there are new ones among them.
    pub(super) fn name_prompts<'a>(
        &mut self,
        prefix: ToolPrefix,
        order: impl Iterator<Item = &'a ServerName>,
    ) -> (Exposed, bool) {
        let order: Vec<&ServerName> = order.collect();
        let all = order.iter().filter_map(|server| Some((*server, self.prompts.get(*server)?)));
        let all = all.flat_map(|(server, names)| names.iter().map(move |n| (server, n.as_str())));
        let names = Exposed::new(&self.given.names, prefix, all);
        let is_more = self.given.names.take_in(&names);
        (names, is_more)
    }

    /// Takes in what a prompt was called in an earlier run; one that its server is known to have lost has no name any more.
    pub(super) fn revive_prompt(&mut self, plain: Plain) {
        match self.prompts.get(&plain.server) {
            Some(names) if !names.contains(&plain.own) => self.given.lost.push(plain),
            _ => self.given.names.revive(&plain),
        }
    }

    /// The server and its own name of the prompt that was given this name, whether or not it is still there.
    pub(super) fn prompt(&self, name: &str) -> Option<(ServerName, String)> {
        self.given.names.owner(name).map(|(server, own)| (server.clone(), own.to_owned()))
    }

    pub(super) fn put_uris(&mut self, server: &ServerName, uris: HashSet<String>) {
        self.uris.insert(server.clone(), uris);
    }

    pub(super) fn put_templates(&mut self, server: &ServerName, templates: Vec<Template>) {
        self.templates.insert(server.clone(), templates);
    }

    /// Whether the server's resources were listed.
    pub(super) fn has_resources(&self, server: &ServerName) -> bool {
        self.uris.contains_key(server) && self.templates.contains_key(server)
    }

    /// Whether the server lists this resource, or this very template.
    pub(super) fn lists(&self, server: &ServerName, uri: &str) -> bool {
        self.uris.get(server).is_some_and(|uris| uris.contains(uri))
            || self.templates(server).iter().any(|template| template.text() == uri)
    }

    /// How much of the server's template that may stand for this resource is literal, of several the most; nothing where
    /// there is none.
    pub(super) fn fits(&self, server: &ServerName, uri: &str) -> Option<usize> {
        let fitting = self.templates(server).iter().filter(|template| template.matches(uri));
        fitting.map(Template::literal).max()
    }

    fn templates(&self, server: &ServerName) -> &[Template] {
        self.templates.get(server).map(Vec::as_slice).unwrap_or_default()
    }

    /// Forgets the resources of a server, which says that they are others now.
    pub(super) fn forget_resources(&mut self, server: &ServerName) {
        self.uris.remove(server);
        self.templates.remove(server);
    }

    /// Forgets servers that are gone. Names that they gave stay given.
    pub(super) fn forget_servers(&mut self, is_gone: impl Fn(&ServerName) -> bool) {
        self.established.retain(|server, _| !is_gone(server));
        self.prompts.retain(|server, _| !is_gone(server));
        self.uris.retain(|server, _| !is_gone(server));
        self.templates.retain(|server, _| !is_gone(server));
    }

    /// Forgets those of all servers.
    pub(super) fn forget_all_resources(&mut self) {
        self.uris.clear();
        self.templates.clear();
    }
}
