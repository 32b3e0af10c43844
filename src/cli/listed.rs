//! Recipes as lists show them, and where they are from.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::exit::{Exit, Failure};
use super::printer::Printer;
use super::progress;
use super::setup::{Setup, error_chain};
use crate::base::text::shorten;
use crate::catalog::{Entry, Freshness, Listing, Note, Origin, Sources};
use crate::config;

/// Characters of a description.
const LONGEST_ABOUT: usize = 72;
/// Characters of the names of tools.
const LONGEST_TOOLS: usize = 60;

/// Where recipes are looked for. No config is needed; one that is there has to be right, since it may forbid it.
pub(super) fn sources(setup: &Setup) -> Result<Sources, Failure> {
    let catalogs = match setup.load() {
        Ok(loaded) if !loaded.config.catalog => {
            let hint = "set it to `true`, or take it out".to_owned();
            let failure = Failure::new(Exit::Failed, "the config has `\"catalog\": false`");
            return Err(failure.hint(Some(hint)));
        }
        Ok(loaded) => loaded.config.catalogs,
        Err(config::Error::NotFound { path }) if path == setup.paths.config_file() => Vec::new(),
        Err(error) => {
            let hint = error.hint().map(str::to_owned);
            return Err(Failure::new(Exit::Config, error_chain(&error)).hint(hint));
        }
    };
    Ok(Sources::new(&setup.paths, &catalogs))
}

/// The recipes of all sources; remote catalogs may have to be asked.
pub(super) fn listing(
    setup: &Setup,
    sources: &Sources,
    freshness: Freshness,
) -> Result<Listing, Failure> {
    let asked = || "asking catalogs (Ctrl-C gives up)".to_owned();
    setup.block_on(async { Ok(progress::during(asked, sources.list(freshness)).await) })
}

/// What there is to say beside the recipes.
pub(super) fn tell(printer: Printer, notes: &[Note]) {
    for note in notes {
        printer.warn(&note.to_string());
    }
}

pub(super) fn notes_in_json(notes: &[Note]) -> Vec<String> {
    notes.iter().map(ToString::to_string).collect()
}

/// The categories that there are, in the order of the alphabet.
pub(super) fn categories(listing: &Listing) -> Vec<&str> {
    let categories: BTreeSet<&str> = listing.entries.iter().map(Entry::category).collect();
    categories.into_iter().collect()
}

/// Id, what it needs, transport, what it is, some of its tools.
pub(super) fn row(entry: &Entry) -> Vec<String> {
    let recipe = &entry.recipe;
    let tools: Vec<&str> = tools(entry).collect();
    vec![
        recipe.id.clone(),
        entry.needs().name().to_owned(),
        recipe.preferred().name().to_owned(),
        shorten(&recipe.description, LONGEST_ABOUT).into_owned(),
        shorten(&tools.join(", "), LONGEST_TOOLS).into_owned(),
    ]
}

pub(super) fn in_json(entry: &Entry) -> Value {
    let recipe = &entry.recipe;
    let mut json = json!({
        "id": recipe.id,
        "name": recipe.name,
        "description": recipe.description,
        "category": entry.category(),
        "tags": recipe.metadata.tags,
        "needs": entry.needs().name(),
        "variables": recipe.auth.env_vars,
        "transport": recipe.preferred().name(),
        "tools": tools(entry).collect::<Vec<_>>(),
        "source": entry.origin.name(),
    });
    match &entry.origin {
        Origin::BuiltIn => {}
        Origin::Home { file, .. } | Origin::File { file } => {
            json["file"] = json!(file.display().to_string());
        }
        Origin::Remote { catalog, signed_by } => {
            json["catalog"] = json!(catalog);
            json["signedBy"] = json!(signed_by);
        }
    }
    json
}

fn tools(entry: &Entry) -> impl Iterator<Item = &str> {
    entry.recipe.metadata.tool_examples.iter().map(|tool| tool.name.as_str())
}
