//! One connection of an HTTP client. A peer that takes nothing for too long is cut off, so that what waits for it does
//! not wait for ever.

use std::convert::Infallible;
use std::io;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::Router as Routes;
use axum::body::Body;
use axum::http::request::Parts;
use axum::http::{Method, StatusCode, header};
use axum::response::Response;
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Sleep, sleep};
use tokio_util::sync::CancellationToken;

use super::awaited::Clock;
use super::origin::{self, Allowed};
use super::patience::{IDLE_TIME, Patience};
use super::{cors, reply, streamable_http};
use crate::protocol::error::INVALID_REQUEST;

/// A client may take nothing of what is written to it for so long.
const STALL_TIME: Duration = Duration::from_secs(30);
/// A request has at most so many headers.
const MAX_HEADERS: usize = 100;
/// The head of a request is not larger, in bytes.
const MAX_HEAD: usize = 64 * 1024;

/// When a connection ends.
#[derive(Debug, Clone)]
pub(super) struct Ends {
    /// It takes no new request any more.
    pub(super) soft: CancellationToken,
    /// It is cut off.
    pub(super) hard: CancellationToken,
}

/// What is there for requests.
#[derive(Debug, Clone)]
pub(super) struct Paths {
    /// Takes messages, where streamable HTTP is served. They are what there is most of, and go there directly.
    pub(super) messages: Option<Arc<streamable_http::Service>>,
    /// Everything.
    pub(super) routes: Routes,
}

/// Serves a connection until it ends.
pub(super) async fn serve(stream: TcpStream, paths: Paths, allowed: Arc<Allowed>, ends: Ends) {
    // Small writes must not wait for the peer to confirm earlier ones: events would be 40 ms late.
    let local = stream.set_nodelay(true).and_then(|()| stream.local_addr());
    let Ok(local) = local.map(|address| address.ip()) else { return };
    let clock = Clock::default();
    let service =
        service_fn(|request: Request<Incoming>| answer(&paths, request, local, &allowed, &clock));
    let patience = Patience::new();
    let stream = Patient { stream, stalled: None, patience: patience.clone() };
    let connection = http1::Builder::new()
        .timer(patience)
        .header_read_timeout(IDLE_TIME)
        .max_headers(MAX_HEADERS)
        .max_buf_size(MAX_HEAD)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = std::pin::pin!(connection);
    let ended = tokio::select! {
        ended = &mut connection => ended,
        () = ends.soft.cancelled() => {
            connection.as_mut().graceful_shutdown();
            tokio::select! {
                ended = &mut connection => ended,
                () = ends.hard.cancelled() => Ok(()),
            }
        }
    };
    if let Err(error) = ended {
        tracing::debug!("a connection fails: {error}");
    }
}

/// Lets a request through to the routes, if it may come in at all.
async fn answer(
    paths: &Paths,
    request: Request<Incoming>,
    local: IpAddr,
    allowed: &Allowed,
    clock: &Clock,
) -> Result<Response, Infallible> {
    let (parts, body) = request.into_parts();
    if let Err(forbidden) = origin::check(&parts, local, allowed) {
        tracing::debug!("turned away: {forbidden}");
        let message = forbidden.to_string();
        return Ok(reply::refusal(StatusCode::FORBIDDEN, INVALID_REQUEST, message));
    }
    let page = parts.headers.get(header::ORIGIN).cloned();
    let mut response = route(paths, parts, body, clock).await?;
    if let Some(origin) = page {
        cors::allow(&mut response, origin);
    }
    Ok(response)
}

async fn route(
    paths: &Paths,
    parts: Parts,
    body: Incoming,
    clock: &Clock,
) -> Result<Response, Infallible> {
    if let Some(service) = &paths.messages
        && parts.method == Method::POST
        && parts.uri.path() == streamable_http::PATH
    {
        return Ok(streamable_http::receive(service, &parts, body, clock).await);
    }
    if let Some(response) = cors::preflight(&parts) {
        return Ok(response);
    }
    let routes = TowerToHyperService::new(paths.routes.clone());
    Box::pin(routes.call(Request::from_parts(parts, Body::new(body)))).await
}

/// A stream whose writes fail when the peer has taken nothing for too long.
struct Patient {
    stream: TcpStream,
    /// Runs while a write waits.
    stalled: Option<Pin<Box<Sleep>>>,
    patience: Patience,
}

impl Patient {
    /// Gives up on a write that has waited for too long.
    fn watch<T>(
        &mut self,
        context: &mut Context<'_>,
        written: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.stalled = None;
            return written;
        }
        let stalled = self.stalled.get_or_insert_with(|| Box::pin(sleep(STALL_TIME)));
        ready!(stalled.as_mut().poll(context));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl AsyncRead for Patient {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let filled = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(context, buffer))?;
        if buffer.filled().len() > filled {
            self.patience.heard();
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Patient {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.watch(context, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffers: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, buffers);
        self.watch(context, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
