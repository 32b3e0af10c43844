//! Variation selectors that are seldom needed: behind Chinese characters and behind figures that are no keycaps.
//!
//! With a choice of selectors behind every character, and none, a text says whatever it likes. A text that needs one
//! needs the same one wherever the character stands, so that is counted once. Of the others a few stay.

use std::collections::HashMap;

use super::letters::ideographic;
use crate::base::unicode::selector;

/// So much stays, in places or in characters that always look the same.
const FEW: usize = 8;

/// The sign that makes a keycap of a figure and a selector.
const KEYCAP: char = '\u{20e3}';

/// What a text holds of them.
#[derive(Default)]
pub(super) struct Variants {
    /// The first selector behind a character, and how often it stands there.
    of: HashMap<char, (char, usize)>,
    /// Other selectors behind characters that had one.
    mixed: usize,
    all: usize,
}

/// Whether a selector behind `base` is one of these; `next` is what follows.
pub(super) fn is_seldom(base: char, next: Option<char>) -> bool {
    ideographic(base) || (base.is_ascii() && next != Some(KEYCAP))
}

impl Variants {
    pub(super) fn add(&mut self, base: char, selector: char) {
        self.all += 1;
        let (first, count) = self.of.entry(base).or_insert((selector, 0));
        if *first == selector {
            *count += 1;
        } else {
            self.mixed += 1;
        }
    }

    /// How many places or characters of `kept`, the text that holds them, have a choice.
    pub(super) fn choices(&self, kept: &str) -> usize {
        if self.all <= FEW {
            return self.all;
        }
        let mut bare: HashMap<char, usize> = HashMap::new();
        let mut letters = kept.chars().peekable();
        while let Some(letter) = letters.next() {
            if self.of.contains_key(&letter) && !letters.peek().copied().is_some_and(selector) {
                *bare.entry(letter).or_default() += 1;
            }
        }
        let choice = |(base, (_, count)): (&char, &(char, usize))| {
            if bare.contains_key(base) { *count } else { 1 }
        };
        self.mixed + self.of.iter().map(choice).sum::<usize>()
    }

    /// Whether something may be spelt with them.
    pub(super) fn are_too_many(&self, kept: &str) -> bool {
        self.choices(kept) > FEW
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guard::channel::close;

    #[track_caller]
    fn check(text: &str, kept: usize) {
        let closed = close(text).text;
        assert_eq!(closed.chars().filter(|letter| selector(*letter)).count(), kept, "{text:?}");
        assert_eq!(close(&closed).text, closed, "{text:?}");
    }

    #[test]
    fn what_always_looks_the_same_stays() {
        check(&"葛\u{e0100}城市と辻\u{e0101}".repeat(50), 100);
        check(&"辻\u{e0100}、辻".repeat(FEW), FEW);
        check(&"1\u{fe0f}\u{20e3} 2\u{fe0f}\u{20e3} 1 2".repeat(20), 40);
        check(&"❤\u{fe0f} 1".repeat(20), 20);
    }

    #[test]
    fn what_differs_says_something() {
        check(&"辻\u{e0100}、辻".repeat(FEW + 1), 0);
        check(&"辻\u{e0100}辻\u{e0101}".repeat(FEW), 0);
        check(&"1\u{fe0e} 1\u{fe0f} 1".repeat(FEW), 0);
        let message: String =
            ('\u{4e00}'..).take(FEW + 1).flat_map(|letter| [letter, '\u{e0103}']).collect();
        check(&message, 0);
        check("葛\u{e01ef}", 0);
    }
}
