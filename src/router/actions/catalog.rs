//! `search` and `catalog`: servers that could be installed. Nothing is installed, and no server is started.

use std::borrow::Cow;
use std::collections::BTreeMap;

use crate::base::text::{nearest_all, shorten};
use crate::catalog::{Entry, Freshness, Listing, Needs, Origin, Sources};
use crate::config::{SanitizeAction, ServerName, Trust};
use crate::guard::Guard;
use crate::router::Error;
use crate::router::answer::{self, Categories, Recipe, Recipes};
use crate::router::routing::Router;
use crate::router::shape::off_thread;
use crate::search::RecipeIndex;

/// Recipes that an answer to `search` shows.
const MOST_FOUND: usize = 5;
/// Names that are offered where nothing suits.
const MOST_NEAREST: usize = 3;
/// Characters of a description.
const LONGEST_ABOUT: usize = 120;
/// Tools of a recipe that are named.
const MOST_TOOLS: usize = 4;
/// Things that went wrong on the way.
const MOST_NOTES: usize = 3;
/// Said with recipes that were found, to agents that may not install and to those that may.
const OWNER_HINT: &str = "the owner of the bridge installs one with `bridge install ID`";
const AGENT_HINT: &str = "{\"action\": \"install\", \"server\": ID} installs one, unless it has to be agreed to; then \
     the owner of the bridge does, with `bridge install ID`";

impl Router {
    pub(in crate::router) fn sources(&self, action: &'static str) -> Result<&Sources, Error> {
        self.catalog.as_deref().ok_or(Error::Off { action, key: "catalog" })
    }
}

/// The recipes that suit the query best.
pub(in crate::router) async fn search(router: &Router, query: &str) -> Result<Box<str>, Error> {
    let listing = router.sources("search")?.list(Freshness::Usual).await;
    let wish = query.to_owned();
    let hint = Some(if router.admin.is_some() { AGENT_HINT } else { OWNER_HINT });
    let answer = move || {
        let index = RecipeIndex::new(listing.entries.iter().map(|entry| &entry.recipe));
        let hits = index.search(&wish, MOST_FOUND);
        let recipes: Vec<Recipe> =
            hits.iter().map(|hit| shown(&listing.entries[hit.place])).collect();
        if recipes.is_empty() {
            return Err(nothing(&wish, &listing));
        }
        let (query, notes) = (Some(wish), notes(&listing));
        Ok(answer::result(&Recipes { action: "search", query, recipes, notes, hint }))
    };
    off_thread(usize::MAX, answer).await
}

/// The ids of all recipes by category, or the recipes of one category.
pub(in crate::router) async fn list(
    router: &Router,
    category: Option<&str>,
) -> Result<Box<str>, Error> {
    let listing = router.sources("catalog")?.list(Freshness::Usual).await;
    let category = category.map(str::to_owned);
    let answer = move || {
        let notes = notes(&listing);
        let Some(category) = category else {
            let categories = by_category(&listing);
            let categories = categories.into_iter().map(|(name, of)| (name, ids(&of))).collect();
            return Ok(answer::result(&Categories { action: "catalog", categories, notes }));
        };
        let mut categories = by_category(&listing);
        let Some(entries) = categories.remove(category.as_str()) else {
            let known: Vec<&str> = categories.into_keys().collect();
            let error = Error::missing("no server in the catalog is of this category");
            return Err(error.with_hint(format!("the categories are {}", known.join(", "))));
        };
        let recipes = entries.into_iter().map(shown).collect();
        Ok(answer::result(&Recipes { action: "catalog", query: None, recipes, notes, hint: None }))
    };
    off_thread(usize::MAX, answer).await
}

fn by_category(listing: &Listing) -> BTreeMap<&str, Vec<&Entry>> {
    let mut categories: BTreeMap<&str, Vec<&Entry>> = BTreeMap::new();
    for entry in &listing.entries {
        categories.entry(entry.category()).or_default().push(entry);
    }
    categories
}

fn ids<'a>(entries: &[&'a Entry]) -> Vec<&'a str> {
    entries.iter().map(|entry| entry.recipe.id.as_str()).collect()
}

fn nothing(query: &str, listing: &Listing) -> Error {
    let ids = listing.entries.iter().map(|entry| entry.recipe.id.as_str());
    let nearest = nearest_all(query, ids, MOST_NEAREST).join(", ");
    let categories: Vec<&str> = by_category(listing).into_keys().collect();
    let hint = format!(
        "say it in other words; the nearest names are {nearest}; action `catalog` shows all, or with \
         {{\"params\": {{\"category\": …}}}} those of one of: {}",
        categories.join(", ")
    );
    Error::missing("no server in the catalog suits this").with_hint(hint)
}

/// What a model needs to choose among recipes. What strangers wrote is cleaned on its way to it.
fn shown(entry: &Entry) -> Recipe {
    let guard = guard(entry);
    let clean = |text: &str| match &guard {
        Some(guard) => guard.text(text).0.into_owned(),
        None => text.to_owned(),
    };
    let recipe = &entry.recipe;
    let tools = recipe.metadata.tool_examples.iter().take(MOST_TOOLS);
    Recipe {
        id: recipe.id.clone(),
        about: clean(&shorten(&recipe.description, LONGEST_ABOUT)),
        needs: needs(entry).map(Cow::into_owned).map(|needs| clean(&needs)),
        tools: tools.map(|tool| clean(&tool.name)).collect(),
    }
}

/// Variables, or a word for what else it needs.
fn needs(entry: &Entry) -> Option<Cow<'_, str>> {
    match entry.needs() {
        Needs::Nothing | Needs::OptionalKey => None,
        Needs::Key => Some(entry.recipe.auth.env_vars.join(", ").into()),
        other => Some(other.name().into()),
    }
}

fn guard(entry: &Entry) -> Option<Guard> {
    let is_remote = matches!(entry.origin, Origin::Remote { .. });
    let name = ServerName::parse(&entry.recipe.id).ok().filter(|_| is_remote)?;
    Some(Guard::new(&name, Trust::Sanitize, SanitizeAction::Replace))
}

fn notes(listing: &Listing) -> Vec<String> {
    listing.notes.iter().take(MOST_NOTES).map(ToString::to_string).collect()
}
