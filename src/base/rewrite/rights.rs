//! Who may read and write a file, and whose it is, before it is replaced and afterwards.

use std::io;
use std::path::Path;

use crate::base::fs::PRIVATE;

/// Who may read the file afterwards.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Access {
    /// Who may read it now; only its owner, if it is new.
    #[default]
    Kept,
    /// Only its owner.
    Private,
}

/// What a file's rights are, and whether it had them before.
pub(super) struct Mode {
    pub(super) bits: u32,
    pub(super) is_kept: bool,
    pub(super) is_write_protected: bool,
}

#[cfg(unix)]
pub(super) fn mode(path: &Path, access: Access) -> io::Result<Mode> {
    use std::os::unix::fs::PermissionsExt;
    let now = match path.metadata() {
        Ok(metadata) => metadata.permissions().mode() & 0o7777,
        Err(fault) if fault.kind() == io::ErrorKind::NotFound => PRIVATE,
        Err(fault) => return Err(fault),
    };
    let bits = if access == Access::Private { PRIVATE } else { now };
    Ok(Mode { bits, is_kept: bits == now, is_write_protected: now & 0o222 == 0 })
}

#[cfg(not(unix))]
pub(super) fn mode(path: &Path, _access: Access) -> io::Result<Mode> {
    let is_write_protected = path.metadata().is_ok_and(|found| found.permissions().readonly());
    Ok(Mode { bits: PRIVATE, is_kept: true, is_write_protected })
}

/// Whose file it is. Somebody who works as root for a moment wants to read it afterwards as well.
pub(super) struct Owner(Option<(u32, u32)>);

impl Owner {
    #[cfg(unix)]
    pub(super) fn of(path: &Path) -> Self {
        use std::os::unix::fs::MetadataExt;
        Self(path.metadata().ok().map(|found| (found.uid(), found.gid())))
    }

    /// Gives the file back. Who is not allowed to has made it his own, which is how other programs
    /// leave it, too.
    #[cfg(unix)]
    pub(super) fn keep(&self, path: &Path) {
        if self.0.is_some() && Self::of(path).0 != self.0 {
            let (user, group) = self.0.unzip();
            let _ = std::os::unix::fs::chown(path, user, group);
        }
    }

    #[cfg(not(unix))]
    pub(super) fn of(_path: &Path) -> Self {
        Self(None)
    }

    #[cfg(not(unix))]
    pub(super) fn keep(&self, _path: &Path) {}
}
