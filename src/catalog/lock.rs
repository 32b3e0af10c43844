//! `bridge.lock`, beside the config: what was installed, so that another machine gets the same and a change is seen.
//!
//! ```json
//! {
//!   "lockVersion": 1,
//!   "servers": {
//!     "tavily": {
//!       "recipe": "tavily",
//!       "recipeSha256": "5ab1…",
//!       "source": "built-in",
//!       "transport": "stdio",
//!       "method": "npx",
//!       "package": "tavily-mcp",
//!       "version": "0.2.3",
//!       "tools": { "tavily-search": "9f86…" }
//!     }
//!   }
//! }
//! ```
//!
//! Names are sorted, so that the same state is the same text. `version` is missing where the recipe leaves it open, `tools`
//! where the server was not reached yet; the hashes are those of the pins. The file holds no secret. It is changed under
//! the same lock as the config, and replaced in one step.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::install::Plan;
use super::{Entry, Origin};
use crate::base::fs::read_regular;
use crate::base::rewrite::{self, Access, rewrite};
use crate::config::Source;

/// The one version of the file that there is.
const VERSION: u32 = 1;
const FILE: &str = "bridge.lock";
/// Before the path of a recipe.
const FILE_SOURCE: &str = "file:";
/// Bytes of it that are read.
const LONGEST_FILE: u64 = 16 * 1024 * 1024;

/// The file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Lock {
    lock_version: u32,
    /// The servers by their names in the config.
    pub servers: BTreeMap<String, Locked>,
    /// Where the file is: at its folder the paths in it start.
    #[serde(skip)]
    folder: PathBuf,
}

/// One server as it was installed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Locked {
    /// The id of its recipe.
    pub recipe: String,
    /// The hash of the recipe, see [`Entry::sha256`].
    pub recipe_sha256: String,
    /// Where the recipe is from: `built-in`, `home`, `file:` with its path, or the URL of a catalog. A path below the
    /// lock's own folder starts there, with `./`.
    pub source: String,
    /// How it is reached.
    pub transport: String,
    /// How its package is got.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// The package.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub package: Option<String>,
    /// The package's version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// The hashes of its tools' definitions, by the names of the tools.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tools: Option<Tools>,
}

/// Hashes of definitions by the names of tools.
pub type Tools = BTreeMap<String, String>;

/// How tools differ from those in the lock.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// Tools that are new.
    pub added: Vec<String>,
    /// Tools that are gone.
    pub removed: Vec<String>,
    /// Tools that are there and are not what they were.
    pub changed: Vec<String>,
}

/// Why the lock cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It cannot be read or written.
    #[error(transparent)]
    File(#[from] rewrite::Error),
    /// It is not what the bridge writes.
    #[error("`{}` is damaged: {reason}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A later version of the bridge wrote it.
    #[error("`{}` is of a newer bridge (`lockVersion` {version}); update this one", path.display())]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its version.
        version: u64,
    },
}

impl Lock {
    /// Where the lock of a configuration is.
    pub fn path(source: &Source) -> PathBuf {
        source.config.with_file_name(FILE)
    }

    /// The lock; none where there is no file.
    pub fn read(path: &Path) -> Result<Option<Self>, Error> {
        match read_regular(path, LONGEST_FILE) {
            Ok(bytes) => Self::parse(path, &bytes).map(Some),
            Err(fault) if fault.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(rewrite::Error::Unreadable { path: path.to_owned(), source }.into()),
        }
    }

    /// A lock without servers, for a configuration that has none yet.
    pub fn empty(path: &Path) -> Self {
        Self { lock_version: VERSION, servers: BTreeMap::new(), folder: folder_of(path) }
    }

    /// Writes down a plan that was carried out, with the tools that its server showed. Where they are not known now, they
    /// are those that were locked, if it is the same package by the same recipe.
    pub fn put(&mut self, plan: &Plan, tools: Option<Tools>) {
        let mut new = Locked::new(plan, &self.folder);
        let old = self.servers.get_mut(plan.name.as_str());
        let old = old.and_then(|old| old.tools.take().filter(|_| *old == new));
        new.tools = tools.or(old);
        self.servers.insert(plan.name.to_string(), new);
    }

