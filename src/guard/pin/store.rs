//! The file of one server's pins: read as it is, replaced whole, changed by one bridge at a time.

use std::cell::Cell;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use serde::Serialize;

use super::book::{Book, Record, VERSION};
use crate::base::fs::{
    PRIVATE, create_private_folder, make_private, number_of, open_regular, write_in_pieces,
};
use crate::base::lock;
use crate::base::sorting;
use crate::config::ServerName;

/// No list of tools makes a larger file.
const MAX_BYTES: u64 = 128 * 1024 * 1024;

/// Why pins cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file is there and cannot be read.
    #[error("the pins in `{path}` cannot be read: {source}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file is not what the bridge wrote.
    #[error("the pins in `{path}` are damaged ({reason})")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A later version of the bridge wrote the file.
    #[error("the pins in `{path}` are of a newer bridge (version {version} of the file)")]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its version.
        version: u64,
    },
    /// The file, its folder or the lock cannot be written.
    #[error("pins cannot be written to `{path}`: {source}")]
    Unwritable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Somebody wrote the file who does not keep to the lock, or there are no locks on this file system.
    #[error("the pins in `{path}` were changed by another process at the same time")]
    Changed {
        /// The file.
        path: PathBuf,
    },
    /// What was to be approved is no longer what its owner has seen.
    #[error("tools have changed again since they were shown, so that none is approved")]
    Moved,
    /// Another process holds the lock for too long.
    #[error("another process holds the lock `{path}`")]
    Locked {
        /// The file that is locked.
        path: PathBuf,
    },
}

impl Error {
    /// What to do about it.
    pub fn remedy(&self) -> &'static str {
        match self {
            Self::Unreadable { .. } => "let this user read it, or move it away",
            Self::Damaged { .. } => "move the file away to pin what the server shows next",
            Self::Newer { .. } => "update this bridge",
            Self::Unwritable { .. } => {
                "let this user write there, or set BRIDGE_HOME to another folder"
            }
            Self::Changed { .. } => "try again",
            Self::Moved => "look at them again with `bridge approve`",
            Self::Locked { .. } => "try again when that has ended",
        }
    }

    /// Whether another try may go otherwise, though the file is still the same.
    pub(super) fn may_pass(&self) -> bool {
        match self {
            Self::Unreadable { .. }
            | Self::Unwritable { .. }
            | Self::Changed { .. }
            | Self::Locked { .. } => true,
            Self::Damaged { .. } | Self::Newer { .. } | Self::Moved => false,
        }
    }
}

/// What tells one state of a file from the next: each is a new file that took the place of the last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stamp {
    modified: Option<SystemTime>,
    length: u64,
    file: u64,
}

/// Where one server's pins are.
#[derive(Debug, Clone)]
pub(super) struct Store {
    folder: PathBuf,
    pub(super) path: PathBuf,
}

/// Nobody else who keeps to the lock changes pins while this is held.
#[derive(Debug)]
pub(super) struct Lock {
    _held: lock::Lock,
    /// The state of the file since: where there are no locks, another one is somebody else's.
    stamp: Cell<Option<Stamp>>,
}

impl Store {
    pub(super) fn new(folder: &Path, server: &ServerName) -> Self {
        Self { folder: folder.to_owned(), path: folder.join(format!("{server}.json")) }
    }

    /// The servers that have pins.
    pub(super) fn servers(folder: &Path) -> Vec<ServerName> {
        let entries = fs::read_dir(folder).into_iter().flatten().flatten();
        let names = entries.filter_map(|entry| {
            ServerName::parse(entry.file_name().to_str()?.strip_suffix(".json")?).ok()
        });
        let mut names: Vec<ServerName> = names.collect();
        sorting::sort(&mut names);
        names
    }

    /// The state of the file, `None` when it is not there.
    pub(super) fn stamp(&self) -> Option<Stamp> {
        let data = fs::metadata(&self.path).ok()?;
        let file = number_of(&self.path, &data).unwrap_or_default();
        Some(Stamp { modified: data.modified().ok(), length: data.len(), file })
    }

