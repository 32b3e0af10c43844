//! What a POST has to be before anybody reads its message: its `Accept`, its `Content-Type`, its body.

use std::pin::pin;
use std::time::Duration;

use axum::body::{Bytes, HttpBody};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::Response;
use bytes::BytesMut;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::timeout;

use super::exchange::Accepted;
use super::incoming::MAX_MESSAGE;
use super::reply;
use crate::protocol::error::INVALID_REQUEST;

/// A body has so long to arrive.
const BODY_TIME: Duration = Duration::from_mins(1);
const KIB: usize = 1024;
/// Bytes of a body that count for nothing.
const SMALL: usize = 64 * KIB;
/// Kibibytes that all bodies under way may have beyond that.
static LARGE: Semaphore = Semaphore::const_new(256 * KIB);

/// What the client reads. One that names events before JSON gets events.
pub(super) fn accepted(headers: &HeaderMap) -> Accepted {
    let mut values = headers.get_all(header::ACCEPT).iter().peekable();
    if values.peek().is_none() {
        // Without the header anything goes (RFC 9110, section 12.5.1).
        return Accepted { json: true, events: true };
    }
    let mut accepted = Accepted { json: false, events: false };
    for range in values.filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(',')) {
        let mut parts = range.split(';').map(str::trim);
        let kind = parts.next().unwrap_or_default();
        let is_one = |kinds: &[&str]| kinds.iter().any(|it| it.eq_ignore_ascii_case(kind));
        let is_refused = parts.any(|part| {
            let quality = part.strip_prefix("q=").or_else(|| part.strip_prefix("Q="));
            quality.and_then(|it| it.trim().parse::<f32>().ok()).is_some_and(|it| it <= 0.0)
        });
        if is_refused {
            continue;
        }
        let is_json = is_one(&["application/json", "application/*", "*/*"]);
        accepted.json |= is_json && (!accepted.events || kind == "*/*");
        accepted.events |= is_one(&["text/event-stream", "text/*", "*/*"]);
    }
    accepted
}

/// Whether the body says that it is JSON, and in no other encoding than UTF-8 or compressed.
pub(super) fn is_json(headers: &HeaderMap) -> bool {
    let mut values = headers.get_all(header::CONTENT_TYPE).iter();
    let (Some(kind), None) = (values.next().and_then(|kind| kind.to_str().ok()), values.next())
    else {
        return false;
    };
    let mut parts = kind.split(';').map(str::trim);
    let is_json = parts.next().is_some_and(|kind| kind.eq_ignore_ascii_case("application/json"));
    let is_utf8 = parts.all(|part| {
        let Some((name, value)) = part.split_once('=') else { return true };
        let value = value.trim_matches('"');
        !name.eq_ignore_ascii_case("charset")
            || value.eq_ignore_ascii_case("utf-8")
            || value.eq_ignore_ascii_case("utf8")
    });
    let plain = headers
        .get_all(header::CONTENT_ENCODING)
        .iter()
        .all(|encoding| encoding.as_bytes().eq_ignore_ascii_case(b"identity"));
    is_json && is_utf8 && plain
}

/// Reads the message of a POST.
pub(super) async fn message<B>(headers: &HeaderMap, body: B) -> Result<Bytes, Response>
where
    B: HttpBody<Data = Bytes>,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    if !is_json(headers) {
        let message = "the `Content-Type` of a message has to be `application/json`";
        return Err(reply::refusal(StatusCode::UNSUPPORTED_MEDIA_TYPE, INVALID_REQUEST, message));
    }
    let announced = headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok());
    if announced
        .and_then(|length| length.parse().ok())
        .is_some_and(|it: u64| it > MAX_MESSAGE as u64)
    {
        return Err(too_large());
    }
    match timeout(BODY_TIME, read(Limited::new(body, MAX_MESSAGE))).await {
        Ok(read) => read,
        Err(_elapsed) => {
            let message = "the body took too long to arrive";
            Err(reply::refusal(StatusCode::REQUEST_TIMEOUT, INVALID_REQUEST, message))
        }
    }
}

