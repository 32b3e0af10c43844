//! `resources/subscribe`: which clients want to hear of changes to which resources of which servers.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::watch;

use super::errors::is_unknown;
use super::owners::{Failures, Owners};
use super::resources::uri_of;
use super::serve::DONE;
use crate::config::ServerName;
use crate::protocol::error::{ErrorObject, INVALID_PARAMS};
use crate::protocol::method;
use crate::router::caller::{Caller, Client};
use crate::router::routing::Router;
use crate::upstream::Session;

/// As many subscriptions may a client have.
const MAX_OF_CLIENT: usize = 1000;

/// The subscriptions of all clients; one without a server is being made.
#[derive(Debug, Default)]
pub(super) struct Subscriptions {
    table: Mutex<HashMap<u64, HashMap<String, Option<Held>>>>,
    /// Sent when one was made under a config that was no longer in force.
    made_late: watch::Sender<()>,
}

/// The place of a subscription that is being made; it is free again when this is dropped.
struct Place<'a> {
    table: &'a Subscriptions,
    client: u64,
    uri: &'a str,
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        if let Some(own) = self.table.lock().get_mut(&self.client)
            && matches!(own.get(self.uri), Some(None))
        {
            own.remove(self.uri);
        }
    }
}

/// One of them: where it was made.
#[derive(Debug)]
struct Held {
    server: ServerName,
    /// Which of those that have this name one after the other it is.
    number: u64,
    session: Arc<Session>,
    timeout: Duration,
}

impl Held {
    async fn give_back(&self, uri: &str) {
        // Whatever the server says, nobody hears of the resource any more.
        let _ = self.session.unsubscribe(uri, self.timeout).await;
    }
}

impl Subscriptions {
    fn lock(&self) -> MutexGuard<'_, HashMap<u64, HashMap<String, Option<Held>>>> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Holds a place for a subscription, if the client may have one more.
    fn reserve<'a>(&'a self, client: u64, uri: &'a str) -> Option<Place<'a>> {
        let mut table = self.lock();
        let own = table.entry(client).or_default();
        if own.len() >= MAX_OF_CLIENT && !own.contains_key(uri) {
            return None;
        }
        own.entry(uri.to_owned()).or_default();
        Some(Place { table: self, client, uri })
    }

    /// Notes a subscription at its place; returns what is to be given back: the one that was there before, or this one
    /// where nobody wants it any more.
    fn add(&self, place: &Place<'_>, held: Held) -> Option<Held> {
        match self.lock().get_mut(&place.client).and_then(|own| own.get_mut(place.uri)) {
            Some(old) => old.replace(held),
            None => Some(held),
        }
    }

    fn remove(&self, client: u64, uri: &str) -> Option<Held> {
        self.lock().get_mut(&client)?.remove(uri)?
    }

    fn remove_all(&self, client: u64) -> Vec<(String, Held)> {
        let all = self.lock().remove(&client).unwrap_or_default();
        all.into_iter().filter_map(|(uri, held)| Some((uri, held?))).collect()
    }

    /// Told whenever a subscription was made under a config that was no longer in force.
    pub(super) fn made_late(&self) -> watch::Receiver<()> {
        self.made_late.subscribe()
    }

    /// The resources to which the client has subscribed at servers that are not the ones any more which `bearer` says; and
    /// those of `wanted` to which it has not subscribed.
    pub(super) fn missing(
        &self,
        client: u64,
        wanted: &[String],
        bearer: impl Fn(&ServerName) -> Option<u64>,
    ) -> Vec<String> {
        let table = self.lock();
        let own = table.get(&client);
        let is_lost = |held: &Held| bearer(&held.server) != Some(held.number);
        let lost = own.into_iter().flatten().filter(|(_, held)| held.as_ref().is_some_and(is_lost));
        let is_new = |uri: &&String| own.is_none_or(|own| !own.contains_key(*uri));
        let new = wanted.iter().filter(is_new);
        lost.map(|(uri, _)| uri).chain(new).cloned().collect()
    }