    /// What the file holds, `None` when it is not there.
    pub(super) fn load(&self) -> Result<Option<Book>, Error> {
        self.load_but(|_, _| false)
    }

    /// The same, read as by [`Book::read`].
    pub(super) fn load_but(
        &self,
        is_as_pinned: impl Fn(&str, &Record) -> bool,
    ) -> Result<Option<Book>, Error> {
        let mut bytes = Vec::new();
        let read = open_regular(&self.path, File::options().read(true)).and_then(|file| {
            let length = file.metadata()?.len().min(MAX_BYTES);
            bytes.reserve_exact(usize::try_from(length).unwrap_or_default() + 1);
            file.take(MAX_BYTES + 1).read_to_end(&mut bytes)
        });
        match read {
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(Error::Unreadable { path: self.path.clone(), source }),
        }
        let damaged = |reason: String| Error::Damaged { path: self.path.clone(), reason };
        if bytes.len() as u64 > MAX_BYTES {
            return Err(damaged(format!("larger than {MAX_BYTES} bytes")));
        }
        match Book::read(&bytes, is_as_pinned) {
            Ok(book) if book.version == VERSION => Ok(Some(book)),
            parsed => match version(&bytes) {
                Some(version) if version > u64::from(VERSION) => {
                    Err(Error::Newer { path: self.path.clone(), version })
                }
                _ => Err(damaged(parsed.map_or_else(
                    |error| error.to_string(),
                    |book| format!("there is no version {}", book.version),
                ))),
            },
        }
    }

    /// Waits until nobody else changes pins, which blocks the thread; with zero as `patience` it does not.
    pub(super) fn lock(&self, patience: Duration) -> Result<Lock, Error> {
        let path = self.folder.join(".lock");
        let open = || {
            let mut options = OpenOptions::new();
            make_private(options.write(true).create(true).truncate(false));
            create_private_folder(&self.folder)?;
            open_regular(&path, &mut options)
        };
        let file = open().map_err(|source| self.unwritable(source))?;
        let held = lock::Lock::wait(file, patience).map_err(|_| Error::Locked { path })?;
        Ok(Lock { _held: held, stamp: Cell::new(self.stamp()) })
    }

    /// Replaces the file, unless it would be larger than one that is read.
    pub(super) fn save(&self, book: &impl Serialize, lock: &Lock) -> Result<(), Error> {
        self.compare(lock)?;
        let write = |file: &mut dyn Write| {
            let file = Limited { file, room: MAX_BYTES };
            serde_json::to_writer(file, book).map_err(io::Error::from)
        };
        write_in_pieces(&self.path, PRIVATE, write).map_err(|source| self.unwritable(source))?;
        lock.stamp.set(self.stamp());
        Ok(())
    }

    /// Takes the file away.
    pub(super) fn remove(&self) -> Result<(), Error> {
        match fs::remove_file(&self.path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(self.unwritable(error)),
            _ => Ok(()),
        }
    }

    /// Puts a damaged file where it is in nobody's way; returns where.
    pub(super) fn move_aside(&self, lock: &Lock) -> Result<PathBuf, Error> {
        self.compare(lock)?;
        let aside = self.path.with_extension("json.damaged");
        fs::rename(&self.path, &aside).map_err(|source| self.unwritable(source))?;
        lock.stamp.set(self.stamp());
        Ok(aside)
    }

    fn compare(&self, lock: &Lock) -> Result<(), Error> {
        if self.stamp() == lock.stamp.get() {
            Ok(())
        } else {
            Err(Error::Changed { path: self.path.clone() })
        }
    }

    fn unwritable(&self, source: io::Error) -> Error {
        Error::Unwritable { path: self.path.clone(), source }
    }
}

/// A file that must not become larger.
struct Limited<'a> {
    file: &'a mut dyn Write,
    room: u64,
}

impl Write for Limited<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let room = self.room.checked_sub(bytes.len() as u64);
        self.room = room.ok_or(io::ErrorKind::FileTooLarge)?;
        self.file.write_all(bytes)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// The version of a file that reads otherwise.
