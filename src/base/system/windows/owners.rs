//! The same for Windows, where files have no modes, inherit their access from the folder, and folders cannot be locked.

use std::fs::File;
use std::io;
use std::path::Path;
use std::time::SystemTime;

use crate::base::fs::PRIVATE;
use crate::base::rewrite::{Access, Mode};

/// The command that takes a write protection away.
pub(in crate::base) const UNPROTECT: &str = "attrib -r";

pub(in crate::base) fn open_lock(_file: &Path) -> io::Result<File> {
    let path = std::env::temp_dir().join("mcp-bridge-rewrite.lock");
    File::options().write(true).create(true).truncate(false).open(path)
}

/// Nothing changes the lock itself, so that whoever waits for it would not see that others get on.
pub(in crate::base) fn tell_of_change(lock: &File) {
    // They give up earlier, no more.
    let _ = lock.set_modified(SystemTime::now());
}

/// There is but the one lock.
#[expect(clippy::unnecessary_wraps, reason = "the same shape as on Unix")]
pub(in crate::base) fn identity(_lock: &File) -> io::Result<u8> {
    Ok(0)
}

#[expect(clippy::unnecessary_wraps, reason = "the same shape as on Unix")]
pub(in crate::base) fn mode(path: &Path, _access: Access) -> io::Result<Mode> {
    let is_write_protected = path.metadata().is_ok_and(|found| found.permissions().readonly());
    Ok(Mode { bits: PRIVATE, is_kept: true, is_write_protected })
}

/// A file that takes the place of another belongs to who put it there.
pub(in crate::base) struct Owner;

impl Owner {
    pub(in crate::base) fn of(_path: &Path) -> Self {
        Self
    }

    #[expect(clippy::unused_self, reason = "the same shape as on Unix")]
    pub(in crate::base) fn keep(&self, _path: &Path) {}
}

#[cfg(test)]
mod tests {
    use std::fs;

    use crate::base::rewrite::{Access, Error, rewrite};

    #[test]
    fn threads_lose_nothing() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("config.json");
        let append = |letter: &str| {
            rewrite::<_, Error>(&path, Access::Kept, |old| {
                Ok(([old.unwrap_or_default(), letter.as_bytes()].concat(), ()))
            })
        };
        std::thread::scope(|scope| {
            for letter in ["a", "b", "c", "d"] {
                scope.spawn(move || (0..10).for_each(|_| drop(append(letter).expect("changed"))));
            }
        });
        assert_eq!(fs::read(&path).expect("readable").len(), 40);
    }

    #[test]
    fn leaves_what_is_write_protected() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("config.json");
        fs::write(&path, "a").expect("written");
        let mut permissions = path.metadata().expect("there").permissions();
        permissions.set_readonly(true);
        fs::set_permissions(&path, permissions.clone()).expect("set");
        let changed = rewrite::<_, Error>(&path, Access::Kept, |_| Ok((b"b".to_vec(), ())));
        let fault = changed.expect_err("protected");
        assert!(matches!(fault, Error::WriteProtected { .. }), "{fault}");
        #[expect(
            clippy::permissions_set_readonly_false,
            reason = "there is no other way on Windows"
        )]
        permissions.set_readonly(false);
        fs::set_permissions(&path, permissions).expect("set");
    }
}
