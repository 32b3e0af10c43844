//! Resources: listed one server behind the other, read from the one that has them.

use std::collections::{HashMap, HashSet};

use super::errors;
use super::gather::Kind;
use super::owners::is_untrusted;
use super::pass::Request;
use crate::base::json::{member, string};
use crate::config::ServerName;
use crate::protocol::error::{ErrorObject, INVALID_PARAMS};
use crate::protocol::method;
use crate::protocol::outcome::Outcome;
use crate::router::caller::Caller;
use crate::router::invocation::{Answered, Notes};
use crate::router::routing::{Found, Router};
use crate::router::shape::Form;

impl Router {
    /// The resources of all servers. Of two that have one URI the one that is read is shown, and the other one is not: see
    /// `owners`.
    pub(super) async fn list_resources(&self, caller: &Caller) -> Box<str> {
        self.list_by_key(Kind::Resources, caller).await
    }

    /// Their templates.
    pub(super) async fn list_templates(&self, caller: &Caller) -> Box<str> {
        self.list_by_key(Kind::Templates, caller).await
    }

    async fn list_by_key(&self, kind: Kind, caller: &Caller) -> Box<str> {
        let lists = self.gather(kind, caller, |_| true).await.lists;
        let is_trusted = |server: &ServerName| {
            self.find(server.as_str()).is_ok_and(|found| !is_untrusted(found))
        };
        let mut owners: HashMap<&str, &ServerName> = HashMap::new();
        // Those that are trusted first, and of each the first in the config.
        for wanted in [true, false] {
            for (server, items) in lists.iter().filter(|(server, _)| is_trusted(server) == wanted) {
                for item in items.iter() {
                    owners.entry(&item.key).or_insert(server);
                }
            }
        }
        let mut seen = HashSet::new();
        let shown = lists.iter().flat_map(|(server, items)| {
            items.iter().filter(|item| owners[item.key.as_str()] == server).collect::<Vec<_>>()
        });
        let shown = shown.filter(|item| seen.insert(item.key.as_str()));
        let shown: Vec<&str> = shown.map(|item| item.json.as_str()).collect();
        format!("{{\"{}\":[{}]}}", kind.member(), shown.join(",")).into()
    }

    /// The contents of a resource.
    pub(super) async fn read_resource(
        &self,
        params: &str,
        caller: &Caller,
    ) -> Result<Box<str>, ErrorObject> {
        let uri = uri_of(params, method::RESOURCES_READ)?;
        let request = Request { method: method::RESOURCES_READ, params, other: None, caller };
        let (found, result) = self.ask_owners(request, &uri).await?;
        Ok(self.fit_to_travel(found, result, Form::Contents).await)
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
            method::COMPLETION_COMPLETE => Form::Values,
            _ => Form::Direct,
        };
        Ok(self.fit_to_travel(found, result, form).await)
    }

    pub(super) async fn fit_to_travel(
        &self,
        found: Found<'_>,
        result: Outcome,
        form: Form,
    ) -> Box<str> {
        let Outcome { json: result, facts } = result;
        let answered = Answered { result, facts, notes: Notes::default() };
        self.shape(found, answered, None, form).await.into_content()
    }
}

/// The URI that a request is about.
pub(super) fn uri_of(params: &str, method: &str) -> Result<String, ErrorObject> {
    let uri = member(params, "uri").and_then(string).map(std::borrow::Cow::into_owned);
    uri.ok_or_else(|| ErrorObject::new(INVALID_PARAMS, format!("`{method}` needs `uri`, a string")))
}
