//! One request of a client put to one server: as it came, but for a name and the progress token.

use crate::base::json::{member, offset};
use crate::protocol::outcome::Outcome;
use crate::router::attempt::{ENVELOPE, on_progress};
use crate::router::caller::Caller;
use crate::router::request::progress_token;
use crate::router::routing::{Found, Router};
use crate::upstream::{self, Watch};

use super::follow::follower;
use super::sessions::declares;
use crate::protocol::era::Era;

/// What is put to a server.
#[derive(Clone, Copy)]
pub(super) struct Request<'a> {
    pub(super) method: &'a str,
    /// The JSON text of an object.
    pub(super) params: &'a str,
    /// A part of it that travels as another text.
    pub(super) other: Option<(&'a str, &'a str)>,
    pub(super) caller: &'a Caller,
}

impl Router {
    /// The server's answer. The request is sent again only if it surely did not reach the server.
    pub(super) async fn pass(
        &self,
        found: Found<'_>,
        request: Request<'_>,
    ) -> Result<Outcome, upstream::Error> {
        let Request { method, params, other, caller } = request;
        let token = member(params, "_meta").and_then(progress_token);
        let timeout = found.supervisor.request_timeout();
        let mut tried = false;
        loop {
            let session = self.session_for(found, caller).await?;
            let watch = Watch {
                on_progress: token.map(|token| on_progress(found, caller, token)),
                follower: Some(follower(self, found, caller)),
                withdrawn: Some(&caller.withdrawn),
                declares: Some(declares(self, caller)),
                passes_rounds: caller.client.revision.era() == Era::Stateless,
                input_schema: None,
            };
            let write = |to: &mut Vec<u8>, id: u64| write(to, params, token, id, other);
            match session.request(method, timeout, watch, write).await {
                Err(error) if error.is_retryable_at_once() && !tried => tried = true,
                outcome => return outcome,
            }
        }
    }
}

/// Writes `params` with our own progress token in the place of the client's, and with what else is `other`: all other
/// bytes stay.
pub(in crate::router) fn write(
    to: &mut Vec<u8>,
    params: &str,
    token: Option<&str>,
    id: u64,
    other: Option<(&str, &str)>,
) {
    let ours = token.map(|token| (token, id.to_string()));
    let ours = ours.as_ref().map(|(token, id)| (*token, id.as_str()));
    let mut edits = [ours, other].map(|edit| {
        let (part, with) = edit?;
        Some((offset(params, part)?, part, with))
    });
    edits.sort_unstable_by_key(|edit| edit.map(|(at, ..)| at));
    let more: usize = edits.iter().flatten().map(|(.., with)| with.len()).sum();
    // With what comes around it, so that a long text is not moved for its last bytes.
    to.reserve(params.len() + more + ENVELOPE);
    let mut from = 0;
    for (at, part, with) in edits.into_iter().flatten() {
        to.extend_from_slice(&params.as_bytes()[from..at]);
        to.extend_from_slice(with.as_bytes());
        from = at + part.len();
    }
    to.extend_from_slice(&params.as_bytes()[from..]);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(params: &str, expected: &str) {
        let token = member(params, "_meta").and_then(progress_token);
        let name = member(params, "name").map(|name| (name, "\"y\""));
        let mut written = Vec::new();
        write(&mut written, params, token, 7, name);
        assert_eq!(String::from_utf8_lossy(&written), expected);
    }

    #[test]
    fn all_but_name_and_token_stays() {
        check("{}", "{}");
        check(
            r#"{ "name" : "x","task":{"ttl":1e3}, "_meta":{"a":[], "progressToken" : "p"}}"#,
            r#"{ "name" : "y","task":{"ttl":1e3}, "_meta":{"a":[], "progressToken" : 7}}"#,
        );
        check(
            r#"{"_meta":{"progressToken":12},"arguments":{"name":"x"},"name":"\u0078"}"#,
            r#"{"_meta":{"progressToken":7},"arguments":{"name":"x"},"name":"y"}"#,
        );
    }
}
