//! Characters without width that stand outside of words, or where a word may be broken: no script needs them, and
//! pages have them for looks.
//!
//! Each place that may hold one and does not is room for a bit, so many places are room for a message. Therefore a few
//! stay, however long the text is. More stay only in two forms that pages are full of, and only if no place of the
//! kind is without them: what stands everywhere says nothing.

use memchr::memmem;

/// So many stay wherever they stand.
pub(super) const FEW: usize = 8;

/// How pages write the name of somebody who is not to be told, and which character they put behind.
const MENTION: &str = ">@";
const NO_MENTION: char = '\u{200b}';

/// What pages put between the two spellings of a place on earth, and which character stands on both sides.
const SEPARATOR: &str = " / ";
const NO_BREAK: char = '\u{feff}';

/// What a text holds of them.
#[derive(Default)]
pub(super) struct Strays {
    anywhere: usize,
    mentions: usize,
    separators: usize,
}

impl Strays {
    /// Takes in one that stands between `before`, of which nothing will be removed, and `after`.
    pub(super) fn add(&mut self, before: &str, letter: char, after: &str) {
        let opens = || is_separated(after.strip_prefix(SEPARATOR)?.strip_prefix(NO_BREAK)?);
        let closes =
            || is_separated(before.strip_suffix(SEPARATOR)?.ends_with(NO_BREAK).then_some(after)?);
        match letter {
            NO_MENTION if before.ends_with(MENTION) && is_named(after) => self.mentions += 1,
            NO_BREAK if opens().is_some() => self.separators += 1,
            NO_BREAK if closes().is_some() => {}
            _ => self.anywhere += 1,
        }
    }

    /// How much could be said with them if the text they stand in is one of many: what stands everywhere in one text
    /// may be absent from the next.
    pub(super) fn bits(&self) -> usize {
        self.anywhere + usize::from(self.mentions > 0) + usize::from(self.separators > 0)
    }

    /// Whether there are so many in `kept`, the text that holds them, that something may be spelt with them.
    pub(super) fn are_too_many(&self, kept: &str) -> bool {
        if self.anywhere + self.mentions + 2 * self.separators <= FEW {
            return false;
        }
        let mut mentions = memmem::find_iter(kept.as_bytes(), MENTION);
        let mixed_mentions = mentions.any(|at| is_named(&kept[at + MENTION.len()..]));
        let separators = memmem::find_iter(kept.as_bytes(), SEPARATOR).count();
        let mut free = self.anywhere;
        if mixed_mentions {
            free += self.mentions;
        }
        if separators > self.separators {
            free += 2 * self.separators;
        }
        free > FEW
    }
}

fn is_named(text: &str) -> bool {
    text.starts_with(char::is_alphanumeric)
}

/// Something if `text` begins like a number.
fn is_separated(text: &str) -> Option<()> {
    text.starts_with(|letter: char| letter.is_ascii_digit() || matches!(letter, '-' | '−'))
        .then_some(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::guard::channel::close;

    fn unseen(text: &str) -> usize {
        text.matches(['\u{200b}', '\u{2060}', '\u{feff}', '\u{ad}']).count()
    }

    #[track_caller]
    fn check(text: &str, kept: usize) {
        assert_eq!(unseen(&close(text).text), kept, "{text:?}");
    }

    #[test]
    fn a_few_stay() {
        check(&"(\u{200b}x ".repeat(FEW), FEW);
        check(&"(\u{200b}x ".repeat(FEW + 1), 0);
        check(&"Donau\u{ad}dampf (\u{200b}x ".repeat(FEW / 2), FEW);
        check(&"Donau\u{ad}dampf (\u{200b}x ".repeat(FEW), 0);
        check(&format!("{}{}", "(\u{200b}x ".repeat(FEW + 1), "long ".repeat(10_000)), 0);
    }

    #[test]
    fn what_stands_everywhere_stays() {
        let mentions = "<code>@\u{200b}name</code> ".repeat(50);
        check(&mentions, 50);
        check(&format!("{mentions} me@example.com, @other"), 50);
        check(&format!("{mentions}<b>@other</b>"), 0);
        let places = "40°N 74°W\u{feff} / \u{feff}40.7°N ".repeat(20);
        check(&places, 40);
        check(&format!("{places} and / or"), 0);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]

        /// Whatever is to be said with them, a text holds as many as it has places, or a few.
        #[test]
        fn no_message_survives(
            bits in proptest::collection::vec(any::<bool>(), 40..200),
            place in proptest::sample::select(vec![
                ("<code>@", '\u{200b}', "name</code> "),
                ("by @", '\u{200b}', "name "),
                ("(", '\u{2060}', "a) "),
                ("W", '\u{feff}', " / 40.7 "),
                ("Donau", '\u{ad}', "dampf "),
                ("x ", '\u{200b}', " y"),
            ]),
        ) {
            let (before, letter, after) = place;
            let mut text = String::new();
            for bit in &bits {
                text.push_str(before);
                text.extend(bit.then_some(letter));
                text.push_str(after);
            }
            let ones = bits.iter().filter(|bit| **bit).count();
            let left = unseen(&close(&text).text);
            prop_assert!(left <= FEW || ones == bits.len(), "{left} are left");
        }
    }
}
