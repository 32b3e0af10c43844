//! Calls that wait for answers of a client that is asked by results (revision 2026-07-28, Multi Round-Trip Requests): the
//! call goes on while the client has the questions, and the repeated request that brings the answers finds it again.
//!
//! What the client gives back is signed with a key of this process and bound to the request and to whoever made it. It
//! names a call that runs here, so that nothing is read from it that was not checked.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::Value;
use sha2::{Digest, Sha256};
use tokio::time::{Instant, sleep_until};
use tokio_util::task::AbortOnDropHandle;

use super::round::Run;
use crate::base::json::without;
use crate::config::ServerName;
use crate::protocol::error::{ErrorObject, INTERNAL_ERROR, INVALID_PARAMS, TOO_MANY_REQUESTS};
use crate::protocol::rounds::{InputRequired, Retry};
use crate::router::caller::Caller;

/// How all states begin that are ours; one of a server that begins so as well gets [`FOREIGN`] in front.
const OURS: &str = "bridge.";
/// In front of the state of a server that might be taken for one of ours.
pub(super) const FOREIGN: &str = "bridge+";
/// How long a client has for its answers, each time that it is asked.
const PATIENCE: Duration = Duration::from_mins(10);
/// How long a call may take in all once it has asked.
const LONGEST: Duration = Duration::from_hours(1);
/// A call does not ask more often, as one that goes on with a stateless server does not.
const MAX_ROUNDS: u32 = 20;
/// Calls that wait at a time.
const MAX_PARKED: usize = 256;
/// Those of one client.
const MAX_OF_CLIENT: usize = 32;
/// Those of one server: fewer than the sessions with it that are lent, so that calls which ask nothing still get one.
const MAX_OF_SERVER: usize = 12;
/// Those of one client to one server.
const MAX_OF_BOTH: usize = 6;

/// To whom and to which request a state belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Bound {
    request: [u8; 32],
    /// As it calls itself: without a session nothing else is known of a client.
    client: [u8; 32],
}

/// The calls that wait.
pub(super) struct Parked {
    key: [u8; 32],
    last: AtomicU64,
    table: Mutex<HashMap<u64, Waiting>>,
}

struct Waiting {
    run: Run,
    bound: Bound,
    /// Counts the states that were given for it.
    round: u32,
    _end: AbortOnDropHandle<()>,
}

/// What came of answers to the questions of a call.
pub(super) enum Resumed {
    /// They are all there; the call waits no longer.
    Answered(Box<Run>),
    /// What is left is asked again, under a state of its own.
    Incomplete(InputRequired),
}

impl fmt::Debug for Parked {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Parked").finish_non_exhaustive()
    }
}

impl Default for Parked {
    fn default() -> Self {
        let mut key = [0; 32];
        getrandom::fill(&mut key).expect("the system has random bytes");
        Self { key, last: AtomicU64::new(0), table: Mutex::default() }
    }
}

impl Parked {
    fn table(&self) -> MutexGuard<'_, HashMap<u64, Waiting>> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps a call that has asked something until the client repeats its request; what the client is to answer.
    pub(super) fn keep(
        self: &Arc<Self>,
        mut run: Run,
        bound: Bound,
    ) -> Result<InputRequired, ErrorObject> {
        let now = Instant::now();
        let last = *run.asked_first.get_or_insert(now) + LONGEST;
        run.rounds += 1;
        if run.rounds > MAX_ROUNDS || now >= last {
            let (times, longest) = (run.rounds - 1, LONGEST.as_secs() / 60);
            let message = format!(
                "the call has asked {times} times; it may ask {MAX_ROUNDS} times, within {longest} minutes"
            );
            return Err(ErrorObject::new(INTERNAL_ERROR, message));
        }
        let (id, round) = (self.last.fetch_add(1, Ordering::Relaxed), 1);
        let (parked, until) = (self.clone(), last.min(now + PATIENCE));
        let end = async move {
            sleep_until(until).await;
            // Dropping it withdraws the call.
            let gone = parked.table().remove(&id);
            drop(gone);
        };
        let mut table = self.table();
        if let Some(message) = full(&table, &bound, run.server.as_ref()) {
            return Err(ErrorObject::new(TOO_MANY_REQUESTS, message));
        }
        let asked = run.questions(self.sign(id, round, &bound));
        let end = AbortOnDropHandle::new(tokio::spawn(end));
        table.insert(id, Waiting { run, bound, round, _end: end });
        Ok(asked)
    }

