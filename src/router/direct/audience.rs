//! Which of the two lists of its tools a server shows to a client: the one for those that it can ask something, who have
//! sessions of their own, or the one for everybody else.

use std::collections::HashSet;
use std::sync::Arc;

use futures_util::FutureExt;

use crate::config::ServerName;
use crate::protocol::capabilities::wants_questions;
use crate::protocol::era::Era;
use crate::router::caller::{Caller, Client};
use crate::router::routing::{Enough, Router};
use crate::tools::{Registry, ServerTools, Snapshot};
use crate::upstream::Supervisor;

/// Whether servers may ask the client something.
pub(super) fn is_asked(client: &Client) -> bool {
    wants_questions(&client.capabilities)
}

/// Whether the server shows a client of this era that can be asked something what it shows to everybody, since they
/// share a session.
fn is_shared(supervisor: &Supervisor, era: Era) -> bool {
    match era {
        Era::Session => supervisor.lacks(Era::Session),
        Era::Stateless => supervisor.speaks(Era::Stateless),
    }
}

impl Router {
    /// What servers show to clients such as this one, and what they show to the others.
    fn own_and_other(&self, asked: bool) -> (&Arc<Registry>, &Arc<Registry>) {
        if asked {
            (&self.registry_of_asked, &self.registry)
        } else {
            (&self.registry, &self.registry_of_asked)
        }
    }

    /// Whether what the server shows to clients of the other kind stands for what it shows to this kind.
    fn takes_other(
        &self,
        asked: bool,
        server: &ServerName,
        own: Option<&ServerTools>,
        other: Option<&ServerTools>,
    ) -> bool {
        let Some(other) = other else { return false };
        let lacks_sessions =
            || self.pool.find(server.as_str()).is_some_and(|(_, it)| it.lacks(Era::Session));
        match own {
            None => asked || other.is_remembered(),
            Some(_) => asked && lacks_sessions(),
        }
    }

    /// Where the tools of this server are looked up that this client is shown.
    pub(in crate::router) fn registry_for(
        &self,
        server: &ServerName,
        client: &Client,
    ) -> &Arc<Registry> {
        let asked = is_asked(client);
        let (own, other) = self.own_and_other(asked);
        let (mine, theirs) = (own.snapshot(), other.snapshot());
        let (mine, theirs) = (mine.get(server.as_str()), theirs.get(server.as_str()));
        let (mine, theirs) = (mine.map(Arc::as_ref), theirs.map(Arc::as_ref));
        if self.takes_other(asked, server, mine, theirs) { other } else { own }
    }

    /// What clients of this kind are shown, of what the snapshots of both kinds hold: its own first.
    pub(super) fn seen_by(&self, asked: bool, snapshots: &[Arc<Snapshot>; 2]) -> Snapshot {
        let [own, other] = snapshots;
        own.mixed(other, |server, own, other| self.takes_other(asked, server, own, other))
    }

    /// The current snapshots: that of this kind of clients first.
    pub(super) fn snapshots(&self, asked: bool) -> [Arc<Snapshot>; 2] {
        let (own, other) = self.own_and_other(asked);
        own.review_all();
        other.review_all();
        [own.snapshot(), other.snapshot()]
    }

    /// Of which servers less than `enough` is known of what they show to this client. What clients of the other kind
    /// were shown in an earlier run will do for one that can be told later that it is shown something else.
    pub(super) async fn unknown_to(&self, client: &Client, enough: Enough) -> HashSet<ServerName> {
        let (asked, era) = (is_asked(client), client.revision.era());
        let (own, other) = self.own_and_other(asked);
        if enough == Enough::Remembered {
            own.recall_all().await;
            other.recall_all().await;
        }
        let (own, other) = (own.snapshot(), other.snapshot());
        let suffices = |tools: Option<&Arc<ServerTools>>| {
            tools.is_some_and(|it| enough == Enough::Remembered || !it.is_remembered())
        };
        let is_unknown = |server: &ServerName, supervisor: &Supervisor| {
            let (own, other) = (own.get(server.as_str()), other.get(server.as_str()));
            if suffices(own) {
                false
            } else if asked && is_shared(supervisor, era) {
                !suffices(other)
            } else {
                let is_remembered = other.is_some_and(|it| it.is_remembered());
                let waits = enough == Enough::Shown || era == Era::Stateless;
                own.is_some() || waits || !is_remembered
            }
        };
        let unknown = self.pool.iter().filter(|(server, it)| is_unknown(server, it));
        unknown.map(|(server, _)| server.clone()).collect()
    }

    /// Starts, without waiting, what will tell what this client is shown by servers of which only that is known which
    /// they showed to clients of the other kind.
    pub(super) fn look_up_later(&self, caller: &Caller) {
        let asked = is_asked(&caller.client);
        let (own, other) = self.own_and_other(asked);
        let (own, other) = (own.snapshot(), other.snapshot());
        for (server, supervisor) in self.pool.iter() {
            let is_shared = asked && is_shared(supervisor, Era::Session);
            let is_remembered = other.get(server.as_str()).is_some_and(|it| it.is_remembered());
            if own.get(server.as_str()).is_none()
                && is_remembered
                && !is_shared
                && let Ok(found) = self.find(server.as_str())
            {
                // The start goes on when nobody waits for it.
                let _ = self.session_for(found, caller).now_or_never();
            }
        }
    }
}
