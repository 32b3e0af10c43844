//! One conversation with one server, our side of it: requests, their withdrawal, notifications.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use futures_util::FutureExt;
use serde_json::json;
use tokio::sync::Notify;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::call::Call;
use super::carrier::Carrier;
use super::connection::Blueprint;
use super::error::LastWords;
use super::pending::{Entered, Requests};
use super::questions::Questions;
use super::terms::{Agreement, Established};
use super::waiting::{Answer, OnProgress, Use};
use super::{Error, Follower};
use crate::base::blotter::Blotter;
use crate::config::ServerName;
use crate::protocol::era::Era;
use crate::protocol::error::ErrorObject;
use crate::protocol::jsonrpc;
use crate::protocol::log::Level;
use crate::protocol::method;
use crate::protocol::refusal::supported_versions;
use crate::protocol::tool::Definition;
use crate::tools::Shown;
use crate::wire::Urgency;

/// Why a request is dropped without an answer; whoever drops it says so first.
pub type Withdrawn = Arc<OnceLock<String>>;

/// An open conversation. Shared by all who call the server.
#[derive(Debug)]
pub struct Session {
    pub(super) server: ServerName,
    pub(super) carrier: Carrier,
    pub(super) requests: Requests,
    /// Requests of the server that the client has not answered yet.
    pub(super) questions: Questions,
    pub(super) blotter: Arc<Blotter>,
    /// Work that outlives the message that caused it, such as answers to the server's own requests.
    pub(super) tasks: TaskTracker,
    /// Fired when the server says that its tools changed.
    pub(super) tools_changed: Notify,
    /// Strange messages so far.
    pub(super) oddities: AtomicU32,
    /// Cancelled when the conversation has ended.
    pub(super) over: CancellationToken,
    /// Messages in a row that mean nothing.
    pub(super) nonsense: AtomicU32,
    /// A tool call was answered, so the server works.
    proven: AtomicBool,
    pub(super) agreement: Agreement,
}

/// Who follows a request while it is under way.
#[derive(Default)]
pub struct Watch<'a> {
    /// Hears of progress.
    pub on_progress: Option<OnProgress>,
    /// Hears and answers what else the server says meanwhile.
    pub follower: Option<Arc<dyn Follower>>,
    /// Says why the request was dropped.
    pub withdrawn: Option<&'a Withdrawn>,
    /// What a stateless server is told of the client; without it, what the session was opened for.
    pub declares: Option<Declares<'a>>,
    /// Whoever waits takes the questions of a stateless server (`input_required`) as they are; otherwise they are put to
    /// the follower, and the request is repeated with the answers.
    pub passes_rounds: bool,
    /// The JSON Schema of the tool's arguments, which says what has to be told in HTTP headers as well.
    pub input_schema: Option<&'a str>,
}

/// What a request tells a stateless server of the client behind it.
#[derive(Debug, Clone, Copy)]
pub struct Declares<'a> {
    /// The era that the client speaks.
    pub era: Era,
    /// What the client can be asked, in the terms of that era: the JSON text of an object.
    pub capabilities: &'a str,
    /// Name and version of the client, the JSON text of an object; the bridge's own without it.
    pub client_info: Option<&'a str>,
    /// From which level on log messages are wanted; none are without it.
    pub log_level: Option<Level>,
}

/// Withdraws a request that nobody waits for any more: a cancellation, or a client that left, drops
/// this.
struct Pending<'a> {
    session: &'a Session,
    id: u64,
    cancellable: bool,
    withdrawn: Option<&'a Withdrawn>,
    /// It has its answer, and is in no table any more.
    answered: bool,
}

impl Drop for Pending<'_> {
    fn drop(&mut self) {
        let was_sent = !self.answered && self.session.requests.give_up(self.id);
        // Answered or not, the request waits for nothing any more.
        self.session.questions.orphan(self.id);
        if was_sent {
            self.session.taint();
        }
        if was_sent && self.cancellable {
            let reason = self.withdrawn.and_then(|withdrawn| withdrawn.get());
            self.session.cancel(self.id, reason.map_or("no longer wanted", String::as_str));
        }
    }
}

