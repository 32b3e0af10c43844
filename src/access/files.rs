//! The files of one server, read and changed under their lock.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::counts::{Counts, SUFFIX, VERSION};
use super::error::Error;
use crate::base::fs::{
    PRIVATE, create_private_folder, make_private, open_regular, write_atomically,
};
use crate::base::lock::{Lock, PATIENCE};

/// Bounds what is read of a lock's text.
const MAX_BYTES: u64 = 64 * 1024;

/// Where the files are.
#[derive(Debug, Clone)]
pub(super) struct Files {
    counts: PathBuf,
    damaged: PathBuf,
    lock: PathBuf,
}

/// The files while nobody else changes them.
pub(super) struct Locked<'a> {
    files: &'a Files,
    lock: Lock,
}

/// How many places each bridge has for its calls under way.
pub(super) type Places = BTreeMap<String, u64>;

/// The lock's text.
#[derive(Serialize, Deserialize)]
struct Format {
    version: u64,
    open: Places,
}

impl Files {
    pub(super) fn new(folder: &Path, server: &str) -> Self {
        let file = |suffix: &str| folder.join(format!("{server}{suffix}"));
        Self { counts: file(SUFFIX), damaged: file(".damaged"), lock: file(".lock") }
    }

    /// Waits for the lock, in a thread that may wait. Without one, two bridges would give away the same place, so a
    /// file system that has none is an error here.
    pub(super) fn lock(&self) -> Result<Locked<'_>, Error> {
        let file =
            self.open_lock().map_err(|source| Error::Io { path: self.lock.clone(), source })?;
        let lock = Lock::wait(file, PATIENCE).map_err(|_| self.busy())?;
        if !lock.is_exclusive() {
            return Err(Error::Unlockable { path: self.lock.clone() });
        }
        Ok(Locked { files: self, lock })
    }

    pub(super) fn busy(&self) -> Error {
        Error::Busy { path: self.lock.clone() }
    }

    pub(super) fn slow(&self) -> Error {
        Error::Slow { path: self.counts.clone() }
    }

    /// Opened anew each time: one that was kept open might have been removed, and would lock nobody out.
    fn open_lock(&self) -> io::Result<File> {
        let mut options = OpenOptions::new();
        make_private(options.create(true).read(true).write(true).truncate(false));
        match open_regular(&self.lock, &mut options) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                create_private_folder(self.lock.parent().unwrap_or(Path::new(".")))?;
                open_regular(&self.lock, &mut options)
            }
            opened => opened,
        }
    }
}

impl Locked<'_> {
    /// The counts. A damaged file is moved aside, and counting begins anew.
    pub(super) fn counts(&self) -> Result<Counts, Error> {
        let Files { counts, damaged, .. } = self.files;
        match Counts::read(counts) {
            Err(error @ Error::Damaged { .. }) => {
                fs::rename(counts, damaged)
                    .map_err(|source| Error::Io { path: counts.clone(), source })?;
                let aside = damaged.display();
                tracing::warn!("{error}; it is now `{aside}`, and its calls are counted anew");
                Ok(Counts::default())
            }
            counts => counts,
        }
    }

    pub(super) fn set_counts(&self, counts: &Counts) -> Result<(), Error> {
        let path = &self.files.counts;
        write_atomically(path, counts.to_json().as_bytes(), PRIVATE)
            .map_err(|source| Error::Io { path: path.clone(), source })
    }

    /// Who has how many places. What cannot be read was lost with the power, and with it all who had any.
    pub(super) fn places(&self) -> Result<Places, Error> {
        let mut text = Vec::new();
        let read = self.lock.file().take(MAX_BYTES).read_to_end(&mut text);
        read.map_err(|error| self.fault(error))?;
        let line = text.split(|byte| *byte == b'\n').next().unwrap_or_default();
        match serde_json::from_slice::<Format>(line) {
            Ok(format) if format.version > VERSION => {
                Err(Error::Newer { path: self.files.lock.clone() })
            }
            Ok(format) => Ok(format.open),
            Err(_) => Ok(Places::new()),
        }
    }

    /// Written in place, and not to the disk at once: places need to outlive nobody. The line is complete before what is
    /// left of a longer one is cut off, so that one who is killed in between leaves it readable.
    pub(super) fn set_places(&self, open: Places) -> Result<(), Error> {
        let format = Format { version: VERSION, open };
        let text =
            serde_json::to_string(&format).expect("numbers under texts always serialise") + "\n";
        let mut lock = self.lock.file();
        lock.seek(SeekFrom::Start(0))
            .and_then(|_| lock.write_all(text.as_bytes()))
            .and_then(|()| lock.set_len(text.len() as u64))
            .map_err(|error| self.fault(error))
    }

    fn fault(&self, source: io::Error) -> Error {
        Error::Io { path: self.files.lock.clone(), source }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lock_shuts_others_out_and_keeps_the_places() {
        let folder = tempfile::tempdir().expect("a folder");
        let files = Files::new(&folder.path().join("usage"), "git");
        let check = |written: &str, expected: &[(&str, u64)]| {
            fs::write(&files.lock, written).expect("written");
            let places = files.lock().and_then(|locked| locked.places()).expect("readable");
            let expected: Places =
                expected.iter().map(|(name, n)| ((*name).to_owned(), *n)).collect();
            assert_eq!(places, expected, "{written}");
        };
        drop(files.lock().expect("free"));
        check("", &[]);
        check("{\"version\":1,\"open\":{\"a\":2}}\n", &[("a", 2)]);
        check("{\"version\":1,\"open\":{\"a\":2}}\n7}}\n", &[("a", 2)]);
        check("\0\0", &[]);

        let locked = files.lock().expect("free");
        let other = files.open_lock().expect("it is there");
        assert!(other.try_lock().is_err());
        locked.set_places([("abc".to_owned(), 12)].into()).expect("written");
        locked.set_places([("d".to_owned(), 1)].into()).expect("written");
        drop(locked);
        let text = fs::read_to_string(&files.lock).expect("readable");
        assert_eq!(text, "{\"version\":1,\"open\":{\"d\":1}}\n");
    }

    #[cfg(unix)]
    #[test]
    fn nobody_else_may_read_them() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().expect("a folder");
        let folder = folder.path().join("usage");
        let files = Files::new(&folder, "git");
        let locked = files.lock().expect("free");
        locked.set_counts(&Counts::default()).expect("written");
        let check = |path: &Path, expected: u32| {
            let mode = fs::metadata(path).expect("it is there").permissions().mode();
            assert_eq!(mode & 0o777, expected, "{}", path.display());
        };
        check(&folder, 0o700);
        check(&files.lock, 0o600);
        check(&files.counts, 0o600);
    }
}