    /// Hands the answers to the call that the state of a repeated request names. Where one of them is no answer, nothing
    /// changes: the call waits for better ones, no longer than it would have.
    pub(super) fn resume(
        &self,
        state: &str,
        bound: &Bound,
        retry: &Retry,
    ) -> Result<Resumed, ErrorObject> {
        let refuse = |why: &str| ErrorObject::new(INVALID_PARAMS, format!("`requestState` {why}"));
        let (id, round) = self
            .read(state, bound)
            .ok_or_else(|| refuse("is not one that was given for this request"))?;
        let mut table = self.table();
        let waiting =
            table.get_mut(&id).filter(|waiting| waiting.round == round).ok_or_else(|| {
                refuse("has expired or was used already; make the request anew, without it")
            })?;
        if !waiting.run.answer(retry)? {
            waiting.round += 1;
            let state = self.sign(id, waiting.round, bound);
            return Ok(Resumed::Incomplete(waiting.run.questions(state)));
        }
        let waiting = table.remove(&id).ok_or_else(|| refuse("has expired"))?;
        Ok(Resumed::Answered(Box::new(waiting.run)))
    }

    /// Withdraws all calls that wait.
    pub(super) fn clear(&self) {
        let all = std::mem::take(&mut *self.table());
        drop(all);
    }

    fn mac(&self, payload: &[u8], bound: &Bound) -> Hmac<Sha256> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.key).expect("a key may have any length");
        for part in [payload, &bound.request, &bound.client] {
            mac.update(part);
        }
        mac
    }

    fn sign(&self, id: u64, round: u32, bound: &Bound) -> String {
        let payload = [&id.to_be_bytes()[..], &round.to_be_bytes()].concat();
        let tag = self.mac(&payload, bound).finalize().into_bytes();
        let text = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        format!("{OURS}{}.{}", text(&payload), text(&tag))
    }

    fn read(&self, state: &str, bound: &Bound) -> Option<(u64, u32)> {
        let (payload, tag) = state.strip_prefix(OURS)?.split_once('.')?;
        let bytes = |text: &str| URL_SAFE_NO_PAD.decode(text).ok();
        let (payload, tag) = (bytes(payload)?, bytes(tag)?);
        self.mac(&payload, bound).verify_slice(&tag).ok()?;
        let (id, round) = payload.split_first_chunk::<8>()?;
        Some((u64::from_be_bytes(*id), u32::from_be_bytes(round.try_into().ok()?)))
    }
}

/// Whether a state is one of ours, of this process or an earlier one.
pub(super) fn is_ours(state: &str) -> bool {
    state.starts_with(OURS)
}

/// Whether a state of a server might be taken for one of ours.
pub(super) fn looks_like_ours(state: &str) -> bool {
    state.starts_with(OURS) || state.starts_with(FOREIGN)
}

/// What a state is bound to: the request without what its repetition adds or may have anew, however its members are
/// ordered, and the client that makes it.
pub(super) fn bound(method: &str, params: &str, caller: &Caller) -> Bound {
    let added = |name: &str| matches!(name, "_meta" | "inputResponses" | "requestState");
    let mut params: Value = serde_json::from_str(&without(params, added)).unwrap_or_default();
    params.sort_all_objects();
    let mut digest = Sha256::new();
    for part in [method, &params.to_string()] {
        digest.update(part.len().to_be_bytes());
        digest.update(part);
    }
    let client = caller.client.info.as_deref().unwrap_or_default();
    Bound { request: digest.finalize().into(), client: Sha256::digest(client).into() }
}

