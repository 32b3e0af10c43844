//! The index of words: tools of servers come and go, and a query gets those that suit it best.

use std::cmp::Ordering;
use std::collections::{BTreeMap, HashMap};

use super::action::{Actions, Number};
use super::document::Document;
use super::field::Field;
use super::postings::{Posting, Terms, is_prominent};
use super::query::Query;
use super::resolve::{Resolved, Wanted};
use super::said::{Heard, Said};
use super::score::{
    AllLengths, Factors, Lengths, Mentions, Sum, action_factor, number_factor, share,
};
use super::weights::Weights;
use super::words::{Form, each_word, is_stop_word, stem};

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
    said: Said,
    lengths: AllLengths,
    pub(super) mentions: Mentions,
}

/// A query that is being answered.
pub(super) struct Asked<'a> {
    query: &'a Query,
    pub(super) resolved: Resolved,
    /// What servers say of it.
    heard: Option<Heard<'a>>,
}

/// One tool.
#[derive(Debug)]
pub(super) struct Entry {
    server: Box<str>,
    tool: Box<str>,
    pub(super) lengths: Lengths,
    /// Different words of its name.
    name_words: Box<[u32]>,
    /// The number of its server among what servers say.
    speaker: u32,
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
    /// Its number among what servers say.
    speaker: u32,
    documents: Vec<u32>,
    /// Words that its tools have.
    terms: Vec<u32>,
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
            said: Said::default(),
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
            + self.said.bytes()
            + Field::COUNT * 1024
    }

    /// Takes these tools for those of the server; no other server's are touched.
    pub fn replace(&mut self, server: &str, documents: &[Document]) {
        self.take_out(server);
        let Some(first) = documents.first() else { return self.weigh() };
        let speaker = self.said.enter(first.server().said());
        let mut entered = Server { speaker, ..Server::default() };
        let mut known = HashMap::new();
        for document in documents {
            let Some(number) = self.vacancy() else { break };
            let entry = self.enter(number, (server, speaker), document, &mut known);
            self.lengths.add(entry.lengths);
            self.entries[number as usize] = Some(entry);
            entered.documents.push(number);
        }
        entered.terms = known.into_values().filter_map(|word| word.term).collect();
        entered.terms.sort_unstable();
        entered.terms.dedup();
        self.servers.insert(server.to_owned(), entered);
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
        let asked = self.ask(query);
        let mut sums = vec![Sum::default(); self.entries.len()];
        let mut touched = Vec::new();
        for wanted in asked.resolved.wanted.iter().copied() {
            let postings = &self.terms.get(wanted.term).postings;
            for of_one in postings.chunk_by(|one, next| one.document() == next.document()) {
                let document = of_one[0].document();
                let sum = &mut sums[document as usize];
                if sum.found == 0.0 {
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
                let factors = self.factors(&asked, entry, sum);
                Some(LexicalHit {
                    document: DocumentId(document),
                    score: self.sum(&asked, sum) * factors.product(),
                    coverage: (sum.found / asked.resolved.asked).min(1.0),
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

    pub(super) fn ask<'a>(&'a self, query: &'a Query) -> Asked<'a> {
        let heard = self.said.hear(query, &self.weights.kinds);
        Asked { query, resolved: self.resolve(query), heard }
    }

    pub(super) fn entry(&self, document: DocumentId) -> Option<&Entry> {
        self.entries.get(document.0 as usize)?.as_ref()
    }

    /// Adds what a tool has of one word.
    pub(super) fn add(&self, sum: &mut Sum, wanted: Wanted, postings: &[Posting], entry: &Entry) {
        let mentions: f32 =
            postings.iter().map(|posting| self.mentions.of(*posting, entry.lengths)).sum();
        let part = wanted.weight * mentions / (self.weights.saturation + mentions);
        let sum_of_kind =
            if is_prominent(postings) { &mut sum.prominent } else { &mut sum.passing };
        *sum_of_kind += part;
        sum.found += wanted.weight;
        sum.bits |= wanted.bits;
        if postings.iter().any(|posting| posting.field() == Field::Name as usize) {
            sum.named += self.name_weight(wanted.term);
        }
    }

    /// What a tool's words come to.
    pub(super) fn sum(&self, asked: &Asked<'_>, sum: &Sum) -> f32 {
        sum.prominent + sum.passing(self.weights.passing, asked.resolved.asked)
    }

    /// What a tool's sum is multiplied by.
    pub(super) fn factors(&self, asked: &Asked<'_>, entry: &Entry, sum: &Sum) -> Factors {
        let Asked { query, resolved, heard } = asked;
        let weights = &self.weights;
        let said = heard.as_ref().map_or(0.0, |heard| heard.of(entry.speaker, sum.bits));
        let name: f32 = entry.name_words.iter().map(|term| self.name_weight(*term)).sum();
        let wanted = (query.actions, query.number);
        Factors {
            name: 1.0 + weights.name_coverage * share(sum.named, name),
            query: 1.0 + weights.query_coverage * share(sum.found, resolved.asked),
            action: action_factor(&weights.actions, query.actions, entry.actions),
            number: number_factor(&weights.actions, wanted, entry.number),
            deprecated: if entry.is_deprecated { weights.deprecated } else { 1.0 },
            server: 1.0 + weights.said * said,
        }
    }

    /// What a word counts within a name: `list` says less than `invoice`, but not as much less as in a query.
    fn name_weight(&self, term: u32) -> f32 {
        self.terms.get(term).rarity.sqrt()
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
        (server, speaker): (&str, u32),
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
            speaker,
            number: document.number(),
            is_deprecated: document.is_deprecated(),
            actions: document.actions(),
        }
    }

    fn take_out(&mut self, server: &str) {
        let Some(mut gone) = self.servers.remove(server) else { return };
        self.said.leave(gone.speaker);
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
