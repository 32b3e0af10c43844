//! What servers say has changed, for whoever keeps lists of it or has clients that want to know.

use tokio::sync::broadcast;

use crate::config::ServerName;

/// So many may wait for one who follows them; one who lags further behind is told so, and has to take it that
/// everything changed.
const KEPT: usize = 1024;

/// Something of a server is no longer what it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Whose it is.
    pub server: ServerName,
    /// What it is.
    pub kind: Kind,
    /// The client in whose own session the server said so; none for a session that all share.
    pub client: Option<u64>,
}

/// What can change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// The list of tools; it has been read again.
    Tools,
    /// The list of prompts.
    Prompts,
    /// The lists of resources and of their templates.
    Resources,
    /// The resource at this URI.
    Resource(Box<str>),
}

/// Where changes are told.
#[derive(Debug, Clone)]
pub(super) struct Changes(broadcast::Sender<Change>);

impl Changes {
    pub(super) fn new() -> Self {
        Self(broadcast::Sender::new(KEPT))
    }

    pub(super) fn tell(&self, server: &ServerName, kind: Kind, client: Option<u64>) {
        // It may be that nobody cares.
        let _ = self.0.send(Change { server: server.clone(), kind, client });
    }

    /// Every change from now on.
    pub(super) fn follow(&self) -> broadcast::Receiver<Change> {
        self.0.subscribe()
    }
}
