//! Lists of all servers, one behind the other: what a server does not answer in time is missing, and nothing else.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::sync::watch;
use tokio::time::{Instant, timeout};

use super::audience::is_asked;
use super::lists::{Key, List, Lists, Outcome};
use super::pass::Request;
use super::sessions::{has, to_list};
use super::template::Template;
use crate::base::json::{elements, is_object, member, string};
use crate::config::ServerName;
use crate::guard::Guard;
use crate::protocol::error::METHOD_NOT_FOUND;
use crate::protocol::method;
use crate::router::caller::Caller;
use crate::router::routing::{Found, Router};
use crate::router::shape::off_thread;
use crate::telemetry::logging::excerpt;
use crate::upstream;

/// All pages of a list have come by then, or it is given up.
const LONGEST: Duration = Duration::from_mins(1);
/// A list is not followed further than this.
const MAX_PAGES: usize = 1000;
/// Nor is it longer.
const MAX_ITEMS: usize = 20_000;
/// Nor are there more bytes of it.
const MAX_BYTES: usize = 16 * 1024 * 1024;

/// A kind of list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Kind {
    Prompts,
    Resources,
    Templates,
    /// Only the session era lists them.
    Tasks,
}

impl Kind {
    fn method(self) -> &'static str {
        match self {
            Self::Prompts => method::PROMPTS_LIST,
            Self::Resources => method::RESOURCES_LIST,
            Self::Templates => method::RESOURCES_TEMPLATES_LIST,
            Self::Tasks => method::TASKS_LIST,
        }
    }

    /// The member of a result that holds the list.
    pub(super) fn member(self) -> &'static str {
        match self {
            Self::Prompts => "prompts",
            Self::Resources => "resources",
            Self::Templates => "resourceTemplates",
            Self::Tasks => "tasks",
        }
    }

    /// The member of an item by which it is known.
    pub(super) fn key(self) -> &'static str {
        match self {
            Self::Prompts => "name",
            Self::Resources => "uri",
            Self::Templates => "uriTemplate",
            Self::Tasks => "taskId",
        }
    }
}

/// One element of a list.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Item {
    /// What its server calls it.
    pub(super) key: String,
    /// Its JSON text, as it may reach the model.
    pub(super) json: String,
}

/// The lists of several servers.
pub(super) struct Gathered {
    /// In the order of the config.
    pub(super) lists: Vec<(ServerName, List)>,
    /// Those that gave none, and why.
    pub(super) failures: Vec<(ServerName, upstream::Error)>,
}

impl Router {
    /// The list of every server that is `wanted` and has one, in the order of the config. One that takes long is left out,
    /// or there with an older list; who listens hears of it when it has answered.
    pub(super) async fn gather(
        &self,
        kind: Kind,
        caller: &Caller,
        wanted: impl Fn(&ServerName) -> bool,
    ) -> Gathered {
        let caller = &to_list(caller);
        let servers = self.pool.iter().filter(|(name, _)| wanted(name));
        let servers = servers.filter_map(|(name, _)| self.find(name.as_str()).ok());
        let lists =
            servers.map(async |found| (found.name, self.list_of(found, kind, caller).await));
        let mut gathered = Gathered { lists: Vec::new(), failures: Vec::new() };
        for (server, list) in join_all(lists).await {
            match list {
                Ok(items) => gathered.lists.push((server.clone(), items)),
                Err(error) => {
                    let why = excerpt(error.to_string().as_bytes(), 400);
                    tracing::info!("no `{}` of `{server}`: {why}", kind.method());
                    gathered.failures.push((server.clone(), error));
                }
            }
        }
        gathered
    }

    /// Whether the list of a server takes so long that nobody waits for it any more.
    pub(super) fn is_awaited(&self, server: &ServerName, kind: Kind, caller: &Caller) -> bool {
        let caller = to_list(caller);
        self.direct.lists.is_awaited(&self.key(server, kind, &caller))
    }

    fn key(&self, server: &ServerName, kind: Kind, caller: &Caller) -> Key {
        let client = &caller.client;
        let is_private =
            is_asked(client) || self.level_of(client).is_some() || self.direct.owners.has(client);
        Lists::key(server, kind, client, is_private)
    }

