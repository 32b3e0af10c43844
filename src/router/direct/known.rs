//! What was seen in the lists of servers: whose a prompt or a resource is.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::template::Template;
use crate::config::{ServerName, ToolPrefix};
use crate::tools::Exposed;

/// All of it, of which each list of a server takes the place of the one before.
#[derive(Debug, Default)]
pub(super) struct Known {
    prompts: HashMap<ServerName, Vec<String>>,
    names: Arc<Exposed>,
    uris: HashMap<ServerName, HashSet<String>>,
    templates: HashMap<ServerName, Vec<Template>>,
}

impl Known {
    /// Takes the prompts of servers in, and names all of them anew in the order of the config.
    pub(super) fn put_prompts<'a>(
        &mut self,
        new: impl Iterator<Item = (ServerName, Vec<String>)>,
        prefix: ToolPrefix,
        order: impl Iterator<Item = &'a ServerName>,
    ) -> Arc<Exposed> {
        self.prompts.extend(new);
        let order: Vec<&ServerName> = order.collect();
        let all = order.iter().filter_map(|server| Some((*server, self.prompts.get(*server)?)));
        let all = all.flat_map(|(server, names)| names.iter().map(move |n| (server, n.as_str())));
        self.names = Arc::new(Exposed::new(prefix, all));
        self.names.clone()
    }

    /// The names of the prompts.
    pub(super) fn prompts(&self) -> Arc<Exposed> {
        self.names.clone()
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

    /// Whether the server lists this resource.
    pub(super) fn lists(&self, server: &ServerName, uri: &str) -> bool {
        self.uris.get(server).is_some_and(|uris| uris.contains(uri))
    }

    /// Whether one of the server's templates may stand for this resource, or is this very template.
    pub(super) fn fits(&self, server: &ServerName, uri: &str) -> bool {
        let templates = self.templates.get(server).map(Vec::as_slice).unwrap_or_default();
        templates.iter().any(|template| template.text() == uri || template.matches(uri))
    }
}