impl Session {
    pub(super) fn new(blueprint: &Blueprint, carrier: Carrier, tasks: TaskTracker) -> Self {
        Self {
            server: blueprint.name.clone(),
            carrier,
            requests: Requests::new(),
            questions: Questions::default(),
            blotter: blueprint.blotter.clone(),
            tasks,
            tools_changed: Notify::new(),
            oddities: AtomicU32::new(0),
            over: CancellationToken::new(),
            nonsense: AtomicU32::new(0),
            proven: AtomicBool::new(false),
            agreement: Agreement::default(),
        }
    }

    /// What the handshake agreed on, once it is done.
    pub fn established(&self) -> Option<&Established> {
        self.agreement.established.get()
    }

    /// These tools of the server, with what it says of how they are used. That is kept on the disk, so it holds no secret
    /// that the server was given.
    pub(super) fn with_instructions(&self, tools: Vec<Definition>) -> Shown {
        let said = self.established().and_then(|established| established.instructions.as_deref());
        Shown::new(tools, said.map(|said| self.blotter.blot(said)).as_deref())
    }

    /// How the server is spoken to; before the handshake is done, as in the session era.
    pub fn era(&self) -> Era {
        self.established().map_or(Era::Session, |established| established.era)
    }

    /// Why the conversation is over, once it is.
    pub fn ended(&self) -> Option<Error> {
        self.requests.ended()
    }

    pub(super) fn is_ended(&self) -> bool {
        self.requests.is_ended()
    }

    pub(super) fn is_proven(&self) -> bool {
        self.proven.load(Ordering::Relaxed)
    }

    /// Whether something is under way, or the session is needed all the same.
    pub(super) fn is_busy(&self) -> bool {
        !self.requests.is_empty() || self.is_needed()
    }

    /// Whether somebody waits to hear of resources, or the client has been asked something.
    pub(super) fn is_needed(&self) -> bool {
        self.subscriptions().is_some_and(|subscriptions| !subscriptions.is_empty())
            || self.agreement.asking.load(Ordering::Relaxed) > 0
            || !self.questions.is_empty()
    }

    /// When the last request began or ended.
    pub(super) fn last_used(&self) -> Instant {
        self.requests.last_used()
    }

    pub(super) fn touch(&self) {
        self.requests.touch();
    }

    /// A request was given up that the server may still work on.
    fn taint(&self) {
        self.agreement.tainted.store(true, Ordering::Relaxed);
    }

    /// Whether something that nobody waits for any more may still be under way.
    pub(super) fn is_tainted(&self) -> bool {
        self.agreement.tainted.load(Ordering::Relaxed)
    }

    /// Calls a tool. `params` writes the request's parameters, given the token that progress is to
    /// carry; the clock of `timeout` restarts with each progress notification.
    pub async fn call_tool(
        &self,
        timeout: Duration,
        watch: Watch<'_>,
        params: impl FnOnce(&mut Vec<u8>, u64),
    ) -> Answer {
        let answer = self.request(method::TOOLS_CALL, timeout, watch, params).await;
        if answer.is_ok() {
            self.proven.store(true, Ordering::Relaxed);
        }
        answer
    }

    /// Sends a request and waits for its answer. Dropping the future withdraws the request.
    pub async fn request(
        &self,
        method: &str,
        timeout: Duration,
        watch: Watch<'_>,
        params: impl FnOnce(&mut Vec<u8>, u64),
    ) -> Answer {
        let answer = if self.era() == Era::Stateless {
            // Boxed, so that calls of the other era stay small.
            Box::pin(self.in_rounds(method, timeout, watch, params)).await
        } else {
            self.exchange(method, timeout, watch, params).await
        };
        match answer {
            Err(Error::Refused(refusal)) => Err(self.refused(refusal)),
            answer => answer,
        }
    }

