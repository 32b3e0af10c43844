//! Lists that change while clients watch.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use rmcp::model::ResourceUpdatedNotificationParam;
use rmcp::service::SubscriptionContext;
use rmcp::{Peer, RoleServer};
use tokio::sync::broadcast;

/// What changed.
#[derive(Clone)]
pub enum Change {
    /// The list of tools.
    Tools,
    /// The list of prompts.
    Prompts,
    /// The resource of this URI.
    Resource(String),
}

/// The one place where changes are made and heard of.
pub struct Changes {
    heard: broadcast::Sender<Change>,
    extra_tool: AtomicBool,
    extra_prompt: AtomicBool,
}

impl Changes {
    /// Nothing has changed yet.
    pub fn new() -> Self {
        Self {
            heard: broadcast::channel(64).0,
            extra_tool: AtomicBool::new(false),
            extra_prompt: AtomicBool::new(false),
        }
    }

    /// Whether the tool that comes and goes is there now.
    pub fn has_extra_tool(&self) -> bool {
        self.extra_tool.load(Ordering::Relaxed)
    }

    /// Whether the prompt that comes and goes is there now.
    pub fn has_extra_prompt(&self) -> bool {
        self.extra_prompt.load(Ordering::Relaxed)
    }

    /// Makes the change and tells everyone who listens.
    pub fn make(&self, change: Change) {
        match change {
            Change::Tools => drop(self.extra_tool.fetch_xor(true, Ordering::Relaxed)),
            Change::Prompts => drop(self.extra_prompt.fetch_xor(true, Ordering::Relaxed)),
            Change::Resource(_) => {}
        }
        // An error only says that nobody listens.
        drop(self.heard.send(change));
    }

    /// Hears of every change from now on.
    pub fn listen(&self) -> broadcast::Receiver<Change> {
        self.heard.subscribe()
    }
}

/// The resources that one session watches.
pub type Watched = Arc<Mutex<HashSet<String>>>;

/// Passes changes on to a session until it is gone.
pub async fn tell_session(
    peer: Peer<RoleServer>,
    mut changes: broadcast::Receiver<Change>,
    watched: Watched,
) {
    while let Some(change) = next(&mut changes).await {
        let told = match change {
            Change::Tools => peer.notify_tool_list_changed().await,
            Change::Prompts => peer.notify_prompt_list_changed().await,
            Change::Resource(uri) => {
                if !watched.lock().unwrap_or_else(PoisonError::into_inner).contains(&uri) {
                    continue;
                }
                peer.notify_resource_updated(ResourceUpdatedNotificationParam::new(uri)).await
            }
        };
        if told.is_err() {
            return;
        }
    }
}

/// Passes changes on to one `subscriptions/listen` until the client leaves; its sink drops what was not asked for.
pub async fn tell_subscription(
    subscription: SubscriptionContext,
    mut changes: broadcast::Receiver<Change>,
) {
    loop {
        let change = tokio::select! {
            change = next(&mut changes) => change,
            () = subscription.cancelled() => return,
        };
        let sink = subscription.sink();
        let refused = match change {
            None => return,
            Some(Change::Tools) => sink.notify_tool_list_changed().await,
            Some(Change::Prompts) => sink.notify_prompt_list_changed().await,
            Some(Change::Resource(uri)) => sink.notify_resource_updated(uri).await,
        };
        // Refused is what this subscription did not ask for.
        drop(refused);
    }
}

async fn next(changes: &mut broadcast::Receiver<Change>) -> Option<Change> {
    loop {
        match changes.recv().await {
            Ok(change) => return Some(change),
            Err(broadcast::error::RecvError::Lagged(_)) => {}
            Err(broadcast::error::RecvError::Closed) => return None,
        }
    }
}
