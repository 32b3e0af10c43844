//! Names without a prefix that were given in earlier runs, in `cache/names.json` in the home folder (0600):
//!
//! ```json
//! {"version": 1, "tools": {"echo": ["two", "echo"]}, "prompts": {}}
//! ```
//!
//! Clients remember names for longer than a bridge runs, such as what they may call unasked. Names with a prefix follow from
//! the servers' own names. A file that cannot be read or written is passed over with a line in the log.

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::Exposed;
use super::name::fit;
use crate::base::fs::{create_private_folder, open_regular};
use crate::base::rewrite::{self, Access, rewrite};
use crate::config::ServerName;

/// The one version of the file that there is.
const VERSION: u32 = 1;
/// No more is read.
const MAX_BYTES: u64 = 16 * 1024 * 1024;
/// No more names of a kind are kept.
const MAX_NAMES: usize = 20_000;
/// Nor of one server, which might leave no room for those of others.
const MAX_OF_SERVER: usize = 4000;
/// What servers call something is kept up to this length, in bytes of JSON text.
const MAX_OWN: usize = 256;

/// The file. The default keeps nothing.
#[derive(Debug, Clone, Default)]
pub struct NameFile(Option<PathBuf>);

/// Whose names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Section {
    /// Those of tools.
    Tools,
    /// Those of prompts.
    Prompts,
}

/// A name without a prefix.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plain {
    /// As clients know it.
    pub name: String,
    /// Whose it is.
    pub server: ServerName,
    /// What the server calls it.
    pub own: String,
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct Content {
    version: u32,
    #[serde(default)]
    tools: BTreeMap<String, (String, String)>,
    #[serde(default)]
    prompts: BTreeMap<String, (String, String)>,
}

impl Content {
    fn parse(bytes: &[u8]) -> Result<Self, String> {
        let content: Self = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
        match content.version {
            VERSION => Ok(content),
            other => Err(format!("there is no version {other}")),
        }
    }

    fn section(&mut self, section: Section) -> &mut BTreeMap<String, (String, String)> {
        match section {
            Section::Tools => &mut self.tools,
            Section::Prompts => &mut self.prompts,
        }
    }
}

impl NameFile {
    /// The file at this place. Touches nothing yet.
    pub fn new(path: PathBuf) -> Self {
        Self(Some(path))
    }

    /// The names that are in the file. Reads it.
    pub fn read(&self, section: Section) -> Vec<Plain> {
        let Some(path) = &self.0 else { return Vec::new() };
        let read = match bytes(path) {
            Ok(None) => return Vec::new(),
            Ok(Some(bytes)) => Content::parse(&bytes),
            Err(error) => Err(error.to_string()),
        };
        let mut content = read.unwrap_or_else(|fault| {
            let path = path.display();
            tracing::warn!("names that were given earlier are not known: {path}: {fault}");
            Content::default()
        });
        let names = std::mem::take(content.section(section)).into_iter();
        let plain = |(name, (server, own)): (String, (String, String))| {
            let server = ServerName::parse(&server).ok()?;
            (fit(&own) == name).then_some(Plain { name, server, own })
        };
        names.filter_map(plain).collect()
    }

    /// Adds names, and takes those out that nothing has any more; what others have added meanwhile stays. Reads and writes
    /// the file.
    pub fn add(&self, section: Section, names: &[Plain], lost: &[Plain]) {
        let Some(path) = &self.0 else { return };
        // What is wrong is replaced, and somebody else's file would be: nobody has a reason for a link here.
        if path.is_symlink() {
            return tracing::info!("names are not kept: {} is a link", path.display());
        }
        let change = |old: Option<&[u8]>| -> Result<(Vec<u8>, ()), rewrite::Error> {
            // Whatever is wrong with the old file, it is replaced; one that is too large would never be read again.
            let old = old.filter(|old| old.len() as u64 <= MAX_BYTES);
            let mut content = old.and_then(|old| Content::parse(old).ok()).unwrap_or_default();
            content.version = VERSION;
            let table = content.section(section);
            let is_lost = |name: &str, owner: &(String, String)| {
                lost.iter().any(|it| it.name == name && it.server.as_str() == owner.0)
            };
            table.retain(|name, owner| !is_lost(name, owner));
            let mut counts: HashMap<String, usize> = HashMap::new();
            for (server, _) in table.values() {
                *counts.entry(server.clone()).or_default() += 1;
            }
            for Plain { name, server, own } in names {
                let count = counts.entry(server.to_string()).or_default();
                let has_room = table.len() < MAX_NAMES && *count < MAX_OF_SERVER;
                if has_room && is_short(own) && !table.contains_key(name) {
                    table.insert(name.clone(), (server.to_string(), own.clone()));
                    *count += 1;
                }
            }
            let text = serde_json::to_vec(&content).expect("maps of strings serialise");
            Ok((text, ()))
        };
        let folder = path.parent().map_or(Ok(()), create_private_folder);
        let written = folder.map_err(|error| error.to_string()).and_then(|()| {
            rewrite(path, Access::Private, change).map_err(|error| error.to_string())
        });
        if let Err(error) = written {
            tracing::info!("names cannot be kept in {}: {error}", path.display());
        }
    }
}

