//! Everywhere that the name of a recipe may lead to.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::built_in::Catalog;
use super::entry::{Entry, Origin};
use super::error::Error;
use crate::base::paths::Paths;
use crate::base::text;
use crate::recipe;

/// Names that are offered for one that nobody knows.
const MOST_NEAREST: usize = 5;

/// The recipes that can be had: by path, in the home folder, built in.
#[derive(Debug, Clone)]
pub struct Sources {
    home: PathBuf,
}

impl Sources {
    /// Nothing is read yet.
    pub fn new(paths: &Paths) -> Self {
        Self { home: paths.recipes() }
    }

    /// The recipe of this name. A name with a separator in it or `.json` at its end, and the name of a folder that holds
    /// a `recipe.json`, are paths; any other is looked for in the home folder, then among those that are built in.
    #[expect(clippy::unused_async, reason = "remote catalogs are asked over the network")]
    pub async fn find(&self, name: &str) -> Result<Entry, Error> {
        if is_path(name) {
            return open(Path::new(name), |file| Origin::File { file });
        }
        if let Some(entry) = self.find_at_home(name)? {
            return Ok(entry);
        }
        if let Some(entry) = Catalog::built_in().get(name) {
            return Ok(entry.clone());
        }
        let nearest = text::nearest_all(name, Catalog::built_in().ids(), MOST_NEAREST);
        let nearest = nearest.into_iter().map(str::to_owned).collect();
        Err(Error::Unknown { name: name.to_owned(), nearest })
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
}

fn is_path(name: &str) -> bool {
    name.contains(std::path::is_separator)
        || name.contains('/')
        || Path::new(name).extension().is_some_and(|extension| extension == "json")
        || (!name.is_empty() && Path::new(name).join("recipe.json").is_file())
}

fn open(path: &Path, origin: impl FnOnce(PathBuf) -> Origin) -> Result<Entry, Error> {
    let text = recipe::open(path)?;
    let checked = recipe::check(&text.bytes, SystemTime::now());
    Entry::new(checked, &text.bytes, origin(text.file.clone()))
        .map_err(|findings| Error::Faulty { file: text.file, findings })
}
