//! POSTs to `/mcp` on to another server's endpoint, with the headers that MCP knows.

use std::io::{self, Write, stdout};
use std::net::Ipv4Addr;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::response::IntoResponse;
use axum::routing::post;
use axum::{Router, serve::ListenerExt};
use http::header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderName};
use http::{Request, Response, StatusCode, Uri};
use http_body_util::Full;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde::Deserialize;
use serde_json::value::RawValue;
use tokio::net::TcpListener;

/// What a router needs to know of a message to route it.
#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow, rename = "id")]
    _id: Option<&'a RawValue>,
    #[serde(borrow, rename = "method")]
    _method: Option<&'a RawValue>,
    #[serde(borrow, rename = "params")]
    _params: Option<&'a RawValue>,
}

#[derive(Clone)]
struct Upstream {
    client: Client<HttpConnector, Full<Bytes>>,
    uri: Uri,
}

const PASSED: [HeaderName; 6] = [
    ACCEPT,
    CONTENT_TYPE,
    HeaderName::from_static("mcp-session-id"),
    HeaderName::from_static("mcp-protocol-version"),
    HeaderName::from_static("mcp-method"),
    HeaderName::from_static("mcp-name"),
];

/// Routes for ever; the first line on stdout says where.
pub(super) async fn route(url: &str) -> io::Result<()> {
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    let client = Client::builder(TokioExecutor::new()).build(connector);
    let upstream = Upstream { client, uri: url.parse().map_err(io::Error::other)? };
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    writeln!(stdout(), "http://{}/mcp", listener.local_addr()?)?;
    // A connection without it answers as well, only later.
    let listener = listener.tap_io(|stream| drop(stream.set_nodelay(true)));
    axum::serve(listener, Router::new().route("/mcp", post(forward)).with_state(upstream)).await
}

/// The answer may be a single message or a stream of events: it passes as it comes.
async fn forward(
    State(upstream): State<Upstream>,
    headers: HeaderMap,
    message: Bytes,
) -> Response<Body> {
    if serde_json::from_slice::<Envelope>(&message).is_err() {
        return StatusCode::BAD_REQUEST.into_response();
    }
    let mut request = Request::post(upstream.uri.clone());
    for name in PASSED {
        if let Some(value) = headers.get(&name) {
            request = request.header(name, value);
        }
    }
    let Ok(request) = request.body(Full::new(message)) else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    let Ok(answer) = upstream.client.request(request).await else {
        return StatusCode::BAD_GATEWAY.into_response();
    };
    let (head, body) = answer.into_parts();
    let mut passed = Response::new(Body::new(body));
    *passed.status_mut() = head.status;
    for name in PASSED {
        if let Some(value) = head.headers.get(&name) {
            passed.headers_mut().insert(name, value.clone());
        }
    }
    passed
}
