//! The words of a query as the index knows them: which of them tools have, in which spelling, and what each counts.

use super::lexical::LexicalIndex;
use super::postings::rarity;
use super::query::{Kind, Query, QueryWord};
use super::spelling::{halves, nearest};
use super::words::stem;

/// Unknown words of one query that are compared with all known ones.
const MOST_CORRECTED: usize = 8;

/// A word of a query that some tool has.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wanted {
    pub(super) term: u32,
    /// What it counts, its rarity included.
    pub(super) weight: f32,
    /// The words of the query that it stands for, see [`Query::bits`].
    pub(super) bits: u64,
}

/// All words of a query that some tool has.
#[derive(Debug, Default)]
pub(super) struct Resolved {
    pub(super) wanted: Vec<Wanted>,
    /// The weight of all words, also of those that no tool has.
    pub(super) asked: f32,
}

impl LexicalIndex {
    /// The words of a query that tools have, each once. Words that none has are looked for in other spellings.
    pub(super) fn resolve(&self, query: &Query) -> Resolved {
        let mut resolved = Resolved::default();
        let kinds = &self.weights.kinds;
        let mut corrections = MOST_CORRECTED;
        for (bit, word) in query.bits() {
            let is_known = |stem: &String| self.terms.number(stem).is_some();
            if word.whole.as_ref().is_some_and(is_known) {
                continue;
            }
            let context = if word.is_context { kinds.context } else { 1.0 };
            let weight = kinds.of(word.kind) * context;
            if let Some(term) = self.terms.number(&word.stem) {
                self.want(&mut resolved, term, weight, bit);
                continue;
            }
            let may_correct = word.kind == Kind::Plain && corrections > 0;
            corrections -= usize::from(may_correct);
            if word.kind != Kind::Stop && !(may_correct && self.correct(&mut resolved, word, bit)) {
                resolved.asked += weight * rarity(0, 0, self.len(), 0.0);
            }
        }
        for joined in &query.joined {
            if let Some(term) = self.terms.number(joined) {
                self.want(&mut resolved, term, kinds.joined, 0);
            }
        }
        resolved
    }

    /// Looks for an unknown word as two, or spelt otherwise, and says whether that helped.
    fn correct(&self, resolved: &mut Resolved, word: &QueryWord, bit: u64) -> bool {
        let kinds = &self.weights.kinds;
        if let Some(parts) = halves(&word.word, |part| self.terms.number(&stem(part))) {
            for part in parts {
                self.want(resolved, part, kinds.joined, bit);
            }
            return true;
        }
        let is_corrected = kinds.misspelt > 0.0;
        let near = is_corrected.then(|| nearest(&word.word, &word.stem, &self.terms)).flatten();
        if let Some(near) = near {
            self.want(resolved, near, kinds.misspelt, bit);
        }
        near.is_some()
    }

    fn want(&self, resolved: &mut Resolved, term: u32, weight: f32, bits: u64) {
        let weight = weight * self.terms.get(term).rarity;
        if weight <= 0.0 {
            return;
        }
        let known = resolved.wanted.iter_mut().find(|wanted| wanted.term == term);
        if let Some(known) = known {
            resolved.asked += (weight - known.weight).max(0.0);
            known.weight = known.weight.max(weight);
            known.bits |= bits;
        } else {
            resolved.asked += weight;
            resolved.wanted.push(Wanted { term, weight, bits });
        }
    }
}
