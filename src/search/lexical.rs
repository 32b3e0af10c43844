//! The index of words: tools of servers come and go, and a query gets those that suit it best.

use std::cmp::Ordering;
use std::collections::{BTreeMap, HashMap};

use super::action::{Actions, Number};
use super::document::Document;
use super::field::Field;
use super::postings::{Posting, Terms, rarity};
use super::query::{Kind, Query, QueryWord};
use super::score::{
    AllLengths, Factors, Lengths, Mentions, Sum, action_factor, number_factor, share,
};
use super::spelling::{halves, nearest};
use super::weights::Weights;
use super::words::{Form, each_word, is_stop_word, stem};

/// Unknown words of one query that are compared with all known ones.
const MOST_CORRECTED: usize = 8;

/// A tool in the index, until its server is replaced or removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DocumentId(pub(super) u32);

/// A tool that has words of the query.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LexicalHit {
    /// The tool.
    pub document: DocumentId,
    /// Comparable within one answer only; above zero.
    pub score: f32,
    /// How much of what the query asks for the tool has, by weight, 0 to 1.
    pub coverage: f32,
}

/// Tools by their words.
#[derive(Debug)]
pub struct LexicalIndex {
    pub(super) weights: Weights,
    pub(super) terms: Terms,
    entries: Vec<Option<Entry>>,
    free: Vec<u32>,
    servers: BTreeMap<String, Server>,
    lengths: AllLengths,
    pub(super) mentions: Mentions,
}

/// One tool.
#[derive(Debug)]
pub(super) struct Entry {
    server: Box<str>,
    tool: Box<str>,
    pub(super) lengths: Lengths,
    /// Different words of its name.
    name_words: Box<[u32]>,
    actions: Actions,
    number: Number,
    is_deprecated: bool,
}

/// A word that was met while the tools of a server were entered.
struct Known {
    is_stop_word: bool,
    term: Option<u32>,
}

#[derive(Debug, Default)]
struct Server {
    documents: Vec<u32>,
    /// Words that its tools have.
    terms: Vec<u32>,
}

/// A word of a query that some tool has.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wanted {
    pub(super) term: u32,
    /// What it counts, its rarity included.
    pub(super) weight: f32,
}

/// All words of a query that some tool has.
#[derive(Debug, Default)]
pub(super) struct Resolved {
    pub(super) wanted: Vec<Wanted>,
    /// The weight of all words, also of those that no tool has.
    pub(super) asked: f32,
}

impl Default for LexicalIndex {
    fn default() -> Self {
        Self::new(Weights::default())
    }
}

impl LexicalIndex {
    /// An index without tools.
    pub fn new(weights: Weights) -> Self {
        Self {
            mentions: Mentions::new(&weights, &[0.0; Field::COUNT]),
            weights,
            terms: Terms::default(),
            entries: Vec::new(),
            free: Vec::new(),
            servers: BTreeMap::new(),
            lengths: AllLengths::default(),
        }
    }

    /// How many tools there are.
    pub fn len(&self) -> usize {
        self.entries.len() - self.free.len()
    }

    /// Whether there is no tool.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The server and the name of a tool, unless it has left the index.
    pub fn name(&self, document: DocumentId) -> Option<(&str, &str)> {
        let entry = self.entry(document)?;
        Some((&entry.server, &entry.tool))
    }

    /// The tools of a server in the order in which they were given.
    pub fn documents(&self, server: &str) -> impl Iterator<Item = DocumentId> {
        let server = self.servers.get(server);
        server.into_iter().flat_map(|server| &server.documents).copied().map(DocumentId)
    }

    /// Bytes that it holds, about.
    pub fn bytes(&self) -> usize {
        let names =
            |entry: &Entry| entry.server.len() + entry.tool.len() + size_of_val(&*entry.name_words);
        let entries: usize = self.entries.iter().flatten().map(names).sum();
        let servers = self.servers.iter();
        let servers: usize = servers
            .map(|(name, server)| {
                name.len() + 4 * (server.documents.capacity() + server.terms.capacity()) + 80
            })
            .sum();
        self.terms.bytes()
            + entries
            + self.entries.capacity() * size_of::<Option<Entry>>()
            + servers
            + Field::COUNT * 1024
    }

    /// Takes these tools for those of the server; no other server's are touched.
    pub fn replace(&mut self, server: &str, documents: &[Document]) {
        self.take_out(server);
        let mut entered = Server::default();
        let mut known = HashMap::new();
        for document in documents {
            let Some(number) = self.vacancy() else { break };
            let entry = self.enter(number, server, document, &mut known);
            self.lengths.add(entry.lengths);
            self.entries[number as usize] = Some(entry);
            entered.documents.push(number);
        }
        entered.terms = known.into_values().filter_map(|word| word.term).collect();
        entered.terms.sort_unstable();
        entered.terms.dedup();
        if !entered.documents.is_empty() {
            self.servers.insert(server.to_owned(), entered);
        }
        self.weigh();
    }

