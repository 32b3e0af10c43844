//! What clients hear without having asked for it just then: that lists and resources have changed.

use std::sync::Arc;

use serde_json::json;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::watch;
use tokio_util::task::AbortOnDropHandle;

use super::gather;
use super::lists::News;
use super::state::Standing;
use crate::config::ServerName;
use crate::protocol::era::Era;
use crate::protocol::listen::Wanted;
use crate::protocol::method;
use crate::router::caller::{Asks, Caller, Client, Notify};
use crate::router::current::Current;
use crate::router::routing::Router;
use crate::telemetry::logging::excerpt;
use crate::upstream::Change;
use crate::upstream::changes::Kind;

/// A client that listens; it no longer does when this is dropped.
#[derive(Debug)]
pub struct Listening {
    current: Arc<Current>,
    client: u64,
    /// Whoever subscribes on behalf of the stream.
    caller: Caller,
    _task: AbortOnDropHandle<()>,
}

/// What one listener is told.
struct Ear {
    client: Arc<Client>,
    notify: Notify,
    asks: Asks,
    wanted: Wanted,
}

impl Drop for Listening {
    fn drop(&mut self) {
        let router = self.current.now();
        router.direct.clients.standing().remove(&self.client);
        router.direct.shown().remove(&self.client);
        router.unsubscribe_all(&self.caller.client);
    }
}

impl Current {
    /// Tells the client what it wants to hear, until the answer is dropped. What a session of the client brings outside
    /// of any of its requests goes the same way, and is asked that way.
    pub fn listen(
        self: &Arc<Self>,
        client: &Arc<Client>,
        (notify, asks): (Notify, Asks),
        wanted: Wanted,
    ) -> Listening {
        let standing = Standing { notify: notify.clone(), asks: asks.clone() };
        self.now().direct.clients.standing().insert(client.id, standing);
        // Nobody is asked anything because of a subscription, so that no session of the client's own is needed for it.
        let quiet = Client {
            capabilities: "{}".into(),
            name: client.name.clone(),
            ..Client::new(client.revision)
        };
        let caller = Caller { notify: notify.clone(), ..Caller::alone(Arc::new(quiet)) };
        let ear = Ear { client: client.clone(), notify, asks, wanted };
        let (current, own, replaced) = (self.clone(), caller.clone(), self.replacements());
        let router = self.now();
        let task = async move { current.tell(router, ear, &own, replaced).await };
        let task = AbortOnDropHandle::new(tokio::spawn(task));
        Listening { current: self.clone(), client: client.id, caller, _task: task }
    }

    /// Tells what happens, under one config after the other.
    async fn tell(
        &self,
        mut router: Arc<Router>,
        mut ear: Ear,
        own: &Caller,
        mut replaced: watch::Receiver<()>,
    ) {
        if !router.is_direct(&ear.client) {
            // It was offered nothing but tools when it connected.
            (ear.wanted.prompts, ear.wanted.resources) = (false, false);
        }
        // Given away at once, since what it alone needs is kept until nobody has it any more.
        let mut before: Option<Arc<Router>> = None;
        loop {
            let before_that = before.take();
            let telling = async {
                if router.is_direct(&ear.client) {
                    router.tell_direct(&ear, own, before_that).await;
                } else {
                    router.tell_promotions(&ear, before_that).await;
                }
                std::future::pending::<()>().await;
            };
            tokio::select! {
                () = telling => {}
                changed = replaced.changed() => if changed.is_err() {
                    return;
                },
            }
            let next = self.now();
            before = Some(std::mem::replace(&mut router, next));
        }
    }
}

impl Router {
    async fn tell_promotions(&self, ear: &Ear, before: Option<Arc<Self>>) {
        let mut changes = self.promotions();
        let is_same = |it: &Self| !it.is_direct(&ear.client) && it.tool_list() == self.tool_list();
        if ear.wanted.tools && before.is_some_and(|before| !is_same(&before)) {
            ear.send(method::TOOLS_LIST_CHANGED);
        }
        while changes.changed().await.is_ok() {
            if ear.wanted.tools {
                ear.send(method::TOOLS_LIST_CHANGED);
            }
        }
    }

    /// Another config is in force than `before`: the lists may be others, and what was subscribed to at servers that
    /// have changed is subscribed to anew.
    async fn tell_of_change(&self, ear: &Ear, own: &Caller, before: &Self) {
        if !before.is_direct(&ear.client) || !before.shows_the_same(self) {
            if ear.wanted.tools {
                ear.send(method::TOOLS_LIST_CHANGED);
            }
            ear.lists_changed();
        }
        let is_gone = |server: &ServerName| before.bearer(server) != self.bearer(server);
        let asks = ear.asks.clone();
        let client =
            Caller { notify: ear.notify.clone(), asks, ..Caller::alone(ear.client.clone()) };
        for caller in [own, &client] {
            for uri in self.direct.subscriptions.lost(caller.client.id, is_gone) {
                self.subscribe_or_tell(&uri, caller).await;
            }
        }
    }