    /// The name by which the recipe of a server is found again.
    pub fn recipe_of(&self, locked: &Locked) -> String {
        match locked.source.strip_prefix(FILE_SOURCE) {
            Some(file) => self.folder.join(file).display().to_string(),
            None => locked.recipe.clone(),
        }
    }

    /// Changes the file, or makes it; whether anything is different now. A file without servers is made by nobody.
    pub fn update(path: &Path, change: impl Fn(&mut Self)) -> Result<bool, Error> {
        // A lock that nobody has is not made for taking something out of it.
        if Self::read(path)?.is_none() {
            let mut new = Self::empty(path);
            change(&mut new);
            if new.servers.is_empty() {
                return Ok(false);
            }
        }
        let (_, changed) = rewrite(path, Access::Kept, |old| {
            let mut lock = match old {
                Some(bytes) => Self::parse(path, bytes)?,
                None => Self::empty(path),
            };
            change(&mut lock);
            let text = serde_json::to_string_pretty(&lock).expect("plain JSON always serialises");
            let new = (text + "\n").into_bytes();
            let changed = old != Some(&new);
            Ok::<_, Error>((new, changed))
        })?;
        Ok(changed)
    }

    fn parse(path: &Path, bytes: &[u8]) -> Result<Self, Error> {
        let damaged = |reason: String| Error::Damaged { path: path.to_owned(), reason };
        match serde_json::from_slice::<Self>(bytes) {
            Ok(lock) if lock.lock_version == VERSION => {
                Ok(Self { folder: folder_of(path), ..lock })
            }
            parsed => {
                let value = serde_json::from_slice::<serde_json::Value>(bytes).unwrap_or_default();
                match value["lockVersion"].as_u64() {
                    Some(version) if version > u64::from(VERSION) => {
                        Err(Error::Newer { path: path.to_owned(), version })
                    }
                    _ => Err(damaged(parsed.map_or_else(
                        |fault| fault.to_string(),
                        |lock| format!("there is no `lockVersion` {}", lock.lock_version),
                    ))),
                }
            }
        }
    }
}

impl Locked {
    /// What is locked of a plan but for the tools, in a lock in this folder.
    fn new(plan: &Plan, folder: &Path) -> Self {
        Self {
            recipe: plan.source.recipe.id.clone(),
            recipe_sha256: plan.source.sha256.clone(),
            source: source_of(&plan.source, folder),
            transport: transport_of(plan).to_owned(),
            method: plan.method().map(|method| method.name().to_owned()),
            package: plan.package().map(str::to_owned),
            version: plan.version.clone(),
            tools: None,
        }
    }

    /// What of a plan is not as it is locked, in words; the tools aside.
    pub fn deviation(&self, plan: &Plan) -> Option<String> {
        let version =
            |version: &Option<String>| version.clone().unwrap_or_else(|| "none".to_owned());
        let sha256 = &plan.source.sha256;
        if *sha256 != self.recipe_sha256 {
            return Some(format!(
                "the recipe `{}` is not the one in the lock (SHA-256 {sha256}, locked {})",
                self.recipe, self.recipe_sha256
            ));
        }
        if plan.version != self.version {
            let (is, was) = (version(&plan.version), version(&self.version));
            return Some(format!("the version is {is}, and {was} is locked"));
        }
        let transport = transport_of(plan);
        (transport != self.transport).then(|| {
            format!("it would be reached by {transport}, and {} is locked", self.transport)
        })
    }

    /// How the tools of now differ from the locked ones; nothing where none are locked.
    pub fn difference(&self, now: &Tools) -> Difference {
        let Some(was) = &self.tools else { return Difference::default() };
        let names: BTreeSet<&String> = was.keys().chain(now.keys()).collect();
        let mut difference = Difference::default();
        for name in names {
            let list = match (was.get(name), now.get(name)) {
                (None, _) => &mut difference.added,
                (_, None) => &mut difference.removed,
                (Some(was), Some(is)) if was != is => &mut difference.changed,
                _ => continue,
            };
            list.push(name.clone());
        }
        difference
    }
}

