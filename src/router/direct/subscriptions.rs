//! `resources/subscribe`: which clients want to hear of changes to which resources of which servers.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::pass::Request;
use super::resources::uri_of;
use super::serve::DONE;
use crate::config::ServerName;
use crate::protocol::error::ErrorObject;
use crate::protocol::method;
use crate::router::caller::{Caller, Client};
use crate::router::routing::Router;

type Subscription = (ServerName, String);

/// The subscriptions of all clients.
#[derive(Debug, Default)]
pub(super) struct Subscriptions(Mutex<HashMap<Subscription, HashSet<u64>>>);

impl Subscriptions {
    fn lock(&self) -> MutexGuard<'_, HashMap<Subscription, HashSet<u64>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn add(&self, server: &ServerName, uri: &str, client: u64) {
        self.lock().entry((server.clone(), uri.to_owned())).or_default().insert(client);
    }

    /// Takes the client's subscription away; the servers where no other client has it.
    fn remove(&self, uri: &str, client: u64) -> Vec<ServerName> {
        let mut table = self.lock();
        let gone = table.extract_if(|(_, subscribed), clients| {
            subscribed == uri && clients.remove(&client) && clients.is_empty()
        });
        gone.map(|((server, _), _)| server).collect()
    }

    /// Takes all subscriptions of the client away; those that no other client has.
    fn remove_all(&self, client: u64) -> Vec<Subscription> {
        let mut table = self.lock();
        let gone = table.extract_if(|_, clients| clients.remove(&client) && clients.is_empty());
        gone.map(|(subscription, _)| subscription).collect()
    }
}

impl Router {
    pub(super) async fn subscribe(
        &self,
        params: &str,
        caller: &Caller,
    ) -> Result<Box<str>, ErrorObject> {
        let uri = uri_of(params, method::RESOURCES_SUBSCRIBE)?;
        let owners = self.owners(&uri, caller).await;
        let request = Request { method: method::RESOURCES_SUBSCRIBE, params, other: None, caller };
        let (found, result) = self.first_to_answer(&owners, request, &uri).await?;
        self.direct.subscriptions.add(found.name, &uri, caller.client.id);
        Ok(result)
    }

    /// The server keeps the subscription as long as another client has it.
    pub(super) async fn unsubscribe(
        &self,
        params: &str,
        caller: &Caller,
    ) -> Result<Box<str>, ErrorObject> {
        let method = method::RESOURCES_UNSUBSCRIBE;
        let uri = uri_of(params, method)?;
        for server in self.direct.subscriptions.remove(&uri, caller.client.id) {
            if let Ok(found) = self.find(server.as_str()) {
                // Whatever it says, nobody hears of the resource any more.
                let _ = self.pass(found, Request { method, params, other: None, caller }).await;
            }
        }
        Ok(DONE.into())
    }

    /// Forgets what a client has subscribed to, and the level of its logs.
    pub(in crate::router) fn forget(&self, client: &Client) -> Vec<(ServerName, String)> {
        self.direct.levels().remove(&client.id);
        self.direct.subscriptions.remove_all(client.id)
    }
}
