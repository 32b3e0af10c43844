//! `bridge catalog`: all servers that can be installed by name.

use clap::Args;
use serde_json::{Value, json};

use super::exit::{Exit, Failure};
use super::listed::{categories, in_json, listing, notes_in_json, row, sources, tell};
use super::printer::counted;
use super::setup::Setup;
use crate::base::sorting;
use crate::base::text::nearest;
use crate::catalog::{Entry, Freshness, Listing, Note};

pub(super) const EXAMPLES: &str = "\
Examples:
  bridge catalog
  bridge catalog --category database
  bridge catalog --refresh     asks remote catalogs (`catalogs` in the config) for what is new
  bridge catalog --json

What stands there: category, id, what it needs, transport, what it is, some of its tools.";

#[derive(Debug, Args)]
pub(super) struct Catalog {
    /// Only servers of this category
    #[arg(long, value_name = "C")]
    category: Option<String>,
    /// Ask remote catalogs anew, however young their copies are
    #[arg(long)]
    refresh: bool,
}

/// Lists the servers by category.
pub(super) fn run(arguments: &Catalog, setup: &Setup) -> Result<Exit, Failure> {
    let sources = sources(setup)?;
    let freshness = if arguments.refresh { Freshness::Now } else { Freshness::Usual };
    let listing = listing(setup, &sources, freshness)?;
    let printer = setup.printer;
    tell(printer, &listing.notes);
    let wanted = |entry: &&Entry| {
        let only = arguments.category.as_deref();
        only.is_none_or(|only| entry.category().eq_ignore_ascii_case(only))
    };
    let mut entries: Vec<&Entry> = listing.entries.iter().filter(wanted).collect();
    sorting::sort_by_key(&mut entries, |entry| (entry.category(), entry.recipe.id.as_str()));
    if let (Some(category), true) = (&arguments.category, entries.is_empty()) {
        return Err(unknown(category, &listing));
    }
    if printer.json {
        let recipes: Vec<Value> = entries.iter().map(|entry| in_json(entry)).collect();
        let notes = notes_in_json(&listing.notes);
        printer.json(&json!({ "recipes": recipes, "notes": notes }));
    } else {
        let rows = entries.iter().map(|entry| {
            let mut row = row(entry);
            row.insert(0, entry.category().to_owned());
            row
        });
        printer.table(&rows.collect::<Vec<_>>());
        let count = counted(entries.len(), "server");
        printer.talk(&format!("{count}; `bridge search QUERY` finds one by what it is for"));
    }
    let failed = listing.notes.iter().any(|note| matches!(note, Note::NotFetched { .. }));
    Ok(if arguments.refresh && failed { Exit::Failed } else { Exit::Done })
}

fn unknown(category: &str, listing: &Listing) -> Failure {
    let known = categories(listing);
    let hint = match nearest(category, known.iter().copied()) {
        Some(near) => format!("did you mean `{near}`? There are {}", known.join(", ")),
        None => format!("there are {}", known.join(", ")),
    };
    let message = format!("the catalog has no server of the category `{category}`");
    Failure::new(Exit::NotFound, message).hint(Some(hint))
}