    /// What a refusal means. A server that is reached by URL may have become another one since the session opened, and
    /// says by it that it speaks the other era now: then the next session finds out what it speaks.
    fn refused(&self, refusal: ErrorObject) -> Error {
        let dates = supported_versions(&refusal).unwrap_or_default();
        let is_spoken = dates.iter().any(|date| Era::of_revision(date) == self.era());
        let (false, false, Some(http)) = (dates.is_empty(), is_spoken, self.carrier.http()) else {
            return Error::Refused(refusal);
        };
        if let Some(purpose) = self.agreement.purpose.get() {
            purpose.eras.forget();
        }
        let reason = "the server no longer speaks the revision of the session".into();
        let changed = Error::Broken { host: http.host().into(), reason };
        self.end(&changed);
        Error::Unsent { error: Arc::new(changed) }
    }

    /// Sends a request as it is.
    pub(super) async fn exchange(
        &self,
        method: &str,
        timeout: Duration,
        watch: Watch<'_>,
        params: impl FnOnce(&mut Vec<u8>, u64),
    ) -> Answer {
        let Entered { id, mut answer, alone } =
            self.requests.enter(timeout, Use::of(method), watch.on_progress, watch.follower)?;
        // `initialize` must not be cancelled (specification, Cancellation, Behavior Requirements), and nothing comes
        // before it.
        let cancellable = !matches!(method, method::INITIALIZE | method::SERVER_DISCOVER);
        let withdrawn = watch.withdrawn;
        let mut pending = Pending { session: self, id, cancellable, withdrawn, answered: false };
        if let Some(http) = self.carrier.http() {
            let speaks = self.established().map(|established| established.era);
            let call = Call::new(speaks, id, method, params, watch.input_schema);
            // Without its type: there is more of that than the compiler looks through.
            let exchange = http.exchange(call).boxed();
            return tokio::select! {
                biased;
                answer = &mut answer => answer.unwrap_or(Err(Error::ShuttingDown)),
                exchanged = exchange => match exchanged {
                    Ok(()) => answer.await.unwrap_or(Err(Error::ShuttingDown)),
                    Err(error) => Err(self.came_to_nothing(id, error)),
                },
            };
        }
        if !self.carrier.has_room() {
            self.requests.mark_sent(id, false);
            tokio::select! {
                biased;
                answer = &mut answer => return answer.unwrap_or(Err(Error::ShuttingDown)),
                _ = self.carrier.room() => {}
            }
            self.requests.mark_sent(id, true);
        }
        let urgency = if alone { Urgency::Alone } else { Urgency::Gather };
        let pushed = self.carrier.push(urgency, |buffer| {
            jsonrpc::write_call(buffer, id, method, params);
        });
        if pushed.is_err() {
            // The server no longer reads; the session ends in a moment. Whoever tries again shall not find it again.
            tokio::select! {
                () = self.over.cancelled() => {}
                _ = &mut answer => {}
            }
            let error = self.ended().unwrap_or_else(|| {
                let status = "it closed its stdin".to_owned();
                Error::Closed { last: Box::new(LastWords { status, ..LastWords::default() }) }
            });
            return Err(Error::Unsent { error: Arc::new(error) });
        }
        let answer = answer.await;
        pending.answered = answer.is_ok();
        answer.unwrap_or(Err(Error::ShuttingDown))
    }

    /// Sends a notification, if there is room. `params` is the JSON text of its parameters.
    pub fn notify(&self, method: &str, params: &str) {
        let sent = self.carrier.try_push(|buffer| {
            jsonrpc::write_notification(buffer, method, params);
        });
        if sent != Ok(true) {
            tracing::debug!("`{}` did not take `{method}`: {sent:?}", self.server);
        }
    }

    /// Sends a notification and waits until the server has taken it, where that can be known.
    pub(super) async fn tell(&self, method: &str, params: &str) -> Result<(), Error> {
        let Some(http) = self.carrier.http() else {
            self.notify(method, params);
            return Ok(());
        };
        let mut body = Vec::new();
        jsonrpc::write_notification(&mut body, method, params);
        http.tell(self, body).await
    }

