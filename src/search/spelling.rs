//! Words of a query that no tool has: written apart or together, or misspelt.

use std::cmp::Reverse;

use super::postings::{Terms, letters};
use super::words::is_stop_word;

/// Shorter words are too close to too many others.
const SHORTEST: usize = 4;
/// In shorter stems another letter makes another word, as in `like` and `line`; one too many or too few, or two that changed
/// places, may be a slip.
const SHORTEST_REPLACED: usize = 5;
/// From this length on, of the longer of two stems, two slips are forgiven.
const LONG: usize = 8;
/// The shortest half of a word written together.
const SHORTEST_HALF: usize = 3;

/// The known word that is nearest to an unknown one, by their stems: one slip away, in long words two. Of equally near ones the one that
/// most tools have, then the first by the alphabet.
pub(super) fn nearest(word: &str, stem: &str, terms: &Terms) -> Option<u32> {
    let length = word.chars().count();
    // A form of a word that says nothing is no other word misspelt.
    if length < SHORTEST || is_stop_word(stem) || stem.bytes().any(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let set = letters(stem);
    let initial = stem.chars().next();
    let mut best: Option<(usize, Reverse<u32>, &str, u32)> = None;
    for (number, term) in terms.iter() {
        let allowed = if stem.len().max(term.stem.len()) < LONG { 1 } else { 2 };
        // A slip changes at most one letter of each set.
        let differs = (set ^ term.letters).count_ones() as usize > 2 * allowed;
        if differs || term.stem.len().abs_diff(stem.len()) > 4 * allowed {
            continue;
        }
        // Hardly anybody misspells the first letter, and words that differ in it are usually two words.
        if term.stem.chars().next() != initial || term.stem.len() < SHORTEST {
            continue;
        }
        let distance = strsim::osa_distance(stem, &term.stem);
        if stem.len() < SHORTEST_REPLACED && is_replaced(stem, &term.stem) {
            continue;
        }
        if distance <= allowed {
            let found = (distance, Reverse(term.documents), &*term.stem, number);
            best = best.into_iter().chain([found]).min();
        }
    }
    best.map(|(_, _, _, number)| number)
}

/// Whether one word has other letters in places of the other's.
fn is_replaced(one: &str, other: &str) -> bool {
    one != other && one.len() == other.len() && letters(one) != letters(other)
}

/// The two known words that an unknown one is made of: `nodepool`.
pub(super) fn halves(word: &str, find: impl Fn(&str) -> Option<u32>) -> Option<[u32; 2]> {
    if word.len() < 2 * SHORTEST_HALF || !word.is_ascii() {
        return None;
    }
    let cuts = SHORTEST_HALF..=word.len() - SHORTEST_HALF;
    cuts.rev().find_map(|cut| Some([find(&word[..cut])?, find(&word[cut..])?]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::search::field::Field;
    use crate::search::postings::Posting;
    use crate::search::words::stem;

    fn terms(words: &[&str]) -> Terms {
        let mut terms = Terms::default();
        for (document, word) in (0..).zip(words) {
            let number = terms.intern(word);
            terms.add(number, [Posting::new(document, Field::Name, 1)].into_iter());
        }
        terms
    }

    #[test]
    fn near_words_are_found() {
        fn check(word: &str, expected: Option<&str>) {
            let terms = terms(&[
                "repositori",
                "issu",
                "calendar",
                "node",
                "mode",
                "tool",
                "acr",
                "line",
                "restart",
            ]);
            let found = nearest(word, &stem(word), &terms).map(|number| &*terms.get(number).stem);
            assert_eq!(found, expected, "{word}");
        }
        check("reposotori", Some("repositori"));
        check("repsoitroi", Some("repositori"));
        check("repsotroi", None);
        check("calender", Some("calendar"));
        check("restaurants", None);
        check("isues", Some("issu"));
        check("nod", None);
        check("acme", None);
        check("lode", None);
        // One letter in four makes another word more often than a slip.
        check("likes", None);
        check("lime", None);
        check("ndoe", Some("node"));
        check("toools", Some("tool"));
        check("nodes", Some("node"));
        check("node2", None);
        check("日本語日本語", None);
        check("", None);
    }

    #[test]
    fn words_written_together_are_cut() {
        fn check(word: &str, expected: Option<[&str; 2]>) {
            let terms = terms(&["node", "pool", "poo", "ls"]);
            let found = halves(word, |part| terms.number(part));
            let found = found.map(|numbers| numbers.map(|number| &*terms.get(number).stem));
            assert_eq!(found, expected, "{word}");
        }
        check("nodepool", Some(["node", "pool"]));
        check("nodes", None);
        check("poolls", None);
        check("wordpool", None);
        check("", None);
    }
}
