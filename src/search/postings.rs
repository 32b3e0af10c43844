//! Which word stands in which field of which tool, how often: four bytes each.

use std::collections::HashMap;

use super::field::Field;

/// Mentions beyond these make no difference.
const MOST_MENTIONS: u32 = 31;

/// A word in one field of one tool: 24 bits for the tool, 3 for the field, 5 for the number of mentions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Posting(u32);

impl Posting {
    /// Tools that can be told apart.
    pub(super) const MOST_DOCUMENTS: usize = 1 << 24;

    pub(super) fn new(document: u32, field: Field, mentions: u32) -> Self {
        Self(document << 8 | (field as u32) << 5 | mentions.min(MOST_MENTIONS))
    }

    pub(super) fn document(self) -> u32 {
        self.0 >> 8
    }

    pub(super) fn field(self) -> usize {
        (self.0 >> 5 & 7) as usize
    }

    pub(super) fn mentions(self) -> u8 {
        (self.0 & MOST_MENTIONS) as u8
    }
}

/// A word that some tool has.
#[derive(Debug, Default)]
pub(super) struct Term {
    pub(super) stem: Box<str>,
    /// Those of one tool stand side by side.
    pub(super) postings: Vec<Posting>,
    /// Tools that have it.
    pub(super) documents: u32,
    /// Those of them that have it in their name, title or first sentence.
    pub(super) prominent: u32,
    /// How rare it is, worked out anew whenever tools come or go.
    pub(super) rarity: f32,
    /// The letters it has, as a set, to find words that are spelt alike.
    pub(super) letters: u32,
}

/// All words, numbered. Numbers of words that no tool has any more are given to others.
#[derive(Debug, Default)]
pub(super) struct Terms {
    numbers: HashMap<Box<str>, u32>,
    terms: Vec<Term>,
    free: Vec<u32>,
}

impl Terms {
    pub(super) fn number(&self, stem: &str) -> Option<u32> {
        self.numbers.get(stem).copied()
    }

    pub(super) fn get(&self, number: u32) -> &Term {
        &self.terms[number as usize]
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (u32, &Term)> {
        (0..).zip(&self.terms).filter(|(_, term)| term.documents > 0)
    }

    /// The number of a word, a new one if need be.
    pub(super) fn intern(&mut self, stem: &str) -> u32 {
        if let Some(number) = self.number(stem) {
            return number;
        }
        let term = Term { stem: stem.into(), letters: letters(stem), ..Term::default() };
        let number = if let Some(number) = self.free.pop() {
            self.terms[number as usize] = term;
            number
        } else {
            self.terms.push(term);
            u32::try_from(self.terms.len() - 1).expect("words are far fewer than 2^32")
        };
        self.numbers.insert(stem.into(), number);
        number
    }

    /// Enters what one tool has of one word, all fields at once.
    pub(super) fn add(&mut self, number: u32, postings: impl Iterator<Item = Posting>) {
        let term = &mut self.terms[number as usize];
        let before = term.postings.len();
        term.postings.extend(postings);
        term.documents += 1;
        term.prominent += u32::from(is_prominent(&term.postings[before..]));
    }

    /// Takes out what the tools have of a word for which `leaves` says so.
    pub(super) fn remove(&mut self, number: u32, leaves: impl Fn(u32) -> bool) {
        let term = &mut self.terms[number as usize];
        let mut kept = Vec::with_capacity(term.postings.len());
        for of_one in term.postings.chunk_by(|one, next| one.document() == next.document()) {
            if leaves(of_one[0].document()) {
                term.documents -= 1;
                term.prominent -= u32::from(is_prominent(of_one));
            } else {
                kept.extend_from_slice(of_one);
            }
        }
        term.postings = kept;
        if term.documents == 0 {
            self.numbers.remove(&term.stem);
            *term = Term::default();
            self.free.push(number);
        }
    }

    /// Works out anew how rare each word is. A tool that has it only in passing counts `in_passing`.
    pub(super) fn weigh(&mut self, all: usize, in_passing: f32) {
        for term in &mut self.terms {
            term.rarity = rarity(term.documents, term.prominent, all, in_passing);
        }
    }

    /// Bytes on the heap, about.
    pub(super) fn bytes(&self) -> usize {
        let terms = self.terms.iter();
        let held: usize = terms
            .map(|term| term.postings.capacity() * size_of::<Posting>() + 2 * term.stem.len())
            .sum();
        held + self.terms.capacity() * size_of::<Term>()
            + self.numbers.capacity() * (size_of::<(Box<str>, u32)>() + 1)
            + self.free.capacity() * size_of::<u32>()
    }
}

/// How rare a word is that so many of all tools have, always above zero. What says what a tool is for is more telling
/// than what is mentioned by the way, such as a parameter that all tools of a server take.
#[expect(clippy::cast_precision_loss, reason = "tools are at most 2^24")]
pub(super) fn rarity(documents: u32, prominent: u32, all: usize, in_passing: f32) -> f32 {
    let with = prominent as f32 + in_passing * (documents - prominent) as f32;
    (1.0 + (all as f32 - with + 0.5) / (with + 0.5)).ln()
}

/// Whether one of these stands in a name, a title or a first sentence.
pub(super) fn is_prominent(postings: &[Posting]) -> bool {
    let prominent = [Field::Name, Field::Title, Field::Summary];
    postings.iter().any(|posting| prominent.iter().any(|field| *field as usize == posting.field()))
}

/// The letters of a word as a set of 32: a to z, digits as one, all others by their number.
pub(super) fn letters(word: &str) -> u32 {
    word.bytes().fold(0, |set, byte| {
        set | match byte {
            b'a'..=b'z' => 1 << (byte - b'a'),
            b'0'..=b'9' => 1 << 26,
            _ => 1 << (27 + byte % 5),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn postings_are_packed() {
        fn check(document: u32, field: Field, mentions: u32, expected: u8) {
            let posting = Posting::new(document, field, mentions);
            let parts = (posting.document(), posting.field(), posting.mentions());
            assert_eq!(parts, (document, field as usize, expected));
        }
        check(0, Field::Name, 1, 1);
        check((1 << 24) - 1, Field::Server, 31, 31);
        check(77, Field::Summary, 1000, 31);
    }

    #[test]
    fn numbers_of_words_that_are_gone_are_given_again() {
        let mut terms = Terms::default();
        let (one, two) = (terms.intern("one"), terms.intern("two"));
        terms.add(one, [Posting::new(5, Field::Name, 1)].into_iter());
        terms.add(two, [Posting::new(5, Field::Summary, 1)].into_iter());
        terms.add(two, [Posting::new(6, Field::Parameter, 1)].into_iter());
        assert_eq!((terms.get(two).documents, terms.get(two).prominent), (2, 1));
        terms.remove(one, |document| document == 5);
        terms.remove(two, |document| document == 5);
        assert_eq!((terms.get(two).documents, terms.get(two).prominent), (1, 0));
        assert_eq!((terms.number("one"), terms.number("two")), (None, Some(two)));
        assert_eq!(terms.intern("three"), one);
    }

    #[test]
    fn common_words_are_less_rare() {
        let rare = |documents, prominent| rarity(documents, prominent, 100, 0.4);
        assert!(rare(1, 1) > rare(10, 10));
        assert!(rare(50, 0) > rare(50, 50));
        assert!(rare(100, 100) > 0.0);
    }
}
