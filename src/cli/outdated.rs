//! `bridge outdated`: which installed packages have newer versions.

use std::cmp::Ordering;

use clap::Args;
use futures_util::{StreamExt, stream};
use serde_json::{Value, json};

use super::diff;
use super::exit::{Exit, Failure};
use super::listed::sources;
use super::setup::Setup;
use crate::catalog::install;
use crate::catalog::lock::Locked;
use crate::catalog::newest::newest;
use crate::catalog::order::order;
use crate::recipe::{Install, Recipe, Transport};

const EXAMPLES: &str = "\
Examples:
  bridge outdated
  bridge outdated --json

For each server in bridge.lock: the version that is installed, the one in the catalog, and the newest one, for which npm,
uv or pip is asked, whichever fetches the package, so that its own settings name the registry.
`differs` is said where it cannot be told which of two versions is the newer one. To take another version: `bridge remove NAME`, then `bridge install NAME@VERSION`.";

/// Programs that are asked at the same time: each starts a runtime of its own.
const AT_ONCE: usize = 4;

/// What `bridge outdated` takes.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Outdated {}

/// How what is installed stands to what there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    /// There is nothing newer.
    Newest,
    /// There is.
    Outdated,
    /// It is another version, and which is newer cannot be told.
    Differs,
}

/// The versions of one server's package.
struct Versions {
    installed: Option<String>,
    catalog: Option<String>,
    newest: Option<String>,
    error: Option<String>,
}

pub(super) fn run(_arguments: &Outdated, setup: &Setup) -> Result<Exit, Failure> {
    let printer = setup.printer;
    let lock = diff::read(setup)?;
    let found = setup.block_on(async {
        let sources = sources(setup)?;
        let mut installed = Vec::with_capacity(lock.servers.len());
        // One after the other, so that no catalog is fetched twice.
        for (name, locked) in &lock.servers {
            let recipe = sources.find(&lock.recipe_of(locked)).await;
            installed.push((name, locked, recipe.ok().map(|entry| entry.recipe)));
        }
        let versions = installed.into_iter().map(|(name, locked, recipe)| async move {
            (name, locked, versions(locked, recipe, setup).await)
        });
        Ok(stream::iter(versions).buffered(AT_ONCE).collect::<Vec<_>>().await)
    })?;
    for (name, _, versions) in &found {
        if let Some(error) = &versions.error {
            printer.warn(&format!("the newest version of `{name}` is not known: {error}"));
        }
    }
    if printer.json {
        let servers: Vec<Value> = found
            .iter()
            .map(|(name, locked, versions)| {
                json!({
                    "name": name,
                    "package": locked.package,
                    "method": locked.method,
                    "installed": versions.installed,
                    "catalog": versions.catalog,
                    "newest": versions.newest,
                    "outdated": versions.standing() == Standing::Outdated,
                    "differs": versions.standing() == Standing::Differs,
                    "error": versions.error,
                })
            })
            .collect();
        printer.json(&json!({ "servers": servers }));
        return Ok(Exit::Done);
    }
    let cell = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
    let mut rows = vec![
        ["SERVER", "PACKAGE", "INSTALLED", "CATALOG", "NEWEST", ""].map(str::to_owned).to_vec(),
    ];
    rows.extend(found.iter().map(|(name, locked, versions)| {
        let note = match versions.standing() {
            Standing::Newest => "",
            Standing::Outdated => "outdated",
            Standing::Differs => "differs",
        };
        vec![
            (*name).clone(),
            cell(&locked.package),
            cell(&versions.installed),
            cell(&versions.catalog),
            cell(&versions.newest),
            note.to_owned(),
        ]
    }));
    printer.table(&rows);
    Ok(Exit::Done)
}

impl Versions {
    /// How the certain version that is installed stands to the newest one. What takes the latest by itself never is behind.
    fn standing(&self) -> Standing {
        let Some(installed) = self.installed.as_ref().filter(|version| *version != "latest") else {
            return Standing::Newest;
        };
        let Some(best) = self.newest.as_ref().or(self.catalog.as_ref()) else {
            return Standing::Newest;
        };
        match order(installed, best) {
            Some(Ordering::Less) => Standing::Outdated,
            Some(_) => Standing::Newest,
            None => Standing::Differs,
        }
    }
}

async fn versions(locked: &Locked, recipe: Option<Recipe>, setup: &Setup) -> Versions {
    let by = recipe.as_ref().and_then(|recipe| recipe.install.as_ref());
    let catalog = recipe.as_ref().zip(by).and_then(|(recipe, by)| catalog_version(recipe, by));
    let method = by.map(|by| by.method);
    let runs_here = locked.method.is_some();
    let asked = match (method, &locked.package) {
        (Some(method), Some(package)) if runs_here => {
            newest(method, package, setup.environment()).await
        }
        _ => Ok(None),
    };
    let (newest, error) = match asked {
        Ok(newest) => (newest, None),
        Err(error) => (None, Some(error.to_string())),
    };
    let catalog = catalog.filter(|_| runs_here);
    Versions { installed: locked.version.clone(), catalog, newest, error }
}

/// The version that the recipe has: in the arguments, or in words.
fn catalog_version(recipe: &Recipe, by: &Install) -> Option<String> {
    let written = recipe.transports.iter().find_map(|transport| match transport {
        Transport::Stdio(stdio) => install::version(by, &stdio.args),
        _ => None,
    });
    written.map(str::to_owned).or_else(|| by.version.clone())
}
