//! One call of one tool on its way to the server, tried again where the config and the tool permit it.

use std::time::Duration;

use super::caller::Caller;
use super::direct;
use super::request::progress_token;
use super::routing::{Found, Router};
use crate::base::json;
use crate::config::{Retry, RetryOn};
use crate::protocol::era::Era;
use crate::protocol::method;
use crate::protocol::outcome::Outcome;
use crate::telemetry::logging::excerpt;
use crate::tools::Tool;
use crate::upstream::{self, OnProgress, Watch};

/// Waits grow no further than this by themselves, and servers are left alone no longer before another try.
const LONGEST_WAIT: Duration = Duration::from_mins(1);

/// Bytes of a request beside its parameters, and of the names in these, are hardly ever more.
pub(super) const ENVELOPE: usize = 128;

/// A call whose server and tool are known.
#[derive(Clone, Copy)]
pub(super) struct Attempt<'a> {
    pub(super) found: Found<'a>,
    pub(super) tool: &'a Tool,
    /// The JSON text of an object.
    pub(super) params: &'a str,
    /// The JSON text of the caller's `_meta`, an object.
    pub(super) meta: Option<&'a str>,
    pub(super) caller: &'a Caller,
    /// All parameters of the client's own `tools/call`, where they travel as they are.
    pub(super) whole: Option<&'a str>,
}

/// What came of it, with the number of tries that it took beyond the first.
pub(super) struct Tried {
    /// Nothing where the tool is withheld by now.
    pub(super) outcome: Result<Option<Outcome>, upstream::Error>,
    pub(super) retries: u32,
}

impl Attempt<'_> {
    /// Calls the tool, as often as `retry` says and as is safe.
    pub(super) async fn run(&self, router: &Router, retry: &Retry) -> Tried {
        let mut retries = 0;
        let mut wait = retry.delay;
        loop {
            let outcome = self.send(router).await;
            let pause = match &outcome {
                Err(error) if retries + 1 < retry.max_attempts => self.pause(error, retry, wait),
                _ => None,
            };
            let Some(pause) = pause else { return Tried { outcome, retries } };
            retries += 1;
            tracing::info!(
                "`{}` on `{}` failed, try {} follows in {} ms",
                excerpt(self.tool.definition.name.as_bytes(), 80),
                self.found.name,
                retries + 1,
                pause.as_millis()
            );
            Box::pin(tokio::time::sleep(pause)).await;
            wait = wait.mul_f64(retry.backoff_multiplier).min(LONGEST_WAIT);
        }
    }

    /// How long to wait before another try; nothing where there is none: after an answer, for a cause that the config
    /// does not name, for a call that may have run and must not run twice, and where the server asks to be left alone for
    /// longer than a caller waits.
    fn pause(&self, error: &upstream::Error, retry: &Retry, wait: Duration) -> Option<Duration> {
        use upstream::Error as E;
        let cause = match error {
            E::Refused(_)
            | E::BadAnswer { .. }
            | E::ShuttingDown
            // Neither the program nor the folder comes into being by waiting.
            | E::CommandNotFound { .. }
            | E::FolderMissing { .. } => return None,
            E::Login(login) if login.is_login_needed() || login.lacks_scope() => return None,
            E::TimedOut { .. } => RetryOn::Timeout,
            _ => RetryOn::ConnectionError,
        };
        let safe = error.is_retryable() || self.tool.hints.may_repeat();
        if !safe || !retry.retry_on.contains(&cause) {
            return None;
        }
        Some(match error {
            // A try before the end of the cool-down would be none.
            E::CoolingDown { left, .. } => wait.max(*left),
            E::Status(refusal) if matches!(refusal.status, 429 | 503) => {
                let asked = refusal.retry_after.unwrap_or_default();
                if asked > LONGEST_WAIT {
                    return None;
                }
                wait.max(asked)
            }
            _ => wait,
        })
    }

    async fn send(&self, router: &Router) -> Result<Option<Outcome>, upstream::Error> {
        let token = self.meta.and_then(progress_token);
        let timeout = self.found.supervisor.request_timeout();
        let mut tried = false;
        let result = loop {
            let (shared, own);
            let session = if self.whole.is_none() {
                shared = router.pool.session(self.found.supervisor).await?;
                &shared
            } else {
                own = router.session_for(self.found, self.caller).await?;
                &*own
            };
            // A server that was started for this call may show other tools than those that it was known by.
            let is_withheld = self.registry(router).look(|snapshot| {
                let now = snapshot.get(self.found.name.as_str());
                now.is_some_and(|now| now.withheld(&self.tool.definition.name).is_some())
            });
            if is_withheld {
                return Ok(None);
            }
            let watch = Watch {
                on_progress: token.map(|token| on_progress(self.found, self.caller, token)),
                follower: self.whole.map(|_| direct::follower(router, self.found, self.caller)),
                withdrawn: Some(&self.caller.withdrawn),
                declares: self.whole.map(|_| direct::declares(router, self.caller)),
                passes_rounds: self.whole.is_some()
                    && self.caller.client.revision.era() == Era::Stateless,
                input_schema: self.tool.definition.input_schema(),
            };
            let params = |to: &mut Vec<u8>, id| self.write_params(to, token, id);
            match session.call_tool(timeout, watch, params).await {
                // The session ended between taking it and using it; the next one is fresh.
                Err(error) if error.is_retryable_at_once() && !tried => tried = true,
                outcome => break outcome?,
            }
        };
        if json::is_object(&result) {
            Ok(Some(result))
        } else {
            let reason = "the result of a tool call is an object".to_owned();
            Err(upstream::Error::BadAnswer { reason })
        }
    }

    /// The parameters of the upstream's `tools/call`. `_meta` travels on, with our own progress token in the place
    /// of the client's: tokens of two clients may be equal.
    fn write_params(&self, to: &mut Vec<u8>, token: Option<&str>, id: u64) {
        if let Some(whole) = self.whole {
            let mut name = Vec::new();
            json::write_string(&self.tool.definition.name, &mut name);
            let name = std::str::from_utf8(&name).unwrap_or_default();
            let other = json::member(whole, "name").map(|spelt| (spelt, name));
            return direct::write(to, whole, token, id, other);
        }
        let meta_length = self.meta.map_or(0, str::len);
        // With what comes around it, so that a long text is not moved for its last bytes.
        to.reserve(self.params.len() + meta_length + self.tool.definition.name.len() + ENVELOPE);
        to.extend_from_slice(b"{\"name\":");
        json::write_string(&self.tool.definition.name, to);
        to.extend_from_slice(b",\"arguments\":");
        to.extend_from_slice(self.params.as_bytes());
        if let Some(meta) = self.meta {
            to.extend_from_slice(b",\"_meta\":");
            let ours = token.and_then(|token| json::replace(meta, token, &id.to_string()));
            to.extend_from_slice(ours.as_deref().unwrap_or(meta).as_bytes());
        }
        to.push(b'}');
    }
}

/// Hands the progress of a request on under the token of the client that made it.
pub(super) fn on_progress(found: Found<'_>, caller: &Caller, token: &str) -> OnProgress {
    let (notify, token) = (caller.notify.clone(), token.to_owned());
    let guard = found.settings.guard.clone();
    Box::new(move |params, ours| {
        if let Some(params) = json::replace(params, ours, &token) {
            notify.send(method::PROGRESS, &guard.result(&params, false).json);
        }
    })
}
