//! Resources: listed one server behind the other, read from the one that has them.

use std::collections::HashSet;

use super::errors;
use super::gather::{Item, Kind};
use super::pass::Request;
use super::template::Template;
use crate::base::json::{member, string};
use crate::config::ServerName;
use crate::protocol::error::{ErrorObject, INVALID_PARAMS, METHOD_NOT_FOUND, RESOURCE_NOT_FOUND};
use crate::protocol::method;
use crate::router::caller::Caller;
use crate::router::invocation::{Answered, Notes};
use crate::router::routing::{Found, Router};
use crate::router::shape::Form;
use crate::router::value::Facts;
use crate::upstream;

impl Router {
    /// The resources of all servers. Of two that have one URI the first in the config is the one that is read, so the
    /// other one is not shown.
    pub(super) async fn list_resources(&self, caller: &Caller) -> Box<str> {
        self.list_by_key(Kind::Resources, caller).await
    }

    /// Their templates.
    pub(super) async fn list_templates(&self, caller: &Caller) -> Box<str> {
        self.list_by_key(Kind::Templates, caller).await
    }

    async fn list_by_key(&self, kind: Kind, caller: &Caller) -> Box<str> {
        let lists = self.gather_resources(kind, caller, |_| true).await;
        let mut seen = HashSet::new();
        let items = lists.iter().flat_map(|(_, items)| items);
        let shown = items.filter(|item| seen.insert(item.key.as_str()));
        let shown: Vec<&str> = shown.map(|item| item.json.as_str()).collect();
        format!("{{\"{}\":[{}]}}", kind.member(), shown.join(",")).into()
    }

    async fn gather_resources(
        &self,
        kind: Kind,
        caller: &Caller,
        wanted: impl Fn(&ServerName) -> bool,
    ) -> Vec<(ServerName, Vec<Item>)> {
        let lists = self.gather(kind, caller, wanted).await;
        let mut known = self.direct.known();
        for (server, items) in &lists {
            let keys = items.iter().map(|item| item.key.as_str());
            if kind == Kind::Resources {
                known.put_uris(server, keys.map(str::to_owned).collect());
            } else {
                known.put_templates(server, keys.map(Template::parse).collect());
            }
        }
        drop(known);
        lists
    }

    /// Servers that may have a resource, the likeliest first: the one that lists it; those with a template that may
    /// stand for it; all that are there.
    pub(super) async fn owners(&self, uri: &str, caller: &Caller) -> Vec<Found<'_>> {
        if self.pool.len() > 1 {
            let unknown: HashSet<ServerName> = {
                let known = self.direct.known();
                let mut servers = self.pool.iter().map(|(server, _)| server);
                let listed = servers.find(|server| known.lists(server, uri));
                if let Some(found) = listed.and_then(|server| self.find(server.as_str()).ok()) {
                    return vec![found];
                }
                let servers = self.pool.iter().map(|(server, _)| server);
                servers.filter(|server| !known.has_resources(server)).cloned().collect()
            };
            if !unknown.is_empty() {
                let wanted = |server: &ServerName| unknown.contains(server);
                let _ = tokio::join!(
                    self.gather_resources(Kind::Resources, caller, wanted),
                    self.gather_resources(Kind::Templates, caller, wanted),
                );
            }
        }
        let known = self.direct.known();
        let mut servers: Vec<Found<'_>> =
            self.pool.iter().filter_map(|(server, _)| self.find(server.as_str()).ok()).collect();
        let rank =
            |found: &Found<'_>| (!known.lists(found.name, uri), !known.fits(found.name, uri));
        servers.sort_by_key(rank);
        if let Some(first) = servers.first().filter(|first| known.lists(first.name, uri)) {
            return vec![*first];
        }
        if servers.first().is_some_and(|first| known.fits(first.name, uri)) {
            servers.retain(|found| known.fits(found.name, uri));
        }
        servers
    }

    /// The contents of a resource.
    pub(super) async fn read_resource(
        &self,
        params: &str,
        caller: &Caller,
    ) -> Result<Box<str>, ErrorObject> {
        let uri = uri_of(params, method::RESOURCES_READ)?;
        let owners = self.owners(&uri, caller).await;
        let request = Request { method: method::RESOURCES_READ, params, other: None, caller };
        let (found, result) = self.first_to_answer(&owners, request, &uri).await?;
        Ok(self.fit_to_travel(found, result, Form::Contents).await)
    }

    /// The answer of the first of these servers that has one. The error of a single one is its own; of several, one
    /// that knows the resource and fails counts more than those that do not know it.
    pub(super) async fn first_to_answer<'a>(
        &self,
        owners: &[Found<'a>],
        request: Request<'_>,
        uri: &str,
    ) -> Result<(Found<'a>, Box<str>), ErrorObject> {
        let mut failure = None;
        for found in owners {
            match self.pass(*found, request).await {
                Ok(result) => return Ok((*found, result)),
                Err(error) if owners.len() == 1 || !knows_nothing(&error) => {
                    failure.get_or_insert_with(|| errors::of(*found, error));
                }
                Err(_) => {}
            }
        }
        Err(failure.unwrap_or_else(|| errors::no_resource(uri)))
    }

    /// A server's answer to a request that only reads, fit to travel.
    pub(super) async fn fetched(
        &self,
        found: Found<'_>,
        request: Request<'_>,
    ) -> Result<Box<str>, ErrorObject> {
        let result = self.pass(found, request).await.map_err(|error| errors::of(found, error))?;
        let form = match request.method {
            method::PROMPTS_GET => Form::Messages,
            _ => Form::Direct,
        };
        Ok(self.fit_to_travel(found, result, form).await)
    }

    async fn fit_to_travel(&self, found: Found<'_>, result: Box<str>, form: Form) -> Box<str> {
        let facts = Facts::of(&result);
        let answered = Answered { result, facts, notes: Notes::default() };
        self.shape(found, answered, None, form).await.into_content()
    }
}

/// The URI that a request is about.
pub(super) fn uri_of(params: &str, method: &str) -> Result<String, ErrorObject> {
    let uri = member(params, "uri").and_then(string).map(std::borrow::Cow::into_owned);
    uri.ok_or_else(|| ErrorObject::new(INVALID_PARAMS, format!("`{method}` needs `uri`, a string")))
}

/// Whether a server says no more than that the resource is not one of its own.
pub(super) fn knows_nothing(error: &upstream::Error) -> bool {
    match error {
        upstream::Error::Refused(error) => {
            matches!(error.code, RESOURCE_NOT_FOUND | INVALID_PARAMS | METHOD_NOT_FOUND)
        }
        // One that cannot be reached shall not speak for those that can.
        _ => true,
    }
}
