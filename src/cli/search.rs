//! `bridge search QUERY`: servers that can be installed, by what they are for.

use clap::Args;
use clap::builder::NonEmptyStringValueParser;
use serde_json::{Value, json};

use super::exit::{Exit, Failure};
use super::listed::{categories, in_json, listing, notes_in_json, row, sources, tell};
use super::setup::Setup;
use crate::base::text::nearest_all;
use crate::catalog::{Entry, Freshness, Listing};
use crate::search::RecipeIndex;

/// Ids that are offered where nothing suits.
const MOST_NEAREST: usize = 3;

pub(super) const EXAMPLES: &str = "\
Examples:
  bridge search payments
  bridge search send an invoice --limit 3
  bridge search browser --json

Names, tags, categories, descriptions and tools are compared, in any spelling that is near enough. `bridge install ID` puts
a server into the config. Exit code 4 says that nothing suits.";

#[derive(Debug, Args)]
pub(super) struct Search {
    /// What the server is for, in plain words
    #[arg(value_name = "QUERY", required = true, value_parser = NonEmptyStringValueParser::new())]
    query: Vec<String>,
    /// Servers to show
    #[arg(long, value_name = "N", default_value_t = 10)]
    limit: usize,
}

/// Shows the servers that suit the words, the best first.
pub(super) fn run(arguments: &Search, setup: &Setup) -> Result<Exit, Failure> {
    let sources = sources(setup)?;
    let listing = listing(setup, &sources, Freshness::Usual)?;
    let printer = setup.printer;
    tell(printer, &listing.notes);
    let query = arguments.query.join(" ");
    let index = RecipeIndex::new(listing.entries.iter().map(|entry| &entry.recipe));
    let hits = index.search(&query, arguments.limit);
    let found: Vec<(&Entry, f32)> =
        hits.iter().map(|hit| (&listing.entries[hit.place], hit.score)).collect();
    if printer.json {
        let recipes = found.iter().map(|(entry, score)| {
            let mut json = in_json(entry);
            json["score"] = json!(score);
            json
        });
        let recipes: Vec<Value> = recipes.collect();
        let notes = notes_in_json(&listing.notes);
        printer.json(&json!({ "query": query, "recipes": recipes, "notes": notes }));
    } else {
        printer.table(&found.iter().map(|(entry, _)| row(entry)).collect::<Vec<_>>());
    }
    if found.is_empty() {
        return Err(nothing(&query, &listing));
    }
    Ok(Exit::Done)
}

fn nothing(query: &str, listing: &Listing) -> Failure {
    let ids = listing.entries.iter().map(|entry| entry.recipe.id.as_str());
    let nearest = nearest_all(query, ids, MOST_NEAREST).join(", ");
    let categories = categories(listing).join(", ");
    let hint = format!(
        "say it in other words; the nearest names are {nearest}; `bridge catalog --category C` shows all of a category: \
         {categories}"
    );
    Failure::new(Exit::NotFound, format!("no server in the catalog suits `{query}`"))
        .hint(Some(hint))
}