    async fn list_of(
        &self,
        found: Found<'_>,
        kind: Kind,
        caller: &Caller,
    ) -> Result<List, upstream::Error> {
        let key = self.key(found.name, kind, caller);
        let (patience, awaited) = self.direct.lists.patience(&key);
        let mut coming = match awaited {
            Some(awaited) => awaited,
            None => self.begin_list(key.clone(), caller)?,
        };
        let come = async { coming.wait_for(Option::is_some).await.map(|it| it.clone()) };
        let outcome = match timeout(patience, come).await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(_gone)) => Some(Err(upstream::Error::ShuttingDown)),
            Err(_elapsed) => self.direct.lists.give_up(&key, &coming),
        };
        outcome.unwrap_or(Err(upstream::Error::TimedOut { after: patience }))
    }

    /// Asks for a list, whether or not somebody waits until it comes.
    fn begin_list(
        &self,
        key: Key,
        caller: &Caller,
    ) -> Result<watch::Receiver<Outcome>, upstream::Error> {
        let router = self.this.upgrade().ok_or(upstream::Error::ShuttingDown)?;
        let (sender, coming) = watch::channel(None);
        let (caller, began) = (caller.clone(), Instant::now());
        self.direct.tasks.spawn(async move {
            let Ok(found) = router.find(key.server.as_str()) else { return };
            let outcome = match timeout(LONGEST, router.pages(found, key.kind, &caller)).await {
                Ok(Ok(items)) => Ok(Arc::new(clean(found, key.kind, items).await)),
                Ok(Err(error)) => Err(error),
                Err(_elapsed) => Err(upstream::Error::TimedOut { after: LONGEST }),
            };
            if let Ok(list) = &outcome {
                router.take_in(&key, list);
            }
            router.direct.lists.bring(&key, outcome, began.elapsed(), &sender);
        });
        Ok(coming)
    }

    /// Notes which resources are whose.
    fn take_in(&self, key: &Key, list: &[Item]) {
        let keys = list.iter().map(|item| item.key.as_str());
        match key.kind {
            Kind::Resources => {
                self.direct.known().put_uris(&key.server, keys.map(str::to_owned).collect());
            }
            Kind::Templates => {
                self.direct.known().put_templates(&key.server, keys.map(Template::parse).collect());
            }
            Kind::Prompts | Kind::Tasks => {}
        }
    }

    /// The elements of all pages; none where the server does not know the list.
    async fn pages(
        &self,
        found: Found<'_>,
        kind: Kind,
        caller: &Caller,
    ) -> Result<Vec<String>, upstream::Error> {
        let (mut items, mut bytes) = (Vec::new(), 0);
        if self.offers(found, caller).await?.is_some_and(|offers| !has(&offers, kind)) {
            return Ok(items);
        }
        let mut params = "{}".to_owned();
        let mut seen = HashSet::new();
        for _ in 0..MAX_PAGES {
            let (method, other) = (kind.method(), None);
            let request = Request { method, params: &params, other, caller };
            let page = match self.pass(found, request).await {
                Err(upstream::Error::Refused(error)) if error.code == METHOD_NOT_FOUND => break,
                page => page?,
            };
            bytes += page.len();
            items.extend(elements(member(&page, kind.member()).unwrap_or("[]")).map(str::to_owned));
            if items.len() > MAX_ITEMS || bytes > MAX_BYTES {
                tracing::warn!(
                    "`{}` has too much in `{method}`; only the first is used",
                    found.name
                );
                items.truncate(MAX_ITEMS);
                break;
            }
            match member(&page, "nextCursor").filter(|cursor| cursor.starts_with('"')) {
                Some(cursor) if seen.insert(cursor.to_owned()) => {
                    params = format!("{{\"cursor\":{cursor}}}");
                }
                _ => break,
            }
        }
        Ok(items)
    }
}

/// What of a list may reach the model. An item whose key would have to change could not be asked for, so it is left
/// out, and so is one without a key.
async fn clean(found: Found<'_>, kind: Kind, items: Vec<String>) -> Vec<Item> {
    let guard = found.settings.guard.clone();
    let length = items.iter().map(String::len).sum();
    let treat = move || -> Vec<Item> {
        items.into_iter().filter_map(|item| treated(&guard, kind, item)).collect()
    };
    off_thread(length, treat).await
}

fn treated(guard: &Guard, kind: Kind, item: String) -> Option<Item> {
    let key = string(member(&item, kind.key()).filter(|_| is_object(&item))?)?.into_owned();
    if !guard.text(&key).1.is_empty() {
        return None;
    }
    let json = match guard.json(&item).json {
        std::borrow::Cow::Borrowed(_) => item,
        std::borrow::Cow::Owned(json) => json,
    };
    (string(member(&json, kind.key())?)? == key).then_some(Item { key, json })
}
