//! Long results as files: one each, named by its id, the server on the first line and the result behind it.
//!
//! Several bridges may use one folder at the same time. Files appear complete and are never changed; that one is
//! gone is nothing unusual.

use std::ffi::OsStr;
use std::fs::{DirEntry, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::kept::ResultId;
use crate::base::fs::{PRIVATE, create_private_folder, is_unfinished, write_atomically};
use crate::base::json;

/// How long a result can be read.
pub(super) const MAX_AGE: Duration = Duration::from_hours(24);
/// What all files together may take up.
const MAX_BYTES: u64 = 256 * 1024 * 1024;
const MAX_FILES: usize = 1024;
/// A file that is still being written after this time was left behind by a bridge that was killed.
const MAX_WRITING: Duration = Duration::from_hours(1);

/// The folder of the files.
#[derive(Debug)]
pub(super) struct Files {
    folder: PathBuf,
}

struct Found {
    path: PathBuf,
    modified: SystemTime,
    bytes: u64,
}

impl Files {
    /// Touches nothing yet.
    pub(super) fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Writes a result. `id` is one of ours.
    pub(super) fn write(&self, id: &str, server: &str, result: &str) -> io::Result<()> {
        create_private_folder(&self.folder)?;
        // As JSON it has no line break in it, whatever the name is.
        let server = serde_json::to_string(server)?;
        let bytes = [server.as_bytes(), b"\n", result.as_bytes()].concat();
        write_atomically(&self.folder.join(id), &bytes, PRIVATE)
    }

    /// The server and the result, unless there is no such file or it is too old. `id` is one of ours.
    pub(super) fn read(&self, id: &str) -> io::Result<Option<(String, Arc<str>)>> {
        let mut file = match File::open(self.folder.join(id)) {
            Err(fault) if fault.kind() == io::ErrorKind::NotFound => return Ok(None),
            opened => opened?,
        };
        if age(file.metadata()?.modified()?) > MAX_AGE {
            return Ok(None);
        }
        let mut text = String::new();
        file.read_to_string(&mut text)?;
        let whole = text
            .split_once('\n')
            .map(|(server, result)| (json::text(server).into_owned(), Arc::from(result)));
        whole.map(Some).ok_or_else(|| {
            io::Error::new(io::ErrorKind::InvalidData, format!("`{id}` holds no kept result"))
        })
    }

    /// Removes what is too old, and the oldest files as long as there are too many or too large ones; the latest
    /// always stays. What cannot be looked at or removed is left to the next time.
    pub(super) fn sweep(&self) {
        let Ok(entries) = std::fs::read_dir(&self.folder) else {
            return;
        };
        let mut files: Vec<Found> = Vec::new();
        for entry in entries.flatten() {
            let Some((found, max_age)) = look_at(&entry) else {
                continue;
            };
            if age(found.modified) > max_age {
                remove(&found);
            } else if max_age == MAX_AGE {
                files.push(found);
            }
        }
        files.sort_unstable_by_key(|found| std::cmp::Reverse(found.modified));
        let mut bytes = 0;
        for (index, found) in files.iter().enumerate() {
            bytes += found.bytes;
            if index > 0 && (index >= MAX_FILES || bytes > MAX_BYTES) {
                remove(found);
            }
        }
    }
}

/// What a file is and how old it may get; nothing for what is none of ours.
fn look_at(entry: &DirEntry) -> Option<(Found, Duration)> {
    let name = entry.file_name();
    let name = OsStr::to_str(&name)?;
    let max_age = if ResultId::parse(name).is_some() {
        MAX_AGE
    } else if is_unfinished(name) {
        MAX_WRITING
    } else {
        return None;
    };
    let metadata = entry.metadata().ok()?;
    let modified = metadata.modified().ok()?;
    Some((Found { path: entry.path(), modified, bytes: metadata.len() }, max_age))
}

/// Another bridge may have been faster, and on a read-only disk nothing helps.
fn remove(found: &Found) {
    if let Err(fault) = std::fs::remove_file(&found.path) {
        tracing::debug!("cannot remove {}: {fault}", found.path.display());
    }
}

/// A time to come, as after a change of the clock, is no age.
fn age(modified: SystemTime) -> Duration {
    modified.elapsed().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::fs::names;

    fn id(number: usize) -> String {
        format!("{number:032x}")
    }

    /// An empty file of some length that was written some time ago.
    fn put(folder: &Path, name: &str, bytes: u64, ago: Duration) {
        let file = File::create(folder.join(name)).expect("created");
        file.set_len(bytes).expect("long");
        file.set_modified(SystemTime::now() - ago).expect("set");
    }

    #[test]
    fn what_was_written_is_read() {
        let folder = tempfile::tempdir().expect("a folder");
        let files = Files::new(folder.path().join("a").join("b"));
        files.write(&id(1), "a\n\"b", "{\"x\":\n1}").expect("written");
        let (server, result) = files.read(&id(1)).expect("readable").expect("there");
        assert_eq!((&*server, &*result), ("a\n\"b", "{\"x\":\n1}"));
        assert!(files.read(&id(2)).expect("no fault").is_none());
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = |path: &Path| path.metadata().expect("there").permissions().mode() & 0o777;
            assert_eq!(mode(&files.folder), 0o700);
            assert_eq!(mode(&files.folder.join(id(1))), 0o600);
        }
    }

    #[test]
    fn files_that_are_none_of_ours_are_no_results() {
        let folder = tempfile::tempdir().expect("a folder");
        let files = Files::new(folder.path().to_owned());
        std::fs::write(folder.path().join(id(1)), "one line").expect("written");
        std::fs::write(folder.path().join(id(2)), b"\"git\"\n\xff").expect("written");
        assert!(files.read(&id(1)).is_err());
        assert!(files.read(&id(2)).is_err());
    }

    #[test]
    fn old_files_go_and_others_are_left_alone() {
        const OLD: &str = ".mcp-bridge-0123456789abcdef.unfinished";
        const NEW: &str = ".mcp-bridge-FEDCBA9876543210.unfinished";
        let folder = tempfile::tempdir().expect("a folder");
        let minute = Duration::from_mins(1);
        put(folder.path(), &id(1), 1, MAX_AGE + minute);
        put(folder.path(), &id(2), 1, MAX_AGE / 2);
        put(folder.path(), OLD, 1, MAX_WRITING + minute);
        put(folder.path(), NEW, 1, MAX_WRITING / 2);
        put(folder.path(), "notes.txt", 1, 2 * MAX_AGE);
        let files = Files::new(folder.path().to_owned());
        assert!(files.read(&id(1)).expect("no fault").is_none(), "too old, though still there");
        files.sweep();
        assert_eq!(names(folder.path()), [NEW, &id(2), "notes.txt"]);
        Files::new(folder.path().join("none")).sweep();
    }

    #[test]
    fn the_oldest_files_make_room() {
        let folder = tempfile::tempdir().expect("a folder");
        let hours = |hours| Duration::from_hours(hours);
        put(folder.path(), &id(1), MAX_BYTES / 2, hours(3));
        put(folder.path(), &id(2), MAX_BYTES / 2, hours(1));
        put(folder.path(), &id(3), MAX_BYTES / 2, hours(2));
        let files = Files::new(folder.path().to_owned());
        files.sweep();
        assert_eq!(names(folder.path()), [id(2), id(3)]);
        put(folder.path(), &id(4), MAX_BYTES + 1, hours(0));
        files.sweep();
        assert_eq!(names(folder.path()), [id(4)]);
        for number in 5..MAX_FILES + 10 {
            put(folder.path(), &id(number), 0, hours(1));
        }
        put(folder.path(), &id(4), 1, hours(0));
        files.sweep();
        assert_eq!(names(folder.path()).len(), MAX_FILES);
    }
}
