//! `bridge`: serves MCP on stdin and stdout, or over HTTP.

use std::io::{self, IsTerminal};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use super::arguments::Listen;
use super::exit::{Exit, Failure};
use super::printer::Printer;
use super::setup::Setup;
use crate::app::{App, lifecycle};
use crate::downstream::listener::Mounted;

pub(super) const EXAMPLES: &str = "\
Examples:
  bridge serve                          stdin and stdout, as clients start it
  bridge serve --http                   http://127.0.0.1:3000/mcp for all clients of this machine
  bridge serve --http --sse --port 0    any free port, older clients as well

Where it listens stands on stderr. It ends with its client, or with Ctrl-C.";

/// Where clients connect when nothing else is said.
pub(super) const PORT: u16 = 3000;

/// Serves where it is told to.
pub(super) fn run(setup: &Setup, listen: &Listen) -> Result<Exit, Failure> {
    let mounted = Mounted { streamable: listen.http, sse: listen.sse };
    if mounted == Mounted::default() {
        if let Some(flag) = listen.first() {
            let message = format!("`{flag}` means nothing on stdin and stdout");
            let hint = "add `--http`, or `--sse` for older clients".to_owned();
            return Err(Failure::new(Exit::Usage, message).hint(Some(hint)));
        }
        return setup.block_on(stdio(setup.app()?, setup.printer));
    }
    let host = listen.host.unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST));
    if !host.is_loopback() && !listen.insecure {
        let message =
            format!("whoever reaches {host} could run every tool: nobody is asked who he is");
        let hint = "listen on 127.0.0.1, or add `--insecure` where something else keeps others out"
            .to_owned();
        return Err(Failure::new(Exit::Usage, message).hint(Some(hint)));
    }
    let address = SocketAddr::new(host, listen.port.unwrap_or(PORT));
    let serving = http(setup.app()?, address, mounted, setup.printer);
    // Several threads on one core would only hand work to each other.
    if std::thread::available_parallelism().is_ok_and(|cores| cores.get() == 1) {
        return setup.block_on(serving);
    }
    setup.block_on_threads(serving)
}

/// Serves until the client leaves or a signal asks to stop.
async fn stdio(app: App, printer: Printer) -> Result<Exit, Failure> {
    if io::stdin().is_terminal() {
        printer.talk(
            "waiting for an MCP client on stdin, which usually starts this program itself; \
             `bridge --help` shows what else there is, Ctrl-C ends",
        );
    }
    lifecycle::serve_stdio(app)
        .await
        .map(|()| Exit::Done)
        .map_err(|error| Failure::new(Exit::Failed, format!("stdin or stdout failed: {error}")))
}

/// Serves until a signal asks to stop.
async fn http(
    app: App,
    address: SocketAddr,
    mounted: Mounted,
    printer: Printer,
) -> Result<Exit, Failure> {
    let served = lifecycle::serve_http(app, address, mounted, |text| printer.talk(text)).await;
    served.map(|()| Exit::Done).map_err(|error| {
        let hint = match error.kind() {
            io::ErrorKind::AddrInUse => {
                "another program has the port, perhaps another bridge; choose one with `--port`"
            }
            io::ErrorKind::PermissionDenied => "choose a port above 1023 with `--port`",
            io::ErrorKind::AddrNotAvailable => "`--host` has to be an address of this machine",
            _ => return Failure::new(Exit::Failed, format!("cannot serve on {address}: {error}")),
        };
        Failure::new(Exit::Failed, format!("cannot listen on {address}: {error}"))
            .hint(Some(hint.to_owned()))
    })
}
