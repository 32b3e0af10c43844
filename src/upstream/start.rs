//! One start of one server, for however many wait for it.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::connection::Connection;
use super::error::LastWords;
use super::stderr::Tail;
use super::supervisor::Shared;
use super::terms::Purpose;
use super::{Error, Supervisor, handshake, listing};
use crate::protocol::era::Era;

/// A start is given up after this long: time enough to download a server and its runtime once.
pub const LONGEST_START: Duration = Duration::from_mins(2);

/// What a start has come to, once it has.
pub(super) type Outcome = Option<Result<Arc<Connection>, Error>>;

/// A start under way.
#[derive(Debug)]
pub(super) struct Start {
    pub(super) outcome: watch::Receiver<Outcome>,
    pub(super) tail: Arc<Tail>,
    /// The server failed or hung before, so calls that may mean others do not wait for it.
    pub(super) doubtful: bool,
    /// When a caller last gave up waiting.
    pub(super) overdue: Option<Instant>,
    /// Gives the start up.
    pub(super) abandon: CancellationToken,
}

impl Start {
    /// Whether somebody gave up waiting less than `cool_down` ago.
    pub(super) fn is_overdue(&self, cool_down: Duration) -> bool {
        self.overdue.is_some_and(|since| since.elapsed() < cool_down)
    }

    /// What somebody hears who waited this long for it.
    pub(super) fn unfinished(&self, after: Duration) -> Error {
        Error::StillStarting { after, last: said(&self.tail) }
    }
}

#[expect(clippy::unnecessary_box_returns, reason = "errors hold it boxed")]
fn said(tail: &Tail) -> Box<LastWords> {
    Box::new(LastWords { stderr: tail.lines(), ..LastWords::default() })
}

/// Waits, starts the server, shakes hands and reads its tools into the registry.
pub(super) async fn connect(
    supervisor: &Supervisor,
    wait: Duration,
    tail: &Arc<Tail>,
) -> Result<Arc<Connection>, Error> {
    sleep(wait).await;
    let Supervisor { blueprint, terms, closing, .. } = supervisor;
    let Shared { settings, registry, tasks, changes, .. } = &*supervisor.shared;
    let limit = LONGEST_START.max(settings.timeouts.connection);
    let name = &blueprint.name;
    let connection = Connection::open(blueprint, tail.clone(), tasks, closing)?;
    let session = connection.session();
    let purpose = Purpose { terms: terms.clone(), changes: changes.clone() };
    session.agreement.purpose.set(purpose).expect("a session is opened once");
    let opening = async {
        handshake::open(session, &terms.capabilities, limit).await?;
        supervisor.eras.learn(Era::Session, true);
        if supervisor.reads_tools() {
            listing::read(session, name.as_str(), limit).await.map(Some)
        } else {
            Ok(None)
        }
    };
    match timeout(limit, opening).await {
        Ok(Ok(tools)) => {
            // Its idle time begins now, however long it took to start.
            session.touch();
            if let Some(tools) = tools {
                let count = registry.replace_in_turn(name, tools).await;
                tracing::info!("`{name}` is connected with {count} tools");
            } else {
                tracing::info!("another session with `{name}` is open");
            }
            Ok(Arc::new(connection))
        }
        Ok(Err(Error::Closed { last })) => Err(Error::EndedAtStart { last }),
        Ok(Err(Error::TimedOut { .. })) | Err(_) => {
            Err(Error::NeverStarted { after: limit, last: said(tail) })
        }
        Ok(Err(error)) => Err(error),
    }
}
