//! How a server is reached.

use super::finding::Severity;
use super::kind::Kind;
use super::reader::Reader;
use super::remote::{self, Remote};
use super::server::Scene;
use super::stdio::{self, Stdio};

/// Our own names first; the others are those of other programs' files.
pub(super) const KINDS: [(&str, Kind); 5] = [
    Kind::NAMED[0],
    Kind::NAMED[1],
    Kind::NAMED[2],
    ("streamableHttp", Kind::StreamableHttp),
    ("http", Kind::StreamableHttp),
];

/// What the files of other programs have for `url`.
const FOREIGN_URLS: [&str; 2] = ["serverUrl", "httpUrl"];

/// How a server is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Transport {
    /// As a child process.
    Stdio(Stdio),
    /// By the older HTTP transport, with its stream of events beside it.
    Sse(Remote),
    /// By the present HTTP transport.
    StreamableHttp(Remote),
}

impl Transport {
    /// The name that `transport` has in the file and in answers.
    pub fn name(&self) -> &'static str {
        let kind = match self {
            Self::Stdio(_) => Kind::Stdio,
            Self::Sse(_) => Kind::Sse,
            Self::StreamableHttp(_) => Kind::StreamableHttp,
        };
        kind.name()
    }

    pub(super) fn read(reader: &mut Reader<'_>, scene: &Scene<'_>) -> Option<Self> {
        let renamed = FOREIGN_URLS.map(|key| reader.is_renamed(key, "url"));
        let kind = if renamed.contains(&true) {
            reader.skip(&["transport", "type"]);
            None
        } else {
            read_kind(reader)
        };
        let Some(kind) = kind else {
            reader.skip(&stdio::KEYS);
            reader.skip(&remote::KEYS);
            reader.skip(&["auth"]);
            return None;
        };
        if kind == Kind::Stdio {
            reader.useless(&remote::KEYS, "has no effect on a stdio server");
            return Stdio::read(reader, scene).map(Self::Stdio);
        }
        reader.useless(&stdio::KEYS, "has no effect on a server that is reached by URL");
        let remote = Remote::read(reader)?;
        Some(if kind == Kind::Sse { Self::Sse(remote) } else { Self::StreamableHttp(remote) })
    }
}

/// What is named, or what the keys that are there show.
fn read_kind(reader: &mut Reader<'_>) -> Option<Kind> {
    let key = if reader.has("transport") { "transport" } else { "type" };
    reader.skip(&["transport", "type"]);
    if reader.is_object(key) {
        let message = format!("`{key}` must be a string, not an object");
        let finding = reader.report().finding(Severity::Error, &reader.at(key), message);
        let hint = "put what it holds into the entry itself, and write `type` as `transport`";
        reader.report().add(finding.hint(hint));
        return None;
    }
    if reader.has(key) {
        return reader.choice(key, &KINDS);
    }
    match (reader.has("command"), reader.has("url")) {
        (true, false) => Some(Kind::Stdio),
        (false, true) => {
            let sse = reader.glance("url").is_some_and(remote::is_sse);
            Some(if sse { Kind::Sse } else { Kind::StreamableHttp })
        }
        (true, true) => {
            let message = "has both `command` and `url`";
            let finding = reader.report().finding(Severity::Error, reader.pointer(), message);
            reader.report().add(finding.hint("keep one, or say which counts by `transport`"));
            None
        }
        (false, false) => {
            let message = "has neither `command` nor `url`, so nothing says how to reach it";
            reader.report().error(reader.pointer(), message);
            None
        }
    }
}