impl Difference {
    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

fn transport_of(plan: &Plan) -> &str {
    plan.entry.get("transport").and_then(serde_json::Value::as_str).unwrap_or_default()
}

fn folder_of(path: &Path) -> PathBuf {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    path.parent().map(Path::to_owned).unwrap_or_default()
}

fn source_of(entry: &Entry, folder: &Path) -> String {
    match &entry.origin {
        Origin::BuiltIn => "built-in".to_owned(),
        Origin::Home { .. } => "home".to_owned(),
        Origin::File { file } => {
            let file = std::path::absolute(file).unwrap_or_else(|_| file.clone());
            let Ok(below) = file.strip_prefix(folder) else {
                return format!("{FILE_SOURCE}{}", file.display());
            };
            let parts: Vec<_> = below.iter().map(|part| part.to_string_lossy()).collect();
            format!("{FILE_SOURCE}./{}", parts.join("/"))
        }
        Origin::Remote { catalog, .. } => catalog.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn locked(version: Option<&str>, tools: &[(&str, &str)]) -> Locked {
        let tools = tools.iter().map(|(name, hash)| ((*name).to_owned(), (*hash).to_owned()));
        Locked {
            recipe: "one".to_owned(),
            recipe_sha256: "00".to_owned(),
            source: "built-in".to_owned(),
            transport: "stdio".to_owned(),
            method: None,
            package: None,
            version: version.map(str::to_owned),
            tools: Some(tools.collect()),
        }
    }

    #[test]
    fn the_same_state_is_the_same_text() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join(FILE);
        assert_eq!(Lock::read(&path).expect("none"), None);
        assert!(!Lock::update(&path, |lock| drop(lock.servers.remove("a"))).expect("nothing"));
        assert!(!path.exists());
        let put = |name: &str, locked: &Locked| {
            Lock::update(&path, |lock| {
                lock.servers.insert(name.to_owned(), locked.clone());
            })
            .expect("written")
        };
        let (one, two) = (locked(None, &[("b", "1"), ("a", "2")]), locked(Some("1.0"), &[]));
        assert!(put("two", &two) && put("one", &one));
        let text = std::fs::read_to_string(&path).expect("there");
        assert!(
            text.starts_with("{\n  \"lockVersion\": 1,\n  \"servers\": {\n    \"one\": {"),
            "{text}"
        );
        assert!(text.ends_with("}\n") && !put("one", &one), "{text}");
        assert_eq!(Lock::read(&path).expect("there").expect("there").servers["two"], two);
    }

    #[test]
    fn what_is_damaged_or_newer_stays() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join(FILE);
        for (text, words) in [
            ("{", "is damaged"),
            ("{\"lockVersion\": 0, \"servers\": {}}", "no `lockVersion` 0"),
            ("{\"lockVersion\": 2, \"servers\": []}", "newer bridge"),
        ] {
            std::fs::write(&path, text).expect("written");
            let fault = Lock::update(&path, |lock| lock.servers.clear()).expect_err("refused");
            assert!(fault.to_string().contains(words), "{fault}");
            assert_eq!(std::fs::read_to_string(&path).expect("there"), text);
        }
    }

    #[test]
    fn differences_of_tools_are_told_apart() {
        let locked = locked(None, &[("a", "1"), ("b", "1"), ("c", "1")]);
        let now = [("b", "2"), ("c", "1"), ("d", "1")];
        let now = now.iter().map(|(name, hash)| ((*name).to_owned(), (*hash).to_owned())).collect();
        let expected = Difference {
            added: vec!["d".to_owned()],
            removed: vec!["a".to_owned()],
            changed: vec!["b".to_owned()],
        };
        assert_eq!(locked.difference(&now), expected);
        assert!(Locked { tools: None, ..locked }.difference(&now).is_empty());
    }
}
