//! A change of a file that can be taken back, for those who change several files and may fail in the middle.

use std::fmt;
use std::fs;
use std::path::PathBuf;

use super::rewrite::{Access, Error, rewrite};

/// What a file held before a change and after it.
#[derive(Clone, PartialEq, Eq)]
pub struct Replaced {
    /// The file itself, and no link to it.
    pub file: PathBuf,
    /// Nothing where there was no file.
    pub old: Option<Vec<u8>>,
    /// What it was made to hold.
    pub new: Vec<u8>,
}

/// Why a file is not rewritten.
enum Stop {
    Fault(Error),
    /// Somebody else has changed it since.
    Others,
    Removed,
}

impl From<Error> for Stop {
    fn from(fault: Error) -> Self {
        Self::Fault(fault)
    }
}

impl Replaced {
    /// Puts back what was there; a file that was made by the change goes. Returns whether it did: what somebody else has
    /// written since stays.
    pub fn put_back(&self) -> Result<bool, Error> {
        let put_back = rewrite(&self.file, Access::Kept, |now| {
            if now != Some(&self.new) {
                return Err(Stop::Others);
            }
            match &self.old {
                Some(old) => Ok((old.clone(), ())),
                None => Err(self.remove()),
            }
        });
        match put_back {
            Ok(_) | Err(Stop::Removed) => Ok(true),
            Err(Stop::Others) => Ok(false),
            Err(Stop::Fault(fault)) => Err(fault),
        }
    }

    fn remove(&self) -> Stop {
        match fs::remove_file(&self.file) {
            Ok(()) => Stop::Removed,
            Err(source) => Stop::Fault(Error::Unwritable { path: self.file.clone(), source }),
        }
    }
}

/// The bytes may be secrets.
impl fmt::Debug for Replaced {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Replaced").field("file", &self.file).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_this_change_has_written_is_put_back_and_nothing_else() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("file");
        let check = |now: Option<&str>, old: Option<&str>, expected: (bool, Option<&str>)| {
            let _ = fs::remove_file(&file);
            if let Some(now) = now {
                fs::write(&file, now).expect("it can be written");
            }
            let old = old.map(|old| old.as_bytes().to_vec());
            let replaced = Replaced { file: file.clone(), old, new: b"new".to_vec() };
            assert_eq!(replaced.put_back().expect("it can be read"), expected.0);
            assert_eq!(fs::read_to_string(&file).ok().as_deref(), expected.1);
        };
        check(Some("new"), Some("old"), (true, Some("old")));
        check(Some("new"), None, (true, None));
        check(Some("of others"), Some("old"), (false, Some("of others")));
        check(Some("of others"), None, (false, Some("of others")));
        check(None, Some("old"), (false, None));
        let replaced = Replaced { file: folder.path().to_owned(), old: None, new: Vec::new() };
        assert!(matches!(replaced.put_back(), Err(Error::NotAFile { .. })));
        assert!(!format!("{replaced:?}").contains("new"));
    }
}
