//! Copies of clients' files as they were before a change, beside them and named by the time.
//!
//! They stand beside the file that the client opens, even where that is a link: what is behind a link may be a folder
//! that its owner publishes.

use std::fs::{self, OpenOptions};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::file::LONGEST;
use crate::base::fs::{PRIVATE, create_new, mode_of, open_regular};
use crate::base::sorting;

/// What stands between the name of the file and the time.
const MARK: &str = ".bridge-backup-";
/// Copies of one second that are told apart by a number.
const MAX_IN_A_SECOND: usize = 100;
/// Copies that are looked at, the newest ones.
const MAX_READ: usize = 20;

/// Keeps these bytes of the file, with the mode that it has. Nothing is overwritten, and nothing is kept twice.
pub(super) fn keep(file: &Path, bytes: &[u8]) -> io::Result<PathBuf> {
    if let Some((path, _)) = read(file).into_iter().find(|(_, kept)| kept.as_slice() == bytes) {
        return Ok(path);
    }
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    let time = humantime::format_rfc3339_seconds(SystemTime::now()).to_string().replace(':', "-");
    let mode = file.metadata().map_or(PRIVATE, |found| mode_of(&found));
    let mut last = io::Error::from(io::ErrorKind::AlreadyExists);
    for number in 1..=MAX_IN_A_SECOND {
        let number = if number == 1 { String::new() } else { format!("-{number}") };
        let path = file.with_file_name(format!("{name}{MARK}{time}{number}"));
        match create_new(&path, bytes, mode) {
            Ok(()) => return Ok(path),
            Err(fault) if fault.kind() == io::ErrorKind::AlreadyExists => last = fault,
            Err(fault) => return Err(fault),
        }
    }
    Err(last)
}

/// The texts that were kept, the newest first.
pub(super) fn texts(file: &Path) -> Vec<String> {
    read(file).into_iter().filter_map(|(_, bytes)| String::from_utf8(bytes).ok()).collect()
}

fn read(file: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let folder = file.parent().unwrap_or(Path::new("."));
    let begin = format!("{}{MARK}", file.file_name().unwrap_or_default().to_string_lossy());
    let mut found: Vec<PathBuf> = fs::read_dir(folder)
        .into_iter()
        .flatten()
        .flatten()
        .filter(|entry| entry.file_name().to_string_lossy().starts_with(&begin))
        .map(|entry| entry.path())
        .collect();
    // Their names are in the order of time; of one second, the shorter name is the older one.
    sorting::sort_by_key(&mut found, |path| {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let time: String = name[begin.len()..].chars().take("2026-01-02T03-04-05Z".len()).collect();
        (time, name.len(), name)
    });
    let newest = found.into_iter().rev().take(MAX_READ);
    newest.filter_map(|path| read_one(&path).ok().map(|bytes| (path, bytes))).collect()
}

fn read_one(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let file = open_regular(path, OpenOptions::new().read(true))?;
    file.take(LONGEST).read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_text_is_kept_once_and_the_newest_comes_first() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("mcp.json");
        let old = folder.path().join("mcp.json.bridge-backup-2026-01-02T03-04-05Z");
        fs::write(&old, "oldest").expect("written");
        fs::write(folder.path().join("other.json.bridge-backup-2026-01-02T03-04-05Z"), "x")
            .expect("written");
        assert_eq!(keep(&file, b"oldest").expect("kept"), old);
        let first = keep(&file, b"1").expect("kept");
        let second = keep(&file, b"2").expect("kept");
        assert_ne!(first, second);
        assert_eq!(keep(&file, b"1").expect("kept"), first);
        assert_eq!(texts(&file), ["2", "1", "oldest"]);
    }
}
