//! A file that is locked for as long as one bridge lives, so that others can tell whether its calls are still under way.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use tempfile::Builder;

use crate::base::fs::open_regular;

const SUFFIX: &str = ".holder";
/// The beginning of the names of files that are still being written.
const UNFINISHED: &str = ".tmp";
/// No file takes this long to be written.
const LONGEST_WRITE: Duration = Duration::from_hours(1);

/// The sign of life of this bridge; it goes when this is dropped.
#[derive(Debug)]
pub(super) struct Holder {
    name: String,
    path: PathBuf,
    _locked: File,
}

impl Holder {
    /// Gives the first sign of life. What bridges that were killed have left in the folder is cleared away.
    pub(super) fn new(folder: &Path) -> io::Result<Self> {
        clear(folder);
        let file = Builder::new().prefix(UNFINISHED).rand_bytes(16).tempfile_in(folder)?;
        // Locked before it has its name: under that name nobody ever finds it unlocked while we live.
        file.as_file().lock()?;
        let name = file.path().file_name().and_then(|name| name.to_str()?.strip_prefix(UNFINISHED));
        let name = name.ok_or(io::ErrorKind::InvalidFilename)?.to_owned();
        let path = path(folder, &name);
        let locked = file.persist_noclobber(&path).map_err(|fault| fault.error)?;
        Ok(Self { name, path, _locked: locked })
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Whether the file is still where others look for it.
    pub(super) fn is_in_place(&self) -> bool {
        self.path.exists()
    }
}

impl Drop for Holder {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}

/// Whether the bridge of this name lives. In doubt it does: its places then stay taken.
pub(super) fn lives(folder: &Path, name: &str) -> bool {
    let plain = name.bytes().all(|letter| letter.is_ascii_alphanumeric());
    plain && is_locked(&path(folder, name))
}

fn path(folder: &Path, name: &str) -> PathBuf {
    folder.join(format!("{name}{SUFFIX}"))
}

/// Shared, so that two who look at the same time do not take each other for the owner.
fn is_locked(path: &Path) -> bool {
    match open_regular(path, File::options().read(true)) {
        Ok(file) => match file.try_lock_shared() {
            Ok(()) => false,
            Err(TryLockError::WouldBlock | TryLockError::Error(_)) => true,
        },
        Err(error) => error.kind() != io::ErrorKind::NotFound,
    }
}

fn clear(folder: &Path) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let (name, path) = (entry.file_name(), entry.path());
        let name = name.to_string_lossy();
        let left = if name.starts_with(UNFINISHED) {
            let written = entry.metadata().and_then(|metadata| metadata.modified());
            written.is_ok_and(|at| {
                SystemTime::now().duration_since(at).is_ok_and(|age| age > LONGEST_WRITE)
            })
        } else {
            name.ends_with(SUFFIX) && !is_locked(&path)
        };
        if left {
            let _ = fs::remove_file(path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lives_until_it_is_dropped() {
        let folder = tempfile::tempdir().expect("a folder");
        let holder = Holder::new(folder.path()).expect("a holder");
        let other = Holder::new(folder.path()).expect("another");
        let name = holder.name().to_owned();
        assert!(lives(folder.path(), &name) && lives(folder.path(), other.name()));
        drop(holder);
        assert!(!lives(folder.path(), &name) && other.is_in_place());
    }

    #[test]
    fn what_the_dead_left_is_cleared_away() {
        let folder = tempfile::tempdir().expect("a folder");
        let dead = folder.path().join("abc.holder");
        fs::write(&dead, "").expect("written");
        fs::write(folder.path().join(".tmpabc"), "").expect("written");
        assert!(!lives(folder.path(), "abc"));
        let _holder = Holder::new(folder.path()).expect("a holder");
        assert!(!dead.exists());
        assert!(folder.path().join(".tmpabc").exists(), "somebody may be writing it");
    }

    #[test]
    fn names_lead_nowhere_else() {
        let folder = tempfile::tempdir().expect("a folder");
        assert!(!lives(folder.path(), "../../etc/x"));
    }
}
