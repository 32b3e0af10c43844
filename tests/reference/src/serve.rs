//! The two transports.

use std::sync::Arc;

use axum::Router;
use axum::serve::ListenerExt as _;
use rmcp::ServiceExt as _;
use rmcp::transport::streamable_http_server::session::local::LocalSessionManager;
use rmcp::transport::{StreamableHttpServerConfig, StreamableHttpService, stdio_pipes};
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpListener;

use crate::options::Options;
use crate::server::{Server, Shared};

/// Serves until the client, or whoever started the program, closes stdin.
pub async fn run(options: Options) -> Result<(), String> {
    let sessions = Arc::new(LocalSessionManager::default());
    let shared = Arc::new(Shared::new(options.era, Arc::clone(&sessions)));
    match options.http {
        None => stdio(&shared).await,
        Some(port) => http(port, shared, sessions).await,
    }
}

async fn stdio(shared: &Arc<Shared>) -> Result<(), String> {
    let service = Server::new(Arc::clone(shared));
    let running = service.serve(stdio_pipes()).await.map_err(|error| error.to_string())?;
    running.waiting().await.map_err(|error| error.to_string())?;
    Ok(())
}

async fn http(
    port: u16,
    shared: Arc<Shared>,
    sessions: Arc<LocalSessionManager>,
) -> Result<(), String> {
    let listener = TcpListener::bind(("127.0.0.1", port))
        .await
        .map_err(|error| format!("port {port}: {error}"))?;
    let address = listener.local_addr().map_err(|error| error.to_string())?;
    let service = StreamableHttpService::new(
        move || Ok(Server::new(Arc::clone(&shared))),
        sessions,
        StreamableHttpServerConfig::default(),
    );
    let router = Router::new().route_service("/mcp", service);
    // Without it every event of a stream waits for the acknowledgement of the one before.
    let listener = listener.tap_io(|stream| {
        if let Err(error) = stream.set_nodelay(true) {
            eprintln!("reference-server: a connection stays slow: {error}");
        }
    });
    println!("http://{address}/mcp");
    tokio::select! {
        served = axum::serve(listener, router).into_future() => {
            served.map_err(|error| error.to_string())
        }
        () = stdin_closed() => Ok(()),
    }
}

async fn stdin_closed() {
    let mut stdin = tokio::io::stdin();
    let mut buffer = [0; 256];
    while stdin.read(&mut buffer).await.is_ok_and(|length| length > 0) {}
}
