//! Running until the client leaves or somebody says stop, then ending everything within `shutdownTimeoutMs`.

use std::io;
use std::net::SocketAddr;

#[cfg(unix)]
use tokio::signal::unix::{Signal, SignalKind, signal};
#[cfg(windows)]
use tokio::signal::windows;
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
    // Whoever reads that the bridge listens may send one at once.
    let signals = Signals::catch()?;
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
    let signal =
        if has_terminal() { signals.stop().await } else { signals.stop_of_daemon(&wanted).await };
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
pub async fn stop_signal() -> io::Result<&'static str> {
    Signals::catch()?.stop().await
}

/// Signals that are waited for from the moment on in which this is made: none of them ends the process by itself then.
#[cfg(unix)]
struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hangup: Signal,
}

#[cfg(unix)]
impl Signals {
    fn catch() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hangup: signal(SignalKind::hangup())?,
        })
    }

    /// The name of the first one.
    async fn stop(mut self) -> io::Result<&'static str> {
        Ok(tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
            _ = self.hangup.recv() => "SIGHUP",
        })
    }

    /// The same for a process that no terminal can hang up on: to it SIGHUP says, as to most daemons, that the config is
    /// to be read.
    async fn stop_of_daemon(mut self, reload: &Notify) -> io::Result<&'static str> {
        loop {
            tokio::select! {
                _ = self.terminate.recv() => return Ok("SIGTERM"),
                _ = self.interrupt.recv() => return Ok("SIGINT"),
                _ = self.hangup.recv() => reload.notify_one(),
            }
        }
    }
}

/// What a console, or the system, has to say: Windows has no signals. A console that is closed and a system that ends
/// leave the bridge some seconds.
#[cfg(windows)]
struct Signals {
    interrupt: windows::CtrlC,
    abort: windows::CtrlBreak,
    close: windows::CtrlClose,
    logoff: windows::CtrlLogoff,
    shutdown: windows::CtrlShutdown,
}

#[cfg(windows)]
impl Signals {
    fn catch() -> io::Result<Self> {
        Ok(Self {
            interrupt: windows::ctrl_c()?,
            abort: windows::ctrl_break()?,
            close: windows::ctrl_close()?,
            logoff: windows::ctrl_logoff()?,
            shutdown: windows::ctrl_shutdown()?,
        })
    }

    async fn stop(mut self) -> io::Result<&'static str> {
        Ok(tokio::select! {
            _ = self.interrupt.recv() => "Ctrl-C",
            _ = self.abort.recv() => "Ctrl-Break",
            _ = self.close.recv() => "the end of the console",
            _ = self.logoff.recv() => "the end of the user's session",
            _ = self.shutdown.recv() => "the end of the system",
        })
    }

    async fn stop_of_daemon(self, _: &Notify) -> io::Result<&'static str> {
        self.stop().await
    }
}

/// Whether a terminal controls the process, whose end ends it.
#[cfg(unix)]
fn has_terminal() -> bool {
    std::fs::File::open("/dev/tty").is_ok()
}

#[cfg(windows)]
fn has_terminal() -> bool {
    true
}
