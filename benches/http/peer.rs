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
const BRIDGE: &str = env!("CARGO_BIN_EXE_bridge");

/// How the bridge shows the server's tools.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    Direct,
    Router,
}

/// What answers over HTTP: the server itself, or the bridge in front of a server of its own.
pub(crate) struct Peer {
    pub(crate) address: SocketAddr,
    /// The parameters of the call that is made, the text of an object.
    pub(crate) params: String,
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

impl Peer {
    /// Starts the server.
    pub(crate) fn server(folder: &Path) -> io::Result<Self> {
        let (server, address) = start_server(folder)?;
        let params = json!({"name": "echo", "arguments": arguments()}).to_string();
        Ok(Self { address, params, server, bridge: None })
    }

    /// Starts the bridge in this mode, and a server for it.
    pub(crate) fn bridged(folder: &Path, mode: Mode) -> io::Result<Self> {
        let (server, address) = start_server(folder)?;
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
        let params = match mode {
            Mode::Direct => json!({"name": "one_echo", "arguments": arguments()}),
            Mode::Router => json!({"name": "mcp", "arguments": {
                "action": "call", "server": "one", "tool": "echo", "params": arguments(),
            }}),
        };
        Ok(Self { address, params: params.to_string(), server, bridge: Some(bridge) })
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

fn arguments() -> Value {
    json!({"message": "a message of the length that small calls tend to have"})
}

fn start_server(folder: &Path) -> io::Result<(Process, SocketAddr)> {
    let mut command = Command::new(UPSTREAM);
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