    /// Whether the client wants to hear that this resource of the server has changed: it has subscribed to it, or to
    /// something that it is a part of (specification, Schema, `ResourceUpdatedNotificationParams`).
    pub(super) fn hears(&self, server: &ServerName, uri: &str, client: u64) -> bool {
        let is_part = |whole: &str| {
            uri.strip_prefix(whole).is_some_and(|rest| {
                rest.is_empty() || whole.ends_with('/') || rest.starts_with(['/', '#', '?'])
            })
        };
        let table = self.lock();
        let own = table.get(&client).into_iter().flatten();
        let is_of = |held: &Option<Held>| held.as_ref().is_some_and(|held| held.server == *server);
        own.into_iter().any(|(wanted, held)| is_of(held) && is_part(wanted))
    }
}

impl Router {
    pub(super) async fn subscribe(
        &self,
        params: &str,
        caller: &Caller,
    ) -> Result<Box<str>, ErrorObject> {
        let uri = uri_of(params, method::RESOURCES_SUBSCRIBE)?;
        self.subscribe_to(&uri, caller).await?;
        Ok(DONE.into())
    }

    /// Subscribes to a resource with the first server that takes it.
    pub(super) async fn subscribe_to(&self, uri: &str, caller: &Caller) -> Result<(), ErrorObject> {
        let Some(place) = self.direct.subscriptions.reserve(caller.client.id, uri) else {
            let message = format!(
                "a client may have {MAX_OF_CLIENT} subscriptions: take some back with `{}` first",
                method::RESOURCES_UNSUBSCRIBE
            );
            return Err(ErrorObject::new(INVALID_PARAMS, message));
        };
        let owners = self.owners(uri, caller).await;
        let error = match self.subscribe_with(&owners, &place, caller).await {
            Err(error) if is_unknown(&error) => error,
            outcome => return outcome,
        };
        let others = self.other_owners(&owners, uri, caller).await;
        match self.subscribe_with(&others, &place, caller).await {
            Err(other) if is_unknown(&other) => Err(error),
            outcome => outcome,
        }
    }

    async fn subscribe_with(
        &self,
        owners: &Owners<'_>,
        place: &Place<'_>,
        caller: &Caller,
    ) -> Result<(), ErrorObject> {
        let (uri, mut failures) = (place.uri, Failures::new(owners));
        for found in &owners.servers {
            if failures.excludes(*found) {
                continue;
            }
            let timeout = found.supervisor.request_timeout();
            let subscribed = match self.session_for(*found, caller).await {
                Ok(lease) => lease.subscribe(uri, timeout).await.map(|()| lease.clone()),
                Err(error) => Err(error),
            };
            match subscribed {
                Ok(session) => {
                    let number = found.supervisor.number();
                    let held = Held { server: found.name.clone(), number, session, timeout };
                    let unwanted = self.direct.subscriptions.add(place, held);
                    if self.is_replaced() {
                        // Whoever looked for lost ones after the change has not seen this one.
                        self.direct.subscriptions.made_late.send_replace(());
                    }
                    if let Some(unwanted) = unwanted {
                        unwanted.give_back(uri).await;
                    }
                    return Ok(());
                }
                Err(error) => failures.add(*found, error),
            }
        }
        Err(failures.into_error(uri))
    }

    pub(super) async fn unsubscribe(
        &self,
        params: &str,
        caller: &Caller,
    ) -> Result<Box<str>, ErrorObject> {
        let uri = uri_of(params, method::RESOURCES_UNSUBSCRIBE)?;
        let held = self.direct.subscriptions.remove(caller.client.id, &uri);
        if let Some(held) = held {
            held.give_back(&uri).await;
        }
        Ok(DONE.into())
    }

    /// Takes back what a client has subscribed to, once it is gone.
    pub(super) fn unsubscribe_all(&self, client: &Client) {
        let all = self.direct.subscriptions.remove_all(client.id);
        if all.is_empty() {
            return;
        }
        // Without a runtime everything ends, the sessions too.
        if let Ok(runtime) = Handle::try_current() {
            self.direct.tasks.spawn_on(
                async move {
                    for (uri, held) in all {
                        held.give_back(&uri).await;
                    }
                },
                &runtime,
            );
        }
    }

    /// Forgets a client that is gone.
    pub(in crate::router) fn forget(&self, client: &Client) {
        self.direct.clients.levels().remove(&client.id);
        self.direct.owners.forget(client);
        self.direct.lists.forget(client);
        self.unsubscribe_all(client);
    }
}