/// Why there is no room for another call, if there is none.
fn full(
    table: &HashMap<u64, Waiting>,
    bound: &Bound,
    server: Option<&ServerName>,
) -> Option<String> {
    let is_own = |waiting: &&Waiting| waiting.bound.client == bound.client;
    let is_there = |waiting: &&Waiting| server.is_some() && waiting.run.server.as_ref() == server;
    let all = table.values();
    let of_client = all.clone().filter(is_own).count();
    let of_server = all.clone().filter(is_there).count();
    let of_both = all.filter(is_own).filter(is_there).count();
    let server = server.map(ServerName::as_str).unwrap_or_default();
    let waits = "for answers already, which is the most";
    if table.len() >= MAX_PARKED {
        Some(format!("{MAX_PARKED} calls wait {waits}"))
    } else if of_client >= MAX_OF_CLIENT {
        Some(format!("{MAX_OF_CLIENT} calls of this client wait {waits}"))
    } else if of_both >= MAX_OF_BOTH {
        Some(format!("{MAX_OF_BOTH} calls of this client to `{server}` wait {waits}"))
    } else if of_server >= MAX_OF_SERVER {
        Some(format!("{MAX_OF_SERVER} calls to `{server}` wait {waits}"))
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;
    use crate::protocol::version::Revision;
    use crate::router::caller::Client;

    fn caller(info: &str) -> Caller {
        let client = Client { info: Some(info.into()), ..Client::new(Revision::LATEST) };
        Caller::alone(Arc::new(client))
    }

    fn bound_of(client: &str) -> Bound {
        bound("tools/call", "{}", &caller(client))
    }

    fn retry(result: &str) -> Retry {
        let params = format!(r#"{{"inputResponses":{{"question-1":{result}}}}}"#);
        Retry::parse(Some(&params)).expect("well formed").expect("it has answers")
    }

    fn state(asked: InputRequired) -> String {
        asked.state.expect("there is a state")
    }

    #[tokio::test(start_paused = true)]
    async fn a_wrong_answer_gives_no_more_time() {
        let (parked, own) = (Arc::new(Parked::default()), bound_of("me"));
        let keep = || {
            let (run, reply) = Run::asking("one");
            (state(parked.keep(run, own).expect("there is room")), reply)
        };
        let right = retry(r#"{"roots":[]}"#);
        let refused = |state: &str, retry: &Retry| match parked.resume(state, &own, retry) {
            Err(error) => error.message,
            Ok(_) => "it goes on".to_owned(),
        };
        let (in_time, _wanted) = keep();
        let (late, _wanted_too) = keep();
        advance(PATIENCE.saturating_sub(Duration::from_secs(1))).await;
        for state in [&in_time, &late] {
            let error = refused(state, &retry(r#"{"action":"accept"}"#));
            assert_eq!(error, "`inputResponses.question-1` is no result of `roots/list`");
        }
        assert_eq!(refused(&in_time, &right), "it goes on");
        // What is missing is asked again, which gives no more time either.
        let none = Retry { answers: Vec::new(), state: None };
        let again = parked.resume(&late, &own, &none).expect("the call waits");
        let Resumed::Incomplete(again) = again else { panic!("a question is left") };
        sleep_until(Instant::now() + Duration::from_secs(2)).await;
        assert!(refused(&state(again), &right).contains("has expired"));
    }

    #[tokio::test]
    async fn what_the_server_wants_no_more_is_asked_no_more() {
        let (parked, own) = (Arc::new(Parked::default()), bound_of("me"));
        let (run, reply) = Run::asking("one");
        let state = state(parked.keep(run, own).expect("there is room"));
        drop(reply);
        let none = Retry { answers: Vec::new(), state: None };
        let resumed = parked.resume(&state, &own, &none).expect("the call waits");
        assert!(matches!(resumed, Resumed::Answered(_)), "nothing is left to be answered");
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_does_not_ask_for_ever() {
        // How often a call can ask whose client takes this long each time.
        let asked = async |pause: Duration| {
            let (parked, own) = (Arc::new(Parked::default()), bound_of("me"));
            let mut run = Run::asking("one").0;
            for times in 0.. {
                let state = match parked.keep(run, own) {
                    Ok(asked) => state(asked),
                    Err(error) => return (times, error.message),
                };
                sleep_until(Instant::now() + pause).await;
                match parked.resume(&state, &own, &retry(r#"{"roots":[]}"#)) {
                    Ok(Resumed::Answered(answered)) => run = *answered,
                    Ok(Resumed::Incomplete(_)) => panic!("all is answered"),
                    Err(error) => return (times, error.message),
                }
                run.ask_again();
            }
            unreachable!("it has an end")
        };
        let (times, error) = asked(Duration::from_secs(1)).await;
        assert_eq!(times, 20, "{error}");
        assert!(error.contains("may ask 20 times, within 60 minutes"), "{error}");
        let (times, error) = asked(Duration::from_mins(9)).await;
        assert_eq!(times, 6, "{error}");
        assert!(error.contains("has expired"), "{error}");
    }

    #[tokio::test]
    async fn nobody_takes_all_the_room() {
        let parked = Arc::new(Parked::default());
        let keep = |server: &str, client: &str| {
            let kept = parked.keep(Run::asking(server).0, bound_of(client));
            kept.map(drop).map_err(|error| (error.code, error.message))
        };
        let full = |limit: &str| {
            let message = format!("{limit} wait for answers already, which is the most");
            Err((TOO_MANY_REQUESTS, message))
        };
        for _ in 0..MAX_OF_BOTH {
            assert_eq!(keep("one", "me"), Ok(()));
        }
        assert_eq!(keep("one", "me"), full("6 calls of this client to `one`"));
        for _ in 0..MAX_OF_BOTH {
            assert_eq!(keep("one", "you"), Ok(()));
        }
        assert_eq!(keep("one", "them"), full("12 calls to `one`"));
        for number in MAX_OF_BOTH..MAX_OF_CLIENT {
            assert_eq!(keep(&format!("other-{number}"), "me"), Ok(()));
        }
        assert_eq!(keep("two", "me"), full("32 calls of this client"));
        for number in MAX_OF_BOTH + MAX_OF_CLIENT..MAX_PARKED {
            assert_eq!(keep(&format!("s{number}"), &number.to_string()), Ok(()));
        }
        assert_eq!(keep("two", "somebody"), full("256 calls"));
    }

    #[test]
    fn a_state_is_worth_nothing_elsewhere() {
        let parked = Parked::default();
        let bound = |method, params, who| bound(method, params, &caller(who));
        let own = bound("tools/call", r#"{"name":"x","arguments":{"a":1,"b":2}}"#, "me");
        let state = parked.sign(7, 2, &own);
        assert_eq!(parked.read(&state, &own), Some((7, 2)));
        let repeated = r#"{"requestState":"s","arguments":{"b":2,"a":1},"name":"x","_meta":{},"inputResponses":{}}"#;
        assert_eq!(parked.read(&state, &bound("tools/call", repeated, "me")), Some((7, 2)));
        for other in [
            bound("prompts/get", repeated, "me"),
            bound("tools/call", repeated, "you"),
            bound("tools/call", r#"{"name":"y","arguments":{"a":1,"b":2}}"#, "me"),
        ] {
            assert_eq!(parked.read(&state, &other), None);
        }
        assert_eq!(Parked::default().read(&state, &own), None);
        for tampered in [
            format!("{state}-TAMPERED"),
            state.replacen('A', "B", 1),
            state.replace(OURS, FOREIGN),
            OURS.to_owned(),
            String::new(),
        ] {
            assert_eq!(parked.read(&tampered, &own), None, "{tampered}");
        }
    }
}
