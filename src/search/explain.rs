//! Why a tool stands where it does.

use super::field::Field;
use super::lexical::{DocumentId, LexicalIndex};
use super::postings::is_prominent;
use super::query::Query;
use super::score::{Factors, Sum, share};

use crate::base::sorting;

/// The parts of a tool's score.
#[derive(Debug, Clone, PartialEq)]
pub struct Explanation {
    /// Every word of the query in every field that has it.
    pub hits: Vec<FieldHit>,
    /// What they come to.
    pub sum: f32,
    /// What they are multiplied by.
    pub factors: Factors,
}

/// A word of the query in one field of the tool.
#[derive(Debug, Clone, PartialEq)]
pub struct FieldHit {
    /// Where it stands.
    pub field: Field,
    /// The word, reduced to its stem.
    pub word: String,
    /// Its part of the sum.
    pub weight: f32,
}

impl LexicalIndex {
    /// Why a tool suits the query, the weightiest word first; `None` when the tool has left the index.
    pub fn explain(&self, query: &Query, document: DocumentId) -> Option<Explanation> {
        let entry = self.entry(document)?;
        let asked = self.ask(query);
        let (mut hits, mut sum) = (Vec::new(), Sum::default());
        for wanted in asked.resolved.wanted.iter().copied() {
            let term = self.terms.get(wanted.term);
            let postings = &term.postings;
            let Some(first) = postings.iter().position(|one| one.document() == document.0) else {
                continue;
            };
            let count =
                postings[first..].iter().take_while(|one| one.document() == document.0).count();
            let own = &postings[first..first + count];
            let before = sum.prominent + sum.passing;
            self.add(&mut sum, wanted, own, entry);
            let part = sum.prominent + sum.passing - before;
            // Fields share what a word counts by what they add to its mentions.
            let mentions = |one| self.mentions.of(one, entry.lengths);
            let all: f32 = own.iter().map(|one| mentions(*one)).sum();
            let is_in_passing = !is_prominent(own);
            hits.extend(own.iter().map(|one| {
                let field = Field::ALL[one.field()];
                let weight = part * mentions(*one) / all.max(f32::MIN_POSITIVE);
                (is_in_passing, FieldHit { field, word: term.stem.to_string(), weight })
            }));
        }
        let total = self.sum(&asked, &sum);
        // Words in passing share what is left to them.
        let left = share(total - sum.prominent, sum.passing);
        let hits = hits.into_iter().map(|(is_in_passing, hit)| {
            if is_in_passing { FieldHit { weight: hit.weight * left, ..hit } } else { hit }
        });
        let mut hits: Vec<FieldHit> = hits.collect();
        sorting::sort_by(&mut hits, |one, other| other.weight.total_cmp(&one.weight));
        let factors = self.factors(&asked, entry, &sum);
        Some(Explanation { hits, sum: total, factors })
    }
}
