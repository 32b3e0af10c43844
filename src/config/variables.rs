//! What `${NAME}` can be filled from: the `.env` files, then the process environment.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use super::dotenv;
use super::finding::Report;
use crate::base::environment::Environment;
use crate::base::text;

/// Variables that say where or who one is. Programs print them all the time, so they are not taken
/// for secrets.
const PLAIN: [&str; 20] = [
    "APPDATA",
    "HOME",
    "HOSTNAME",
    "LANG",
    "LOCALAPPDATA",
    "LOGNAME",
    "OS",
    "PATH",
    "PROGRAMDATA",
    "PROGRAMFILES",
    "PWD",
    "SHELL",
    "TEMP",
    "TERM",
    "TMP",
    "TMPDIR",
    "TZ",
    "USER",
    "USERNAME",
    "USERPROFILE",
];

/// Bytes that a file is to have and does not have yet.
#[derive(Debug, Clone, Copy)]
pub(super) struct Draft<'a> {
    pub(super) path: &'a Path,
    pub(super) bytes: &'a [u8],
}

/// The variables that server entries may name.
pub(super) struct Variables<'a> {
    files: Vec<HashMap<String, String>>,
    process: &'a Environment,
    remedy: PathBuf,
}

impl<'a> Variables<'a> {
    /// Reads the files; an earlier one wins over a later one, and each over the process
    /// environment.
    pub(super) fn read(
        files: &[PathBuf],
        process: &'a Environment,
        report: &Report,
        drafts: &[Draft<'_>],
    ) -> Self {
        let read = |file: &PathBuf| match drafts.iter().find(|draft| draft.path == file) {
            Some(draft) => dotenv::read_bytes(draft.bytes.to_owned(), file, report),
            None => dotenv::read(file, report),
        };
        Self {
            files: files.iter().map(read).collect(),
            process,
            remedy: files.first().cloned().unwrap_or_else(|| PathBuf::from(".env")),
        }
    }

    pub(super) fn lookup(&self, name: &str) -> Option<&str> {
        let in_files = self.files.iter().find_map(|file| file.get(name));
        in_files.map(String::as_str).or_else(|| self.process.lookup(name))
    }

    /// Whether what the variable holds must be kept out of sight.
    pub(super) fn is_secret(name: &str) -> bool {
        !PLAIN.contains(&name.to_ascii_uppercase().as_str())
    }

    /// The file in which a missing variable belongs.
    pub(super) fn remedy(&self) -> &Path {
        &self.remedy
    }

    /// Why a variable was not found.
    pub(super) fn why_missing(&self, name: &str) -> &'static str {
        if self.process.is_not_unicode(name) { "is not Unicode" } else { "is not set" }
    }

    /// A variable of the files whose name is nearly the one that is missing.
    pub(super) fn nearest(&self, name: &str) -> Option<&str> {
        text::nearest(name, self.files.iter().flat_map(HashMap::keys).map(String::as_str))
    }
}
