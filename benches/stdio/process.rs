//! The processes that are measured.

use std::fs;
use std::io::{self, ErrorKind, Read, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde_json::json;

use crate::machine::{Cpu, cpu_of, resident_kb};

const UPSTREAM: &str = env!("CARGO_BIN_EXE_test-upstream");
const BRIDGE: &str = env!("CARGO_BIN_EXE_bridge");
const BUFFER: usize = 256 * 1024;

/// A process that answers on stdio: the server itself, or the bridge with the server behind it.
pub(crate) struct Peer {
    child: Child,
    server: u32,
    bridge: Option<u32>,
    pub(crate) stdin: ChildStdin,
    pub(crate) stdout: ChildStdout,
    pub(crate) buffer: Vec<u8>,
    pub(crate) at_line_start: bool,
}

impl Peer {
    /// Starts the server.
    pub(crate) fn direct(folder: &Path) -> io::Result<Self> {
        Self::start(Command::new(UPSTREAM).current_dir(folder), None)
    }

    /// Starts the bridge and lets it call the server once.
    pub(crate) fn bridged(folder: &Path) -> io::Result<Self> {
        let pid_file = folder.join("pid");
        let entry = json!({"command": UPSTREAM, "args": ["--pid-file", pid_file]});
        let config = json!({"servers": {"one": entry}}).to_string();
        fs::write(folder.join("config.json"), config)?;
        let mut command = Command::new(BRIDGE);
        command.env("BRIDGE_HOME", folder).current_dir(folder);
        Self::start(&mut command, Some(&pid_file))
    }

    fn start(command: &mut Command, pid_file: Option<&Path>) -> io::Result<Self> {
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
        let (Some(stdin), Some(stdout)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(ErrorKind::BrokenPipe.into());
        };
        let server = child.id();
        let mut peer = Self {
            child,
            server,
            bridge: None,
            stdin,
            stdout,
            buffer: vec![0; BUFFER],
            at_line_start: true,
        };
        peer.shake_hands()?;
        if let Some(file) = pid_file {
            peer.sequential(&crate::load::echo(crate::load::Direct::No), 1)?;
            peer.bridge = Some(server);
            peer.server = fs::read_to_string(file)?.trim().parse().map_err(io::Error::other)?;
        }
        Ok(peer)
    }

    fn shake_hands(&mut self) -> io::Result<()> {
        let params = json!({
            "protocolVersion": "2025-11-25",
            "capabilities": {},
            "clientInfo": {"name": "load", "version": "1"},
        });
        let initialize =
            json!({"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": params});
        self.stdin.write_all(format!("{initialize}\n").as_bytes())?;
        while self.buffer_line()? {}
        self.stdin.write_all(b"{\"jsonrpc\":\"2.0\",\"method\":\"notifications/initialized\"}\n")
    }

    /// Reads once; false when the line is complete.
    fn buffer_line(&mut self) -> io::Result<bool> {
        match self.stdout.read(&mut self.buffer)? {
            0 => Err(ErrorKind::UnexpectedEof.into()),
            count => Ok(self.buffer[count - 1] != b'\n'),
        }
    }

    /// Processor time of all threads so far.
    pub(crate) fn cpu(&self) -> Cpu {
        Cpu { server: cpu_of(self.server), bridge: self.bridge.map_or(0, cpu_of) }
    }

    /// Resident memory of the bridge in kB, 0 when the system does not tell.
    pub(crate) fn resident_kb(&self) -> u64 {
        resident_kb(self.bridge.unwrap_or(self.server))
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        // What was measured is measured; whether it ends politely is for the tests.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