/// Reads a body to its end. What is beyond the first part of it counts against what all large bodies together may hold,
/// so that many clients that send slowly cannot fill the memory.
async fn read<B>(body: Limited<B>) -> Result<Bytes, Response>
where
    B: HttpBody<Data = Bytes>,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let mut body = pin!(body);
    let (mut first, mut all) = (Bytes::new(), BytesMut::new());
    let mut held: Option<SemaphorePermit<'_>> = None;
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| unread(&*error))?;
        let Ok(data) = frame.into_data() else { continue };
        if first.is_empty() && all.is_empty() {
            first = data;
            continue;
        }
        if all.is_empty() {
            all.extend_from_slice(&first);
        }
        all.extend_from_slice(&data);
        let holds = held.as_ref().map_or(0, SemaphorePermit::num_permits);
        let more = all.len().saturating_sub(SMALL).div_ceil(KIB).saturating_sub(holds);
        if more > 0 {
            let more = LARGE.try_acquire_many(u32::try_from(more).unwrap_or(u32::MAX));
            let more = more.map_err(|_| too_many())?;
            match &mut held {
                Some(held) => held.merge(more),
                None => held = Some(more),
            }
        }
    }
    Ok(if all.is_empty() { first } else { all.freeze() })
}

fn unread(error: &(dyn std::error::Error + Send + Sync + 'static)) -> Response {
    if error.downcast_ref::<LengthLimitError>().is_some() {
        return too_large();
    }
    let message = "the body ended before its time";
    reply::refusal(StatusCode::BAD_REQUEST, INVALID_REQUEST, message)
}

fn too_many() -> Response {
    let message = "too many large messages arrive at a time; send it again in a moment";
    reply::refusal(StatusCode::SERVICE_UNAVAILABLE, INVALID_REQUEST, message)
}

fn too_large() -> Response {
    let message = format!("a message has at most {MAX_MESSAGE} bytes");
    reply::refusal(StatusCode::PAYLOAD_TOO_LARGE, INVALID_REQUEST, message)
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderName, HeaderValue};

    use super::*;

    fn headers(name: &HeaderName, values: &[&'static str]) -> HeaderMap {
        values.iter().map(|value| (name.clone(), HeaderValue::from_static(value))).collect()
    }

    #[test]
    fn what_a_client_reads_is_in_its_accept() {
        let check = |values: &[&'static str], json, events| {
            let found = accepted(&headers(&header::ACCEPT, values));
            assert_eq!(found, Accepted { json, events }, "{values:?}");
        };
        check(&[], true, true);
        check(&["application/json, text/event-stream"], true, true);
        check(&["text/event-stream", "application/json"], false, true);
        check(&["text/event-stream, application/json"], false, true);
        check(&["text/event-stream, */*"], true, true);
        check(&["*/*"], true, true);
        check(&["Application/JSON;charset=utf-8"], true, false);
        check(&["text/event-stream;q=0.5"], false, true);
        check(&["text/event-stream, application/json;q=0"], false, true);
        check(&["text/html"], false, false);
        check(&[""], false, false);
    }

    #[tokio::test]
    async fn large_bodies_share_what_they_may_hold() {
        let body = || {
            let chunks = (0..16).map(|_| Ok::<_, std::io::Error>(Bytes::from(vec![b'x'; 8 * KIB])));
            Limited::new(
                axum::body::Body::from_stream(futures_util::stream::iter(chunks)),
                MAX_MESSAGE,
            )
        };
        assert_eq!(read(body()).await.expect("there is room").len(), 128 * KIB);
        let all = LARGE.acquire_many(256 * 1024).await.expect("never closed");
        let refused = read(body()).await.expect_err("there is none");
        assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
        drop(all);
        assert_eq!(read(body()).await.expect("there is room again").len(), 128 * KIB);
    }

    #[test]
    fn a_message_is_plain_json() {
        let check = |values: &[&'static str], expected| {
            assert_eq!(is_json(&headers(&header::CONTENT_TYPE, values)), expected, "{values:?}");
        };
        check(&["application/json"], true);
        check(&["Application/Json; charset=UTF-8"], true);
        check(&["application/json;charset=\"utf-8\""], true);
        check(&["application/json; charset=utf-16"], false);
        check(&["text/plain"], false);
        check(&["application/jsonp"], false);
        check(&["application/x-www-form-urlencoded"], false);
        check(&["application/json", "text/plain"], false);
        check(&[], false);
        let mut packed = headers(&header::CONTENT_TYPE, &["application/json"]);
        packed.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        assert!(!is_json(&packed));
    }
}
