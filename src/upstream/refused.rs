//! What is made of a status that is no success: the answer to a request, the end of the session, or a refusal by whatever
//! stands before the server.

use std::sync::Arc;

use http::StatusCode;
use http::header::WWW_AUTHENTICATE;

use super::error::Refusal;
use super::http::Http;
use super::{Error, Session};
use crate::base::json::Strict;
use crate::protocol::era::Era;
use crate::protocol::error::ErrorObject;
use crate::protocol::jsonrpc::{self, Message};
use crate::telemetry::logging::excerpt;
use crate::wire::http::{Answer, Content};

/// What is read of a body that comes with an error status.
const MAX_REFUSAL: usize = 64 * 1024;

impl Http {
    /// What a status says that is no success. `call` is the request that it answers.
    pub(super) async fn refused(
        &self,
        session: &Session,
        mut answer: Answer,
        call: Option<u64>,
    ) -> Error {
        let status = answer.status();
        let page = answer.content() == Content::Page;
        let login = offers_login(&answer).then(|| session.server.to_string());
        let body = answer.beginning(MAX_REFUSAL).await;
        let object = error_object(&body, call);
        if self.is_lost(session, status, object.as_ref()) {
            let lost = Error::SessionLost { host: self.host().into() };
            if let Some(call) = call {
                session.requests.forget(call);
            }
            session.end(&lost);
            return Error::Unsent { error: Arc::new(lost) };
        }
        let said = match object {
            Some((object, _)) if is_protocol(status) => {
                return Error::Refused(session.blotted(object));
            }
            Some((object, _)) => object.message,
            None if page => String::new(),
            None => String::from_utf8_lossy(&body).into_owned(),
        };
        Error::Status(Box::new(Refusal {
            host: self.host().to_owned(),
            status: status.as_u16(),
            wants_tls: status == StatusCode::BAD_REQUEST && speaks_of_tls(&body),
            at_start: false,
            said: excerpt(session.blotter.blot(said.trim()).as_bytes(), 300),
            retry_after: answer.retry_after(),
            redirects_to: answer
                .redirects_to()
                .map(|host| session.blotter.blot(&host).into_owned()),
            login,
        }))
    }

    /// Whether the server has forgotten the session, if it gave us one.
    fn is_lost(
        &self,
        session: &Session,
        status: StatusCode,
        object: Option<&(ErrorObject, bool)>,
    ) -> bool {
        let had_one = self.has_id() || self.is_older();
        session.era() == Era::Session && had_one && tells_of_loss(status, object)
    }
}

/// Whether this says that the session is forgotten: 404 does (revision 2025-11-25, Transports, Session Management), and
/// many servers say it by 400 and an error that belongs to no request. An error that names our request is the answer to
/// it, and no concern of others, unless it speaks of the session.
fn tells_of_loss(status: StatusCode, object: Option<&(ErrorObject, bool)>) -> bool {
    let named = |error: &ErrorObject| error.message.to_lowercase().contains("session");
    match (status, object) {
        (StatusCode::NOT_FOUND | StatusCode::GONE, Some((error, true)))
        | (StatusCode::BAD_REQUEST, Some((error, false))) => named(error),
        (StatusCode::NOT_FOUND | StatusCode::GONE, _) => true,
        _ => false,
    }
}

/// Whether a JSON-RPC error that comes with this status is the answer to the request, and not only a way to say what
/// the status says anyway.
fn is_protocol(status: StatusCode) -> bool {
    !matches!(
        status,
        StatusCode::UNAUTHORIZED
            | StatusCode::FORBIDDEN
            | StatusCode::METHOD_NOT_ALLOWED
            | StatusCode::PROXY_AUTHENTICATION_REQUIRED
            | StatusCode::TOO_MANY_REQUESTS
            | StatusCode::BAD_GATEWAY
            | StatusCode::SERVICE_UNAVAILABLE
            | StatusCode::GATEWAY_TIMEOUT
    )
}

