//! Files on Unix: modes, owners and advisory locks.

use std::fs::{self, DirBuilder, File, FileType, Metadata, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, FileTypeExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

use rustix::fs::OFlags;
use tempfile::NamedTempFile;

use crate::base::fs::PRIVATE;

pub(in crate::base) fn create_private_folder(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)?;
    if fs::read_dir(path)?.next().is_none() {
        fs::set_permissions(path, Permissions::from_mode(0o700))?;
    }
    Ok(())
}

pub(in crate::base) fn is_open_to_others(found: &Metadata) -> bool {
    found.permissions().mode() & 0o077 != 0
}

pub(in crate::base) fn make_private(options: &mut OpenOptions) {
    options.mode(PRIVATE);
}

pub(in crate::base) fn mode_of(found: &Metadata) -> u32 {
    found.permissions().mode() & 0o777
}

#[expect(clippy::unnecessary_wraps, reason = "the same shape as on Windows")]
pub(in crate::base) fn number_of(_path: &Path, found: &Metadata) -> io::Result<u64> {
    Ok(found.ino())
}

/// Opening a pipe returns at once, and a terminal does not become that of this process.
pub(in crate::base) fn wait_for_nobody(options: &mut OpenOptions) {
    let flags = (OFlags::NONBLOCK | OFlags::NOCTTY).bits();
    options
        .custom_flags(i32::try_from(flags).expect("flags of the system fit what it takes them as"));
}

pub(in crate::base) fn special_kind(kind: FileType) -> Option<&'static str> {
    if kind.is_fifo() {
        Some("a pipe")
    } else if kind.is_char_device() || kind.is_block_device() {
        Some("a device")
    } else {
        None
    }
}

/// Some file systems have no locks.
pub(in crate::base) fn mark_as_being_written(file: &File) {
    let _ = file.try_lock();
}

pub(in crate::base) fn is_not_being_written(path: &Path) -> bool {
    File::open(path).is_ok_and(|file| file.try_lock().is_ok())
}

pub(in crate::base) fn is_ours(found: &Metadata) -> bool {
    found.uid() == rustix::process::geteuid().as_raw()
}

pub(in crate::base) fn set_mode(file: &File, mode: u32) -> io::Result<()> {
    file.set_permissions(Permissions::from_mode(mode))
}

pub(in crate::base) fn put(file: NamedTempFile, path: &Path) -> io::Result<()> {
    file.persist(path).map_err(|fault| fault.error)?;
    Ok(())
}
