//! One call in rounds: it is driven by the request that makes it until it is done. When it asks something, which ends the
//! round, it goes on in a task of its own.

use std::borrow::Cow;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep_until};
use tokio_util::task::{AbortOnDropHandle, TaskTracker};

use super::audience::is_asked;
use super::desk::{Asked, Desk};
use super::parked::{self, FOREIGN, Resumed};
use crate::base::json::{member, set, string};
use crate::config::ServerName;
use crate::protocol::capabilities::ClientCapabilities;
use crate::protocol::error::{
    ErrorObject, INTERNAL_ERROR, INVALID_PARAMS, URL_ELICITATION_REQUIRED,
};
use crate::protocol::refusal::missing_capability;
use crate::protocol::rounds::{InputRequired, Question, Retry, is_input_required};
use crate::router::caller::{Asks, Caller};
use crate::router::routing::Router;

/// Questions that come so soon after one another travel together.
const QUIET: Duration = Duration::from_millis(50);

type Reply = Result<Box<str>, ErrorObject>;

/// A call under way. Dropping it withdraws the call.
pub(super) struct Run {
    /// The server that has asked, where it is known.
    pub(super) server: Option<ServerName>,
    /// When the client was asked for the first time, and how often it was.
    pub(super) asked_first: Option<Instant>,
    pub(super) rounds: u32,
    work: Work,
    /// Without an answer so far, each with its key.
    open: Vec<(Question, oneshot::Sender<Reply>)>,
    /// How many questions there were.
    questions: u32,
    desk: Arc<Desk>,
}

/// What becomes of the call.
enum Work {
    /// Whoever waits for it drives it.
    Here(BoxFuture<'static, Reply>),
    /// It goes on while nobody waits for it.
    Beside(AbortOnDropHandle<Reply>),
    /// Its server has refused it until the user has opened pages: it is made again if the user agrees to all of them.
    Refused(ErrorObject, Vec<oneshot::Receiver<Reply>>),
}

/// A request that waits for the end of its round.
#[derive(Clone, Copy)]
struct Request<'a> {
    method: &'a str,
    params: &'a str,
    caller: &'a Caller,
}

impl Future for Work {
    type Output = Reply;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Reply> {
        match self.get_mut() {
            Self::Here(call) => call.as_mut().poll(context),
            Self::Beside(task) => {
                task.poll_unpin(context).map(|done| done.unwrap_or_else(|_| Err(broken())))
            }
            Self::Refused(error, _) => Poll::Ready(Err(error.clone())),
        }
    }
}

impl Work {
    /// From here on nobody need drive it.
    fn leave(self, tasks: &TaskTracker) -> Self {
        match self {
            Self::Here(call) => Self::Beside(AbortOnDropHandle::new(tasks.spawn(call))),
            other => other,
        }
    }
}

impl Router {
    /// The answer to a request of a client that is asked by results: the first round of a new call, or the next one of a
    /// call that waits.
    pub(super) async fn serve_in_rounds(
        &self,
        method: &str,
        params: &str,
        caller: &Caller,
    ) -> Reply {
        let request = Request { method, params, caller };
        let retry = Retry::parse(Some(params)).map_err(|fault| fault.error())?;
        let state = retry.as_ref().and_then(|retry| retry.state.as_deref());
        if let (Some(retry), Some(state)) = (&retry, state.filter(|state| parked::is_ours(state))) {
            let bound = parked::bound(method, params, caller);
            return match self.direct.parked.resume(state, &bound, retry)? {
                Resumed::Incomplete(asked) => Ok(asked.write().into()),
                // Boxed, as all that asks is, to keep the futures of other calls small.
                Resumed::Answered(run) => Box::pin(self.next_round(*run, request)).await,
            };
        }
        let foreign = state.and_then(|state| state.strip_prefix(FOREIGN));
        let own = foreign.and_then(|state| set(params, "requestState", &quoted(state)));
        let params = own.map_or(Cow::Borrowed(params), Cow::Owned);
        if is_asked(&caller.client) {
            let run = self.begin(method, params.into_owned(), caller)?;
            return Box::pin(self.round(run, request)).await;
        }
        // Most clients can be asked nothing, so that their calls never wait for them.
        let desk = Desk::new(caller.client.clone());
        let caller = Caller { asks: Asks::Session(desk.clone()), ..caller.clone() };
        tokio::select! {
            biased;
            done = self.answer_direct(method, &params, &caller) => done.map(told_apart),
            required = desk.missing() => Err(missing_capability(required)),
        }
    }

