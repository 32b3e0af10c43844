//! The files that a recipe declares, in the server's own folder.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::base::fs::{PRIVATE, create_new, create_private_folder};
use crate::recipe::ConfigFile;

/// Writes those that are not there yet; returns each with whether it was written. What somebody has put in the place of
/// one stays. A fault names the file.
pub fn write_files(
    folder: &Path,
    files: &[ConfigFile],
) -> Result<Vec<(PathBuf, bool)>, (PathBuf, io::Error)> {
    let write = |file: &ConfigFile| {
        let path = folder.join(&file.name);
        let written = write(&path, &file.content);
        written.map(|is_new| (path.clone(), is_new)).map_err(|fault| (path, fault))
    };
    files.iter().map(write).collect()
}

fn write(path: &Path, content: &str) -> io::Result<bool> {
    create_private_folder(path.parent().unwrap_or(Path::new("")))?;
    match create_new(path, content.as_bytes(), PRIVATE) {
        Ok(()) => Ok(true),
        Err(fault) if fault.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        Err(fault) => Err(fault),
    }
}

/// Takes the server's own folder away; false if there was none.
pub(super) fn forget_files(folder: &Path) -> io::Result<bool> {
    match fs::remove_dir_all(folder) {
        Ok(()) => Ok(true),
        Err(fault) if fault.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(fault) => Err(fault),
    }
}
