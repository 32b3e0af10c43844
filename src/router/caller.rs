//! Who calls: the client, and the ways to tell and to ask it something while its request is under way.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use futures_util::future::BoxFuture;

use crate::config::ServerName;
use crate::protocol::era::Era;
use crate::protocol::error::ErrorObject;
use crate::protocol::log::Level;
use crate::protocol::version::Revision;
use crate::upstream::{Identity, Withdrawn};

/// Sends notifications to the session and request that caused them.
#[derive(Clone)]
pub struct Notify(Arc<Deliver>);

type Deliver = dyn Fn(&str, &str) + Send + Sync;

impl Notify {
    /// `send` takes the method and the JSON text of the parameters; it must not block.
    pub fn new(send: impl Fn(&str, &str) + Send + Sync + 'static) -> Self {
        Self(Arc::new(send))
    }

    /// For callers that want to hear nothing.
    pub fn nobody() -> Self {
        Self::new(|_, _| ())
    }

    /// Sends one notification.
    pub fn send(&self, method: &str, params: &str) {
        (self.0)(method, params);
    }
}

impl fmt::Debug for Notify {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Notify")
    }
}

/// A program that calls us, as it has introduced itself: one for a whole session, or, from revision 2026-07-28 on, for
/// one request.
#[derive(Debug, PartialEq, Eq)]
pub struct Client {
    /// No other one of this process has it.
    pub id: u64,
    /// The revision of the protocol that it speaks.
    pub revision: Revision,
    /// As it calls itself, such as `claude-ai`; empty where it does not.
    pub name: String,
    /// The JSON text of its `clientInfo`.
    pub info: Option<Box<str>>,
    /// The JSON text of its capabilities, an object.
    pub capabilities: Box<str>,
    /// From which level on it wants log messages, where each of its requests says so.
    pub log_level: Option<Level>,
}

impl Client {
    /// A client with a new number, no name and no capabilities.
    pub fn new(revision: Revision) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let id = NEXT.fetch_add(1, Ordering::Relaxed);
        Self {
            id,
            revision,
            name: String::new(),
            info: None,
            capabilities: "{}".into(),
            log_level: None,
        }
    }

    /// Tells whether requests are of one client: without a session each comes with a number of its own.
    pub(super) fn identity(&self) -> Identity {
        match &self.info {
            Some(info) if self.revision.era() == Era::Stateless => Identity::Program(info.clone()),
            _ => Identity::Number(self.id),
        }
    }
}

/// Puts requests of servers to a client and brings its answers back.
pub trait Ask: fmt::Debug + Send + Sync {
    /// Sends the request, on the stream of the client's own request that caused it where there are such streams; the
    /// JSON text of the result. Dropped when the answer is not wanted any more.
    fn ask(
        &self,
        method: &str,
        params: Option<&str>,
    ) -> BoxFuture<'static, Result<Box<str>, ErrorObject>>;

    /// The same for those to whom it matters which server asks.
    fn ask_for(
        &self,
        _server: &ServerName,
        method: &str,
        params: Option<&str>,
    ) -> BoxFuture<'static, Result<Box<str>, ErrorObject>> {
        self.ask(method, params)
    }
}

/// How a client can be asked something while its request is under way.
#[derive(Debug, Clone, Default)]
pub enum Asks {
    /// Not at all.
    #[default]
    Nobody,
    /// By a request of ours (revisions up to 2025-11-25).
    Session(Arc<dyn Ask>),
    /// By a result that asks it to call again (from revision 2026-07-28 on: specification, Multi Round-Trip Requests).
    Rounds,
}

/// Who calls, as far as a call needs it.
#[derive(Debug, Clone)]
pub struct Caller {
    /// Where notifications about the call go.
    pub notify: Notify,
    /// Why the call was withdrawn, set before it is dropped.
    pub withdrawn: Withdrawn,
    /// The program behind it.
    pub client: Arc<Client>,
    /// How it can be asked something.
    pub asks: Asks,
}

impl Caller {
    /// Somebody who hears nothing and answers nothing, such as a command line.
    pub fn alone(client: Arc<Client>) -> Self {
        let (notify, withdrawn) = (Notify::nobody(), Withdrawn::default());
        Self { notify, withdrawn, client, asks: Asks::Nobody }
    }
}
