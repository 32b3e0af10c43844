//! Everywhere that the name of a recipe may lead to.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use futures_util::future::join_all;

use super::built_in::Catalog;
use super::document::Contents;
use super::entry::{Entry, Origin};
use super::error::Error;
use super::note::{Note, Reason};
use super::remote::{Freshness, Remote};
use crate::base::paths::Paths;
use crate::base::sorting;
use crate::base::text;
use crate::config::finding::Report;
use crate::config::{Finding, RemoteCatalog, Severity};
use crate::recipe;
use crate::wire::http::Client;

/// Names that are offered for one that nobody knows.
const MOST_NEAREST: usize = 5;

/// The recipes that can be had: by path, in the home folder, built in, in remote catalogs.
#[derive(Debug)]
pub struct Sources {
    home: PathBuf,
    remotes: Vec<Remote>,
    client: Client,
}

/// All recipes that have an id, each id once.
#[derive(Debug, Clone, Default)]
pub struct Listing {
    /// Those that can be used, in the order of their ids.
    pub entries: Vec<Entry>,
    /// What there is to say beside them.
    pub notes: Vec<Note>,
}

impl Sources {
    /// Nothing is read or asked yet. Of remote catalogs, earlier ones come first.
    pub fn new(paths: &Paths, catalogs: &[RemoteCatalog]) -> Self {
        let folder = paths.catalogs();
        let remotes = catalogs.iter().map(|catalog| Remote::new(catalog.clone(), &folder));
        Self { home: paths.recipes(), remotes: remotes.collect(), client: Client::default() }
    }

    /// The recipe of this name. A name with a separator in it or `.json` at its end is a path, any other an id.
    pub async fn find(&self, name: &str) -> Result<Entry, Error> {
        if is_path(name) {
            return open(Path::new(name), |file| Origin::File { file });
        }
        self.find_by_id(name).await
    }

    /// The recipe of this id: in the home folder, then among those that are built in, then in remote catalogs, which are
    /// only asked where it is nowhere else. What lies in the folder in which the bridge was started is never looked at.
    pub async fn find_by_id(&self, name: &str) -> Result<Entry, Error> {
        if let Some(entry) = self.find_at_home(name)? {
            return Ok(entry);
        }
        if let Some(entry) = Catalog::built_in().get(name) {
            return Ok(entry.clone());
        }
        let (mut notes, mut known) = (Vec::new(), Vec::new());
        for contents in self.contents(Freshness::Usual).await {
            let mut entries = contents.entries.into_iter();
            if let Some(mut entry) = entries.by_ref().find(|entry| entry.recipe.id == name) {
                entry.findings.extend(contents.notes.iter().filter_map(staleness));
                return Ok(entry);
            }
            known.extend(entries.map(|entry| entry.recipe.id));
            notes.extend(contents.notes);
        }
        known.extend(self.ids_at_home());
        known.extend(Catalog::built_in().ids().map(str::to_owned));
        Err(Error::Unknown { name: name.to_owned(), nearest: nearest(name, known), notes })
    }

    /// All recipes. Where two have one id, the user's own comes before a built-in one and that before remote ones.
    pub async fn list(&self, freshness: Freshness) -> Listing {
        let mut listing = Listing::default();
        for id in self.ids_at_home() {
            match self.find_at_home(&id) {
                Ok(Some(entry)) => {
                    if let Origin::Home { file, hides_built_in: true } = &entry.origin {
                        listing.notes.push(Note::HidesBuiltIn { id, file: file.clone() });
                    }
                    listing.entries.push(entry);
                }
                Ok(None) => {}
                Err(error) => {
                    let (folder, reason) = (self.home.join(&id), error.to_string());
                    listing.notes.push(Note::Unusable { folder, reason });
                }
            }
        }
        let mut taken: BTreeSet<String> =
            listing.entries.iter().map(|entry| entry.recipe.id.clone()).collect();
        for entry in Catalog::built_in().entries() {
            if taken.insert(entry.recipe.id.clone()) {
                listing.entries.push(entry.clone());
            }
        }
        for contents in self.contents(freshness).await {
            listing.notes.extend(contents.notes);
            for entry in contents.entries {
                if taken.insert(entry.recipe.id.clone()) {
                    listing.entries.push(entry);
                } else if let Origin::Remote { catalog, .. } = entry.origin {
                    let (id, reason) = (entry.recipe.id, Reason::Hidden);
                    listing.notes.push(Note::LeftOut { catalog, id, reason });
                }
            }
        }
        sorting::sort_by(&mut listing.entries, |one, other| one.recipe.id.cmp(&other.recipe.id));
        listing
    }

    /// What each remote catalog holds, all asked at a time.
    async fn contents(&self, freshness: Freshness) -> Vec<Contents> {
        let contents = self.remotes.iter().map(|remote| remote.contents(&self.client, freshness));
        join_all(contents).await
    }

    fn find_at_home(&self, id: &str) -> Result<Option<Entry>, Error> {
        let folder = self.home.join(id);
        if !recipe::is_id(id) || !folder.is_dir() {
            return Ok(None);
        }
        let hides_built_in = Catalog::built_in().has(id);
        let entry = open(&folder, |file| Origin::Home { file, hides_built_in })?;
        match &entry.origin {
            Origin::Home { file, .. } if entry.recipe.id != id => {
                Err(Error::Misplaced { file: file.clone(), id: entry.recipe.id.clone() })
            }
            _ => Ok(Some(entry)),
        }
    }

    /// Names of the folders of the user's own recipes that may be ids.
    fn ids_at_home(&self) -> Vec<String> {
        let folders = std::fs::read_dir(&self.home).into_iter().flatten().flatten();
        let names = folders.filter_map(|folder| folder.file_name().into_string().ok());
        let mut ids: Vec<String> = names.filter(|name| recipe::is_id(name)).collect();
        sorting::sort(&mut ids);
        ids
    }
}

/// What was most likely meant, then whatever is like it.
fn nearest(name: &str, mut known: Vec<String>) -> Vec<String> {
    sorting::sort(&mut known);
    known.dedup();
    let known = || known.iter().map(String::as_str);
    let meant = text::nearest(name, known());
    let others = text::nearest_all(name, known().filter(|id| Some(*id) != meant), MOST_NEAREST);
    meant.into_iter().chain(others).take(MOST_NEAREST).map(str::to_owned).collect()
}

fn is_path(name: &str) -> bool {
    name.contains(std::path::is_separator)
        || name.contains('/')
        || Path::new(name).extension().is_some_and(|extension| extension == "json")
}

fn open(path: &Path, origin: impl FnOnce(PathBuf) -> Origin) -> Result<Entry, Error> {
    let text = recipe::open(path)?;
    let checked = recipe::check(&text.bytes, SystemTime::now());
    Entry::new(checked, &text.bytes, origin(text.file.clone()))
        .map_err(|findings| Error::Faulty { file: text.file, findings })
}

/// That a recipe is from an older copy, as a finding about it.
fn staleness(note: &Note) -> Option<Finding> {
    let is_stale = matches!(note, Note::NotFetched { .. });
    is_stale.then(|| Report::top().finding(Severity::Warning, "", note.to_string()))
}
