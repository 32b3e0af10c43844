//! A child process and the session with it, from spawn to the last of its process group.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::{AbortOnDropHandle, TaskTracker};

use super::carrier::Carrier;
use super::child::{self, Child, Streams};
use super::connection::Blueprint;
use super::error::{LastWords, UnsetVariable};
use super::pipe::Pipe;
use super::stderr::{self, Tail};
use super::{Error, Session};
use crate::base::surroundings;
use crate::config::Stdio;
use crate::wire::Outbox;

/// Bytes that may wait for a server that does not read.
const MAX_WAITING: usize = 1024 * 1024;
/// How long a process that closed its stdout has to tell how it ended.
const EXIT_GRACE: Duration = Duration::from_millis(200);
/// How long stdout and stderr may bring more once the process is gone; what it started may hold them open.
const OUTPUT_GRACE: Duration = Duration::from_millis(500);

/// Starts the server; its tasks run in `tasks` until the last of its processes is gone. Cancelling `stop` ends it.
pub(super) fn open(
    blueprint: &Arc<Blueprint>,
    stdio: &Stdio,
    tail: Arc<Tail>,
    tasks: &TaskTracker,
    stop: &CancellationToken,
) -> Result<Arc<Session>, Error> {
    let (child, streams) = Child::spawn(stdio, &blueprint.environment, &blueprint.guardian)?;
    let Streams { stdin, stdout, stderr } = streams;
    let (outbox, writer) = Outbox::new(MAX_WAITING, stdin);
    let carrier = Carrier::Stdio(Pipe::new(stdio.framing, outbox));
    let session = Arc::new(Session::new(blueprint, carrier, tasks.clone()));

    let writing = AbortOnDropHandle::new(tasks.spawn(writer.run()));
    let listening = AbortOnDropHandle::new(tasks.spawn({
        let (tail, blueprint) = (tail.clone(), blueprint.clone());
        async move { tail.collect(blueprint.name.as_str(), stderr).await }
    }));
    let reading = AbortOnDropHandle::new(tasks.spawn({
        let session = session.clone();
        let mut stdout = stdout;
        async move { session.read(&mut stdout).await }
    }));
    let run = Run {
        child,
        session: session.clone(),
        tail,
        stdio: stdio.clone(),
        blueprint: blueprint.clone(),
        reading,
        writing,
    };
    let stop_run = stop.clone();
    tasks.spawn(async move {
        run.until_gone(stop_run).await;
        // What left the server's process group may hold its stderr open for ever.
        drop(listening);
    });
    Ok(session)
}

struct Run {
    child: Child,
    session: Arc<Session>,
    tail: Arc<Tail>,
    stdio: Stdio,
    blueprint: Arc<Blueprint>,
    /// Goes on to the very end: a child that writes its last words must not block on a full pipe.
    reading: AbortOnDropHandle<io::Result<()>>,
    /// Ends before the session does when the child no longer reads.
    writing: AbortOnDropHandle<io::Result<()>>,
}

impl Run {
    async fn until_gone(mut self, stop: CancellationToken) {
        let last = tokio::select! {
            biased;
            () = stop.cancelled() => LastWords::closed_by_us(),
            () = self.session.over.cancelled() => match self.session.ended() {
                Some(Error::Closed { last }) => *last,
                _ => LastWords::default(),
            },
            _ = &mut self.reading => self.last_words("it closed its stdout but did not end").await,
            _ = self.child.wait() => {
                let _ = timeout(OUTPUT_GRACE, &mut self.reading).await;
                self.last_words("it ended").await
            }
            _ = &mut self.writing => self.last_words("it closed its stdin but did not end").await,
            () = self.session.watch_the_clock() => unreachable!("it watches as long as it is polled"),
        };
        tracing::info!("`{}`: connection closed ({last})", self.blueprint.name);
        self.session.end(&Error::Closed { last: Box::new(last) });
        self.child.stop(self.blueprint.stop_limit).await;
    }

    /// How the child ended and what it said, or `alive` if it does not end.
    async fn last_words(&mut self, alive: &str) -> LastWords {
        let status = match timeout(EXIT_GRACE, self.child.wait()).await {
            Ok(Ok(status)) => child::describe(status),
            Ok(Err(error)) => error.to_string(),
            Err(_running) => alive.to_owned(),
        };
        let _ = timeout(OUTPUT_GRACE, self.tail.ended()).await;
        let stderr = self.tail.lines();
        let unset = self.unset(&stderr);
        LastWords { status, stderr, unset, remote: false }
    }

    fn unset(&self, lines: &[String]) -> Vec<UnsetVariable> {
        let (stdio, environment) = (&self.stdio, &self.blueprint.environment);
        let given = |name: &str| {
            stdio.env.contains_key(name)
                || (environment.lookup(name).is_some() && surroundings::is_handed_on(name))
        };
        stderr::variables(lines)
            .into_iter()
            .filter(|name| !given(name))
            .map(|name| UnsetVariable {
                name: name.to_owned(),
                known_to_bridge: environment.lookup(name).is_some(),
            })
            .collect()
    }
}
