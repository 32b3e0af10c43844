//! `resources/subscribe`: which clients want to hear of changes to which resources of which servers.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::runtime::Handle;

use super::errors;
use super::resources::{knows_nothing, uri_of};
use super::serve::DONE;
use crate::config::ServerName;
use crate::protocol::error::ErrorObject;
use crate::protocol::method;
use crate::router::caller::{Caller, Client};
use crate::router::routing::Router;
use crate::upstream::Session;

/// The subscriptions of all clients.
#[derive(Debug, Default)]
pub(super) struct Subscriptions(Mutex<HashMap<u64, HashMap<String, Held>>>);

/// One of them: where it was made.
#[derive(Debug)]
struct Held {
    server: ServerName,
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
    fn lock(&self) -> MutexGuard<'_, HashMap<u64, HashMap<String, Held>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn add(&self, client: u64, uri: &str, held: Held) -> Option<Held> {
        self.lock().entry(client).or_default().insert(uri.to_owned(), held)
    }

    fn remove(&self, client: u64, uri: &str) -> Option<Held> {
        self.lock().get_mut(&client)?.remove(uri)
    }

    fn remove_all(&self, client: u64) -> HashMap<String, Held> {
        self.lock().remove(&client).unwrap_or_default()
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
        own.into_iter().any(|(wanted, held)| held.server == *server && is_part(wanted))
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
        let owners = self.owners(uri, caller).await;
        let (mut failure, single) = (None, owners.len() == 1);
        for found in owners {
            let timeout = found.supervisor.request_timeout();
            let subscribed = match self.session_for(found, caller).await {
                Ok(lease) => lease.subscribe(uri, timeout).await.map(|()| lease.clone()),
                Err(error) => Err(error),
            };
            match subscribed {
                Ok(session) => {
                    let held = Held { server: found.name.clone(), session, timeout };
                    let before = self.direct.subscriptions.add(caller.client.id, uri, held);
                    if let Some(before) = before {
                        before.give_back(uri).await;
                    }
                    return Ok(());
                }
                Err(error) if !single && knows_nothing(&error) => {}
                Err(error) => {
                    failure.get_or_insert_with(|| errors::of(found, error));
                }
            }
        }
        Err(failure.unwrap_or_else(|| errors::no_resource(uri)))
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
        self.unsubscribe_all(client);
    }
}
