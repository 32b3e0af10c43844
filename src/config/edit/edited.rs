//! What all changes have in common: the files that they are about, and the check before one is written.

use std::path::{Path, PathBuf};

use super::error::Error;
use crate::base::environment::Environment;
use crate::base::paths::Paths;
use crate::base::rewrite::{Access, rewrite};
use crate::config::document::Document;
use crate::config::load::{Loaded, load_with};
use crate::config::variables::Draft;
use crate::config::{self, Source};

const BYTE_ORDER_MARK: &str = "\u{FEFF}";

/// The configuration that is changed, and what it is checked against.
#[derive(Debug, Clone, Copy)]
pub struct Target<'a> {
    /// Its files.
    pub source: &'a Source,
    /// The folders of the bridge.
    pub paths: &'a Paths,
    /// Where variables come from that stand in no file.
    pub process: &'a Environment,
}

/// A file after a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edited {
    /// The file itself, where the configuration was a link to it.
    pub file: PathBuf,
    /// Whether anything in it is different now.
    pub changed: bool,
}

impl Target<'_> {
    /// Changes the text of the configuration, which is an object of JSON without a byte order mark.
    pub(super) fn edit_config<T>(
        &self,
        change: impl Fn(&str) -> Result<(String, T), Error>,
    ) -> Result<(Edited, T), Error> {
        let path = &self.source.config;
        let (file, (changed, said)) = rewrite(path, Access::Kept, |old| {
            let old = old.ok_or_else(|| config::Error::NotFound { path: path.clone() })?;
            let (new, said) = change_text(path, old, &change)?;
            self.check(&[FileChange { path, old: Some(old), new: &new }])?;
            let changed = new != old;
            Ok::<_, Error>((new, (changed, said)))
        })?;
        Ok((Edited { file, changed }, said))
    }

    /// The text of the configuration, checked to be an object of JSON.
    pub(super) fn config_text(&self) -> Result<String, config::Error> {
        let bytes = config::load::read(self.source)?;
        Document::parse(&self.source.config, &bytes)?;
        let text = String::from_utf8(bytes).expect("the document was parsed");
        Ok(text.strip_prefix(BYTE_ORDER_MARK).map(str::to_owned).unwrap_or(text))
    }

    /// Refuses what would cost the configuration, or a server that runs with the old bytes.
    pub(super) fn check(&self, changes: &[FileChange<'_>]) -> Result<(), Error> {
        if changes.iter().all(|change| change.old == Some(change.new)) {
            return Ok(());
        }
        let load = |drafts: &[Draft<'_>]| load_with(self.source, self.paths, self.process, drafts);
        let Ok(before) = load(&changes.iter().filter_map(FileChange::before).collect::<Vec<_>>())
        else {
            return Ok(());
        };
        let refused =
            |reason: String| Err(Error::Refused { file: self.source.config.clone(), reason });
        let after = match load(&changes.iter().map(FileChange::after).collect::<Vec<_>>()) {
            Ok(after) => after,
            Err(fault) => return refused(fault.to_string()),
        };
        // Of entries that share a name all but one are left out, whichever of them that is.
        let count = |loaded: &Loaded, name: &str| {
            loaded.config.skipped.iter().filter(|skipped| skipped.name == name).count()
        };
        let is_lost = |name: &str| {
            before.config.servers.contains_key(name)
                && (!after.config.servers.contains_key(name)
                    || count(&after, name) > count(&before, name))
        };
        match after.config.skipped.iter().find(|skipped| is_lost(&skipped.name)) {
            Some(lost) => {
                refused(format!("server `{}` would be left out: {}", lost.name, lost.reason))
            }
            None => Ok(()),
        }
    }
}

/// The bytes of a configuration after a change of its text, which is an object of JSON without a byte order mark.
pub(super) fn change_text<T>(
    path: &Path,
    old: &[u8],
    change: impl Fn(&str) -> Result<(String, T), Error>,
) -> Result<(Vec<u8>, T), Error> {
    Document::parse(path, old)?;
    let text = std::str::from_utf8(old).expect("the document was parsed");
    let body = text.strip_prefix(BYTE_ORDER_MARK);
    let (new, said) = change(body.unwrap_or(text))?;
    let mark = if body.is_some() { BYTE_ORDER_MARK } else { "" };
    Ok(([mark, &new].concat().into_bytes(), said))
}

/// One file of a change.
#[derive(Debug, Clone, Copy)]
pub(super) struct FileChange<'a> {
    pub(super) path: &'a Path,
    /// Its bytes, if it is there.
    pub(super) old: Option<&'a [u8]>,
    /// Those that it is to have.
    pub(super) new: &'a [u8],
}

impl<'a> FileChange<'a> {
    fn before(&self) -> Option<Draft<'a>> {
        Some(Draft { path: self.path, bytes: self.old? })
    }

    fn after(&self) -> Draft<'a> {
        Draft { path: self.path, bytes: self.new }
    }
}

/// A configuration in a folder of its own, for the tests of all changes.
#[cfg(test)]
pub(super) mod scratch {
    use super::*;

    /// Writes the files, runs the change and returns what it said with the texts of the files afterwards.
    pub(in crate::config) fn change<T>(
        config: &str,
        env: &str,
        change: impl FnOnce(&Target<'_>) -> T,
    ) -> (T, String, String) {
        let folder = tempfile::tempdir().expect("a folder");
        let home = folder.path().to_str().expect("Unicode");
        let process = Environment::from_pairs([("BRIDGE_HOME", home)]);
        let paths = Paths::new(&process).expect("a home folder");
        let source = Source::of(None, &paths);
        std::fs::write(&source.config, config).expect("written");
        std::fs::write(paths.env_file(), env).expect("written");
        let said = change(&Target { source: &source, paths: &paths, process: &process });
        let read = |path: &Path| std::fs::read_to_string(path).expect("readable");
        (said, read(&source.config), read(&paths.env_file()))
    }
}
