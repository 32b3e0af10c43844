//! What clients hear without having asked for it just then: that lists and resources have changed.

use std::sync::Arc;

use tokio_util::task::AbortOnDropHandle;

use crate::protocol::listen::Wanted;
use crate::protocol::method;
use crate::router::caller::{Client, Notify};
use crate::router::routing::Router;

/// A client that listens; it no longer does when this is dropped.
#[derive(Debug)]
pub struct Listening {
    _task: AbortOnDropHandle<()>,
}

impl Router {
    /// Tells the client what it wants to hear, until the answer is dropped.
    pub fn listen(
        self: &Arc<Self>,
        client: &Arc<Client>,
        notify: Notify,
        wanted: Wanted,
    ) -> Listening {
        let (router, client) = (self.clone(), client.clone());
        let task = async move {
            if router.is_direct(&client) {
                router.tell_direct(&notify, &wanted).await;
            } else if wanted.tools {
                router.tell_promotions(&notify).await;
            }
        };
        Listening { _task: AbortOnDropHandle::new(tokio::spawn(task)) }
    }

    async fn tell_promotions(&self, notify: &Notify) {
        let Some(mut changes) = self.tool_list_changes() else { return };
        while changes.changed().await.is_ok() {
            notify.send(method::TOOLS_LIST_CHANGED, "{}");
        }
    }

    async fn tell_direct(&self, notify: &Notify, wanted: &Wanted) {
        let mut changes = self.registry.changes();
        let mut told = self.direct_tools();
        while changes.changed().await.is_ok() {
            let now = self.direct_tools();
            if wanted.tools && now.text != told.text {
                notify.send(method::TOOLS_LIST_CHANGED, "{}");
            }
            told = now;
        }
    }
}