    async fn subscribe_or_tell(&self, uri: &str, caller: &Caller) {
        if let Err(error) = self.subscribe_to(uri, caller).await {
            let why = excerpt(error.to_string().as_bytes(), 200);
            tracing::info!("a client does not hear of a resource: {why}");
        }
    }

    async fn tell_direct(&self, ear: &Ear, own: &Caller, before: Option<Arc<Self>>) {
        let (mut tools, mut changes) = (self.registry.changes(), self.pool.changes());
        let mut tools_of_asked = self.registry_of_asked.changes();
        let mut late = self.direct.lists.news();
        if let Some(before) = before {
            self.tell_of_change(ear, own, &before).await;
        } else {
            if ear.client.revision.era() == Era::Stateless {
                // It has seen the list before it began to listen, if at all.
                self.direct.shown().insert(ear.client.id, self.direct_tools(&ear.client));
            }
            for uri in &ear.wanted.uris {
                self.subscribe_or_tell(uri, own).await;
            }
        }
        loop {
            tokio::select! {
                changed = async {
                    tokio::select! {
                        changed = tools.changed() => changed,
                        changed = tools_of_asked.changed() => changed,
                    }
                } => {
                    if changed.is_err() {
                        return;
                    }
                    if ear.wanted.tools && self.has_news_of_tools(&ear.client) {
                        ear.send(method::TOOLS_LIST_CHANGED);
                    }
                }
                news = late.recv() => match news {
                    Ok(news) => ear.came_late(news),
                    Err(RecvError::Lagged(_)) => ear.lists_changed(),
                    Err(RecvError::Closed) => return,
                },
                change = changes.recv() => match change {
                    Ok(change) => self.tell(ear, own, &change),
                    Err(RecvError::Lagged(_)) => ear.lists_changed(),
                    Err(RecvError::Closed) => return,
                }
            }
        }
    }

    /// Whether the client was shown other tools than there are now; from now on it counts as told.
    fn has_news_of_tools(&self, client: &Client) -> bool {
        let mut shown = self.direct.shown();
        let now = self.direct_tools(client);
        let Some(before) = shown.get_mut(&client.id) else { return false };
        let is_news = before.text != now.text;
        *before = now;
        is_news
    }

    fn tell(&self, ear: &Ear, own: &Caller, change: &Change) {
        match change.kind {
            Kind::Resources => {
                self.direct.known().forget_resources(&change.server);
                self.direct.lists.changed(&change.server);
            }
            Kind::Prompts => self.direct.lists.changed(&change.server),
            Kind::Tools | Kind::Resource(_) => {}
        }
        if change.client.is_some_and(|client| client != ear.client.id) {
            return;
        }
        match &change.kind {
            Kind::Prompts if ear.wanted.prompts => ear.send(method::PROMPTS_LIST_CHANGED),
            Kind::Resources if ear.wanted.resources => ear.send(method::RESOURCES_LIST_CHANGED),
            // Of tools it is told when the list of them is another one.
            Kind::Tools | Kind::Prompts | Kind::Resources => {}
            Kind::Resource(uri) => {
                let has = |client: &Client| {
                    self.direct.subscriptions.hears(&change.server, uri, client.id)
                };
                if has(&ear.client) || has(&own.client) {
                    let guard = self.settings.servers.get(&change.server).map(|s| &s.guard);
                    // A URI that holds what must not reach the model is none that anybody can have subscribed to.
                    if guard.is_some_and(|guard| guard.text(uri).1.is_empty()) {
                        let params = json!({ "uri": uri }).to_string();
                        ear.notify.send(method::RESOURCES_UPDATED, &params);
                    }
                }
            }
        }
    }
}

impl Ear {
    fn send(&self, method: &str) {
        self.notify.send(method, "{}");
    }

    /// A list that it was shown without has come.
    fn came_late(&self, news: News) {
        if news.client.is_some_and(|client| client != self.client.id) {
            return;
        }
        match news.kind {
            gather::Kind::Prompts if self.wanted.prompts => self.send(method::PROMPTS_LIST_CHANGED),
            gather::Kind::Resources | gather::Kind::Templates if self.wanted.resources => {
                self.send(method::RESOURCES_LIST_CHANGED);
            }
            _ => {}
        }
    }

    /// Some changes were missed, so that any list may be another one.
    fn lists_changed(&self) {
        for (wanted, method) in [
            (self.wanted.prompts, method::PROMPTS_LIST_CHANGED),
            (self.wanted.resources, method::RESOURCES_LIST_CHANGED),
        ] {
            if wanted {
                self.send(method);
            }
        }
    }
}
