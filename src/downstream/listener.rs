//! Serving over HTTP: a listener is an address and what is mounted on it.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router as Routes;
use axum::http::StatusCode;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::{AbortOnDropHandle, TaskTracker};

use super::connection::{self, Ends, Paths};
use super::origin::Allowed;
use super::sessions::{Limits, Sessions};
use super::sse::{self, Streams};
use super::{reply, streamable_http};
use crate::config::Http;
use crate::protocol::error::INVALID_REQUEST;
use crate::router::Current;

/// Connections at a time at most; further ones wait.
const MAX_CONNECTIONS: usize = 8192;
/// How long to wait when the system has no descriptor left for a connection.
const PAUSE: Duration = Duration::from_millis(100);

/// A socket that listens, and what it serves.
#[derive(Debug)]
pub struct Listener {
    socket: TcpListener,
    mounted: Mounted,
}

/// The resources on a listener.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Mounted {
    /// Streamable HTTP on `/mcp`.
    pub streamable: bool,
    /// The older transport on `/sse` and `/message`.
    pub sse: bool,
}

impl Mounted {
    /// The paths where clients connect.
    pub fn paths(self) -> impl Iterator<Item = &'static str> {
        [(self.streamable, "/mcp"), (self.sse, "/sse")]
            .into_iter()
            .filter_map(|(mounted, path)| mounted.then_some(path))
    }
}

impl Listener {
    /// Listens on the address; port 0 is any that is free.
    pub async fn bind(address: SocketAddr, mounted: Mounted) -> io::Result<Self> {
        Ok(Self { socket: TcpListener::bind(address).await?, mounted })
    }

    /// The URLs where clients connect.
    pub fn urls(&self) -> io::Result<Vec<String>> {
        let address = self.socket.local_addr()?;
        Ok(self.mounted.paths().map(|path| format!("http://{address}{path}")).collect())
    }

    /// Serves until `stop`; what is under way then has `drain` to be answered.
    pub async fn serve(
        self,
        router: Arc<Current>,
        settings: Http,
        stop: CancellationToken,
        drain: Duration,
    ) {
        let Http { allowed_origins, allowed_hosts, session_idle_timeout, max_sessions } = settings;
        let allowed = Arc::new(Allowed { origins: allowed_origins, hosts: allowed_hosts });
        let limits = Limits { count: max_sessions, idle: session_idle_timeout };
        let sessions = Arc::new(Sessions::new(limits));
        let streams = Arc::new(Streams::new(max_sessions));
        let closing = stop.clone();
        let paths = self.paths(&router, &sessions, &streams, &closing);
        let sweeping = sessions.clone();
        let _sweeping =
            AbortOnDropHandle::new(tokio::spawn(async move { sweeping.keep_swept().await }));
        let connections = TaskTracker::new();
        let ends = Ends { soft: stop.clone(), hard: CancellationToken::new() };
        tokio::select! {
            () = accept(&self.socket, &connections, &paths, &allowed, &ends) => {}
            () = stop.cancelled() => {}
        }
        drop(self.socket);
        connections.close();
        sessions.hush();
        let ended = async { tokio::join!(streams.hush(), connections.wait()) };
        if timeout(drain, ended).await.is_err() {
            tracing::info!("clients are cut off that had calls in flight");
            sessions.end_all();
            streams.end_all();
            if timeout(drain / 2, connections.wait()).await.is_err() {
                ends.hard.cancel();
                connections.wait().await;
            }
        }
        sessions.end_all();
        streams.end_all();
    }

    fn paths(
        &self,
        router: &Arc<Current>,
        sessions: &Arc<Sessions>,
        streams: &Arc<Streams>,
        closing: &CancellationToken,
    ) -> Paths {
        let mut routes = Routes::new();
        let messages = self.mounted.streamable.then(|| {
            Arc::new(streamable_http::Service {
                router: router.clone(),
                sessions: sessions.clone(),
                closing: closing.clone(),
            })
        });
        if let Some(service) = &messages {
            routes = routes.merge(streamable_http::routes(service.clone()));
        }
        if self.mounted.sse {
            routes = routes.merge(sse::routes(Arc::new(sse::Service {
                router: router.clone(),
                streams: streams.clone(),
                closing: closing.clone(),
            })));
        }
        let paths: Vec<_> = self.mounted.paths().collect();
        let message = format!("there is nothing here; clients connect to {}", paths.join(" or "));
        let routes = routes.fallback(move || {
            let message = message.clone();
            async move { reply::refusal(StatusCode::NOT_FOUND, INVALID_REQUEST, message) }
        });
        Paths { messages, routes }
    }
}

/// Takes connections in for as long as it is polled.
async fn accept(
    socket: &TcpListener,
    connections: &TaskTracker,
    paths: &Paths,
    allowed: &Arc<Allowed>,
    ends: &Ends,
) {
    let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    loop {
        let Ok(place) = places.clone().acquire_owned().await else { return };
        match socket.accept().await {
            Ok((stream, _)) => {
                let (paths, allowed, ends) = (paths.clone(), allowed.clone(), ends.clone());
                connections.spawn(async move {
                    connection::serve(stream, paths, allowed, ends).await;
                    drop(place);
                });
            }
            // The peer may have gone already, or the system have no descriptor left: both pass.
            Err(error) => {
                tracing::warn!("a connection cannot be taken in: {error}");
                sleep(PAUSE).await;
            }
        }
    }
}
