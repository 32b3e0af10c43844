//! How much is found of sentences in which one word is misspelt, with correction and without.

use std::io::{self, Write};

use mcp_bridge::search::Weights;

use crate::quality::{Score, Set};
use crate::ranker::Lexical;
use crate::table::{head, line};

/// Each sentence is misspelt so many times.
const ROUNDS: u64 = 5;
/// The shortest word that is misspelt.
const SHORTEST: usize = 5;

/// A line for each source of each set.
pub(crate) fn report(sets: &[Set], out: &mut impl Write) -> io::Result<()> {
    let columns = ["as written", "not corrected", "misspelt", "misspelt, not corrected"];
    let title = "### R@1/R@5 by words of sentences as written, and with one slip in one word";
    head(out, title, &[&["set", "source"], &columns[..]].concat())?;
    for set in sets {
        let mut without = Weights::default();
        without.kinds.misspelt = 0.0;
        let rankers = [Weights::default(), without].map(|it| Lexical::new(&set.tools, it));
        let plain = rankers.each_ref().map(|ranker| vec![set.score(ranker)]);
        let misspelt = rankers.each_ref().map(|ranker| {
            let round = |round| set.score_of(ranker, |wish| misspell(&wish.query, round, &wish.id));
            (0..ROUNDS).map(round).collect()
        });
        for source in plain[0][0].by_source.keys() {
            let figures = plain.iter().chain(&misspelt).map(|rounds| figures(rounds, source));
            let names = [set.name.to_owned(), source.clone()];
            line(out, &names.into_iter().chain(figures).collect::<Vec<_>>())?;
        }
    }
    Ok(())
}

/// The mean of several rounds.
fn figures(rounds: &[Score], source: &str) -> String {
    let count = f64::from(u32::try_from(rounds.len()).expect("there are a few"));
    let mean = |place: usize| {
        let sum: f64 = rounds.iter().map(|round| round.by_source[source].recall[place]).sum();
        format!("{:.1}", sum / count * 100.0)
    };
    format!("{}/{}", mean(0), mean(2))
}

/// The sentence with a letter left out, put in, replaced or swapped with the next in one of its longer words. The same
/// round makes the same slip in the same sentence.
fn misspell(text: &str, round: u64, id: &str) -> String {
    let seed = id.bytes().fold(round.wrapping_mul(0x9e37_79b9), |sum, byte| {
        sum.wrapping_mul(131).wrapping_add(u64::from(byte))
    });
    let mut random = Random(seed);
    let is_word =
        |word: &&str| word.len() >= SHORTEST && word.bytes().all(|b| b.is_ascii_alphabetic());
    let words: Vec<&str> = text.split(' ').filter(is_word).collect();
    if words.is_empty() {
        return text.to_owned();
    }
    let word = words[random.below(words.len())];
    // Both are parts of the same text.
    let start = word.as_ptr().addr() - text.as_ptr().addr();
    let mut letters: Vec<u8> = word.bytes().collect();
    let at = random.below(letters.len());
    let letter = b'a' + u8::try_from(random.below(26)).expect("there are 26");
    match random.below(4) {
        0 => drop(letters.remove(at)),
        1 => letters.insert(at, letter),
        2 => letters[at] = letter,
        _ => letters.swap(at.min(word.len() - 2), at.min(word.len() - 2) + 1),
    }
    let letters: String = letters.into_iter().map(char::from).collect();
    format!("{}{letters}{}", &text[..start], &text[start + word.len()..])
}

/// Numbers that look random and are the same in every run (`SplitMix64`).
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let limit = u64::try_from(limit).expect("it is the length of a text");
        usize::try_from((mixed ^ (mixed >> 31)) % limit).expect("it is below the limit")
    }
}
