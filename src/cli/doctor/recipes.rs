//! The recipes in the home folder: whether each can be used, under the name that it is looked for by.

use std::cmp::Reverse;
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::checkup::{Checkup, Part};
use crate::base::sorting;
use crate::catalog::{Freshness, Note, Sources};
use crate::cli::printer::counted;
use crate::cli::setup::Setup;
use crate::cli::validate_recipe::about;
use crate::config::Config;
use crate::recipe::{self, Checked};

/// At most this many lines about one recipe.
const MAX_LINES: usize = 20;

/// Checks every folder among the user's own recipes. None is needed.
pub(super) fn look(setup: &Setup, checkup: &mut Checkup) {
    let folder = setup.paths.recipes();
    let folders = match folders(&folder) {
        Ok(folders) => folders,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return,
        Err(error) => {
            let name = folder.display().to_string();
            let message = format!("the recipes cannot be listed: {error}");
            checkup.problem(Part::File, name, message, "see who owns the folder, and what it is");
            return;
        }
    };
    let now = SystemTime::now();
    for folder in folders {
        match recipe::read(&folder, now) {
            Ok(checked) => found(&folder, &checked, checkup),
            Err(error) => {
                let remedy = "put a `recipe.json` there that can be read, or take the folder away";
                checkup.problem(Part::Recipe, name_of(&folder), error.to_string(), remedy);
            }
        }
    }
}

/// Looks for what there is to say about catalogs beyond the built-in one, where the config has some.
pub(super) async fn look_at_catalogs(setup: &Setup, config: &Config, checkup: &mut Checkup) {
    if !config.catalog || config.catalogs.is_empty() {
        return;
    }
    let sources = Sources::new(&setup.paths, &config.catalogs);
    let notes = sources.list(Freshness::Usual).await.notes;
    // Recipes of the home folder are told by themselves.
    let is_own = |note: &Note| matches!(note, Note::HidesBuiltIn { .. } | Note::Unusable { .. });
    let mut notes = notes.iter().filter(|note| !is_own(note)).peekable();
    if notes.peek().is_none() {
        checkup.ok(Part::Catalog, "catalogs", counted(config.catalogs.len(), "further catalog"));
    }
    for note in notes.take(MAX_LINES) {
        let remedy =
            "`bridge catalog --refresh` tries again; what stays is up to the catalog's owner";
        checkup.warning(Part::Catalog, "catalogs", note.to_string(), remedy);
    }
}

/// The folders in this one, by name. What is hidden belongs to other programs.
fn folders(of: &Path) -> io::Result<Vec<PathBuf>> {
    let mut folders = Vec::new();
    for entry in of.read_dir()? {
        let path = entry?.path();
        if path.is_dir() && !name_of(&path).starts_with('.') {
            folders.push(path);
        }
    }
    sorting::sort(&mut folders);
    Ok(folders)
}

fn name_of(folder: &Path) -> String {
    folder.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

fn found(folder: &Path, checked: &Checked, checkup: &mut Checkup) {
    let name = name_of(folder);
    let mut findings: Vec<_> = checked.findings.iter().collect();
    // What makes it no recipe is never among those that are not told.
    sorting::sort_by_key(&mut findings, |finding| Reverse(finding.severity));
    for finding in findings.iter().take(MAX_LINES) {
        checkup.finding(Part::Recipe, &name, finding, "change it in the recipe");
    }
    if findings.len() > MAX_LINES {
        let message = format!("there are {} more findings", findings.len() - MAX_LINES);
        let remedy = "`bridge validate-recipe` tells them all";
        checkup.warning(Part::Recipe, name.clone(), message, remedy);
    }
    match &checked.recipe {
        Some(recipe) if recipe.id != name => {
            let message = format!("it is the recipe of `{}`", recipe.id);
            let remedy = "give the folder that name: a recipe is looked for by it";
            checkup.warning(Part::Recipe, name, message, remedy);
        }
        Some(recipe) if findings.is_empty() => {
            checkup.ok(Part::Recipe, name, format!("it is valid, {}", about(recipe)));
        }
        _ => {}
    }
}
