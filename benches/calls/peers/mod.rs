//! Routers of other people, as benches/peers/install installs them: how each is started as it is meant to be, with
//! settings that pass everything on.

mod all;

use std::fs;
use std::io::{self, Error};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use serde_json::{Value, json};

use crate::bridge::{Ground, upstream_http};
use crate::load::{Endpoint, Way};
use crate::machine::Clock;
use crate::process::{PATIENCE, Process, UPSTREAM};

pub(crate) use all::ALL;

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/peers");
/// How often a port is tried that nobody listens on yet.
const PAUSE: Duration = Duration::from_millis(5);

/// What a router is on the side of the client, and on that of the server.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    StdioToStdio,
    HttpToStdio,
    StdioToHttp,
}

/// Where its package comes from.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Registry {
    Crates,
    Npm,
    PyPi,
}

/// What a command line may want to name.
struct Place {
    config: PathBuf,
    url: String,
    port: String,
}

pub(crate) struct Peer {
    name: &'static str,
    registry: Registry,
    pub(crate) kind: Kind,
    /// Its config in TOML; none where it reads what clients have, or its command line says everything.
    toml: Option<fn(&Place) -> String>,
    words: fn(&Place) -> Vec<&str>,
    /// Where it serves, over HTTP.
    path: &'static str,
    /// What it does, and what it does not.
    pub(crate) does: &'static str,
}

impl Peer {
    /// Its name with version and registry.
    pub(crate) fn label(&self) -> String {
        let registry = match self.registry {
            Registry::Crates => "crates.io",
            Registry::Npm => "npm",
            Registry::PyPi => "PyPI",
        };
        let version = self.version().unwrap_or_else(|| "?".to_owned());
        format!("{} {version} ({registry})", self.name)
    }

    /// As it is pinned.
    fn version(&self) -> Option<String> {
        let folder = Path::new(FOLDER);
        match self.registry {
            Registry::Crates => {
                let pins = fs::read_to_string(folder.join("crates.txt")).ok()?;
                let mut pins = pins.lines().filter_map(|line| line.split_once('@'));
                Some(pins.find(|(name, _)| *name == self.name)?.1.to_owned())
            }
            Registry::Npm => {
                let package = fs::read(folder.join("package.json")).ok()?;
                let package: Value = serde_json::from_slice(&package).ok()?;
                Some(package["dependencies"][self.name].as_str()?.to_owned())
            }
            Registry::PyPi => {
                let file = folder.join("python").join(format!("{}.txt", self.name));
                let pins = fs::read_to_string(file).ok()?;
                Some(pins.lines().next()?.split_once("==")?.1.to_owned())
            }
        }
    }

    fn program(&self) -> PathBuf {
        let work = Path::new(FOLDER).join(".work");
        match self.registry {
            Registry::Crates => work.join("crates/bin").join(self.name),
            Registry::Npm => work.join("npm/node_modules/.bin").join(self.name),
            Registry::PyPi => work.join(self.name).join("bin").join(self.name),
        }
    }

    pub(crate) fn is_installed(&self) -> bool {
        self.program().exists()
    }

    /// Starts it in front of the scripted server and lets it call that once. Over HTTP there are so many connections.
    pub(crate) fn open(&self, ground: &Ground, connections: usize) -> io::Result<Way> {
        let server = json!({"command": UPSTREAM, "args": []});
        let mut servers = json!({"one": server});
        if self.name == "mcp-gateway" {
            // It looks for its servers in the entry that clients have for itself.
            servers = json!({"mcp-gateway": {"command": "mcp-gateway", "servers": servers}});
        }
        let home = ground.home(&format!("peer-{}", self.name), &json!({"mcpServers": servers}))?;
        let behind = if self.kind == Kind::StdioToHttp { Some(upstream_http()?) } else { None };
        let address = free_address()?;
        let place = Place {
            config: home.join(if self.toml.is_some() { "config.toml" } else { "config.json" }),
            url: behind.as_ref().map_or(String::new(), |(_, endpoint)| endpoint.url()),
            port: address.port().to_string(),
        };
        if let Some(toml) = self.toml {
            fs::write(&place.config, toml(&place))?;
        }
        let mut command = Command::new(self.program());
        command.args((self.words)(&place)).current_dir(&home).env("HOME", &home);
        let mut process = Process::start(command.stderr(Stdio::null()))?;
        let label = self.label();
        let way = if self.kind == Kind::HttpToStdio {
            drop(process.child.stdout.take());
            wait_for(address)?;
            let endpoint = Endpoint { address, path: self.path.to_owned() };
            Way::over_http(&label, process, &endpoint, connections)?
        } else {
            Way::over_pipes(&label, process)?
        };
        Ok(match behind {
            Some((server, _)) => way.in_front_of(server),
            None => way,
        })
    }
}

/// An address that nobody listens on; those routers cannot be asked which one they chose.
fn free_address() -> io::Result<SocketAddr> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()
}

fn wait_for(address: SocketAddr) -> io::Result<()> {
    let clock = Clock::start();
    while TcpStream::connect(address).is_err() {
        if clock.elapsed() > PATIENCE {
            return Err(Error::other(format!("nobody listens on {address}")));
        }
        sleep(PAUSE);
    }
    Ok(())
}

fn text(path: &Path) -> &str {
    path.to_str().expect("temporary folders have names in Unicode")
}
