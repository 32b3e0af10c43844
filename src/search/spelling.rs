//! Words of a query that no tool has: written apart or together, or misspelt.

use std::cmp::Reverse;

use super::postings::{Terms, letters};

/// Shorter words are too close to too many others.
const SHORTEST: usize = 4;
/// From this length on two slips are forgiven.
const LONG: usize = 8;
/// The shortest half of a word written together.
const SHORTEST_HALF: usize = 3;

/// The known word that is nearest to an unknown one, by their stems: one slip away, in long words two. Of equally near ones the one that
/// most tools have, then the first by the alphabet.
pub(super) fn nearest(word: &str, stem: &str, terms: &Terms) -> Option<u32> {
    let length = word.chars().count();
    if length < SHORTEST || stem.bytes().any(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let allowed = if length < LONG { 1 } else { 2 };
    let set = letters(stem);
    let initial = stem.chars().next();
    let mut best: Option<(usize, Reverse<u32>, &str, u32)> = None;
    for (number, term) in terms.iter() {
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
        if distance <= allowed {
            let found = (distance, Reverse(term.documents), &*term.stem, number);
            best = best.into_iter().chain([found]).min();
        }
    }
    best.map(|(_, _, _, number)| number)
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
            let terms = terms(&["repositori", "issu", "calendar", "node", "mode", "tool", "acr"]);
            let found = nearest(word, &stem(word), &terms).map(|number| &*terms.get(number).stem);
            assert_eq!(found, expected, "{word}");
        }
        check("reposotori", Some("repositori"));
        check("repsoitroi", Some("repositori"));
        check("repsotroi", None);
        check("calender", Some("calendar"));
        check("isues", Some("issu"));
        check("nod", None);
        check("acme", None);
        check("lode", None);
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
