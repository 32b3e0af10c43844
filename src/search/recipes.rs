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
