//! Vectors that were made once and are not made again: one file per model in a folder of the home folder, read and
//! written whole.
//!
//! It is a cache. A file that is damaged, or that somebody else put there, counts as empty, and the next save replaces
//! it. Several bridges may use one folder: whoever saves holds a lock and keeps what others have added.

use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use sha2::{Digest, Sha256};

use super::kept::{self, Kept};
use crate::base::fs::{PRIVATE, create_private_folder, open_regular, write_atomically};
use crate::base::lock::{Lock, PATIENCE};

const EXTENSION: &str = "vectors";
const LOCK: &str = "lock";
/// Files of models that nobody has used for this long are removed.
const MAX_AGE: Duration = Duration::from_hours(24 * 60);

/// The folder of the files. Its functions read and write them, so they block.
#[derive(Debug, Clone)]
pub struct Store {
    folder: PathBuf,
}

/// Why vectors were not saved. They will have to be made again.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Another bridge has held the lock for too long.
    #[error("another process has been holding `{}` for {} s", .0.display(), PATIENCE.as_secs())]
    Busy(PathBuf),
    /// The system refused.
    #[error("`{}` cannot be written: {source}", path.display())]
    Unwritable {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl Store {
    /// Touches nothing yet.
    pub fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// The vectors of a model, by its identity; none where none were kept or they cannot be read, which a warning
    /// tells.
    pub fn load(&self, identity: &str) -> Kept {
        let path = self.path(identity);
        let read = read(&path).and_then(|bytes| {
            bytes.map(|bytes| Kept::decode(&bytes, identity).map_err(io::Error::other)).transpose()
        });
        match read {
            Ok(kept) => kept.unwrap_or_else(|| Kept::new(identity)),
            Err(fault) => {
                tracing::warn!("kept vectors are not used: {}: {fault}", path.display());
                Kept::new(identity)
            }
        }
    }

    /// Changes the vectors of a model as they are by then, whoever else has changed them. Nothing is written where nothing
    /// has changed.
    pub fn update(&self, identity: &str, change: impl FnOnce(&mut Kept)) -> Result<(), StoreError> {
        let unwritable =
            |path: &Path, source| StoreError::Unwritable { path: path.to_owned(), source };
        create_private_folder(&self.folder).map_err(|fault| unwritable(&self.folder, fault))?;
        let lock = self.folder.join(LOCK);
        let mut options = OpenOptions::new();
        let options = options.write(true).create(true).truncate(false);
        let file = open_regular(&lock, options).map_err(|fault| unwritable(&lock, fault))?;
        let _held = Lock::wait(file, PATIENCE).map_err(|_| StoreError::Busy(lock))?;
        let mut kept = self.load(identity);
        change(&mut kept);
        if !kept.has_changed() {
            return Ok(());
        }
        kept.prune();
        let path = self.path(identity);
        write_atomically(&path, &kept.encode(), PRIVATE)
            .map_err(|fault| unwritable(&path, fault))?;
        self.sweep();
        Ok(())
    }

    /// The file of a model: as much of its identity as a name can have, for people, and what tells it from all others.
    fn path(&self, identity: &str) -> PathBuf {
        const LONGEST: usize = 48;
        let plain = |letter: char| if letter.is_ascii_alphanumeric() { letter } else { '-' };
        let name: String = identity.chars().map(plain).take(LONGEST).collect();
        let digest = Sha256::digest(identity);
        let (digest, _) = digest.as_slice().split_first_chunk().expect("SHA-256 has 32 bytes");
        let digest = u64::from_be_bytes(*digest);
        self.folder.join(format!("{name}-{digest:016x}.{EXTENSION}"))
    }

    /// Removes the files of models that are not used any more. What cannot be looked at or removed stays.
    fn sweep(&self) {
        let Ok(entries) = std::fs::read_dir(&self.folder) else { return };
        for entry in entries.flatten() {
            let is_ours = entry.path().extension().is_some_and(|found| found == EXTENSION);
            let modified = entry.metadata().and_then(|found| found.modified());
            let age = modified.ok().and_then(|then| SystemTime::now().duration_since(then).ok());
            if is_ours && age.is_some_and(|age| age > MAX_AGE) {
                let _ = std::fs::remove_file(entry.path());
            }
        }
    }
}

/// The bytes of a file, unless there is none; of no more than we would write.
fn read(path: &Path) -> io::Result<Option<Vec<u8>>> {
    let file: File = match open_regular(path, OpenOptions::new().read(true)) {
        Err(fault) if fault.kind() == io::ErrorKind::NotFound => return Ok(None),
        opened => opened?,
    };
    let length = usize::try_from(file.metadata()?.len()).unwrap_or(usize::MAX);
    if length > kept::MAX_FILE_BYTES {
        return Err(io::Error::other("it is larger than any that the bridge writes"));
    }
    let mut bytes = Vec::with_capacity(length + 1);
    file.take(kept::MAX_FILE_BYTES as u64).read_to_end(&mut bytes)?;
    Ok(Some(bytes))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::search::Key;

    const MODEL: &str = "service/model:1";

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("one"));
        let mut names: Vec<String> =
            entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }

    fn fill(kept: &mut Kept, texts: &[&str]) {
        for text in texts {
            kept.insert(Key::of(text), &[0.6, 0.8]);
        }
    }

    fn save(store: &Store, texts: &[&str]) -> Result<(), StoreError> {
        store.update(MODEL, |kept| fill(kept, texts))
    }

    fn has(store: &Store, text: &str) -> bool {
        store.load(MODEL).take(&Key::of(text)) == Some(&[0.6, 0.8][..])
    }

    #[test]
    fn what_was_saved_is_loaded_by_model() {
        let folder = tempfile::tempdir().expect("a folder");
        let store = Store::new(folder.path().join("cache").join("vectors"));
        assert!(store.load(MODEL).is_empty());
        assert!(!folder.path().join("cache").exists());
        save(&store, &[]).expect("nothing to do");
        assert!(!store.path(MODEL).exists());
        save(&store, &["a", "b"]).expect("saved");
        assert!(has(&store, "a"));
        assert!(store.load("service/model:2").is_empty());
        assert!(store.load("service/model/1").is_empty(), "looks alike as a name of a file");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = |path: &Path| path.metadata().expect("there").permissions().mode() & 0o777;
            assert_eq!((mode(&store.folder), mode(&store.path(MODEL))), (0o700, 0o600));
        }
    }

    #[test]
    fn bridges_keep_what_others_have_saved() {
        let folder = tempfile::tempdir().expect("a folder");
        let store = Store::new(folder.path().to_owned());
        std::thread::scope(|scope| {
            for bridge in 0..8 {
                let store = &store;
                scope.spawn(move || {
                    for text in 0..5 {
                        save(store, &[&format!("{bridge} {text}")]).expect("saved");
                    }
                });
            }
        });
        assert_eq!(store.load(MODEL).len(), 40);
    }

    #[test]
    fn damaged_and_foreign_files_count_as_empty_and_are_replaced() {
        let folder = tempfile::tempdir().expect("a folder");
        let store = Store::new(folder.path().to_owned());
        let mut good = Kept::new(MODEL);
        fill(&mut good, &["a"]);
        let whole = good.encode();
        for bytes in [&b""[..], b"not ours", &whole[..whole.len() - 1]] {
            fs::write(store.path(MODEL), bytes).expect("written");
            assert!(store.load(MODEL).is_empty(), "{bytes:?}");
            save(&store, &["b"]).expect("saved");
            assert!(has(&store, "b"));
        }
        let huge = File::create(store.path(MODEL)).expect("made");
        huge.set_len(kept::MAX_FILE_BYTES as u64 + 1).expect("no bytes are written");
        assert!(store.load(MODEL).is_empty());
    }

    #[test]
    fn a_folder_that_cannot_be_written_is_an_error() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("file");
        fs::write(&file, "").expect("written");
        let store = Store::new(file.join("vectors"));
        assert!(store.load(MODEL).is_empty());
        let error = save(&store, &["a"]).expect_err("a file is no folder");
        assert!(matches!(&error, StoreError::Unwritable { path, .. } if path.starts_with(&file)));
    }

    #[test]
    fn files_of_models_that_nobody_uses_go() {
        let folder = tempfile::tempdir().expect("a folder");
        let store = Store::new(folder.path().to_owned());
        let make = |name: &str, age: Duration| {
            let file = File::create(folder.path().join(name)).expect("made");
            file.set_modified(SystemTime::now() - age).expect("set");
        };
        make("old.vectors", MAX_AGE * 2);
        make("new.vectors", MAX_AGE / 2);
        make("old.txt", MAX_AGE * 2);
        save(&store, &["a"]).expect("saved");
        let name = store.path(MODEL);
        let name = name.file_name().expect("a name").to_string_lossy();
        assert_eq!(names(folder.path()), ["lock", "new.vectors", "old.txt", &name]);
    }
}
