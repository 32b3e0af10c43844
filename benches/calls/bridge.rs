//! How what is measured is started: the scripted server, the bare routers, the bridge.

use std::env::current_exe;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::bare;
use crate::load::{Endpoint, Way};
use crate::process::{Process, UPSTREAM};

/// How the bridge shows the server's tools.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    Direct,
    Router,
}

impl Mode {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Direct => "direct",
            Self::Router => "router",
        }
    }

    /// What the bridge in this mode is called in tables.
    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::Direct => "bridge, direct mode",
            Self::Router => "bridge, router mode",
        }
    }
}

/// Where measurements take place: a folder for homes, and the program to be measured.
pub(crate) struct Ground {
    folder: tempfile::TempDir,
    pub(crate) program: PathBuf,
}

impl Ground {
    pub(crate) fn new(program: PathBuf) -> io::Result<Self> {
        Ok(Self { folder: tempfile::tempdir()?, program })
    }

    /// A home of that name with this config.
    pub(crate) fn home(&self, name: &str, config: &Value) -> io::Result<PathBuf> {
        let home = self.folder.path().join(name);
        fs::create_dir_all(&home)?;
        fs::write(home.join("config.json"), config.to_string())?;
        Ok(home)
    }

    /// The bridge with that home, on stdin and stdout.
    pub(crate) fn command(&self, home: &Path) -> Command {
        let mut command = Command::new(&self.program);
        command.env("BRIDGE_HOME", home).current_dir(home).stderr(Stdio::null());
        command
    }

    /// The bridge in front of the scripted server, both on stdin and stdout.
    pub(crate) fn bridge(&self, mode: Mode) -> io::Result<Way> {
        self.bridge_to(mode, &child(&[]))
    }

    /// The bridge on stdin and stdout in front of this server.
    pub(crate) fn bridge_to(&self, mode: Mode, server: &Value) -> io::Result<Way> {
        let home = self.home(mode.name(), &config(mode, server))?;
        Way::over_pipes(mode.label(), Process::start(&mut self.command(&home))?)
    }

    /// The bridge over HTTP in front of this server, with so many connections to it, and where it answers.
    pub(crate) fn bridge_http(
        &self,
        mode: Mode,
        server: &Value,
        connections: usize,
    ) -> io::Result<(Way, Endpoint)> {
        let home = self.home(&format!("http-{}", mode.name()), &config(mode, server))?;
        let mut command = self.command(&home);
        let command = command.args(["--http", "--port", "0"]).stderr(Stdio::piped());
        let mut process = Process::start(command)?;
        let endpoint = Endpoint::mcp(process.told_address_on_stderr()?);
        let way = Way::over_http(mode.label(), process, &endpoint, connections)?;
        Ok((way, endpoint))
    }
}

/// The scripted server on stdin and stdout.
pub(crate) fn upstream(words: &[&str]) -> Command {
    let mut command = Command::new(UPSTREAM);
    command.args(words).stderr(Stdio::null());
    command
}

/// The scripted server over HTTP, and where it answers.
pub(crate) fn upstream_http() -> io::Result<(Process, Endpoint)> {
    let mut process = Process::start(&mut upstream(&["--http", "0"]))?;
    let endpoint = Endpoint::mcp(process.told_address()?);
    Ok((process, endpoint))
}

/// The server called by itself.
pub(crate) fn direct() -> io::Result<Way> {
    Way::over_pipes("direct", Process::start(&mut upstream(&[]))?)
}

/// The bare router on stdin and stdout.
pub(crate) fn bare() -> io::Result<Way> {
    Way::over_pipes("bare router", Process::start(&mut bare_command(&["stdio", UPSTREAM])?)?)
}

/// The bare router over HTTP in front of that endpoint.
pub(crate) fn bare_http(behind: &Endpoint, connections: usize) -> io::Result<(Way, Endpoint)> {
    let mut process = Process::start(&mut bare_command(&["http", &behind.url()])?)?;
    let endpoint = Endpoint::mcp(process.told_address()?);
    Ok((Way::over_http("bare router", process, &endpoint, connections)?, endpoint))
}

pub(crate) fn bare_command(words: &[&str]) -> io::Result<Command> {
    let mut command = Command::new(current_exe()?);
    command.arg(bare::WORD).args(words).stderr(Stdio::null());
    Ok(command)
}

/// A config with this one server.
pub(crate) fn config(mode: Mode, server: &Value) -> Value {
    json!({"mode": mode.name(), "servers": {"one": server}})
}

/// The entry of the scripted server as a child process.
pub(crate) fn child(words: &[&str]) -> Value {
    json!({"command": UPSTREAM, "args": words})
}

/// The entry of one over HTTP.
pub(crate) fn remote(endpoint: &Endpoint) -> Value {
    json!({"transport": "streamable-http", "url": endpoint.url()})
}
