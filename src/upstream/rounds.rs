//! Requests to servers of the stateless era: each tells who asks, and each may come back with questions, which are
//! answered by repeating it (revision 2026-07-28, Base Protocol, `_meta`; Multi Round-Trip Requests).

use std::borrow::Cow;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::future::try_join_all;

use super::waiting::{Answer, OnProgress};
use super::{Declares, Error, Follower, Session, Watch};
use crate::base::json::{member, replace};
use crate::protocol::capabilities::{ClientCapabilities, in_terms_of};
use crate::protocol::era::Era;
use crate::protocol::meta::{self, Declared, IDENTITY};
use crate::protocol::method;
use crate::protocol::refusal::{is_offered, missing_capability};
use crate::protocol::rounds::{self, InputRequired, Question, Retry};
use crate::protocol::version::Revision;

/// A request is not repeated more often.
const MAX_ROUNDS: u32 = 20;
/// A server that wants a request repeated without having asked anything is given time.
const PAUSE: Duration = Duration::from_millis(250);
/// Stands for the progress token until the request has its id; no request has this one.
const NO_ID: u64 = 0;

/// Progress of all rounds of a request goes to the same place.
type SharedProgress = Arc<Mutex<OnProgress>>;

/// Keeps a session from being taken for idle while its requests are with the client.
struct Asking<'a>(&'a AtomicU32);

impl<'a> Asking<'a> {
    fn new(count: &'a AtomicU32) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(count)
    }
}

impl Drop for Asking<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Session {
    /// Sends a request in as many rounds as it takes.
    pub(super) async fn in_rounds(
        &self,
        method: &str,
        timeout: Duration,
        watch: Watch<'_>,
        params: impl FnOnce(&mut Vec<u8>, u64),
    ) -> Answer {
        let mut first = Vec::with_capacity(512);
        params(&mut first, NO_ID);
        let first = String::from_utf8(first).expect("parameters are the text of JSON");
        let asks_back = method::may_ask_back(method) && !watch.passes_rounds;
        let Watch { on_progress, follower, declares, input_schema, withdrawn, .. } = watch;
        let on_progress: Option<SharedProgress> = on_progress.map(|on| Arc::new(Mutex::new(on)));
        let mut params = self.declared(&first, declares);
        // Once, a request may be refused for its revision and be wanted in the same.
        let (mut rounds, mut repeated) = (0, false);
        loop {
            let watch = Watch {
                on_progress: on_progress.as_ref().map(again),
                follower: follower.clone(),
                withdrawn,
                input_schema,
                ..Watch::default()
            };
            let has_token = watch.on_progress.is_some();
            let write = |to: &mut Vec<u8>, id| {
                if has_token {
                    write_with_token(to, &params, id);
                } else {
                    to.extend_from_slice(params.as_bytes());
                }
            };
            let result = match self.exchange(method, timeout, watch, write).await {
                Err(Error::Refused(refusal)) if !repeated && is_offered(&refusal) => {
                    repeated = true;
                    continue;
                }
                answer => answer?,
            };
            if !asks_back {
                return Ok(result);
            }
            let asked = InputRequired::parse(&result)
                .map_err(|fault| Error::BadAnswer { reason: fault.to_string() })?;
            let Some(asked) = asked else { return Ok(result) };
            rounds += 1;
            if rounds == MAX_ROUNDS {
                let reason = format!("it has asked back {MAX_ROUNDS} times");
                return Err(Error::BadAnswer { reason });
            }
            let _asking = Asking::new(&self.agreement.asking);
            let retry = answered(asked, follower.as_ref()).await?;
            params = self.declared(&retry.write(Some(&first)), declares);
        }
    }

    /// `params` with what a request tells of its client.
    fn declared(&self, params: &str, declares: Option<Declares<'_>>) -> String {
        let terms = self.agreement.purpose.get().map(|purpose| &*purpose.terms);
        let capabilities = declares
            .map(|declares| in_terms_of(Era::Stateless, declares.era, declares.capabilities))
            .or_else(|| terms.map(|terms| terms.declared(Era::Stateless)))
            .unwrap_or(Cow::Borrowed("{}"));
        let revision = self.established().and_then(|it| Revision::parse(&it.revision));
        let declared = Declared {
            revision: revision.unwrap_or(Revision::LATEST),
            capabilities: &capabilities,
            client_info: declares.and_then(|declares| declares.client_info).or(Some(IDENTITY)),
            log_level: declares.and_then(|declares| declares.log_level),
        };
        meta::with(Some(params), &declared)
    }
}

fn again(on_progress: &SharedProgress) -> OnProgress {
    let on_progress = on_progress.clone();
    Box::new(move |params, token| {
        (on_progress.lock().unwrap_or_else(PoisonError::into_inner))(params, token);
    })
}

/// Puts the id of the request in the place of the token that stands for it.
fn write_with_token(to: &mut Vec<u8>, params: &str, id: u64) {
    let token = member(params, "_meta").and_then(|meta| member(meta, "progressToken"));
    let ours = token.filter(|token| token.parse() == Ok(NO_ID));
    let params_with_id = ours.and_then(|token| replace(params, token, &id.to_string()));
    to.extend_from_slice(params_with_id.as_deref().unwrap_or(params).as_bytes());
}

/// Has the client answer all questions, at once.
async fn answered(
    asked: InputRequired,
    follower: Option<&Arc<dyn Follower>>,
) -> Result<Retry, Error> {
    let InputRequired { questions, state } = asked;
    if questions.is_empty() {
        tokio::time::sleep(PAUSE).await;
        return Ok(Retry { answers: Vec::new(), state });
    }
    let Some(follower) = follower else {
        return Err(Error::Refused(missing_capability(required_by(&questions[0]))));
    };
    let put = questions.iter().map(|question| {
        let params = question.session_params(&question.key);
        let answer = follower.asked(&question.method, params.as_deref());
        async move { rounds::Answer::given(question, answer.await).map_err(Error::Refused) }
    });
    Ok(Retry { answers: try_join_all(put).await?, state })
}

/// What a client has to declare for this question.
fn required_by(question: &Question) -> &'static str {
    let nothing = ClientCapabilities::default();
    nothing.missing(&question.method, question.params.as_deref()).unwrap_or("{}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_own_token_becomes_the_id() {
        let check = |params: &str, expected: &str| {
            let mut written = Vec::new();
            write_with_token(&mut written, params, 7);
            assert_eq!(String::from_utf8_lossy(&written), expected);
        };
        check(r#"{"a":0,"_meta":{"progressToken":0}}"#, r#"{"a":0,"_meta":{"progressToken":7}}"#);
        check(r#"{"_meta":{"progressToken":"x"}}"#, r#"{"_meta":{"progressToken":"x"}}"#);
        check(r#"{"_meta":{}}"#, r#"{"_meta":{}}"#);
        check("{}", "{}");
    }

    #[tokio::test]
    async fn nobody_is_asked_where_there_is_nobody() {
        let result =
            r#"{"resultType":"input_required","inputRequests":{"a":{"method":"roots/list"}}}"#;
        let asked = InputRequired::parse(result).expect("well formed").expect("a question");
        let error = answered(asked, None).await.expect_err("there is nobody");
        let Error::Refused(error) = error else { panic!("{error:?}") };
        assert_eq!(error.code, -32021);
        let data = error.data.expect("it says what is missing");
        assert_eq!(data.get(), r#"{"requiredCapabilities":{"roots":{}}}"#);
    }
}
