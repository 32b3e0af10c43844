//! The folders of files that are being changed, which are locked for as long.

use std::path::PathBuf;

use super::error::Error;
use crate::base::lock::{Lock, PATIENCE};
use crate::base::sorting;
use crate::base::system::owners as system;

/// Held until they are dropped. The folders are what is locked, since the files themselves are replaced, and a lock file
/// beside them would stay in a folder that is not ours. Each folder is locked once, and all processes lock them in the
/// same order, so that none waits for another in a circle. Where folders cannot be opened as files (Windows), one lock of
/// this user's stands for all files.
///
/// Where folders cannot be locked, the comparison before the write has to do.
pub(super) fn lock_all(files: &[PathBuf]) -> Result<Vec<Lock>, Error> {
    let mut open = Vec::with_capacity(files.len());
    for file in files {
        let unwritable = |source| Error::Unwritable { path: file.clone(), source };
        let folder = system::open_lock(file).map_err(unwritable)?;
        let identity = system::identity(&folder).map_err(unwritable)?;
        open.push((identity, file, folder));
    }
    sorting::sort_by_key(&mut open, |(identity, ..)| *identity);
    open.dedup_by_key(|(identity, ..)| *identity);
    let lock = |(_, file, folder): (_, &PathBuf, _)| {
        let lock = Lock::wait_in_line(folder, PATIENCE);
        let lock = lock.map_err(|_| Error::Busy { path: file.clone() })?;
        system::tell_of_change(lock.file());
        Ok(lock)
    };
    open.into_iter().map(lock).collect()
}
