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
use tokio::time::sleep;
use tokio_util::task::AbortOnDropHandle;

use super::round::Run;
use crate::base::json::without;
use crate::protocol::error::{ErrorObject, INVALID_PARAMS, TOO_MANY_REQUESTS};
use crate::router::caller::Caller;

/// How all states begin that are ours; one of a server that begins so as well gets [`FOREIGN`] in front.
const OURS: &str = "bridge.";
/// In front of the state of a server that might be taken for one of ours.
pub(super) const FOREIGN: &str = "bridge+";
/// How long a client has for its answers.
const PATIENCE: Duration = Duration::from_mins(10);
/// Calls that wait at a time.
const MAX_PARKED: usize = 256;

/// To whom and to which request a state belongs.
pub(super) type Bound = [u8; 32];

/// The calls that wait.
pub(super) struct Parked {
    key: [u8; 32],
    last: AtomicU64,
    table: Mutex<HashMap<u64, Waiting>>,
}

struct Waiting {
    run: Run,
    _end: AbortOnDropHandle<()>,
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

    /// A number for a call.
    pub(super) fn number(&self) -> u64 {
        self.last.fetch_add(1, Ordering::Relaxed)
    }

    /// Keeps the call until the client repeats its request; the state by which it is found.
    pub(super) fn keep(self: &Arc<Self>, run: Run) -> Result<String, ErrorObject> {
        let (id, round) = (run.id, run.round);
        let state = self.sign(id, round, &run.bound);
        let parked = self.clone();
        let end = async move {
            sleep(PATIENCE).await;
            // Dropping it withdraws the call.
            let gone = parked.table().remove(&id);
            drop(gone);
        };
        let mut table = self.table();
        if table.len() >= MAX_PARKED {
            let message = format!("{MAX_PARKED} calls wait for answers of their clients already");
            return Err(ErrorObject::new(TOO_MANY_REQUESTS, message));
        }
        let end = AbortOnDropHandle::new(tokio::spawn(end));
        table.insert(id, Waiting { run, _end: end });
        Ok(state)
    }

    /// The call that this state of a repeated request names.
    pub(super) fn take(&self, state: &str, bound: &Bound) -> Result<Run, ErrorObject> {
        let refuse =
            |why: &str| Err(ErrorObject::new(INVALID_PARAMS, format!("`requestState` {why}")));
        let Some((id, round)) = self.read(state, bound) else {
            return refuse("is not one that was given for this request");
        };
        let mut table = self.table();
        if table.get(&id).is_none_or(|waiting| waiting.run.round != round) {
            return refuse("has expired or was used already; make the request anew, without it");
        }
        match table.remove(&id) {
            Some(waiting) => Ok(waiting.run),
            None => refuse("has expired"),
        }
    }

    /// Withdraws all calls that wait.
    pub(super) fn clear(&self) {
        let all = std::mem::take(&mut *self.table());
        drop(all);
    }

    fn mac(&self, payload: &[u8], bound: &Bound) -> Hmac<Sha256> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.key).expect("a key may have any length");
        mac.update(payload);
        mac.update(bound);
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
    for part in [method, &params.to_string(), caller.client.info.as_deref().unwrap_or_default()] {
        digest.update(part.len().to_be_bytes());
        digest.update(part);
    }
    digest.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::version::Revision;
    use crate::router::caller::Client;

    fn caller(info: &str) -> Caller {
        let client = Client { info: Some(info.into()), ..Client::new(Revision::LATEST) };
        Caller::alone(Arc::new(client))
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