    /// A request failed before it could have an answer. One that did not reach the server ends the session, unless
    /// others are under way: a server that is back has forgotten it.
    fn came_to_nothing(&self, id: u64, error: Error) -> Error {
        if matches!(error, Error::Broken { .. }) {
            // The server may still work on it, which it hears that nobody waits for.
            return error;
        }
        self.requests.forget(id);
        let unreached = match &error {
            Error::NotReached { .. } | Error::NoTls { .. } => true,
            // The next session begins with another token.
            error => error.is_login_needed() && !error.lacks_scope(),
        };
        if unreached && self.requests.end_if_idle(&error, |_| true) {
            self.end(&error);
        }
        error
    }

    /// Tells the server that nobody waits any more. There is one of these for a request that was sent,
    /// and it is shorter, so they go out even where there is no room for requests.
    fn cancel(&self, id: u64, reason: &str) {
        if self.carrier.http().is_some() && self.era() == Era::Stateless {
            // There the end of the exchange says it (revision 2026-07-28, Transports, Cancellation).
            return;
        }
        let params = json!({ "requestId": id, "reason": reason }).to_string();
        // A session that is over needs no cancellation.
        let _ = self.carrier.push(Urgency::Gather, |buffer| {
            jsonrpc::write_notification(buffer, method::CANCELLED, &params);
        });
    }

    /// Gives up requests that stay without an answer, for as long as it is polled.
    pub(super) async fn watch_the_clock(&self) {
        let given_up = |id| {
            self.taint();
            self.cancel(id, "no answer in time");
        };
        self.requests.watch(given_up).await;
    }

    /// Ends the conversation: what waits fails with `error`, and so does every later request.
    pub(super) fn end(&self, error: &Error) {
        self.requests.end(error);
        self.carrier.close();
        self.questions.withdraw_all();
        self.over.cancel();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Framing, Stdio, Transport};
    use crate::upstream::pipe::Pipe;
    use crate::wire::{Outbox, Sink};

    /// A session with a server that no longer reads, which nobody has noticed yet.
    async fn unread() -> Session {
        let stdio = Stdio {
            command: "server".to_owned(),
            args: Vec::new(),
            env: indexmap::IndexMap::new(),
            cwd: None,
            framing: Framing::Newline,
            login: None,
            own_folder: None,
        };
        let blueprint = Blueprint {
            name: ServerName::parse("one").expect("a name"),
            number: 1,
            transport: Transport::Stdio(stdio),
            blotter: Arc::default(),
            environment: Arc::default(),
            guardian: Arc::default(),
            http: Arc::default(),
            login: None,
            stop_limit: Duration::ZERO,
        };
        let (ours, theirs) = tokio::io::duplex(64);
        drop(theirs);
        let (outbox, writer) = Outbox::new(64, Sink::Stream(Box::new(ours)));
        outbox.push(Urgency::Gather, |buffer| buffer.push(b'\n')).expect("the queue is open");
        writer.run().await.expect_err("nobody reads");
        let carrier = Carrier::Stdio(Pipe::new(Framing::Newline, outbox));
        Session::new(&blueprint, carrier, TaskTracker::new())
    }

    #[tokio::test]
    async fn a_request_that_nobody_reads_fails_with_what_ended_the_session() {
        let session = unread().await;
        let second = Duration::from_secs(1);
        let request = session
            .request("ping", second, Watch::default(), |buffer, _| buffer.extend_from_slice(b"{}"));
        tokio::pin!(request);
        let early = request.as_mut().now_or_never();
        assert!(early.is_none(), "the session is not over: {early:?}");
        let last = LastWords { status: "signal 9".to_owned(), ..LastWords::default() };
        let reason = Error::Closed { last: Box::new(last) };
        session.end(&reason);
        match request.await {
            Err(Error::Unsent { error }) => {
                assert_eq!(error.to_string(), reason.to_string());
            }
            other => panic!("it was not sent: {other:?}"),
        }
    }
}
