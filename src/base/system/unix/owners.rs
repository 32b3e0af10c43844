//! Modes, owners and locked folders on Unix.

use std::fs::File;
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::Path;

use crate::base::fs::PRIVATE;
use crate::base::rewrite::{Access, Mode};

/// The command that takes a write protection away.
pub(in crate::base) const UNPROTECT: &str = "chmod u+w";

pub(in crate::base) fn open_lock(file: &Path) -> io::Result<File> {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))
}

/// Whoever waits for the lock sees that others get on: what changes in a folder changes its time.
pub(in crate::base) fn tell_of_change(_folder: &File) {}

/// What two open folders have in common if they are the same.
pub(in crate::base) fn identity(folder: &File) -> io::Result<(u64, u64)> {
    folder.metadata().map(|found| (found.dev(), found.ino()))
}

pub(in crate::base) fn mode(path: &Path, access: Access) -> io::Result<Mode> {
    let now = match path.metadata() {
        Ok(metadata) => metadata.permissions().mode() & 0o7777,
        Err(fault) if fault.kind() == io::ErrorKind::NotFound => PRIVATE,
        Err(fault) => return Err(fault),
    };
    let bits = if access == Access::Private { PRIVATE } else { now };
    Ok(Mode { bits, is_kept: bits == now, is_write_protected: now & 0o222 == 0 })
}

/// Whose file it is. Somebody who works as root for a moment wants to read it afterwards as well.
pub(in crate::base) struct Owner(Option<(u32, u32)>);

impl Owner {
    pub(in crate::base) fn of(path: &Path) -> Self {
        Self(path.metadata().ok().map(|found| (found.uid(), found.gid())))
    }

    /// Gives the file back. Who is not allowed to has made it his own, which is how other programs
    /// leave it, too.
    pub(in crate::base) fn keep(&self, path: &Path) {
        if self.0.is_some() && Self::of(path).0 != self.0 {
            let (user, group) = self.0.unzip();
            let _ = chown(path, user, group);
        }
    }
}
