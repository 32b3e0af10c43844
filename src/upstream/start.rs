//! One start of one server, for however many wait for it.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::connection::Connection;
use super::error::{LastWords, Refusal};
use super::handshake::Patience;
use super::shared::Shared;
use super::stderr::Tail;
use super::terms::Purpose;
use super::{Error, Supervisor, handshake, listen, listing};
use crate::config::Transport;
use crate::protocol::era::Era;
use crate::protocol::tool::Definition;

/// A start is given up after this long: time enough to download a server and its runtime once.
pub const LONGEST_START: Duration = Duration::from_mins(2);
/// The same for a server that is reached by URL, where nothing is downloaded.
const LONGEST_REMOTE_START: Duration = Duration::from_secs(30);

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
    Box::new(tail.so_far())
}

/// How long a start may take, which is never less than what is configured.
fn longest_start(is_remote: bool, connection: Duration) -> Duration {
    let longest = if is_remote { LONGEST_REMOTE_START } else { LONGEST_START };
    longest.max(connection)
}

/// Waits, starts the server, shakes hands and reads its tools into the registry.
pub(super) async fn connect(
    supervisor: &Supervisor,
    wait: Duration,
    tail: &Arc<Tail>,
) -> Result<Arc<Connection>, Error> {
    sleep(wait).await;
    let name = &supervisor.blueprint.name;
    let timeouts = supervisor.shared().settings.timeouts.clone();
    let is_remote = !matches!(supervisor.blueprint.transport, Transport::Stdio(_));
    let limit = longest_start(is_remote, timeouts.connection);
    match timeout(limit, open(supervisor, tail, limit)).await {
        Ok(Ok((connection, tools))) => {
            // Its idle time begins now, however long it took to start.
            connection.session().touch();
            if let Some(tools) = tools {
                let era = connection.session().era();
                let tools = connection.session().with_instructions(tools);
                let count = supervisor.show(era, tools).await;
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
        // There was no call yet that could have run.
        Ok(Err(Error::Broken { host, reason })) => Err(Error::NotReached { host, reason }),
        Ok(Err(Error::Status(refusal))) => {
            Err(Error::Status(Box::new(Refusal { at_start: true, ..*refusal })))
        }
        Ok(Err(error)) => Err(error),
    }
}

/// An open connection, and the tools if they were to be read.
type Opened = (Connection, Option<Vec<Definition>>);

/// Opens a connection, and another one if the server ended over a first request that it did not know.
async fn open(supervisor: &Supervisor, tail: &Arc<Tail>, limit: Duration) -> Result<Opened, Error> {
    let Supervisor { blueprint, terms, eras, closing, .. } = supervisor;
    let first = eras.first(terms.era);
    let outcome = attempt(supervisor, tail, limit).await;
    if outcome.is_ok() || closing.is_cancelled() || eras.first(terms.era) == first {
        return outcome;
    }
    tracing::info!("`{}` ended over its first request and is started anew", blueprint.name);
    let tail = Arc::new(Tail::new(blueprint.blotter.clone()));
    let outcome = attempt(supervisor, &tail, limit).await;
    if outcome.is_err() {
        eras.forget();
    }
    outcome
}

async fn attempt(
    supervisor: &Supervisor,
    tail: &Arc<Tail>,
    limit: Duration,
) -> Result<Opened, Error> {
    let Supervisor { blueprint, terms, eras, subscriptions, closing, .. } = supervisor;
    let shared = supervisor.shared().clone();
    let Shared { settings, tasks, changes, .. } = &*shared;
    let began = Instant::now();
    let connection = Connection::open(blueprint, tail.clone(), tasks, closing).await?;
    let session = connection.session();
    let (terms, subscriptions, eras) = (terms.clone(), subscriptions.clone(), eras.clone());
    let changes = changes.clone();
    let purpose = Purpose { terms: terms.clone(), changes, subscriptions, eras: eras.clone() };
    session.agreement.purpose.set(purpose).expect("a session is opened once");
    // Whoever waits for this start hears of it within half of his own time.
    let silence = handshake::LONGEST_SILENCE.min(settings.timeouts.wait / 2);
    handshake::open(session, &terms, &eras, Patience { limit, silence }).await?;
    supervisor.state().handshake = Some(began.elapsed());
    match session.era() {
        Era::Session => session.resubscribe(settings.timeouts.request),
        Era::Stateless => {
            tasks.spawn(listen::run(session.clone()));
        }
    }
    let tools = if supervisor.reads_tools(session.era()) {
        Some(listing::read(session, blueprint.name.as_str(), limit).await?)
    } else {
        None
    };
    Ok((connection, tools))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn downloads_take_longer_than_answers() {
        let check = |is_remote, connection, expected| {
            let longest = longest_start(is_remote, Duration::from_secs(connection));
            assert_eq!(longest.as_secs(), expected, "{is_remote} {connection}");
        };
        check(false, 5, 120);
        check(true, 5, 30);
        check(true, 60, 60);
        check(false, 300, 300);
    }
}