/// Whether what a server calls something is kept.
fn is_short(own: &str) -> bool {
    own.len() <= MAX_OWN && serde_json::to_string(own).is_ok_and(|text| text.len() <= MAX_OWN)
}

/// What the file holds, `None` when it is not there.
fn bytes(path: &Path) -> io::Result<Option<Vec<u8>>> {
    let mut bytes = Vec::new();
    let file = match open_regular(path, File::options().read(true)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        opened => opened?,
    };
    file.take(MAX_BYTES + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    Ok(Some(bytes))
}

impl Exposed {
    /// The names that have no prefix.
    pub fn plain(&self) -> Vec<Plain> {
        let plain = self.iter().filter(|(name, _, own)| fit(own) == *name);
        let plain = plain.map(|(name, server, own)| Plain {
            name: name.to_owned(),
            server: server.clone(),
            own: own.to_owned(),
        });
        plain.collect()
    }

    /// Takes in a name that was given in an earlier run, unless it stands for something else by now.
    pub fn revive(&mut self, plain: &Plain) {
        let Plain { name, server, own } = plain;
        if self.owner(name).is_none() && self.name(server.as_str(), own).is_none() {
            self.put(server, own, name.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(name: &str, server: &str) -> Plain {
        let server = ServerName::parse(server).expect("a name");
        Plain { name: name.to_owned(), server, own: name.to_owned() }
    }

    #[test]
    fn the_first_of_several_bridges_names() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let file = NameFile::new(folder.path().join("cache/names.json"));
        assert_eq!(file.read(Section::Tools), []);
        let [x, y, others] = [plain("x", "one"), plain("y", "one"), plain("x", "two")];
        file.add(Section::Tools, std::slice::from_ref(&x), &[]);
        file.add(Section::Tools, &[others.clone(), y.clone()], &[]);
        file.add(Section::Prompts, std::slice::from_ref(&others), &[]);
        assert_eq!(file.read(Section::Tools), [x.clone(), y.clone()]);
        assert_eq!(file.read(Section::Prompts), std::slice::from_ref(&others));
        file.add(Section::Tools, std::slice::from_ref(&others), &[x]);
        assert_eq!(file.read(Section::Tools), [others, y]);
    }

    #[test]
    fn a_damaged_file_is_passed_over_and_replaced() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("names.json");
        let file = NameFile::new(path.clone());
        for damaged in ["{", r#"{"version":2,"tools":{"x":["one","x"]}}"#] {
            std::fs::write(&path, damaged).expect("writable");
            assert_eq!(file.read(Section::Tools), []);
        }
        file.add(Section::Tools, &[plain("x", "one")], &[]);
        assert_eq!(file.read(Section::Tools), [plain("x", "one")]);
        let large = "z".repeat(usize::try_from(MAX_BYTES).expect("it fits"));
        let large = format!(r#"{{"version":1,"tools":{{"y":["one","y"],"z":["one","{large}"]}}}}"#);
        std::fs::write(&path, large).expect("writable");
        file.add(Section::Tools, &[plain("x", "one")], &[]);
        assert_eq!(file.read(Section::Tools), [plain("x", "one")]);
        // What is no plain name of the thing is none that was given.
        std::fs::write(&path, r#"{"version":1,"tools":{"x":["one","y"],"z":["O","z"]}}"#)
            .expect("writable");
        assert_eq!(file.read(Section::Tools), []);
    }

    #[cfg(unix)]
    #[test]
    fn what_a_link_leads_to_is_left_alone() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let other = folder.path().join("other");
        std::fs::write(&other, "mine").expect("writable");
        let path = folder.path().join("names.json");
        std::os::unix::fs::symlink(&other, &path).expect("writable");
        NameFile::new(path).add(Section::Tools, &[plain("x", "one")], &[]);
        assert_eq!(std::fs::read_to_string(other).expect("it is there"), "mine");
    }

    #[test]
    fn no_server_fills_the_file() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let file = NameFile::new(folder.path().join("names.json"));
        let many: Vec<_> =
            (0..MAX_OF_SERVER + 9).map(|it| plain(&format!("t{it}"), "one")).collect();
        file.add(Section::Tools, &many, &[]);
        file.add(Section::Tools, &many, &[]);
        file.add(Section::Tools, &[plain("x", "two")], &[]);
        let kept = file.read(Section::Tools);
        assert_eq!(kept.len(), MAX_OF_SERVER + 1);
        assert!(kept.contains(&plain("x", "two")));
        let long = "\u{1}".repeat(MAX_OWN.div_ceil(6));
        let long = Plain { name: fit(&long), own: long, ..plain("x", "one") };
        file.add(Section::Prompts, &[long, plain("y", "one")], &[]);
        assert_eq!(file.read(Section::Prompts), [plain("y", "one")]);
    }
}