    fn begin(&self, method: &str, params: String, caller: &Caller) -> Result<Run, ErrorObject> {
        let desk = Desk::new(caller.client.clone());
        desk.go_on(&params, caller);
        let work = self.work(&desk, method, params, caller)?;
        let (server, asked_first, open) = (None, None, Vec::new());
        Ok(Run { server, asked_first, rounds: 0, work, open, questions: 0, desk })
    }

    /// The whole call.
    fn work(
        &self,
        desk: &Arc<Desk>,
        method: &str,
        params: String,
        caller: &Caller,
    ) -> Result<Work, ErrorObject> {
        let Some(router) = self.this.upgrade() else {
            return Err(ErrorObject::new(INTERNAL_ERROR, "the bridge is shutting down"));
        };
        let caller = Caller {
            notify: desk.notify(),
            withdrawn: caller.withdrawn.clone(),
            client: caller.client.clone(),
            asks: Asks::Session(desk.clone()),
        };
        let method = method.to_owned();
        let call = async move { router.answer_direct(&method, &params, &caller).await };
        Ok(Work::Here(call.boxed()))
    }

    /// Goes on with a call that has its answers.
    async fn next_round(&self, mut run: Run, request: Request<'_>) -> Reply {
        let Request { method, params, caller } = request;
        if let Work::Refused(error, given) = &mut run.work {
            if !given.iter_mut().all(agreed) {
                let message = format!("{}; the user did not agree to open it", error.message);
                return Err(ErrorObject::new(INTERNAL_ERROR, message));
            }
            let first = Retry::without(params).into_owned();
            run.work = self.work(&run.desk, method, first, caller)?;
        }
        run.desk.go_on(params, caller);
        self.round(run, request).await
    }

    /// Waits for the end of the call, or for its next questions.
    async fn round(&self, mut run: Run, request: Request<'_>) -> Reply {
        let mut quiet = None;
        loop {
            let asked = tokio::select! {
                biased;
                done = &mut run.work => return match done {
                    Ok(result) => Ok(told_apart(result)),
                    Err(error) => self.refused(run, error, request),
                },
                asked = run.desk.asked() => asked,
                () = until(quiet) => {
                    quiet = None;
                    // The server may have given up a question meanwhile.
                    run.open.retain(|(_, answer)| !answer.is_closed());
                    if run.open.is_empty() {
                        continue;
                    }
                    return self.park(run, request);
                }
            };
            for asked in asked {
                run.take_in(asked)?;
            }
            quiet = Some(Instant::now() + QUIET);
        }
    }

    /// The end of a call that was refused. A server of the session era may refuse one until the user has opened pages;
    /// the call has not run then (revision 2025-11-25, Elicitation, URL Elicitation Required Error).
    fn refused(&self, mut run: Run, error: ErrorObject, request: Request<'_>) -> Reply {
        let known = ClientCapabilities::parse(&request.caller.client.capabilities);
        if !known.elicitation.is_some_and(|elicitation| elicitation.url) {
            return Err(error);
        }
        let Some(asked) = InputRequired::of_error(&error) else {
            // One that names no page is not to be taken for a lack of the client's.
            let names_none = error.code == URL_ELICITATION_REQUIRED;
            let code = if names_none { INTERNAL_ERROR } else { error.code };
            return Err(ErrorObject { code, ..error });
        };
        let mut given = Vec::new();
        run.open.clear();
        for question in asked.questions {
            let (answer, reply) = oneshot::channel();
            given.push(reply);
            run.enter(&question.method, question.params.as_deref(), answer);
        }
        run.work = Work::Refused(error, given);
        self.park(run, request)
    }

