//! The processes that are measured.

use std::fs;
use std::io::{self, BufRead, BufReader, ErrorKind, Read};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;

use serde_json::{Value, json};

use crate::machine::{Cpu, cpu_of, resident_kb};

const UPSTREAM: &str = env!("CARGO_BIN_EXE_test-upstream");
/// Where `just bench-http` builds the server on the SDK.
const SDK: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/target/reference/release/reference-server");
const BRIDGE: &str = env!("CARGO_BIN_EXE_bridge");

/// How the bridge shows the server's tools.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    Direct,
    Router,
}

/// A server to be called.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Server {
    /// The scripted one, which does next to nothing for a call.
    Scripted,
    /// One on an SDK, as people write them.
    Sdk,
}

/// The call that is made.
pub(crate) struct Call {
    pub(crate) tool: String,
    pub(crate) arguments: Value,
}

/// What answers over HTTP: the server itself, or the bridge in front of a server of its own.
pub(crate) struct Peer {
    pub(crate) address: SocketAddr,
    pub(crate) call: Call,
    server: Process,
    bridge: Option<Process>,
}

struct Process(Child);

impl Mode {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Direct => "direct",
            Self::Router => "router",
        }
    }
}

impl Server {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Scripted => "scripted",
            Self::Sdk => "SDK",
        }
    }

    fn program(self) -> &'static str {
        match self {
            Self::Scripted => UPSTREAM,
            Self::Sdk => SDK,
        }
    }

    pub(crate) fn is_built(self) -> bool {
        Path::new(self.program()).exists()
    }

    /// The cheapest call that it has.
    fn call(self) -> Call {
        let (tool, arguments) = match self {
            Self::Scripted => {
                let message = "a message of the length that small calls tend to have";
                ("echo", json!({"message": message}))
            }
            Self::Sdk => ("test_simple_text", json!({})),
        };
        Call { tool: tool.to_owned(), arguments }
    }
}

impl Peer {
    /// The server by itself, and behind the bridge in both modes.
    pub(crate) fn all(folder: &Path, server: Server) -> io::Result<[Self; 3]> {
        let folder = folder.join(server.name());
        fs::create_dir(&folder)?;
        let (process, address) = start_server(&folder, server)?;
        Ok([
            Self { address, call: server.call(), server: process, bridge: None },
            Self::bridged(&folder, server, Mode::Direct)?,
            Self::bridged(&folder, server, Mode::Router)?,
        ])
    }

    /// Starts the bridge in this mode, and a server for it.
    fn bridged(folder: &Path, server: Server, mode: Mode) -> io::Result<Self> {
        let Call { tool, arguments } = server.call();
        let (server, address) = start_server(folder, server)?;
        let home = folder.join(mode.name());
        fs::create_dir(&home)?;
        let entry = json!({"transport": "streamable-http", "url": format!("http://{address}/mcp")});
        let config = json!({"mode": mode.name(), "servers": {"one": entry}}).to_string();
        fs::write(home.join("config.json"), config)?;
        let mut command = Command::new(BRIDGE);
        command.args(["--http", "--port", "0"]).env("BRIDGE_HOME", &home).current_dir(&home);
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut bridge = Process(child.spawn()?);
        let address = address_in(bridge.0.stderr.take())?;
        let call = match mode {
            Mode::Direct => Call { tool: format!("one_{tool}"), arguments },
            Mode::Router => {
                let arguments =
                    json!({"action": "call", "server": "one", "tool": tool, "params": arguments});
                Call { tool: "mcp".to_owned(), arguments }
            }
        };
        Ok(Self { address, call, server, bridge: Some(bridge) })
    }

    /// Processor time of all threads so far.
    pub(crate) fn cpu(&self) -> Cpu {
        let bridge = self.bridge.as_ref().map_or(0, |bridge| cpu_of(bridge.0.id()));
        Cpu { server: cpu_of(self.server.0.id()), bridge }
    }

    /// Resident memory of what answers the client, in kB; 0 when the system does not tell.
    pub(crate) fn resident_kb(&self) -> u64 {
        resident_kb(self.bridge.as_ref().unwrap_or(&self.server).0.id())
    }
}

fn start_server(folder: &Path, server: Server) -> io::Result<(Process, SocketAddr)> {
    let mut command = Command::new(server.program());
    // It ends with its stdin, which stays open as long as the child is held.
    let command = command.args(["--http", "0"]).current_dir(folder).stdin(Stdio::piped());
    let mut server = Process(command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?);
    let address = address_in(server.0.stdout.take())?;
    Ok((server, address))
}

/// The address in the first line with a URL; what comes later is read and dropped, so that nobody waits for us.
fn address_in(output: Option<impl Read + Send + 'static>) -> io::Result<SocketAddr> {
    let mut lines = BufReader::new(output.ok_or(ErrorKind::BrokenPipe)?).lines();
    let mut said = Vec::new();
    for line in &mut lines {
        let line = line?;
        let address = line
            .split_once("http://")
            .and_then(|(_, rest)| rest.split('/').next()?.trim().parse::<SocketAddr>().ok());
        if let Some(address) = address {
            thread::spawn(move || lines.map_while(Result::ok).for_each(drop));
            return Ok(address);
        }
        said.push(line);
    }
    Err(io::Error::other(format!("it ended without telling its address: {}", said.join("\n"))))
}

impl Drop for Process {
    fn drop(&mut self) {
        // What was measured is measured; whether it ends politely is for the tests.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
