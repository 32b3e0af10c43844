//! `prompts/list` and `prompts/get`: prompts are named as tools are.

use super::errors;
use super::gather::{Gathered, Item, Kind};
use super::pass::Request;
use crate::base::json::{member, replace, string};
use crate::config::ServerName;
use crate::protocol::error::{ErrorObject, INVALID_PARAMS};
use crate::protocol::method;
use crate::router::caller::Caller;
use crate::router::routing::Router;
use crate::telemetry::logging::excerpt;
use crate::tools::Exposed;
use crate::tools::name_file::Section;

impl Router {
    /// The prompts of all servers.
    pub(super) async fn list_prompts(&self, caller: &Caller) -> Box<str> {
        let (gathered, names) = self.gather_prompts(caller).await;
        let renamed = gathered.lists.iter().flat_map(|(server, items)| {
            let name = |own: &str| names.name(server.as_str(), own);
            items.iter().filter_map(move |item| {
                let new = serde_json::to_string(name(&item.key)?).ok()?;
                replace(&item.json, member(&item.json, Kind::Prompts.key())?, &new)
            })
        });
        let renamed: Vec<String> = renamed.collect();
        format!("{{\"prompts\":[{}]}}", renamed.join(",")).into()
    }

    async fn gather_prompts(&self, caller: &Caller) -> (Gathered, Exposed) {
        let gathered = self.gather(Kind::Prompts, caller, |_| true).await;
        let own = |items: &[Item]| items.iter().map(|item| item.key.clone()).collect();
        let new = gathered.lists.iter().map(|(server, items)| (server.clone(), own(items)));
        let order = self.pool.iter().map(|(server, _)| server);
        let mut known = self.direct.known();
        known.put_prompts(new);
        if self.may_be_plain() && !std::mem::replace(&mut known.given.is_read, true) {
            for plain in self.direct.names.read(Section::Prompts) {
                if self.pool.find(plain.server.as_str()).is_some() {
                    known.revive_prompt(plain);
                }
            }
        }
        let (names, is_more) = known.name_prompts(self.settings.exposure.tool_prefix, order);
        if is_more {
            self.keep_names(Section::Prompts, &known.given.names, &known.given.lost);
        }
        drop(known);
        (gathered, names)
    }

    /// The server and its own name of a prompt; all are asked for their prompts if nobody knows it. One that is gone is
    /// for its server to say.
    pub(super) async fn owner_of_prompt(
        &self,
        name: &str,
        caller: &Caller,
    ) -> Result<(ServerName, String), ErrorObject> {
        let owner = || self.direct.known().prompt(name);
        if let Some(owner) = owner() {
            return Ok(owner);
        }
        let (gathered, _) = self.gather_prompts(caller).await;
        owner().ok_or_else(|| {
            let mut message = format!("unknown prompt `{}`", excerpt(name.as_bytes(), 128));
            let unreachable = self.unreachable(gathered.failures);
            if !unreachable.is_empty() {
                let unreachable = unreachable.join(", ");
                message = format!("{message}; these servers could not be asked: {unreachable}");
            }
            ErrorObject::new(INVALID_PARAMS, message)
        })
    }

    /// One prompt, filled in by its server.
    pub(super) async fn prompt(
        &self,
        params: &str,
        caller: &Caller,
    ) -> Result<Box<str>, ErrorObject> {
        let spelt = member(params, "name");
        let Some((spelt, name)) = spelt.and_then(|spelt| Some((spelt, string(spelt)?))) else {
            let message = "`prompts/get` needs `name`, the name of a prompt";
            return Err(ErrorObject::new(INVALID_PARAMS, message));
        };
        let (server, own) = self.owner_of_prompt(&name, caller).await?;
        let found = self.find(server.as_str()).map_err(|error| errors::internal(&error))?;
        let own = serde_json::to_string(&own).expect("a string always serialises");
        let other = Some((spelt, own.as_str()));
        let request = Request { method: method::PROMPTS_GET, params, other, caller };
        self.fetched(found, request).await
    }
}