    fn park(&self, mut run: Run, request: Request<'_>) -> Reply {
        let Request { method, params, caller } = request;
        run.desk.rest();
        run.work = run.work.leave(&self.direct.tasks);
        let asked = self.direct.parked.keep(run, parked::bound(method, params, caller))?;
        Ok(asked.write().into())
    }
}

impl Run {
    /// One that goes on for ever and has put one question.
    #[cfg(test)]
    pub(super) fn asking(server: &str) -> (Self, oneshot::Receiver<Reply>) {
        use crate::protocol::version::Revision;
        use crate::router::caller::Client;
        let mut run = Self {
            server: ServerName::parse(server).ok(),
            asked_first: None,
            rounds: 0,
            work: Work::Here(std::future::pending().boxed()),
            open: Vec::new(),
            questions: 0,
            desk: Desk::new(Arc::new(Client::new(Revision::LATEST))),
        };
        let (answer, reply) = oneshot::channel();
        run.enter("roots/list", None, answer);
        (run, reply)
    }

    /// Puts another question under the key of the first.
    #[cfg(test)]
    pub(super) fn ask_again(&mut self) {
        self.questions = 0;
        self.enter("roots/list", None, oneshot::channel().0);
    }

    fn take_in(&mut self, asked: Asked) -> Result<(), ErrorObject> {
        match asked {
            Asked::Missing(required) => Err(missing_capability(required)),
            Asked::Question { method, params, server, answer } => {
                self.server = server.or(self.server.take());
                self.enter(&method, params.as_deref(), answer);
                Ok(())
            }
        }
    }

    fn enter(&mut self, method: &str, params: Option<&str>, answer: oneshot::Sender<Reply>) {
        self.questions += 1;
        let key = format!("question-{}", self.questions);
        self.open.push((Question::asked(key, method, params), answer));
    }

    /// What is to be answered, and under which state.
    pub(super) fn questions(&self, state: String) -> InputRequired {
        let questions = self.open.iter().map(|(question, _)| question.clone()).collect();
        InputRequired { questions, state: Some(state) }
    }

    /// Hands the answers on, if all of them can be answers to what was asked; whether no question is left.
    pub(super) fn answer(&mut self, retry: &Retry) -> Result<bool, ErrorObject> {
        for (question, _) in &self.open {
            let given = retry.answer(&question.key);
            if given.is_some_and(|given| !question.is_answered_by(given)) {
                let (key, method) = (&question.key, &question.method);
                let message = format!("`inputResponses.{key}` is no result of `{method}`");
                return Err(ErrorObject::new(INVALID_PARAMS, message));
            }
        }
        for (question, answer) in std::mem::take(&mut self.open) {
            match retry.answer(&question.key) {
                // The server may not want it any more.
                Some(given) => drop(answer.send(Ok(given.into()))),
                None if answer.is_closed() => {}
                None => self.open.push((question, answer)),
            }
        }
        Ok(self.open.is_empty())
    }
}

/// Whether the user agreed to open a page.
fn agreed(given: &mut oneshot::Receiver<Reply>) -> bool {
    let given = given.try_recv().ok().and_then(Result::ok);
    given
        .is_some_and(|given| member(&given, "action").and_then(string).as_deref() == Some("accept"))
}

/// Never without a time.
async fn until(time: Option<Instant>) {
    match time {
        Some(time) => sleep_until(time).await,
        None => std::future::pending().await,
    }
}

fn broken() -> ErrorObject {
    ErrorObject::new(INTERNAL_ERROR, "the call has failed inside the bridge")
}

/// A result that asks, from a server that is asked by results itself, with its state told apart from ours.
fn told_apart(result: Box<str>) -> Box<str> {
    if !is_input_required(&result) {
        return result;
    }
    let state = member(&result, "requestState").and_then(string);
    let marked = state
        .filter(|state| parked::looks_like_ours(state))
        .and_then(|state| set(&result, "requestState", &quoted(&format!("{FOREIGN}{state}"))));
    marked.map_or(result, String::into_boxed_str)
}

fn quoted(text: &str) -> String {
    serde_json::to_string(text).expect("a text always serialises")
}