    /// Forgets the tools of a server.
    pub fn remove(&mut self, server: &str) {
        self.take_out(server);
        self.weigh();
    }

    /// The tools that suit the query best, the best first; those that suit it equally in the order of their servers' and their
    /// own names.
    pub fn search(&self, query: &Query, limit: usize) -> Vec<LexicalHit> {
        let resolved = self.resolve(query);
        let mut sums = vec![Sum::default(); self.entries.len()];
        let mut touched = Vec::new();
        for wanted in resolved.wanted.iter().copied() {
            let postings = &self.terms.get(wanted.term).postings;
            for of_one in postings.chunk_by(|one, next| one.document() == next.document()) {
                let document = of_one[0].document();
                let sum = &mut sums[document as usize];
                if sum.score == 0.0 {
                    touched.push(document);
                }
                let entry = self.entries[document as usize].as_ref();
                self.add(sum, wanted, of_one, entry.expect("words stand for tools that are there"));
            }
        }
        let mut hits: Vec<LexicalHit> = touched
            .into_iter()
            .filter_map(|document| {
                let entry = self.entries[document as usize].as_ref()?;
                let sum = &sums[document as usize];
                let factors = self.factors(query, entry, sum, resolved.asked);
                Some(LexicalHit {
                    document: DocumentId(document),
                    score: sum.score * factors.product(),
                    coverage: (sum.found / resolved.asked).min(1.0),
                })
            })
            .collect();
        if hits.len() > limit {
            hits.select_nth_unstable_by(limit, |one, other| self.order(one, other));
            hits.truncate(limit);
        }
        hits.sort_unstable_by(|one, other| self.order(one, other));
        hits
    }

    pub(super) fn entry(&self, document: DocumentId) -> Option<&Entry> {
        self.entries.get(document.0 as usize)?.as_ref()
    }

    /// Adds what a tool has of one word.
    pub(super) fn add(&self, sum: &mut Sum, wanted: Wanted, postings: &[Posting], entry: &Entry) {
        let mentions: f32 =
            postings.iter().map(|posting| self.mentions.of(*posting, entry.lengths)).sum();
        sum.score += wanted.weight * mentions / (self.weights.saturation + mentions);
        sum.found += wanted.weight;
        if postings.iter().any(|posting| posting.field() == Field::Name as usize) {
            sum.named += self.name_weight(wanted.term);
        }
    }

    /// What a tool's sum is multiplied by, for a query of this weight.
    pub(super) fn factors(&self, query: &Query, entry: &Entry, sum: &Sum, asked: f32) -> Factors {
        let weights = &self.weights;
        let name: f32 = entry.name_words.iter().map(|term| self.name_weight(*term)).sum();
        let wanted = (query.actions, query.number);
        Factors {
            name: 1.0 + weights.name_coverage * share(sum.named, name),
            query: 1.0 + weights.query_coverage * share(sum.found, asked),
            action: action_factor(&weights.actions, query.actions, entry.actions),
            number: number_factor(&weights.actions, wanted, entry.number),
            deprecated: if entry.is_deprecated { weights.deprecated } else { 1.0 },
        }
    }

    /// What a word counts within a name: `list` says less than `invoice`, but not as much less as in a query.
    fn name_weight(&self, term: u32) -> f32 {
        self.terms.get(term).rarity.sqrt()
    }

    /// The words of a query that tools have, each once. Words that none has are looked for in other spellings.
    pub(super) fn resolve(&self, query: &Query) -> Resolved {
        let mut resolved = Resolved::default();
        let kinds = &self.weights.kinds;
        let mut corrections = MOST_CORRECTED;
        for word in &query.words {
            let is_known = |stem: &String| self.terms.number(stem).is_some();
            if word.whole.as_ref().is_some_and(is_known) {
                continue;
            }
            let context = if word.is_context { kinds.context } else { 1.0 };
            let weight = kinds.of(word.kind) * context;
            if let Some(term) = self.terms.number(&word.stem) {
                self.want(&mut resolved, term, weight);
                continue;
            }
            let may_correct = word.kind == Kind::Plain && corrections > 0;
            corrections -= usize::from(may_correct);
            if word.kind != Kind::Stop && !(may_correct && self.correct(&mut resolved, word)) {
                resolved.asked += weight * rarity(0, 0, self.len(), 0.0);
            }
        }
        for joined in &query.joined {
            if let Some(term) = self.terms.number(joined) {
                self.want(&mut resolved, term, kinds.joined);
            }
        }
        resolved
    }

