//! What a session is opened for, and what came of opening it.

use std::borrow::Cow;
use std::sync::atomic::{AtomicBool, AtomicU32};
use std::sync::{Arc, OnceLock};

use super::changes::{Changes, Kind};
use super::eras::Eras;
use super::subscriptions::{News, Subscriptions};
use super::{Follower, Identity};
use crate::base::json;
use crate::config::ServerName;
use crate::protocol::capabilities::{ServerCapabilities, in_terms_of, wants_questions};
use crate::protocol::era::Era;

/// For whom a session is opened.
#[derive(Debug, Clone)]
pub struct Terms {
    /// The era that is tried first.
    pub era: Era,
    /// What the client behind the session can be asked, in the terms of that era: the JSON text of an object.
    pub capabilities: Box<str>,
    /// Hears and answers what belongs to no request; only a session of one client has it.
    pub owner: Option<Arc<dyn Follower>>,
}

impl Terms {
    /// Of a session that everybody shares: nobody can be asked anything.
    pub fn shared(era: Era) -> Self {
        Self { era, capabilities: "{}".into(), owner: None }
    }

    /// The capabilities as a server of this era is told of them when the session opens. A stateless one hears of them with
    /// the requests of the client; what the bridge itself asks of it is the same for everybody.
    pub(super) fn declared(&self, to: Era) -> Cow<'_, str> {
        match to {
            Era::Session => in_terms_of(to, self.era, &self.capabilities),
            Era::Stateless => Cow::Borrowed("{}"),
        }
    }

    /// Whether the client behind the session can be asked something, so that it is not for everybody.
    pub(super) fn want_questions(&self) -> bool {
        wants_questions(&self.capabilities)
    }
}

/// Who asks for a session; see [`super::Pool::lease`].
#[derive(Debug, Clone)]
pub struct Tenant {
    /// Tells clients apart.
    pub client: u64,
    /// The era that the client speaks.
    pub era: Era,
    /// What it can be asked: the JSON text of an object.
    pub capabilities: Box<str>,
    /// It wants a session of its own even where it can be asked nothing, such as one with its own level of log
    /// messages. Only clients of the session era can have that.
    pub private: bool,
    /// What it calls itself, where it has no session: each of its requests then comes with a number of its own.
    pub program: Option<Box<str>>,
    /// Hears and answers what belongs to none of its requests.
    pub owner: Option<Arc<dyn Follower>>,
}

impl Tenant {
    /// Of calls behind which there is nobody to be asked.
    pub fn anybody(era: Era) -> Self {
        Self {
            client: 0,
            era,
            capabilities: "{}".into(),
            private: false,
            program: None,
            owner: None,
        }
    }

    /// Tells whether those who ask one after another are the same.
    pub(super) fn identity(&self) -> Identity {
        self.program.clone().map_or(Identity::Number(self.client), Identity::Program)
    }

    /// Whether the client can be asked anything.
    pub(super) fn can_be_asked(&self) -> bool {
        wants_questions(&self.capabilities)
    }
}

/// What the handshake agreed on.
#[derive(Debug, Clone)]
pub struct Established {
    /// How the server is spoken to.
    pub era: Era,
    /// The date of the revision; one that is not known here may stand in a session of the older era.
    pub revision: Box<str>,
    /// What the server offers: the JSON text of an object.
    pub capabilities: Box<str>,
    /// The same, as far as it is read.
    pub offers: ServerCapabilities,
    /// How to use the server, for the model.
    pub instructions: Option<Box<str>>,
    /// Name and version of the server: the JSON text of an object.
    pub server_info: Option<Box<str>>,
}

impl Established {
    /// Takes the capabilities apart; what is no object counts as empty.
    pub(super) fn new(era: Era, revision: &str, capabilities: Option<&str>) -> Self {
        let capabilities = capabilities.filter(|it| json::is_object(it)).unwrap_or("{}");
        Self {
            era,
            revision: revision.into(),
            capabilities: capabilities.into(),
            offers: ServerCapabilities::parse(capabilities),
            instructions: None,
            server_info: None,
        }
    }
}

/// What is known of a session beside its requests; the first two are set once.
#[derive(Debug, Default)]
pub(super) struct Agreement {
    pub(super) purpose: OnceLock<Purpose>,
    pub(super) established: OnceLock<Established>,
    /// The server may still work on a request that nobody waits for any more.
    pub(super) tainted: AtomicBool,
    /// For the task that listens.
    pub(super) news: News,
    /// Requests that wait for answers of their clients before they are repeated.
    pub(super) asking: AtomicU32,
}

/// Why a session was opened, and who hears what it brings.
#[derive(Debug)]
pub(super) struct Purpose {
    pub(super) terms: Arc<Terms>,
    pub(super) changes: Changes,
    pub(super) subscriptions: Arc<Subscriptions>,
    pub(super) eras: Arc<Eras>,
}

impl Purpose {
    /// Tells who cares that something of the server is no longer what it was.
    pub(super) fn tell(&self, server: &ServerName, kind: Kind) {
        let client = self.terms.owner.as_ref().map(|owner| owner.client());
        self.changes.tell(server, kind, client);
    }
}
