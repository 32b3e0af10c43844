//! Which routers are compared, and how each is started as it is meant to be, with settings that pass everything on.

use super::{Kind, Peer, Registry, text};
use crate::process::UPSTREAM;

/// What most have in common.
const PEER: Peer = Peer {
    name: "",
    registry: Registry::Npm,
    kind: Kind::StdioToStdio,
    toml: None,
    words: |_| Vec::new(),
    path: "/mcp",
    does: "",
};

pub(crate) const ALL: [Peer; 12] = [
    Peer {
        name: "mcp-multiplexer",
        registry: Registry::Crates,
        kind: Kind::StdioToStdio,
        words: |place| vec!["--config", text(&place.config)],
        does: "many servers behind seven tools",
        ..PEER
    },
    Peer {
        name: "mcp-hub",
        registry: Registry::Crates,
        kind: Kind::StdioToStdio,
        toml: Some(|_| format!("[servers.one]\ncommand = {UPSTREAM:?}\n")),
        words: |place| vec![text(&place.config)],
        does: "tools of many servers, every tool by itself",
        ..PEER
    },
    Peer {
        name: "fastmcp",
        registry: Registry::PyPi,
        kind: Kind::StdioToStdio,
        words: |place| vec!["run", text(&place.config), "--no-banner", "--log-level", "ERROR"],
        does: "proxy of one or many servers, every tool by itself",
        ..PEER
    },
    Peer {
        name: "mcp-gateway",
        registry: Registry::PyPi,
        kind: Kind::StdioToStdio,
        words: |place| vec!["--mcp-json-path", text(&place.config)],
        does: "many servers, every tool by itself; plugins that look at results, none in use",
        ..PEER
    },
    Peer {
        name: "mcp-proxy",
        registry: Registry::Crates,
        kind: Kind::HttpToStdio,
        toml: Some(|place| {
            let listen = format!("host = \"127.0.0.1\"\nport = {}\n", place.port);
            let backend = format!("transport = \"stdio\"\ncommand = {UPSTREAM:?}\n");
            format!(
                "[proxy]\nname = \"peer\"\n[proxy.listen]\n{listen}[[backends]]\nname = \"one\"\n{backend}"
            )
        }),
        words: |place| vec!["--config", text(&place.config)],
        path: "/",
        does: "many servers, every tool by itself",
    },
    Peer {
        name: "fastmcp",
        registry: Registry::PyPi,
        kind: Kind::HttpToStdio,
        words: |place| {
            let config = text(&place.config);
            let port = &place.port;
            let mut words = vec!["run", config, "--no-banner", "--log-level", "ERROR"];
            words.extend(["--transport", "http", "--host", "127.0.0.1", "--port", port]);
            words
        },
        does: "proxy of one or many servers, every tool by itself",
        ..PEER
    },
    Peer {
        name: "mcp-proxy",
        registry: Registry::PyPi,
        kind: Kind::HttpToStdio,
        words: |place| vec!["--log-level", "ERROR", "--port", &place.port, "--", UPSTREAM],
        does: "another transport for one server",
        ..PEER
    },
    Peer {
        name: "mcp-proxy",
        registry: Registry::Npm,
        kind: Kind::HttpToStdio,
        words: |place| {
            let port = &place.port;
            vec!["--server", "stream", "--host", "127.0.0.1", "--port", port, "--", UPSTREAM]
        },
        does: "another transport for one server",
        ..PEER
    },
    Peer {
        name: "supergateway",
        registry: Registry::Npm,
        kind: Kind::HttpToStdio,
        words: |place| {
            let mut words = vec!["--stdio", UPSTREAM, "--outputTransport", "streamableHttp"];
            words.extend(["--stateful", "--logLevel", "none", "--port", &place.port]);
            words
        },
        does: "another transport for one server, a process for each session",
        ..PEER
    },
    Peer {
        name: "mcp-proxy",
        registry: Registry::PyPi,
        kind: Kind::StdioToHttp,
        words: |place| vec!["--log-level", "ERROR", "--transport", "streamablehttp", &place.url],
        does: "another transport for one server",
        ..PEER
    },
    Peer {
        name: "mcp-remote",
        registry: Registry::Npm,
        kind: Kind::StdioToHttp,
        words: |place| vec![&place.url, "--transport", "http-only", "--silent"],
        does: "another transport for one server, with logins",
        ..PEER
    },
    Peer {
        name: "supergateway",
        registry: Registry::Npm,
        kind: Kind::StdioToHttp,
        words: |place| vec!["--streamableHttp", &place.url, "--logLevel", "none"],
        does: "another transport for one server",
        ..PEER
    },
];
