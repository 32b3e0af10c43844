//! What there is of a server beside its entry in the config, taken away again. Its pins are its owner's to forget.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::files::forget_files;
use crate::base::paths::Paths;
use crate::catalog::lock::Lock;
use crate::config::edit::Target;
use crate::config::{ServerName, Source};

/// One thing that belonged to a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Forgotten {
    /// What it is, as part of a sentence.
    pub what: String,
    /// Why it is still there, if it is.
    pub fault: Option<String>,
}

/// Takes away the line in the lock, the folders and the remembered tools of a server; what there was of them. In the home
/// folder only with the config of the home folder, since another one may have a server of that name.
pub fn forget(target: &Target<'_>, name: &ServerName) -> Vec<Forgotten> {
    let mut forgotten: Vec<Forgotten> = unlock(target.source, name).into_iter().collect();
    if target.source.config == target.paths.config_file() {
        forgotten.extend(clear(target.paths, name, &[]));
    }
    forgotten
}

/// The folders and files that belong to a server by its name.
pub fn places(paths: &Paths, name: &ServerName) -> [PathBuf; 4] {
    let file = format!("{name}.json");
    let lists = [paths.lists().join(&file), paths.lists().join("asked").join(&file)];
    let [list, asked] = lists;
    [paths.server_folder(name.as_str()), paths.sources(name.as_str()), list, asked]
}

/// Takes these places away, but for the spared ones.
pub fn clear(paths: &Paths, name: &ServerName, spared: &[PathBuf]) -> Vec<Forgotten> {
    let [own, sources, list, asked] = places(paths, name);
    let folders = [own, sources].into_iter().filter(|path| !spared.contains(path));
    let folders =
        folders.map(|path| (format!("the folder {}", path.display()), forget_files(&path)));
    let lists = [list, asked].into_iter().filter(|path| !spared.contains(path));
    let remembered = |path: &Path| format!("what was remembered of its tools ({})", path.display());
    let lists = lists.map(|path| (remembered(&path), forget_file(&path)));
    folders.chain(lists).filter_map(|(what, done)| note(what, done)).collect()
}

fn unlock(source: &Source, name: &ServerName) -> Option<Forgotten> {
    let lock = Lock::path(source);
    let changed = Lock::update(&lock, |lock| drop(lock.servers.remove(name.as_str())));
    note(format!("its line in {}", lock.display()), changed)
}

fn forget_file(path: &Path) -> io::Result<bool> {
    match fs::remove_file(path) {
        Ok(()) => Ok(true),
        Err(fault) if fault.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(fault) => Err(fault),
    }
}

fn note(what: String, done: Result<bool, impl std::fmt::Display>) -> Option<Forgotten> {
    match done {
        Ok(true) => Some(Forgotten { what, fault: None }),
        Ok(false) => None,
        Err(fault) => Some(Forgotten { what, fault: Some(fault.to_string()) }),
    }
}