fn version(bytes: &[u8]) -> Option<u64> {
    #[derive(serde::Deserialize)]
    struct Versioned {
        version: u64,
    }
    serde_json::from_slice::<Versioned>(bytes).ok().map(|file| file.version)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn store() -> (tempfile::TempDir, Store) {
        let home = tempfile::tempdir().expect("a folder");
        let server = ServerName::parse("one").expect("a name");
        let store = Store::new(&home.path().join("pins"), &server);
        (home, store)
    }

    fn check(text: &str, expected: &str) {
        let (_home, store) = store();
        drop(store.lock(Duration::ZERO).expect("free"));
        fs::write(&store.path, text).expect("written");
        let loaded = match store.load() {
            Ok(book) => format!("{} tools", book.map_or(0, |book| book.tools.len())),
            Err(error) => error.to_string(),
        };
        assert!(loaded.contains(expected), "{text:?}: {loaded}");
    }

    #[test]
    fn damaged_files_are_told_from_newer_ones() {
        check(r#"{"version":1,"tools":{}}"#, "0 tools");
        check(r#"{"version":1,"tools":{"a":{"pinned":{"hash":"x","definition":{}}}}}"#, "1 tools");
        check(r#"{"version":1,"tools":{"#, "damaged");
        check("", "damaged");
        check("\0\0\0", "damaged");
        check(r#"{"version":0,"tools":{}}"#, "there is no version 0");
        check(r#"{"version":2,"tools":{}}"#, "newer");
        check(r#"{"version":3,"pins":[]}"#, "newer");
    }

    #[test]
    fn each_state_of_the_file_has_its_stamp() {
        let (home, store) = store();
        assert_eq!(store.stamp(), None);
        let lock = store.lock(Duration::ZERO).expect("free");
        let book = Book::empty();
        store.save(&book, &lock).expect("written");
        let first = store.stamp();
        assert_eq!(first, store.stamp());
        store.save(&book, &lock).expect("written");
        assert_ne!(first, store.stamp());
        let name = ServerName::parse("one").expect("a name");
        assert_eq!(Store::servers(&home.path().join("pins")), [name]);
    }

    #[cfg(unix)]
    #[test]
    fn nobody_else_may_read_pins() {
        use std::os::unix::fs::PermissionsExt;
        let (_home, store) = store();
        let lock = store.lock(Duration::ZERO).expect("free");
        store.save(&Book::empty(), &lock).expect("written");
        let mode = |path: &Path| fs::metadata(path).expect("there").permissions().mode() & 0o777;
        assert_eq!((mode(&store.folder), mode(&store.path)), (0o700, 0o600));
    }

    #[test]
    fn what_others_write_without_the_lock_is_not_lost() {
        let (_home, store) = store();
        let lock = store.lock(Duration::ZERO).expect("free");
        fs::write(&store.path, "somebody else's").expect("written");
        let book = Book::empty();
        assert!(matches!(store.save(&book, &lock), Err(Error::Changed { .. })));
        assert!(matches!(store.move_aside(&lock), Err(Error::Changed { .. })));
        assert_eq!(fs::read_to_string(&store.path).expect("readable"), "somebody else's");
    }

    #[test]
    fn no_file_becomes_larger_than_is_read() {
        let mut written = Vec::new();
        let mut limited = Limited { file: &mut written, room: 3 };
        limited.write_all(b"ab").expect("there is room");
        let error = limited.write_all(b"cd").expect_err("there is none");
        assert_eq!(error.kind(), io::ErrorKind::FileTooLarge);
        assert_eq!(written, b"ab");
    }

    #[test]
    fn one_at_a_time_holds_the_lock() {
        let (_home, store) = store();
        let lock = store.lock(Duration::ZERO).expect("free");
        assert!(matches!(store.lock(Duration::ZERO), Err(Error::Locked { .. })));
        drop(lock);
        store.lock(Duration::ZERO).expect("free again");
    }
}
