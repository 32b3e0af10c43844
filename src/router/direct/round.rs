//! One call in rounds: it runs in a task of its own until it is done or asks something, which ends the round.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, ready};
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;
use tokio_util::task::AbortOnDropHandle;

use super::parked::{self, Bound, FOREIGN};
use crate::base::json::{member, replace, set, string};
use crate::protocol::capabilities::ClientCapabilities;
use crate::protocol::error::{ErrorObject, INTERNAL_ERROR, INVALID_PARAMS, METHOD_NOT_FOUND};
use crate::protocol::method;
use crate::protocol::refusal::missing_capability;
use crate::protocol::rounds::{InputRequired, Question, Retry, is_input_required, is_question};
use crate::router::caller::{Ask, Asks, Caller, Notify};
use crate::router::request::progress_token;
use crate::router::routing::Router;

/// Questions that come so soon after one another travel together.
const QUIET: Duration = Duration::from_millis(50);
/// Questions that wait to be taken.
const MAX_WAITING: usize = 64;

type Reply = Result<Box<str>, ErrorObject>;

/// A call under way. Dropping it withdraws the call.
pub(super) struct Run {
    pub(super) id: u64,
    pub(super) round: u32,
    pub(super) bound: Bound,
    call: AbortOnDropHandle<Reply>,
    asked: mpsc::Receiver<Asked>,
    /// Without an answer so far, each with its key.
    open: Vec<(Question, oneshot::Sender<Reply>)>,
    /// How many questions there were.
    questions: u32,
    way: Arc<Mutex<Way>>,
}

/// Where what the call causes goes: along the request that waits just now.
struct Way {
    notify: Notify,
    /// The token of that request, as it is spelt.
    token: Option<String>,
}

/// What comes from the server.
enum Asked {
    Question {
        method: String,
        params: Option<Box<str>>,
        answer: oneshot::Sender<Reply>,
    },
    /// It needs a capability that the client does not declare: the JSON text of it.
    Missing(&'static str),
}

/// Puts questions into the next result.
#[derive(Debug)]
struct Collector {
    to: mpsc::Sender<Asked>,
    known: ClientCapabilities,
}

impl Ask for Collector {
    fn ask(&self, method: &str, params: Option<&str>) -> BoxFuture<'static, Reply> {
        let to = self.to.clone();
        let refuse = |message: &str| ErrorObject::new(METHOD_NOT_FOUND, message);
        if !is_question(method) {
            return ready(Err(refuse("no client can be asked this"))).boxed();
        }
        if let Some(required) = self.known.missing(method, params) {
            let error = refuse("this client does not offer it");
            return async move {
                // The round may be over.
                let _ = to.send(Asked::Missing(required)).await;
                Err(error)
            }
            .boxed();
        }
        let (method, params) = (method.to_owned(), params.map(Box::<str>::from));
        async move {
            let gone = || ErrorObject::new(INTERNAL_ERROR, "the client gave no answer");
            let (answer, reply) = oneshot::channel();
            let question = Asked::Question { method, params, answer };
            to.send(question).await.map_err(|_| gone())?;
            reply.await.unwrap_or_else(|_| Err(gone()))
        }
        .boxed()
    }
}

impl Way {
    fn new(params: &str, caller: &Caller) -> Self {
        let token = member(params, "_meta").and_then(progress_token).map(str::to_owned);
        Self { notify: caller.notify.clone(), token }
    }

