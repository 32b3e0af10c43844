//! Source that is built here: when it counts as built, and what becomes of a build that fails.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

/// Where it stands what was built: in a folder into which no repository can put a file.
const MARK: [&str; 2] = [".git", "bridge-built.json"];

/// One build. It happens in the folder where the server will run, since much of what is built names that folder; an older
/// one is kept aside for as long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Build {
    folder: PathBuf,
    /// What is built: the repository and the version.
    what: Value,
}

impl Build {
    pub(super) fn new(folder: &Path, repository: &str, version: Option<&str>) -> Self {
        let what = json!({ "repository": repository, "version": version });
        Self { folder: folder.to_owned(), what }
    }

    /// Whether exactly this was built to its end.
    pub(super) fn is_done(&self) -> bool {
        let mark = fs::read(self.mark()).unwrap_or_default();
        serde_json::from_slice::<Value>(&mark).is_ok_and(|built| built == self.what)
    }

    /// Makes room for the clone.
    pub(super) fn begin(&self) -> io::Result<()> {
        if !self.folder.exists() {
            return Ok(());
        }
        // Where there is one aside already, a build was cut off, and what is here is half of it.
        if self.aside().exists() { self.clear() } else { fs::rename(&self.folder, self.aside()) }
    }

    /// Notes that it is done, and takes the older one away.
    pub(super) fn finish(&self) -> io::Result<()> {
        let mark = self.mark();
        fs::create_dir_all(mark.parent().expect("it has two parts"))?;
        fs::write(mark, self.what.to_string())?;
        if self.aside().exists() { fs::remove_dir_all(self.aside()) } else { Ok(()) }
    }

    /// Puts the older one back. What cannot be is put right by the next build.
    pub(super) fn give_up(&self) {
        if self.clear().is_ok() && self.aside().exists() {
            let _ = fs::rename(self.aside(), &self.folder);
        }
    }

    fn clear(&self) -> io::Result<()> {
        match fs::remove_dir_all(&self.folder) {
            Err(fault) if fault.kind() != io::ErrorKind::NotFound => Err(fault),
            _ => Ok(()),
        }
    }

    fn mark(&self) -> PathBuf {
        self.folder.join(MARK[0]).join(MARK[1])
    }

    /// No name of a server begins with a dot.
    fn aside(&self) -> PathBuf {
        let name = self.folder.file_name().unwrap_or_default().to_string_lossy();
        self.folder.with_file_name(format!(".{name}.old"))
    }
}
