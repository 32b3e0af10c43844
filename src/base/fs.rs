//! Files that must never be half written, nor readable by others for a moment.

use std::fs::DirBuilder;
use std::io::{self, Write};
use std::path::Path;

use tempfile::NamedTempFile;

/// The mode of a file that only its owner may read.
pub const PRIVATE: u32 = 0o600;

/// Creates a folder, and those above it that are missing, for this user alone (0700 on Unix). One
/// that exists becomes private if it is empty; with files in it, it stays as it is.
pub fn create_private_folder(path: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)?;
    #[cfg(unix)]
    if std::fs::read_dir(path)?.next().is_none() {
        use std::os::unix::fs::PermissionsExt;
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o700))?;
    }
    Ok(())
}

/// Replaces a file in one step: whoever reads it sees the old bytes or the new ones. The folder
/// must exist. Where `path` is a symbolic link, the link is replaced and the file behind it stays
/// untouched. `mode` (such as 0o600) counts on Unix only.
pub fn write_atomically(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    let file = write_beside(path, bytes, mode)?;
    file.persist(path).map_err(|fault| fault.error)?;
    Ok(())
}

/// Writes a file that must not exist yet, in one step; fails with `AlreadyExists` otherwise.
pub fn create_new(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    let file = write_beside(path, bytes, mode)?;
    file.persist_noclobber(path).map_err(|fault| fault.error)?;
    Ok(())
}

/// Writes to a temporary file in the folder of `path`, since a rename is atomic within one file
/// system only. The file is private from its first byte and gets `mode` when it is complete; it is
/// removed if anything fails.
fn write_beside(path: &Path, bytes: &[u8], mode: u32) -> io::Result<NamedTempFile> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let mut file = NamedTempFile::new_in(folder)?;
    file.write_all(bytes)?;
    set_mode(&file, mode)?;
    file.as_file().sync_all()?;
    Ok(file)
}

#[cfg(unix)]
fn set_mode(file: &NamedTempFile, mode: u32) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    file.as_file().set_permissions(std::fs::Permissions::from_mode(mode))
}

#[cfg(not(unix))]
#[expect(clippy::unnecessary_wraps, reason = "the same shape as on Unix")]
fn set_mode(_file: &NamedTempFile, _mode: u32) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<String> = std::fs::read_dir(folder)
            .expect("a folder")
            .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
            .collect();
        names.sort();
        names
    }

    #[cfg(unix)]
    fn mode(path: &Path) -> u32 {
        use std::os::unix::fs::PermissionsExt;
        path.metadata().expect("metadata").permissions().mode() & 0o777
    }

    #[test]
    fn replaces_a_file_and_leaves_nothing_beside_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("config.json");
        write_atomically(&path, b"one", 0o600).expect("written");
        write_atomically(&path, b"two", 0o600).expect("written");
        assert_eq!(std::fs::read(&path).expect("readable"), b"two");
        assert_eq!(names(folder.path()), ["config.json"]);
    }

    #[test]
    fn refuses_to_overwrite() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("config.json");
        create_new(&path, b"one", 0o600).expect("written");
        let fault = create_new(&path, b"two", 0o600).expect_err("it exists");
        assert_eq!(fault.kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(std::fs::read(&path).expect("readable"), b"one");
        assert_eq!(names(folder.path()), ["config.json"]);
    }

    #[cfg(unix)]
    #[test]
    fn sets_modes() {
        let folder = tempfile::tempdir().expect("a folder");
        let private = folder.path().join("a").join("b");
        create_private_folder(&private).expect("created");
        create_private_folder(&private).expect("nothing to do");
        assert_eq!(mode(&private), 0o700);
        let check = |name: &str, wanted: u32| {
            let path = private.join(name);
            write_atomically(&path, b"x", wanted).expect("written");
            assert_eq!(mode(&path), wanted);
        };
        check(".env", PRIVATE);
        check("shared.json", 0o644);
    }

    #[cfg(unix)]
    #[test]
    fn leaves_the_file_behind_a_link_alone() {
        let folder = tempfile::tempdir().expect("a folder");
        let target = folder.path().join("target");
        let link = folder.path().join("link");
        std::fs::write(&target, "kept").expect("written");
        std::os::unix::fs::symlink(&target, &link).expect("linked");
        create_new(&link, b"new", 0o600).expect_err("the link exists");
        write_atomically(&link, b"new", 0o600).expect("written");
        assert_eq!(std::fs::read(&target).expect("readable"), b"kept");
        assert_eq!(std::fs::read(&link).expect("readable"), b"new");
    }
}