    fn send(&self, method: &str, params: &str) {
        if method != method::PROGRESS {
            return self.notify.send(method, params);
        }
        // The token of an earlier round means nothing any more.
        let told = member(params, "progressToken").zip(self.token.as_deref());
        if let Some(params) = told.and_then(|(old, token)| replace(params, old, token)) {
            self.notify.send(method, &params);
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
        let retry = Retry::parse(Some(params)).map_err(|fault| fault.error())?;
        let state = retry.as_ref().and_then(|retry| retry.state.as_deref());
        let bound = parked::bound(method, params, caller);
        if let (Some(retry), true) = (&retry, state.is_some_and(parked::is_ours)) {
            let mut run = self.direct.parked.take(state.unwrap_or_default(), &bound)?;
            *run.way.lock().unwrap_or_else(PoisonError::into_inner) = Way::new(params, caller);
            return match run.answer(retry) {
                Ok(()) if run.open.is_empty() => self.round(run).await,
                // What is left is asked again.
                Ok(()) => self.park(run),
                Err(error) => {
                    // The same state holds for better answers.
                    self.direct.parked.keep(run)?;
                    Err(error)
                }
            };
        }
        let foreign = state.and_then(|state| state.strip_prefix(FOREIGN));
        let params = foreign
            .and_then(|state| set(params, "requestState", &quoted(state)))
            .unwrap_or_else(|| params.to_owned());
        let Some(router) = self.this.upgrade() else {
            return Err(ErrorObject::new(INTERNAL_ERROR, "the bridge is shutting down"));
        };
        let run = router.begin(method, params, caller, bound);
        self.round(run).await
    }

    fn begin(self: Arc<Self>, method: &str, params: String, caller: &Caller, bound: Bound) -> Run {
        let (to, asked) = mpsc::channel(MAX_WAITING);
        let known = ClientCapabilities::parse(&caller.client.capabilities);
        let way = Arc::new(Mutex::new(Way::new(&params, caller)));
        let hears = way.clone();
        let notify = Notify::new(move |method, params| {
            hears.lock().unwrap_or_else(PoisonError::into_inner).send(method, params);
        });
        let asks = Asks::Session(Arc::new(Collector { to, known }));
        let (client, withdrawn) = (caller.client.clone(), caller.withdrawn.clone());
        let caller = Caller { notify, withdrawn, client, asks };
        let (id, tasks) = (self.direct.parked.number(), self.direct.tasks.clone());
        let call = tasks.spawn(self.call_on(method.to_owned(), params, caller));
        let call = AbortOnDropHandle::new(call);
        Run { id, round: 0, bound, call, asked, open: Vec::new(), questions: 0, way }
    }

    /// The whole call, as a task.
    fn call_on(
        self: Arc<Self>,
        method: String,
        params: String,
        caller: Caller,
    ) -> BoxFuture<'static, Reply> {
        async move { self.answer_direct(&method, &params, &caller).await }.boxed()
    }

    /// Waits for the end of the call, or for its next questions.
    async fn round(&self, mut run: Run) -> Reply {
        loop {
            let asked = tokio::select! {
                biased;
                done = &mut run.call => return done.map_or_else(|_| Err(broken()), |reply| reply.map(told_apart)),
                Some(asked) = run.asked.recv() => asked,
            };
            run.take_in(asked)?;
            while let Ok(Some(more)) = timeout(QUIET, run.asked.recv()).await {
                run.take_in(more)?;
            }
            // The server may have given up a question, or the whole call, meanwhile.
            run.open.retain(|(_, answer)| !answer.is_closed());
            if !run.open.is_empty() && !run.call.is_finished() {
                return self.park(run);
            }
        }
    }

    fn park(&self, mut run: Run) -> Reply {
        run.round += 1;
        let questions = run.open.iter().map(|(question, _)| question.clone()).collect();
        let state = self.direct.parked.keep(run)?;
        Ok(InputRequired { questions, state: Some(state) }.write().into())
    }
}

impl Run {
    fn take_in(&mut self, asked: Asked) -> Result<(), ErrorObject> {
        match asked {
            Asked::Missing(required) => Err(missing_capability(required)),
            Asked::Question { method, params, answer } => {
                self.questions += 1;
                let key = format!("question-{}", self.questions);
                let question = Question::asked(key, &method, params.as_deref());
                self.open.push((question, answer));
                Ok(())
            }
        }
    }

    /// Hands the answers on, if all of them can be answers to what was asked. Questions without one stay open.
    fn answer(&mut self, retry: &Retry) -> Result<(), ErrorObject> {
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
                None => self.open.push((question, answer)),
            }
        }
        Ok(())
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
