//! A live connection to a server, whatever carries it.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::http::Kind;
use super::login::{self, Login};
use super::stderr::Tail;
use super::{Error, Session, process, remote};
use crate::base::blotter::Blotter;
use crate::base::environment::Environment;
use crate::base::guardian::Guardian;
use crate::base::secret::Secret;
use crate::config::{ServerName, Transport};
use crate::wire::http::Client;

/// A live connection. Dropping it ends the child process, or has a server that is reached by URL forget the session.
#[derive(Debug)]
pub(super) struct Connection {
    session: Arc<Session>,
    stop: CancellationToken,
    /// The token that the child process was started with, if it has one.
    token: Option<Secret>,
}

/// What every connection of a server is made from.
#[derive(Debug)]
pub(super) struct Blueprint {
    pub(super) name: ServerName,
    /// No other one of this process has it.
    pub(super) number: u64,
    pub(super) transport: Transport,
    pub(super) blotter: Arc<Blotter>,
    pub(super) environment: Arc<Environment>,
    pub(super) guardian: Arc<Guardian>,
    pub(super) http: Arc<Client>,
    pub(super) login: Option<Login>,
    pub(super) stop_limit: Duration,
}

impl Connection {
    /// Opens the way to the server, which for a child process starts it; its tasks run in `tasks` until nothing of it is
    /// left. Cancelling `closing` ends it as well. A server with a login may have to wait for its token.
    pub(super) async fn open(
        blueprint: &Arc<Blueprint>,
        tail: Arc<Tail>,
        tasks: &TaskTracker,
        closing: &CancellationToken,
    ) -> Result<Self, Error> {
        let stop = closing.child_token();
        let mut token = None;
        let session = match &blueprint.transport {
            Transport::Stdio(stdio) => {
                let given = login::given(blueprint, stdio).await?;
                let own = given.as_ref().map(|given| given.add_to(stdio));
                token = given.map(|given| given.token);
                process::open(blueprint, own.as_ref().unwrap_or(stdio), tail, tasks, &stop)?
            }
            Transport::StreamableHttp(remote) => {
                tail.set_remote();
                remote::open(blueprint, remote, Kind::Streamable, tasks, &stop)?
            }
            Transport::Sse(remote) => {
                tail.set_remote();
                remote::open(blueprint, remote, Kind::Events, tasks, &stop)?
            }
        };
        Ok(Self { session, stop, token })
    }

    /// The token that the child process was started with, if it has one.
    pub(super) fn token(&self) -> Option<&Secret> {
        self.token.as_ref()
    }

    pub(super) fn session(&self) -> &Arc<Session> {
        &self.session
    }

    /// Has the connection closed; returns at once.
    pub(super) fn stop(&self) {
        self.stop.cancel();
    }

    /// Waits until the session has ended, for whatever reason.
    pub(super) async fn over(&self) {
        self.session.over.cancelled().await;
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}
