//! `model.json`, which says of a folder what was installed into it: how a model is worked with, and which bytes its files
//! must have.

use std::fs::{File as StdFile, OpenOptions};
use std::io::{self, Read, Write};
use std::path::Path;

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::base::fs::{open_regular, write_atomically};
use crate::base::text::hex;

/// The file's name.
pub const MANIFEST: &str = "model.json";
/// Nothing that the bridge wrote is longer.
const LONGEST: u64 = 64 << 10;
/// More than any model has that answers within the time of a call.
const LARGEST: u64 = 4 << 30;
/// A folder of a model may be read by everybody.
const MODE: u32 = 0o644;

/// What a folder holds, as it was when it was installed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// The model's name.
    pub name: String,
    /// What it may be used under, where that is known (SPDX).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub licence: Option<String>,
    /// How it is worked with; nothing for a library.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network: Option<Network>,
    /// The files by their names.
    pub files: IndexMap<String, File>,
}

/// A model that turns texts into vectors.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Network {
    /// Such as `f32`: vectors of one precision agree with one another.
    pub precision: String,
    /// Numbers of a vector.
    pub dimensions: usize,
    /// How much of a text counts, in tokens.
    pub max_tokens: usize,
    /// How the vectors of a text's tokens become one.
    #[serde(default)]
    pub pooling: Pooling,
    /// What goes before every query, for models that were trained so.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub query_prefix: String,
    /// The same for texts that can be found.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub document_prefix: String,
    /// The file with the ONNX graph.
    pub graph: String,
    /// The file with the tensors that the graph refers to, where it does not hold them itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weights: Option<String>,
    /// The file with the tokenizer.
    pub tokenizer: String,
}

/// How the vectors of a text's tokens become one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Pooling {
    /// Their mean.
    #[default]
    Mean,
    /// The first one.
    Cls,
}

/// One file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct File {
    /// How long it is.
    pub bytes: u64,
    /// Of its bytes, in hexadecimal digits.
    pub sha256: String,
}

impl Manifest {
    /// Reads that of a folder; `NotFound` where there is none, `InvalidData` where it makes no sense.
    pub fn read(folder: &Path) -> io::Result<Self> {
        let file = open_regular(&folder.join(MANIFEST), OpenOptions::new().read(true))?;
        let mut text = String::new();
        file.take(LONGEST).read_to_string(&mut text)?;
        let read: Self = serde_json::from_str(&text)?;
        read.check().map_err(|reason| io::Error::new(io::ErrorKind::InvalidData, reason))?;
        Ok(read)
    }

    /// Writes that of a folder.
    pub fn write(&self, folder: &Path) -> io::Result<()> {
        let text = serde_json::to_string_pretty(self).expect("a manifest always serialises");
        write_atomically(&folder.join(MANIFEST), text.as_bytes(), MODE)
    }

    /// What serde does not see.
    fn check(&self) -> Result<(), String> {
        for (name, file) in &self.files {
            if Path::new(name).file_name() != Some(name.as_ref()) {
                return Err(format!("`{name}` is no name of a file in the folder"));
            }
            if file.bytes > LARGEST {
                return Err(format!("`{name}` has more than {LARGEST} bytes"));
            }
            let digit = |letter| matches!(letter, b'0'..=b'9' | b'a'..=b'f');
            if file.sha256.len() != 64 || !file.sha256.bytes().all(digit) {
                return Err(format!("`sha256` of `{name}` is not 64 digits and letters up to `f`"));
            }
        }
        check_word("name", &self.name)?;
        self.network.as_ref().map_or(Ok(()), |network| network.check(&self.files))
    }
}

impl Network {
    fn check(&self, files: &IndexMap<String, File>) -> Result<(), String> {
        check_word("precision", &self.precision)?;
        if !(1..=8192).contains(&self.dimensions) {
            return Err(format!("`dimensions` is {}, not 1 to 8192", self.dimensions));
        }
        if !(8..=8192).contains(&self.max_tokens) {
            return Err(format!("`maxTokens` is {}, not 8 to 8192", self.max_tokens));
        }
        let mut names = [&self.graph, &self.tokenizer].into_iter().chain(&self.weights);
        match names.find(|name| !files.contains_key(*name)) {
            Some(name) => Err(format!("`files` says nothing of `{name}`")),
            None => Ok(()),
        }
    }
}

/// Names become part of those of files and of identities.
fn check_word(member: &str, value: &str) -> Result<(), String> {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "-_.".contains(letter);
    if value.is_empty() || value.len() > 100 || !value.chars().all(plain) {
        return Err(format!("`{member}` must be letters, digits, `-`, `_` and `.`"));
    }
    Ok(())
}

impl File {
    /// That of the file at `path`, which is read from beginning to end.
    pub fn of(path: &Path) -> io::Result<Self> {
        Self::copied(StdFile::open(path)?, io::sink())
    }

    /// That of what is copied.
    pub fn copied(mut from: impl Read, mut to: impl Write) -> io::Result<Self> {
        let (mut hash, mut bytes) = (Sha256::new(), 0);
        let mut part = vec![0; 1 << 18];
        loop {
            match from.read(&mut part) {
                Ok(0) => return Ok(Self { bytes, sha256: hex(&hash.finalize()) }),
                Ok(count) => {
                    hash.update(&part[..count]);
                    to.write_all(&part[..count])?;
                    bytes += count as u64;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_read() {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("a.bin"), b"abc").expect("written");
        let file = File::of(&folder.path().join("a.bin")).expect("read");
        assert_eq!(file.bytes, 3);
        assert_eq!(file.sha256, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        let files = IndexMap::from([("a.bin".to_owned(), file)]);
        let manifest = Manifest { name: "m".to_owned(), licence: None, network: None, files };
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
        let files = |name: &str| {
            let sha256 = "0".repeat(64);
            format!(r#"{{"name":"m","files":{{"{name}":{{"sha256":"{sha256}","bytes":0}}}}}}"#)
        };
        check("{", "EOF");
        check(r#"{"name":"m"}"#, "files");
        check(r#"{"name":"m","files":{},"more":1}"#, "unknown field");
        check(r#"{"name":"a/b","files":{}}"#, "`name` must be");
        for name in ["../x", "/x", "a/b", "..", ""] {
            check(&files(name), "no name of a file");
        }
    }
}
