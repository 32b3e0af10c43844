//! Running until the client leaves or somebody says stop, then ending everything within `shutdownTimeoutMs`.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::sync::Notify;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use super::App;
use super::reload::Reload;
use crate::downstream::listener::{Listener, Mounted};
use crate::downstream::stdio;

/// Serves the client on stdin and stdout; returns once no child is left.
pub async fn serve_stdio(app: App) -> io::Result<()> {
    let (stdin, stdout, _restored) = stdio::streams()?;
    let watching = keep_watch(&app, Reload::new(&app));
    // A task of its own: waking what `block_on` itself runs costs the runtime a system call each time.
    let serving = stdio::serve(app.current.clone(), stdin, stdout, app.shutdown() / 4);
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
    let reload = Reload::new(&app);
    let wanted = reload.wanted();
    let watching = keep_watch(&app, reload);
    let stop = CancellationToken::new();
    let (http, drain) = (app.config.http.clone(), app.shutdown() / 4);
    let serving = listener.serve(app.current.clone(), http, stop.clone(), drain);
    let serving = app.tasks.spawn(serving);
    let signal = if has_terminal() { stop_signal().await } else { daemon_signal(&wanted).await };
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

/// Does what is to be done while nobody asks for anything, until the answer is dropped.
fn keep_watch(app: &App, reload: Reload) -> AbortOnDropHandle<()> {
    let current = app.current.clone();
    let watching = async move {
        tokio::join!(current.keep_watch(), reload.run());
    };
    AbortOnDropHandle::new(app.tasks.spawn(watching))
}

/// Ends every server and writes down what calls were made. A second signal cuts that short; what is left of the children then dies with the bridge.
pub async fn end(app: &App) {
    let router = app.router();
    router.close();
    router.pool().close();
    app.tasks.close();
    let kept = async { tokio::join!(router.usage().flush(), router.settled()) };
    let ended = async { tokio::join!(app.tasks.wait(), kept) };
    tokio::select! {
        ended = timeout(app.shutdown(), ended) => {
            if ended.is_err() {
                tracing::warn!("not everything ended within {} ms", app.shutdown().as_millis());
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

/// The same for a process that no terminal can hang up on: to it SIGHUP says, as to most daemons, that the config is to be
/// read.
#[cfg(unix)]
async fn daemon_signal(reload: &Arc<Notify>) -> io::Result<&'static str> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut hangup = signal(SignalKind::hangup())?;
    loop {
        tokio::select! {
            _ = terminate.recv() => return Ok("SIGTERM"),
            _ = interrupt.recv() => return Ok("SIGINT"),
            _ = hangup.recv() => reload.notify_one(),
        }
    }
}

/// Whether a terminal controls the process, whose end ends it.
#[cfg(unix)]
fn has_terminal() -> bool {
    std::fs::File::open("/dev/tty").is_ok()
}

/// Waits for a signal that asks the bridge to end; its name.
#[cfg(not(unix))]
pub async fn stop_signal() -> io::Result<&'static str> {
    tokio::signal::ctrl_c().await.map(|()| "Ctrl-C")
}

#[cfg(not(unix))]
async fn daemon_signal(_: &Arc<Notify>) -> io::Result<&'static str> {
    stop_signal().await
}

#[cfg(not(unix))]
fn has_terminal() -> bool {
    true
}
