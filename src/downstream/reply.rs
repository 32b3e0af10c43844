//! Answers over HTTP that are no stream.

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;

use crate::protocol::error::{ErrorObject, INVALID_REQUEST};
use crate::protocol::jsonrpc::{self, Id};

const JSON: HeaderValue = HeaderValue::from_static("application/json");
/// When a client that found no room may try again, in seconds.
const RETRY_AFTER: HeaderValue = HeaderValue::from_static("10");
const EVENTS: HeaderValue = HeaderValue::from_static("text/event-stream");

/// A JSON text.
pub(super) fn json(status: u16, body: impl Into<Body>) -> Response {
    let mut response = Response::new(body.into());
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::OK);
    response.headers_mut().insert(header::CONTENT_TYPE, JSON);
    response
}

/// A stream of events.
pub(super) fn events(body: Body) -> Response {
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, EVENTS);
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache, no-transform"));
    // Some proxies would keep events back until they have many.
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    response
}

/// Nothing but a status.
pub(super) fn empty(status: StatusCode) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response
}

/// An error in answer to a request, or to something whose id is not known, which has none then.
pub(super) fn error(status: StatusCode, id: Option<&Id>, error: &ErrorObject) -> Response {
    let mut body = Vec::new();
    if let Some(id) = id {
        jsonrpc::write_error(&mut body, Some(id.as_json()), error);
    } else {
        body.extend_from_slice(b"{\"jsonrpc\":\"2.0\",\"error\":");
        jsonrpc::write_json(&mut body, error);
        body.push(b'}');
    }
    json(status.as_u16(), body)
}

/// An error of HTTP, in the words of JSON-RPC.
pub(super) fn refusal(status: StatusCode, code: i64, message: impl Into<String>) -> Response {
    error(status, None, &ErrorObject::new(code, message))
}

/// The answer is a stream, which the client does not read.
pub(super) fn not_acceptable() -> Response {
    let message = "`Accept` has to name `text/event-stream`";
    refusal(StatusCode::NOT_ACCEPTABLE, INVALID_REQUEST, message)
}

/// The session is not there, so that the client is to open a new one (specification, Session Management).
pub(super) fn gone() -> Response {
    let message = "there is no such session, or not any more";
    refusal(StatusCode::NOT_FOUND, INVALID_REQUEST, message)
}

/// There is no room for another session.
pub(super) fn full() -> Response {
    let message = "there are as many sessions as there may be (`http.maxSessions`)";
    let mut response = refusal(StatusCode::SERVICE_UNAVAILABLE, INVALID_REQUEST, message);
    response.headers_mut().insert(header::RETRY_AFTER, RETRY_AFTER);
    response
}