/// Whether the server says where to log in (RFC 9728, Section 5.1).
fn offers_login(answer: &Answer) -> bool {
    let challenge = answer.header(WWW_AUTHENTICATE.as_str()).unwrap_or_default();
    challenge.to_ascii_lowercase().contains("resource_metadata")
}

/// Whether this is how web servers answer plain HTTP on a port for TLS.
fn speaks_of_tls(body: &[u8]) -> bool {
    const ANSWERS: [&str; 3] = [
        "plain http request was sent to https port",
        "client sent an http request to an https server",
        "speaking plain http to an ssl-enabled server port",
    ];
    let body = String::from_utf8_lossy(body).to_lowercase();
    ANSWERS.iter().any(|answer| body.contains(answer))
}

/// The JSON-RPC error in a body, if it is one and belongs to request `call` or to none; and whether it names that
/// request.
fn error_object(body: &[u8], call: Option<u64>) -> Option<(ErrorObject, bool)> {
    let mut strict = Strict::new();
    match jsonrpc::parse(strict.check(body).ok()?).ok()? {
        Message::Response { id, outcome: Err(error) } => {
            let ours = call.is_some() && id.parse().ok() == call;
            let other = !ours && id.parse::<u64>().is_ok();
            (!other).then_some((error, ours))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_for_tls_say_so() {
        let check = |body: &str, expected: bool| {
            assert_eq!(speaks_of_tls(body.as_bytes()), expected, "{body}");
        };
        check("Client sent an HTTP request to an HTTPS server.\n", true);
        check("<center>The plain HTTP request was sent to HTTPS port</center>", true);
        check("You're speaking plain HTTP to an SSL-enabled server port.", true);
        check("Bad Request: HTTPS is fine", false);
        check("", false);
    }

    #[test]
    fn errors_in_bodies_belong_to_the_request_or_to_none() {
        let check = |body: &str, expected: Option<(i64, bool)>| {
            let found = error_object(body.as_bytes(), Some(7));
            assert_eq!(found.map(|(error, ours)| (error.code, ours)), expected, "{body}");
        };
        let error = r#""error":{"code":-32020,"message":"m"}"#;
        check(&format!(r#"{{"jsonrpc":"2.0","id":7,{error}}}"#), Some((-32020, true)));
        check(&format!(r#"{{"jsonrpc":"2.0","id":null,{error}}}"#), Some((-32020, false)));
        check(
            &format!(r#"{{"jsonrpc":"2.0","id":"server-error",{error}}}"#),
            Some((-32020, false)),
        );
        check(&format!(r#"{{"jsonrpc":"2.0",{error}}}"#), Some((-32020, false)));
        check(&format!(r#"{{"jsonrpc":"2.0","id":8,{error}}}"#), None);
        check(r#"{"jsonrpc":"2.0","id":7,"result":{}}"#, None);
        check(r#"{"error":"invalid_token"}"#, None);
        check("<html>", None);
        check("", None);
    }

    #[test]
    fn an_answer_to_one_request_is_not_the_end_of_the_session() {
        let check = |status: u16, said: Option<(&str, bool)>, expected: bool| {
            let status = StatusCode::from_u16(status).expect("it is a status");
            let object = said.map(|(message, ours)| (ErrorObject::new(-32000, message), ours));
            assert_eq!(tells_of_loss(status, object.as_ref()), expected, "{status} {said:?}");
        };
        check(404, None, true);
        check(410, None, true);
        check(404, Some(("Not found", false)), true);
        check(404, Some(("no such document", true)), false);
        check(410, Some(("the document is gone", true)), false);
        check(404, Some(("Session not found", true)), true);
        check(400, Some(("Bad Request: No valid session ID", false)), true);
        check(400, Some(("Bad Request", false)), false);
        check(400, Some(("no session for this user", true)), false);
        check(400, None, false);
        check(500, None, false);
    }
}
