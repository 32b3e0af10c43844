//! The ways in which a server can be reached.

use indexmap::IndexMap;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::config::finding::Severity;
use crate::config::interpolate::with_stand_ins;
use crate::config::kind::Kind;
use crate::config::reader::Reader;
use crate::config::remote::{self, is_http, read_headers};
use crate::config::stdio::{FRAMINGS, check_command, read_env};
use crate::config::{self, Framing};

/// The keys of stdio transports alone.
const STDIO_KEYS: [&str; 4] = ["command", "args", "env", "framing"];

/// One way to reach a server. Its strings may hold `${NAME}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "type")]
pub enum Transport {
    /// As a child process.
    #[serde(rename = "stdio")]
    Stdio(Stdio),
    /// By the older HTTP transport.
    #[serde(rename = "sse")]
    Sse(Remote),
    /// By the present HTTP transport.
    #[serde(rename = "streamable-http")]
    StreamableHttp(Remote),
}

/// How a server is started.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Stdio {
    /// The program.
    pub command: String,
    /// Its arguments.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub args: Vec<String>,
    /// Variables beside those that every server gets.
    #[serde(skip_serializing_if = "IndexMap::is_empty")]
    pub env: IndexMap<String, String>,
    /// How messages are told apart.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub framing: Option<Framing>,
    /// A login that the bridge makes for it, as `auth` of a server in the config.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auth: Option<Map<String, Value>>,
}

/// Where a server is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Remote {
    /// Its endpoint.
    pub url: String,
    /// Headers of every request.
    #[serde(skip_serializing_if = "IndexMap::is_empty")]
    pub headers: IndexMap<String, String>,
    /// How the bridge logs in, as `auth` of a server in the config.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auth: Option<Map<String, Value>>,
}

impl Transport {
    /// As `type` names it.
    pub fn name(&self) -> &'static str {
        let kind = match self {
            Self::Stdio(_) => Kind::Stdio,
            Self::Sse(_) => Kind::Sse,
            Self::StreamableHttp(_) => Kind::StreamableHttp,
        };
        kind.name()
    }

    /// Its place in the order in which transports are chosen.
    pub(super) fn rank(&self) -> u8 {
        match self {
            Self::Stdio(_) => 0,
            Self::StreamableHttp(_) => 1,
            Self::Sse(_) => 2,
        }
    }

    /// Reads the keys of a transport, of which `key` says which one it is.
    pub(super) fn read(reader: &mut Reader<'_>, key: &'static str) -> Option<Self> {
        if !reader.has(key) {
            let message = format!("`{key}` is missing; it is `stdio`, `streamable-http` or `sse`");
            reader.report().error(reader.pointer(), message);
        }
        let Some(kind) = reader.choice(key, &Kind::NAMED) else {
            reader.skip(&STDIO_KEYS);
            reader.skip(&remote::KEYS);
            reader.skip(&["auth"]);
            return None;
        };
        if kind == Kind::Stdio {
            reader.useless(&remote::KEYS, "has no effect on a stdio transport");
            return Stdio::read(reader).map(Self::Stdio);
        }
        reader.useless(&STDIO_KEYS, "has no effect on a transport with a URL");
        let remote = Remote::read(reader)?;
        Some(if kind == Kind::Sse { Self::Sse(remote) } else { Self::StreamableHttp(remote) })
    }
}

impl Stdio {
    fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let command = reader.required_string("command");
        let args = reader.strings("args").unwrap_or_default();
        if let Some(command) = &command {
            check_command(reader, command, &args);
        }
        let env = read_env(reader).into_iter();
        let env = env.map(|(name, value)| (name, value.expose().to_owned())).collect();
        let framing = reader.choice("framing", &FRAMINGS);
        let auth = read_auth(reader);
        Some(Self { command: command?, args, env, framing, auth })
    }
}

impl Remote {
    fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let url = reader.required_string("url");
        if let Some(url) = &url
            && !is_http(&stand_in(url))
        {
            let message = "`url` does not begin with `https://` or `http://` and a host";
            let finding = reader.report().finding(Severity::Error, &reader.at("url"), message);
            reader.report().add(finding);
        }
        let headers = read_headers(reader).unwrap_or_default().into_iter();
        let headers = headers.map(|(name, value)| (name, value.expose().to_owned())).collect();
        let auth = read_auth(reader);
        Some(Self { url: url?, headers, auth })
    }
}

/// The login of a transport. It is checked as it would be in the config, each variable standing for something that fits.
fn read_auth(reader: &mut Reader<'_>) -> Option<Map<String, Value>> {
    let section = reader.map("auth")?;
    let mut filled = Value::Object(section.clone());
    fill(&mut filled);
    if let Value::Object(filled) = &filled {
        config::Auth::read(Reader::new(filled, &reader.at("auth"), reader.report()));
    }
    let mut kept = section.clone();
    // Nothing of a login is a fraction, and not every fraction reads back as it was written.
    kept.retain(|_, value| !has_fraction(value));
    Some(kept)
}

fn fill(value: &mut Value) {
    match value {
        Value::String(text) => *text = stand_in(text),
        Value::Array(items) => items.iter_mut().for_each(fill),
        Value::Object(members) => members.values_mut().for_each(fill),
        _ => {}
    }
}

/// The text as it may be once its variables are filled in. A variable at its beginning may be a whole URL.
fn stand_in(text: &str) -> String {
    let full = with_stand_ins(text, "x");
    match full.strip_prefix("x://") {
        _ if !text.starts_with("${") => full,
        Some(rest) => format!("https://{rest}"),
        None => format!("https://{full}"),
    }
}

fn has_fraction(value: &Value) -> bool {
    match value {
        Value::Number(number) => number.is_f64(),
        Value::Array(items) => items.iter().any(has_fraction),
        Value::Object(members) => members.values().any(has_fraction),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_stand_for_what_fits() {
        let check = |text: &str, expected: &str| {
            assert_eq!(stand_in(text), expected, "{text}");
        };
        check("https://${HOST}/${PATH_}", "https://x/x");
        check("${URL}", "https://x");
        check("${URL}/mcp", "https://x/mcp");
        check("${SCHEME}://host", "https://host");
        check("mcp.example.com", "mcp.example.com");
    }
}
