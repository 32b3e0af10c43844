//! Recipes found by what their servers are for: the index of words with other weights.

use super::document::Document;
use super::lexical::LexicalIndex;
use super::query::Query;
use super::weights::{ActionWeights, FieldWeight, Weights};
use crate::recipe::Recipe;

/// The one server that the index has here.
const ALL: &str = "";
/// What suits a wish less than this share of the best is not what is meant.
const LEAST_SHARE: f32 = 0.2;

/// Recipes by their words.
#[derive(Debug)]
pub struct RecipeIndex(LexicalIndex);

/// A recipe that suits a wish.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RecipeHit {
    /// Its place among those that the index was made of.
    pub place: usize,
    /// How well it suits against the best, above 0 to 1.
    pub score: f32,
}

impl RecipeIndex {
    /// An index of these.
    pub fn new<'a>(recipes: impl IntoIterator<Item = &'a Recipe>) -> Self {
        let documents: Vec<Document> = recipes.into_iter().map(Document::of_recipe).collect();
        let mut index = LexicalIndex::new(weights());
        index.replace(ALL, &documents);
        Self(index)
    }

    /// The recipes that suit the wish, the best first, `limit` at most. Names, tags, categories, descriptions and tools
    /// count, in any spelling that is near enough.
    pub fn search(&self, wish: &str, limit: usize) -> Vec<RecipeHit> {
        let hits = self.0.search(&Query::new(wish), limit);
        let best = hits.first().map_or(1.0, |hit| hit.score);
        let places: Vec<_> = self.0.documents(ALL).collect();
        let found = hits.into_iter().filter_map(|hit| {
            let place = places.iter().position(|document| *document == hit.document)?;
            Some(RecipeHit { place, score: hit.score / best })
        });
        found.filter(|hit| hit.score >= LEAST_SHARE).collect()
    }
}

/// A server does many things, so that none of them speaks against it, and its tags are as good as its name.
fn weights() -> Weights {
    let field = |weight, length| FieldWeight { weight, length };
    let actions = ActionWeights {
        changes_instead: 1.0,
        reads_instead: 1.0,
        changes_otherwise: 1.0,
        one_of_many: 1.0,
    };
    Weights {
        fields: [
            field(3.0, 0.4),
            field(2.0, 0.3),
            field(1.5, 0.5),
            field(0.5, 0.5),
            field(0.8, 0.5),
            field(0.6, 0.5),
            field(0.0, 0.0),
        ],
        actions,
        ..Weights::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::Catalog;

    /// The places of these ids in the answer to a wish must be among the first.
    fn check(wish: &str, among: usize, ids: &[&str]) -> Option<String> {
        let entries: Vec<_> = Catalog::built_in().entries().collect();
        let index = RecipeIndex::new(entries.iter().map(|entry| &entry.recipe));
        let hits = index.search(wish, 8);
        let found: Vec<&str> =
            hits.iter().map(|hit| entries[hit.place].recipe.id.as_str()).collect();
        let is_found = |id: &&str| found.iter().take(among).any(|found| found == id);
        let scores: Vec<f32> = hits.iter().map(|hit| hit.score).collect();
        (!ids.iter().any(is_found)).then(|| format!("{wish}: {found:?} {scores:?}, not {ids:?}"))
    }

    #[test]
    fn wishes_lead_to_the_right_recipes() {
        let first = |wish, ids| check(wish, 1, ids);
        let three = |wish, ids| check(wish, 3, ids);
        let failed = [
            first("payments", &["stripe", "paypal", "wise"]),
            first("send an invoice", &["stripe", "paypal"]),
            three("refund a customer", &["stripe", "paypal"]),
            first("exchange rates and money transfers", &["wise"]),
            first("github", &["github"]),
            first("githb", &["github"]),
            first("create a pull request", &["github"]),
            first("review open issues of a repository", &["github"]),
            three("local git history and diffs", &["git"]),
            first("todo list", &["todoist"]),
            three("project management", &["linear", "monday", "atlassian", "mcp-atlassian"]),
            first("jira tickets", &["atlassian", "mcp-atlassian"]),
            three("notes", &["notion", "obsidian"]),
            three("search the web", &["tavily", "brave-search", "duckduckgo", "exa", "perplexity"]),
            three("scrape a website", &["firecrawl", "apify"]),
            first("browser automation", &["playwright", "browserbase", "chrome-devtools"]),
            first("playwrite", &["playwright"]),
            first("directions between two addresses", &["google-maps"]),
            first("route planing", &["google-maps"]),
            three("query a postgres database", &["postgres", "neon", "supabase"]),
            first("postgresql", &["postgres"]),
            three("sql database file", &["sqlite"]),
            first("vector database", &["qdrant"]),
            first("key value cache", &["redis"]),
            first("read and write files", &["filesystem", "desktop-commander"]),
            first("convert pdf to markdown", &["markitdown"]),
            three("spreadsheet", &["excel", "google-workspace"]),
            three("create a virtual server", &["hetzner", "hostinger"]),
            three("dns records", &["hostinger", "cloudflare"]),
            first("whiteboard", &["miro"]),
            three("design files", &["figma", "framelink-figma"]),
            first("error tracking", &["sentry"]),
            first("dashboards and metrics", &["grafana"]),
            first("pods and deployments", &["kubernetes"]),
            first("crm contacts and deals", &["hubspot"]),
            first("post a message to a channel", &["slack"]),
            three("email and calendar", &["google-workspace"]),
            three("text to speech", &["elevenlabs"]),
            three("what time is it in tokyo", &["time"]),
            three("remember facts across chats", &["memory"]),
            first("think step by step", &["sequential-thinking"]),
            three("library documentation", &["context7", "deepwiki", "microsoft-learn"]),
            three("aws documentation", &["aws-docs"]),
            three("scientific papers", &["arxiv"]),
            first("encyclopedia article", &["wikipedia"]),
            three("workflow automation", &["n8n"]),
            first("machine learning models and datasets", &["huggingface"]),
            first("deploy a website", &["vercel", "cloudflare", "hostinger"]),
        ];
        let failed: Vec<String> = failed.into_iter().flatten().collect();
        assert!(failed.is_empty(), "{failed:#?}");
    }
}
