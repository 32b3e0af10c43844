//! What clients hear without having asked for it just then: that lists and resources have changed.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use futures_util::stream::{self, StreamExt};
use serde_json::json;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{broadcast, watch};
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

/// Subscriptions that are made at a time for one client.
const AT_A_TIME: usize = 8;

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

/// Where it is heard what one listener is told of. They go from one config to the next with it, so that nothing is missed
/// in between.
struct Heard {
    /// Which list of tools the client knows of, where it is not shown those of all servers.
    list: Option<u64>,
    promotions: watch::Receiver<()>,
    changes: broadcast::Receiver<Change>,
    late: broadcast::Receiver<News>,
    /// Told of subscriptions that were made under a config which was no longer in force.
    made_late: watch::Receiver<()>,
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
        let mut heard = Heard::from_now(&router, &ear.client);
        if ear.client.revision.era() == Era::Stateless && router.is_direct(&ear.client) {
            // It has seen the list before it began to listen, if at all.
            router.direct.shown().insert(ear.client.id, router.direct_tools(&ear.client));
        }
        loop {
            let telling = async {
                if router.is_direct(&ear.client) {
                    router.tell_direct(&ear, own, &mut heard).await;
                } else {
                    router.tell_promotions(&ear, &mut heard).await;
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
            // Given away at once, since what it alone needs is kept until nobody has it any more.
            let before = std::mem::replace(&mut router, next);
            router.tell_of_change(&ear, &before);
            if !before.is_direct(&ear.client) && router.is_direct(&ear.client) {
                // Nobody has listened to these, and that any list may be another one is told.
                heard = Heard::from_now(&router, &ear.client);
            }
        }
    }
}

impl Heard {
    fn from_now(router: &Router, client: &Client) -> Self {
        Self {
            list: (!router.is_direct(client)).then(|| router.fingerprint()),
            promotions: router.promotions(),
            changes: router.pool.changes(),
            late: router.direct.lists.news(),
            made_late: router.direct.subscriptions.made_late(),
        }
    }
}

impl Router {
    async fn tell_promotions(&self, ear: &Ear, heard: &mut Heard) {
        loop {
            let list = self.fingerprint();
            let told = heard.list.replace(list);
            if ear.wanted.tools && told.is_some_and(|told| told != list) {
                ear.send(method::TOOLS_LIST_CHANGED);
            }
            if heard.promotions.changed().await.is_err() {
                return;
            }
        }
    }

    /// Tells one list of tools from another.
    fn fingerprint(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.tool_list().hash(&mut hasher);
        hasher.finish()
    }

    /// Another config is in force than `before`: the lists may be others.
    fn tell_of_change(&self, ear: &Ear, before: &Self) {
        let is_direct = self.is_direct(&ear.client);
        let is_same = match (before.is_direct(&ear.client), is_direct) {
            (true, true) => before.shows_the_same(self),
            // Of the one tool it is told when its description is another one.
            (was_direct, _) => was_direct == is_direct,
        };
        let is_news = is_direct && self.has_news_of_tools(&ear.client);
        if ear.wanted.tools && (is_news || !is_same) {
            ear.send(method::TOOLS_LIST_CHANGED);
        }
        if is_direct && !is_same {
            ear.lists_changed();
        }
    }

    /// Subscribes to what the client wants to hear of and does not hear of: because it has just begun to listen, or because
    /// the server is another one since.
    async fn subscribe_anew(&self, ear: &Ear, own: &Caller) {
        let asks = ear.asks.clone();
        let client =
            Caller { notify: ear.notify.clone(), asks, ..Caller::alone(ear.client.clone()) };
        let bearer = |server: &ServerName| self.bearer(server);
        let subscriptions = &self.direct.subscriptions;
        let missing = subscriptions.missing(own.client.id, &ear.wanted.uris, bearer);
        let lost = subscriptions.missing(ear.client.id, &[], bearer);
        let mut all = Vec::new();
        for (uris, caller) in [(&missing, own), (&lost, &client)] {
            all.extend(uris.iter().map(|uri| self.subscribe_or_tell(uri, caller)));
        }
        // One server that takes its time does not keep the others from it.
        stream::iter(all).buffer_unordered(AT_A_TIME).collect::<()>().await;
    }

    async fn subscribe_or_tell(&self, uri: &str, caller: &Caller) {
        if let Err(error) = self.subscribe_to(uri, caller).await {
            let why = excerpt(error.to_string().as_bytes(), 200);
            tracing::info!("a client does not hear of a resource: {why}");
        }
    }

    async fn tell_direct(&self, ear: &Ear, own: &Caller, heard: &mut Heard) {
        let (mut tools, mut tools_of_asked) =
            (self.registry.changes(), self.registry_of_asked.changes());
        // What came before these were there.
        self.tell_of_tools(ear);
        let mut subscribing = Box::pin(self.subscribe_anew(ear, own));
        let mut is_subscribing = true;
        loop {
            tokio::select! {
                () = &mut subscribing, if is_subscribing => is_subscribing = false,
                // Made under an earlier config, with a server that may be another one by now.
                made = heard.made_late.changed() => {
                    if made.is_err() {
                        return;
                    }
                    subscribing.set(self.subscribe_anew(ear, own));
                    is_subscribing = true;
                }
                changed = async {
                    tokio::select! {
                        changed = tools.changed() => changed,
                        changed = tools_of_asked.changed() => changed,
                    }
                } => {
                    if changed.is_err() {
                        return;
                    }
                    self.tell_of_tools(ear);
                }
                news = heard.late.recv() => match news {
                    Ok(news) => ear.came_late(news),
                    Err(RecvError::Lagged(_)) => ear.lists_changed(),
                    Err(RecvError::Closed) => return,
                },
                change = heard.changes.recv() => match change {
                    Ok(change) => self.tell(ear, own, &change),
                    Err(RecvError::Lagged(_)) => ear.lists_changed(),
                    Err(RecvError::Closed) => return,
                }
            }
        }
    }

    fn tell_of_tools(&self, ear: &Ear) {
        if ear.wanted.tools && self.has_news_of_tools(&ear.client) {
            ear.send(method::TOOLS_LIST_CHANGED);
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
