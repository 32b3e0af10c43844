//! All server entries: which of them run, under which names, and which are left out.

use indexmap::IndexMap;
use serde_json::Value;

use super::finding::{Finding, Lines, Report, Severity};
use super::interpolate::Filler;
use super::name::ServerName;
use super::reader::Reader;
use super::server::{Scene, Server};
use super::transport::Transport;
use super::variables::Variables;
use crate::base::locate;
use crate::base::paths::Paths;
use crate::base::sorting;

/// The keys under which entries stand: ours, and that of other programs' files.
pub(super) const KEYS: [&str; 2] = ["servers", "mcpServers"];

/// A server that is left out because its entry has faults.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Skipped {
    /// Its name; as it stands in the file where no proper name can be made of it, or the proper one
    /// is taken.
    pub name: String,
    /// Its faults, as one line.
    pub reason: String,
}

/// Reads one entry after the other.
pub(super) struct Servers<'a> {
    pub(super) scene: Scene<'a>,
    pub(super) paths: &'a Paths,
    pub(super) variables: &'a Variables<'a>,
    pub(super) lines: &'a Lines,
    /// Pointers of the keys that stand twice.
    pub(super) repeated: &'a [String],
    pub(super) found: Found,
}

/// What the entries are.
#[derive(Default)]
pub(super) struct Found {
    pub(super) servers: IndexMap<ServerName, Server>,
    pub(super) skipped: Vec<Skipped>,
    pub(super) findings: Vec<Finding>,
}

impl Servers<'_> {
    /// Reads all entries in the order of the file, since a later server takes precedence when a
    /// tool is resolved.
    pub(super) fn read(mut self, top: &mut Reader<'_>) -> Found {
        let mut keys = KEYS;
        sorting::sort_by_key(&mut keys, |key| top.index(key));
        for key in keys {
            let Some(entries) = top.map(key) else {
                continue;
            };
            for (name, entry) in entries {
                if !is_disabled(entry) {
                    self.entry(name, entry, &locate::child(&top.at(key), name));
                }
            }
        }
        self.found
    }

    fn entry(&mut self, written: &str, entry: &Value, pointer: &str) {
        let name = ServerName::parse(written).or_else(|_| ServerName::normalise(written));
        let taken = name.as_ref().is_ok_and(|name| self.found.servers.contains_key(name));
        let shown = match &name {
            Ok(name) if !taken => name.to_string(),
            _ => written.to_owned(),
        };
        let mut report = Report::of_server(&shown);
        let server = match &name {
            Ok(name) if taken => {
                report.error(
                    pointer,
                    format!("another server has the name `{name}`; rename this one"),
                );
                None
            }
            Ok(name) => {
                if name.as_str() != written {
                    let message =
                        format!("`{written}` is no server name; the server is called `{name}`");
                    report.warning(pointer, message);
                }
                self.server(name, entry, pointer, &mut report)
            }
            Err(fault) => {
                report.error(pointer, fault.to_string());
                None
            }
        };
        let faulty = report.has_errors();
        let findings = report.into_findings(self.lines);
        match (name, server) {
            (Ok(name), Some(server)) if !faulty => {
                self.found.servers.insert(name, server);
            }
            _ => self.found.skipped.push(Skipped { name: shown, reason: reason(&findings) }),
        }
        self.found.findings.extend(findings);
    }

    fn server(
        &self,
        name: &ServerName,
        entry: &Value,
        pointer: &str,
        report: &mut Report,
    ) -> Option<Server> {
        let inside = format!("{pointer}/");
        for repeated in self.repeated {
            if repeated == pointer || repeated.starts_with(&inside) {
                report.error(repeated, "this key stands twice in its object; keep one");
            }
        }
        let folder = self.paths.server_folder(name.as_str());
        let mut entry = entry.clone();
        let mut filler = Filler::new(self.variables, &folder, report);
        filler.fill(&mut entry, pointer);
        let filled = filler.finish();
        report.conceal(filled.pointers);
        report.hush(filled.lacking);
        let Some(object) = entry.as_object() else {
            report.error(pointer, "a server entry must be an object");
            return None;
        };
        let reader = Reader::new(object, pointer, report);
        let mut server = Server::read(reader, &self.scene, filled.secrets)?;
        if let Transport::Stdio(stdio) = &mut server.transport {
            stdio.own_folder = filled.names_own_folder.then_some(folder);
        }
        Some(server)
    }
}

/// Whether the entry is switched off, in the ways of the programs whose files are read.
fn is_disabled(entry: &Value) -> bool {
    entry.get("disabled") == Some(&Value::Bool(true))
        || entry.get("enabled") == Some(&Value::Bool(false))
}

fn reason(findings: &[Finding]) -> String {
    let errors = findings.iter().filter(|finding| finding.severity == Severity::Error);
    errors.map(ToString::to_string).collect::<Vec<_>>().join("; ")
}
