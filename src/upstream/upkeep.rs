//! What a supervisor does with an open session: follow its tools, close it when idle, refresh it.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use tokio::time::{Instant, sleep, sleep_until, timeout};

use super::changes::Kind;
use super::connection::Connection;
use super::error::LastWords;
use super::phase::Phase;
use super::{Error, Session, Supervisor, listing, login};
use crate::telemetry::logging::excerpt;

/// A list of tools that keeps changing is not read more often.
const REREAD_GAP: Duration = Duration::from_secs(1);
/// How often it is looked whether nobody uses a child process with an old token.
const OUTDATED_GAP: Duration = Duration::from_millis(250);

impl Supervisor {
    /// Rereads the tools when they change and closes the connection when nobody used it for long.
    pub(super) async fn keep(self: Arc<Self>, connection: Arc<Connection>) {
        let session = connection.session();
        let (mut changed, mut not_before) = (false, Instant::now());
        let login = self.blueprint.login.clone();
        let another_token = pin!(login::another_token(login.as_ref(), &connection));
        let mut another_token = another_token.fuse();
        let mut outdated = false;
        loop {
            let idle_timeout = self.shared().settings.lifecycle.idle_timeout;
            let idle = async {
                match idle_timeout {
                    Some(timeout) => sleep_until(session.last_used() + timeout).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = connection.over() => return self.reopen_for_subscribers(),
                () = session.tools_changed.notified(), if !changed => changed = true,
                () = sleep_until(not_before), if changed => {
                    changed = false;
                    self.reread_after_change(session).await;
                    not_before = Instant::now() + REREAD_GAP;
                }
                () = &mut another_token => outdated = true,
                () = sleep(OUTDATED_GAP), if outdated => {
                    if self.close_if(Some(&connection), |_| true) {
                        tracing::info!("`{}` has an old token and is closed", self.blueprint.name);
                        return;
                    }
                }
                () = idle => {
                    if session.is_ended() {
                        connection.over().await;
                        return self.reopen_for_subscribers();
                    }
                    let limit = idle_timeout.unwrap_or_default();
                    if self.close_if(Some(&connection), |last_used| last_used.elapsed() >= limit) {
                        tracing::info!("`{}` was idle and is closed", self.blueprint.name);
                        return;
                    }
                    // A long call is not idleness: look again later.
                    if session.is_busy() {
                        session.touch();
                    }
                }
            }
        }
    }

    /// A session that ended by itself is opened again where somebody waits to hear of resources.
    fn reopen_for_subscribers(self: Arc<Self>) {
        if !self.subscriptions.is_empty() && !self.closing.is_cancelled() {
            let tasks = self.shared().tasks.clone();
            tasks.spawn(async move {
                if let Err(error) = self.session().await {
                    tracing::info!("`{}` tells of no resources: {error}", self.blueprint.name);
                }
            });
        }
    }

    async fn reread_after_change(&self, session: &Session) {
        let name = &self.blueprint.name;
        match self.reread(session).await {
            Ok(count) => {
                tracing::info!("`{name}` changed its tools, there are {count}");
                session.changed(Kind::Tools);
            }
            // The end of the session is told where it belongs.
            Err(_) if session.is_ended() => {}
            Err(error) => {
                let why = excerpt(error.to_string().as_bytes(), 1000);
                tracing::warn!("the tools of `{name}` cannot be read again: {why}");
            }
        }
    }

    async fn reread(&self, session: &Session) -> Result<usize, Error> {
        let name = &self.blueprint.name;
        let limit = self.request_timeout();
        let tools = timeout(limit, listing::read(session, name.as_str(), limit))
            .await
            .unwrap_or(Err(Error::TimedOut { after: limit }))?;
        Ok(self.show(session.era(), session.with_instructions(tools)).await)
    }

    /// Closes the connection if it is open (`only` this one, where it is given), nothing is under way and
    /// `wanted` agrees with when it was last used.
    pub(super) fn close_if(
        &self,
        only: Option<&Arc<Connection>>,
        wanted: impl FnOnce(Instant) -> bool,
    ) -> bool {
        let mut state = self.state();
        let Phase::Open(connection) = &state.phase else {
            return false;
        };
        if only.is_some_and(|only| !Arc::ptr_eq(only, connection)) {
            return false;
        }
        let closed = Error::Closed { last: Box::new(LastWords::closed_by_us()) };
        let session = connection.session();
        if session.is_needed() || !session.requests.end_if_idle(&closed, wanted) {
            return false;
        }
        connection.stop();
        state.last_used = Some(session.last_used());
        state.phase = Phase::Closed;
        true
    }

    /// Connects where needed, whatever failed or hung before, and reads the tools anew.
    pub async fn refresh(self: &Arc<Self>) -> Result<(), Error> {
        let hung = match &self.state().phase {
            Phase::Starting(start) if start.overdue.is_some() => {
                start.abandon.cancel();
                Some(start.outcome.clone())
            }
            _ => None,
        };
        if let Some(mut outcome) = hung {
            // Whichever way it ends, it ends at once.
            let _ = outcome.wait_for(Option::is_some).await;
        }
        {
            let mut state = self.state();
            state.crashes = 0;
            if let Phase::CoolingDown { .. } = state.phase {
                state.phase = Phase::Closed;
            }
        }
        let was_open = self.is_open();
        let session = self.session().await?;
        if was_open {
            self.reread(&session).await?;
        }
        Ok(())
    }
}
