//! `model.json`, which says of a folder what was installed into it.

use std::fs::File as StdFile;
use std::io::{self, Read, Write};
use std::path::Path;

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::Error;
use crate::base::fs::write_atomically;

/// The file's name.
pub const MANIFEST: &str = "model.json";
/// Nothing that the bridge wrote is longer.
const LONGEST: u64 = 1 << 20;
/// A folder of a model may be read by everybody.
const MODE: u32 = 0o644;

/// What a folder holds, as it was when it was installed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// The model's name.
    pub name: String,
    /// What it may be used under, where that is known (SPDX).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub licence: Option<String>,
    /// The files by their names.
    pub files: IndexMap<String, File>,
}

/// One file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct File {
    /// Of its bytes, in hexadecimal digits.
    pub sha256: String,
    /// In bytes.
    pub size: u64,
}

impl Manifest {
    /// Reads that of a folder.
    pub fn read(folder: &Path) -> Result<Self, Error> {
        let path = folder.join(MANIFEST);
        let broken = |reason: String| Error::Manifest { path: path.clone(), reason };
        let file = StdFile::open(&path).map_err(|error| broken(error.to_string()))?;
        let mut text = String::new();
        file.take(LONGEST).read_to_string(&mut text).map_err(|error| broken(error.to_string()))?;
        let read: Self = serde_json::from_str(&text).map_err(|error| broken(error.to_string()))?;
        match read.files.keys().find(|name| !is_plain(name)) {
            Some(name) => Err(broken(format!("`{name}` is no name of a file in this folder"))),
            None => Ok(read),
        }
    }

    /// Writes that of a folder.
    pub fn write(&self, folder: &Path) -> io::Result<()> {
        let text = serde_json::to_string_pretty(self).expect("a manifest always serialises");
        write_atomically(&folder.join(MANIFEST), text.as_bytes(), MODE)
    }
}

impl File {
    /// That of the file at `path`, which is read from beginning to end.
    pub fn of(path: &Path) -> io::Result<Self> {
        Self::copied(StdFile::open(path)?, io::sink())
    }

    /// That of what is copied.
    pub(super) fn copied(mut from: impl Read, mut to: impl Write) -> io::Result<Self> {
        let (mut hash, mut size) = (Sha256::new(), 0);
        let mut buffer = vec![0; 1 << 16];
        loop {
            let count = from.read(&mut buffer)?;
            if count == 0 {
                return Ok(Self { sha256: hex(&hash.finalize()), size });
            }
            hash.update(&buffer[..count]);
            to.write_all(&buffer[..count])?;
            size += count as u64;
        }
    }
}

/// Whether this is the name of a file, and no way out of its folder.
fn is_plain(name: &str) -> bool {
    !name.is_empty() && !name.starts_with('.') && !name.contains(['/', '\\', ':', '\0'])
}

/// Two digits a byte.
fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_read() {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("a.bin"), b"abc").expect("written");
        let file = File::of(&folder.path().join("a.bin")).expect("read");
        assert_eq!(file.size, 3);
        assert_eq!(file.sha256, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        let files = IndexMap::from([("a.bin".to_owned(), file)]);
        let manifest = Manifest { name: "m".to_owned(), licence: None, files };
        manifest.write(folder.path()).expect("written");
        assert_eq!(Manifest::read(folder.path()).expect("read"), manifest);
    }

    #[test]
    fn what_is_no_manifest_is_told() {
        fn check(text: &str, expected: &str) {
            let folder = tempfile::tempdir().expect("a folder");
            std::fs::write(folder.path().join(MANIFEST), text).expect("written");
            let error = Manifest::read(folder.path()).expect_err("no manifest").to_string();
            assert!(error.contains(expected), "{error}");
        }
        check("{", "model.json");
        check(r#"{"name":"m"}"#, "files");
        check(r#"{"name":"m","files":{"../x":{"sha256":"","size":0}}}"#, "`../x` is no name");
    }
}
