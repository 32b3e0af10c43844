//! The folders of files that are being changed, which are locked for as long.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use super::error::Error;
use crate::base::lock::{Lock, PATIENCE};

/// Held until they are dropped. The folders are what is locked, since the files themselves are replaced, and a lock file
/// beside them would stay in a folder that is not ours. Each folder is locked once, and all processes lock them in the
/// same order, so that none waits for another in a circle.
///
/// Where folders cannot be locked, the comparison before the write has to do.
pub(super) fn lock_all(files: &[PathBuf]) -> Result<Vec<Lock>, Error> {
    let mut open = Vec::with_capacity(files.len());
    for file in files {
        let unwritable = |source| Error::Unwritable { path: file.clone(), source };
        let folder = open_lock(file).map_err(unwritable)?;
        let identity = identity(&folder).map_err(unwritable)?;
        open.push((identity, file, folder));
    }
    open.sort_by_key(|(identity, ..)| *identity);
    open.dedup_by_key(|(identity, ..)| *identity);
    let lock = |(_, file, folder): (_, &PathBuf, File)| {
        Lock::wait_in_line(folder, PATIENCE).map_err(|_| Error::Busy { path: file.clone() })
    };
    open.into_iter().map(lock).collect()
}

#[cfg(unix)]
fn open_lock(file: &Path) -> io::Result<File> {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))
}

/// What two open folders have in common if they are the same.
#[cfg(unix)]
fn identity(folder: &File) -> io::Result<(u64, u64)> {
    use std::os::unix::fs::MetadataExt;
    folder.metadata().map(|found| (found.dev(), found.ino()))
}

/// Where folders cannot be opened as files, one lock of this user's stands for all files.
#[cfg(not(unix))]
fn open_lock(_file: &Path) -> io::Result<File> {
    File::create(std::env::temp_dir().join("mcp-bridge-rewrite.lock"))
}

#[cfg(not(unix))]
#[expect(clippy::unnecessary_wraps, reason = "the same shape as on Unix")]
fn identity(_folder: &File) -> io::Result<(u64, u64)> {
    Ok((0, 0))
}
