//! Lists of all servers, one behind the other: what a server does not answer in time is missing, and nothing else.

use std::collections::HashSet;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::timeout;

use super::pass::Request;
use super::sessions::{has, to_list};
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

/// A server that has not answered by then is left out.
const PATIENCE: Duration = Duration::from_secs(10);
/// A list is not followed further than this.
const MAX_PAGES: usize = 1000;
/// Nor is it longer.
const MAX_ITEMS: usize = 20_000;
/// Nor are there more bytes of it.
const MAX_BYTES: usize = 16 * 1024 * 1024;

/// A kind of list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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
pub(super) struct Item {
    /// What its server calls it.
    pub(super) key: String,
    /// Its JSON text, as it may reach the model.
    pub(super) json: String,
}

impl Router {
    /// The list of every server that is `wanted` and has one, in the order of the config.
    pub(super) async fn gather(
        &self,
        kind: Kind,
        caller: &Caller,
        wanted: impl Fn(&ServerName) -> bool,
    ) -> Vec<(ServerName, Vec<Item>)> {
        let caller = &to_list(caller);
        let servers = self.pool.iter().filter(|(name, _)| wanted(name));
        let servers = servers.filter_map(|(name, _)| self.find(name.as_str()).ok());
        let lists = servers.map(async |found| {
            let list = match timeout(PATIENCE, self.pages(found, kind, caller)).await {
                Ok(list) => list,
                Err(_elapsed) => Err(upstream::Error::TimedOut { after: PATIENCE }),
            };
            match list {
                Ok(items) => Some((found.name.clone(), clean(found, kind, items).await)),
                Err(error) => {
                    let why = excerpt(error.to_string().as_bytes(), 400);
                    tracing::info!("no `{}` of `{}`: {why}", kind.method(), found.name);
                    None
                }
            }
        });
        join_all(lists).await.into_iter().flatten().collect()
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