    /// Looks for an unknown word as two, or spelt otherwise, and says whether that helped.
    fn correct(&self, resolved: &mut Resolved, word: &QueryWord) -> bool {
        let kinds = &self.weights.kinds;
        if let Some(parts) = halves(&word.word, |part| self.terms.number(&stem(part))) {
            for part in parts {
                self.want(resolved, part, kinds.joined);
            }
            return true;
        }
        let near = nearest(&word.word, &word.stem, &self.terms);
        if let Some(near) = near {
            self.want(resolved, near, kinds.misspelt);
        }
        near.is_some()
    }

    fn want(&self, resolved: &mut Resolved, term: u32, weight: f32) {
        let weight = weight * self.terms.get(term).rarity;
        if weight <= 0.0 {
            return;
        }
        let known = resolved.wanted.iter_mut().find(|wanted| wanted.term == term);
        if let Some(known) = known {
            resolved.asked += (weight - known.weight).max(0.0);
            known.weight = known.weight.max(weight);
        } else {
            resolved.asked += weight;
            resolved.wanted.push(Wanted { term, weight });
        }
    }

    fn order(&self, one: &LexicalHit, other: &LexicalHit) -> Ordering {
        other.score.total_cmp(&one.score).then_with(|| {
            self.name(one.document)
                .cmp(&self.name(other.document))
                .then(one.document.cmp(&other.document))
        })
    }

    /// A free number for a tool.
    fn vacancy(&mut self) -> Option<u32> {
        if let Some(number) = self.free.pop() {
            return Some(number);
        }
        if self.entries.len() == Posting::MOST_DOCUMENTS {
            return None;
        }
        self.entries.push(None);
        u32::try_from(self.entries.len() - 1).ok()
    }

    /// Enters the words of one tool. `known` has the numbers of words that were met before. Stop words count in names only,
    /// which may have no others: `who_am_i`.
    fn enter(
        &mut self,
        number: u32,
        server: &str,
        document: &Document,
        known: &mut HashMap<String, Known>,
    ) -> Entry {
        let mut lengths = [0_u8; Field::COUNT];
        let mut found: Vec<(u32, Field)> = Vec::new();
        document.each_text(|field, text| {
            let length = &mut lengths[field as usize];
            each_word(text, |word, form| {
                if usize::from(*length) >= field.longest() {
                    return;
                }
                if !known.contains_key(word) {
                    let fresh = Known { is_stop_word: is_stop_word(word), term: None };
                    known.insert(word.to_owned(), fresh);
                }
                let word_known = known.get_mut(word).expect("it was just put there");
                if word_known.is_stop_word && field != Field::Name {
                    return;
                }
                let term = *word_known.term.get_or_insert_with(|| self.terms.intern(&stem(word)));
                found.push((term, field));
                *length += u8::from(form == Form::Part);
            });
        });
        // In the order of the name, so that sums over them do not depend on how words are numbered.
        let mut name_words: Vec<u32> = Vec::new();
        for (term, _) in found.iter().filter(|(_, field)| *field == Field::Name) {
            if !name_words.contains(term) {
                name_words.push(*term);
            }
        }
        found.sort_unstable();
        for of_word in found.chunk_by(|one, next| one.0 == next.0) {
            let postings = of_word.chunk_by(|one, next| one == next).map(|same| {
                let mentions = u32::try_from(same.len()).unwrap_or(u32::MAX);
                Posting::new(number, same[0].1, mentions)
            });
            self.terms.add(of_word[0].0, postings);
        }
        Entry {
            server: server.into(),
            tool: document.name().into(),
            lengths,
            name_words: name_words.into(),
            number: document.number(),
            is_deprecated: document.is_deprecated(),
            actions: document.actions(),
        }
    }

    fn take_out(&mut self, server: &str) {
        let Some(mut gone) = self.servers.remove(server) else { return };
        gone.documents.sort_unstable();
        for term in gone.terms {
            self.terms.remove(term, |document| gone.documents.binary_search(&document).is_ok());
        }
        for number in gone.documents {
            let entry = self.entries[number as usize].take();
            if let Some(entry) = entry {
                self.lengths.remove(entry.lengths);
            }
            self.free.push(number);
        }
    }

    /// Works out anew what words and mentions count, after tools came or went.
    fn weigh(&mut self) {
        self.mentions = Mentions::new(&self.weights, &self.lengths.averages());
        self.terms.weigh(self.len(), self.weights.in_passing);
    }
}
