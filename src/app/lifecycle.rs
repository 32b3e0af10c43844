//! Running until the client leaves or somebody says stop, then ending everything within `shutdownTimeoutMs`.

use std::io;
use std::net::SocketAddr;

use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use super::App;
use crate::downstream::listener::{Listener, Mounted};
use crate::downstream::stdio;

/// Serves the client on stdin and stdout; returns once no child is left.
pub async fn serve_stdio(app: App) -> io::Result<()> {
    let (stdin, stdout, _restored) = stdio::streams()?;
    let router = app.router.clone();
    let watching = async move { tokio::join!(router.watch_promotions(), router.watch_meaning()) };
    let watching = AbortOnDropHandle::new(app.tasks.spawn(watching));
    // A task of its own: waking what `block_on` itself runs costs the runtime a system call each time.
    let serving = stdio::serve(app.router.clone(), stdin, stdout, app.shutdown / 4);
    let mut serving = AbortOnDropHandle::new(app.tasks.spawn(serving));
    let served = tokio::select! {
        served = &mut serving => served.unwrap_or_else(|panic| Err(io::Error::other(panic))),
        signal = stop_signal() => {
            tracing::info!("{} received, shutting down", signal?);
            Ok(())
        }
    };
    drop((serving, watching));
    end(&app).await;
    served
}

/// Serves clients over HTTP until a signal comes; what is under way then is answered as far as there is time. `say` gets
/// the URLs as soon as clients can connect.
pub async fn serve_http(
    app: App,
    address: SocketAddr,
    mounted: Mounted,
    say: impl Fn(&str),
) -> io::Result<()> {
    let listener = Listener::bind(address, mounted).await?;
    for url in listener.urls()? {
        say(&format!("listening on {url}"));
    }
    let router = app.router.clone();
    let watching = async move { tokio::join!(router.watch_promotions(), router.watch_meaning()) };
    let watching = AbortOnDropHandle::new(app.tasks.spawn(watching));
    let stop = CancellationToken::new();
    let serving =
        listener.serve(app.router.clone(), app.http.clone(), stop.clone(), app.shutdown / 4);
    let serving = app.tasks.spawn(serving);
    let signal = stop_signal().await;
    if let Ok(signal) = &signal {
        tracing::info!("{signal} received, shutting down");
    }
    stop.cancel();
    // A second signal cuts the waiting short.
    tokio::select! {
        ended = serving => ended.map_err(io::Error::other)?,
        _ = stop_signal() => {}
    }
    drop(watching);
    end(&app).await;
    signal.map(drop)
}

/// Ends every server and writes down what calls were made. A second signal cuts that short; what is left of the children then dies with the bridge.
pub async fn end(app: &App) {
    app.router.close();
    app.router.pool().close();
    app.tasks.close();
    let kept = async { tokio::join!(app.router.usage().flush(), app.router.settled()) };
    let ended = async { tokio::join!(app.tasks.wait(), kept) };
    tokio::select! {
        ended = timeout(app.shutdown, ended) => {
            if ended.is_err() {
                tracing::warn!("not everything ended within {} ms", app.shutdown.as_millis());
            }
        }
        _ = stop_signal() => {}
    }
}

/// Waits for a signal that asks the bridge to end; its name.
#[cfg(unix)]
pub async fn stop_signal() -> io::Result<&'static str> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut hangup = signal(SignalKind::hangup())?;
    Ok(tokio::select! {
        _ = terminate.recv() => "SIGTERM",
        _ = interrupt.recv() => "SIGINT",
        _ = hangup.recv() => "SIGHUP",
    })
}

/// Waits for a signal that asks the bridge to end; its name.
#[cfg(not(unix))]
pub async fn stop_signal() -> io::Result<&'static str> {
    tokio::signal::ctrl_c().await.map(|()| "Ctrl-C")
}
