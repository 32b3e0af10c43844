//! A recipe as a whole.

use std::time::SystemTime;

use serde::Serialize;
use serde_json::{Map, Value};

use super::auth::Auth;
use super::capabilities::Capabilities;
use super::concern::Subject;
use super::install::Install;
use super::local_only::LocalOnly;
use super::metadata::Metadata;
use super::transport::Transport;
use super::{choice, path, variables};
use crate::config::finding::Severity;
use crate::config::reader::Reader;

/// The version that is written.
pub(super) const VERSION: u64 = 2;
const VERSION_KEY: &str = "schemaVersion";

pub(super) const MAX_NAME: usize = 128;
pub(super) const MAX_DESCRIPTION: usize = 512;
pub(super) const ID_LENGTHS: std::ops::RangeInclusive<usize> = 2..=64;

/// Keys of catalogs and of other clients that mean nothing here.
pub(super) const UNUSED: [&str; 10] = [
    "$schema",
    "adapters",
    "instanceNameHint",
    "maintainer",
    "multiInstance",
    "recipeVersion",
    "signature",
    "signedBy",
    "skill",
    "skills",
];

/// A recipe without errors.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Recipe {
    /// What it is installed by: 2 to 64 small letters, digits and `-`.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// What it is good for.
    pub description: String,
    /// Where its source is. Without it, `metadata.homepage` is there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub repository: Option<String>,
    /// The ways to reach it, at least one.
    pub transports: Vec<Transport>,
    /// How it is got; always there where a transport is stdio.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub install: Option<Install>,
    /// What it takes to log in.
    #[serde(skip_serializing_if = "Auth::is_empty")]
    pub auth: Auth,
    /// What helps to find it.
    #[serde(skip_serializing_if = "Metadata::is_empty")]
    pub metadata: Metadata,
    /// What of the protocol it uses.
    #[serde(skip_serializing_if = "Capabilities::is_empty")]
    pub capabilities: Capabilities,
    /// What of it only makes sense on the user's machine.
    #[serde(skip_serializing_if = "LocalOnly::is_no")]
    pub local_only: LocalOnly,
}

impl Recipe {
    /// The transport to use: stdio before streamable HTTP before SSE, of equal ones the first.
    pub fn preferred(&self) -> &Transport {
        let best = self.transports.iter().min_by_key(|transport| transport.rank());
        best.expect("a recipe has at least one transport")
    }

    /// The recipe as JSON in version 2 of the specification, without what other programs had in it.
    pub fn to_json(&self) -> Value {
        let mut json = Map::new();
        json.insert(VERSION_KEY.to_owned(), VERSION.into());
        if let Ok(Value::Object(members)) = serde_json::to_value(self) {
            json.extend(members);
        }
        Value::Object(json)
    }

    /// Reads version 2; faults are in the report.
    pub(super) fn read(
        object: &Map<String, Value>,
        top: &mut Reader<'_>,
        now: SystemTime,
    ) -> Option<Self> {
        top.skip(&[VERSION_KEY]);
        let id = top.required_string("id").filter(|id| {
            let fits = is_id(id);
            if path::is_device(id) {
                let message = format!("`{id}` is a device on Windows, where no folder can have its name");
                top.report().error(&top.at("id"), message);
            } else if !fits {
                let message = format!(
                    "`id` must be {} to {} small letters, digits and `-`, the first and the last no `-`",
                    ID_LENGTHS.start(),
                    ID_LENGTHS.end()
                );
                top.report().error(&top.at("id"), message);
            }
            fits
        });
        let (name, description) = read_names(top);
        let repository = top.filled_string("repository");
        let transports = read_transports(top);
        let install = top.object("install");
        let has_install = install.is_some();
        let install = install.and_then(Install::read);
        let auth = Auth::read(top.object("auth"));
        let metadata = Metadata::read(top.object("metadata"), now);
        let capabilities = Capabilities::read(top.object("capabilities"));
        let local_only = LocalOnly::read(top);
        top.skip(&UNUSED);
        let has_homepage = object.get("metadata").is_some_and(|metadata| {
            metadata.get("homepage").is_some_and(|homepage| !homepage.is_null())
        });
        if !top.has("repository") && !has_homepage {
            let message = "neither `repository` nor `metadata.homepage` says where it comes from";
            top.report().error(top.pointer(), message);
        }
        let is_started =
            |(_, transport): &(String, Transport)| matches!(transport, Transport::Stdio(_));
        if !has_install && !top.has("install") && transports.iter().any(is_started) {
            let message = "`install` is missing, which a stdio transport needs";
            top.report().error(top.pointer(), message);
        }
        variables::check(object, &auth, top.report());
        let place = Some("/install");
        let install_at = install.as_ref().map(|install| (place, install));
        Subject { transports: &transports, install: install_at, auth: ("/auth", &auth) }
            .tell(top.report());
        Some(Self {
            id: id?,
            name: name?,
            description: description?,
            repository,
            transports: transports.into_iter().map(|(_, transport)| transport).collect(),
            install,
            auth,
            metadata,
            capabilities,
            local_only,
        })
    }
}

/// `name` and `description`, which both versions have.
pub(super) fn read_names(top: &mut Reader<'_>) -> (Option<String>, Option<String>) {
    (read_short(top, "name", MAX_NAME), read_short(top, "description", MAX_DESCRIPTION))
}

fn read_short(top: &mut Reader<'_>, key: &'static str, max: usize) -> Option<String> {
    let text = top.required_string(key)?;
    let length = text.chars().count();
    if length > max {
        let message = format!("`{key}` has {length} characters, at most {max} are permitted");
        let finding = top.report().finding(Severity::Error, &top.at(key), message);
        top.report().add(finding.hint("shorten it"));
    }
    Some(text)
}

/// Each with its place.
fn read_transports(top: &mut Reader<'_>) -> Vec<(String, Transport)> {
    const KEY: &str = "transports";
    if !top.has(KEY) {
        let message = "`transports` is missing, so nothing says how to reach the server";
        top.report().error(top.pointer(), message);
    }
    let Some(readers) = choice::objects(top, KEY) else { return Vec::new() };
    if readers.is_empty() && top.value(KEY).and_then(Value::as_array).is_some_and(Vec::is_empty) {
        let message = "`transports` is empty, so nothing says how to reach the server";
        top.report().error(&top.at(KEY), message);
    }
    let mut transports = Vec::with_capacity(readers.len());
    for mut reader in readers {
        let transport = Transport::read(&mut reader, "type");
        transports.extend(transport.map(|transport| (reader.pointer().to_owned(), transport)));
        reader.finish();
    }
    transports
}

/// Whether the text fits `^[a-z0-9][a-z0-9-]*[a-z0-9]$` and the lengths, and names a folder on every system.
pub fn is_id(text: &str) -> bool {
    let fits = |letter: u8| letter.is_ascii_lowercase() || letter.is_ascii_digit();
    ID_LENGTHS.contains(&text.len())
        && text.bytes().all(|letter| fits(letter) || letter == b'-')
        && !text.starts_with('-')
        && !text.ends_with('-')
        && !path::is_device(text)
}

/// The version that a recipe says it has; version 1 could leave it out.
pub(super) fn version(top: &mut Reader<'_>) -> Option<u64> {
    if top.has(VERSION_KEY) {
        return top.whole(VERSION_KEY, 1..=VERSION);
    }
    if !top.has("transports") && (top.has("transport") || top.has("command") || top.has("url")) {
        return Some(1);
    }
    let message = format!("`{VERSION_KEY}` is missing; it is `{VERSION}`");
    top.report().error(top.pointer(), message);
    Some(VERSION)
}
