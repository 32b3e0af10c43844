//! `bridge`: serves MCP on stdin and stdout, or over HTTP.

use std::io::{self, IsTerminal};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use clap::Args;

use super::exit::{Exit, Failure};
use super::printer::Printer;
use super::setup::Setup;
use crate::app::{App, lifecycle};
use crate::downstream::listener::Mounted;

/// Where clients connect, if not on stdin and stdout.
#[derive(Debug, Default, Args)]
pub(super) struct Listen {
    /// Serve over streamable HTTP, on the path /mcp
    #[arg(long)]
    pub(super) http: bool,
    /// Serve over HTTP with SSE, as clients of 2024 speak it, on the path /sse
    #[arg(long)]
    pub(super) sse: bool,
    /// Listen on this port; 0 takes any that is free [default: 3000]
    #[arg(long, value_name = "PORT")]
    pub(super) port: Option<u16>,
    /// Listen on this address; others than loopback let other machines in [default: 127.0.0.1]
    #[arg(long, value_name = "ADDRESS", value_parser = address)]
    pub(super) host: Option<IpAddr>,
    /// Let anybody in who reaches the address, without authentication
    #[arg(long)]
    pub(super) insecure: bool,
}

impl Listen {
    /// One of the flags that are given, as it is written.
    pub(super) fn first(&self) -> Option<&'static str> {
        let given = [
            (self.http, "--http"),
            (self.sse, "--sse"),
            (self.port.is_some(), "--port"),
            (self.host.is_some(), "--host"),
            (self.insecure, "--insecure"),
        ];
        given.into_iter().find_map(|(given, flag)| given.then_some(flag))
    }

    /// What is said here, or else there: flags may stand before `serve` and behind it.
    pub(super) fn or(self, other: &Self) -> Self {
        Self {
            http: self.http || other.http,
            sse: self.sse || other.sse,
            port: self.port.or(other.port),
            host: self.host.or(other.host),
            insecure: self.insecure || other.insecure,
        }
    }
}

fn address(text: &str) -> Result<IpAddr, String> {
    match text {
        "localhost" => Ok(Ipv4Addr::LOCALHOST.into()),
        _ => text.parse().map_err(|_| "not an IP address, such as 127.0.0.1 or ::1".to_owned()),
    }
}

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
