//! Channels that a person does not see: what is in them goes, what a script or an emoji needs stays.

use std::borrow::Cow;
use std::ops::Range;

use super::closer::Closer;
use super::found::{Found, Kind};
use super::letters::right_to_left;
use crate::base::unicode::unseen;

/// A text with its channels closed.
pub(super) struct Closed<'a> {
    /// Borrowed where there was none.
    pub(super) text: Cow<'a, str>,
    /// What was there.
    pub(super) found: Found,
    /// What a terminal would not show, or show backwards; in order.
    pub(super) veiled: Vec<(Range<usize>, Kind)>,
    /// Stretches in which several words were taken apart; in order.
    pub(super) split: Vec<Range<usize>>,
}

/// Whether characters without width may stay for looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Looks {
    /// A few of them.
    Kept,
    /// None: only what a script needs stays.
    Ignored,
}

/// `text` without what stands in hidden channels. What is closed stays as it is when it is closed again.
pub(super) fn close(text: &str) -> Closed<'_> {
    close_with(text, Looks::Kept)
}

/// How much could be said with the characters that stay in a closed `text` for looks.
pub(super) fn bits(text: &str) -> usize {
    let Some(first) = first_unseen(text) else { return 0 };
    let mut closer = Closer::new(text, first, Looks::Kept);
    closer.run();
    closer.strays.bits() + closer.variants.choices(&closer.kept)
}

/// As [`close`] does it, and as strict as `looks` says.
pub(super) fn close_with(text: &str, looks: Looks) -> Closed<'_> {
    let as_it_is = || Closed {
        text: Cow::Borrowed(text),
        found: Found::default(),
        veiled: Vec::new(),
        split: Vec::new(),
    };
    let Some(first) = first_unseen(text) else {
        return as_it_is();
    };
    let mut closer = Closer::new(text, first, looks);
    closer.run();
    // Whatever is decided about the text as a whole is decided by what is left of it, so that it is decided the same
    // way when the text is closed again.
    if closer.mirrored == Some(true) && !closer.kept.chars().any(right_to_left) {
        closer = Closer::new(text, first, looks).knowing(Some(false), Vec::new());
        closer.run();
    }
    let idle = closer.idle_marks();
    if !idle.is_empty() {
        closer = Closer::new(text, first, looks).knowing(closer.mirrored, idle);
        closer.run();
    }
    if closer.is_misused() {
        let strict = Closer::new(text, first, Looks::Ignored);
        closer = strict.knowing(closer.mirrored, closer.idle);
        closer.run();
    }
    if closer.found.is_empty() {
        return as_it_is();
    }
    closer.lift();
    Closed {
        text: Cow::Owned(closer.kept),
        found: closer.found,
        veiled: closer.veiled,
        split: closer.split.end(),
    }
}

/// Where the first character stands that may be part of a channel.
fn first_unseen(text: &str) -> Option<usize> {
    // Most texts have none of these bytes, and those that have are mostly in other scripts.
    let start = text.bytes().position(|byte| MAY_BE_UNSEEN[usize::from(byte)])?;
    text[start..].char_indices().find(|(_, letter)| unseen(*letter)).map(|(at, _)| start + at)
}

/// The bytes with which unseen characters begin in UTF-8.
const MAY_BE_UNSEEN: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 32 {
        table[byte] = !matches!(byte, 9 | 10 | 13);
        byte += 1;
    }
    table[0x7f] = true;
    let leads = [0xc2, 0xcd, 0xd8, 0xe1, 0xe2, 0xe3, 0xef, 0xf0, 0xf3];
    let mut at = 0;
    while at < leads.len() {
        table[leads[at]] = true;
        at += 1;
    }
    table
};

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &str, kinds: &[Kind]) {
        let closed = close(text);
        assert_eq!(closed.text, expected, "{text:?}");
        assert_eq!(closed.found.kinds.into_iter().collect::<Vec<_>>(), kinds, "{text:?}");
        assert_eq!(matches!(closed.text, Cow::Borrowed(_)), kinds.is_empty(), "{text:?}");
        assert!(close(&closed.text).found.is_empty(), "{expected:?} is not closed");
    }

    #[track_caller]
    fn untouched(text: &str) {
        check(text, text, &[]);
    }

    fn tags(text: &str) -> String {
        text.chars().filter_map(|letter| char::from_u32(0xe_0000 + u32::from(letter))).collect()
    }

    #[test]
    fn tags_go_but_flags_stay() {
        check(&format!("done{}.", tags("say yes")), "done.", &[Kind::Tags]);
        let flag = format!("\u{1f3f4}{}\u{e007f}", tags("gbsct"));
        untouched(&flag);
        untouched("🇩🇪🇮🇷");
        check(&format!("{flag}{}", tags("gbsct")), &flag, &[Kind::Tags]);
        check(&format!("\u{1f3f4}{}\u{e007f}", tags("steal")), "\u{1f3f4}", &[Kind::Tags]);
    }

    #[test]
    fn selectors_stay_where_something_varies() {
        untouched("❤️ 1️⃣ ☎︎ ©️ 葛\u{e0100}");
        check("a\u{fe0f}b", "ab", &[Kind::VariationSelectors]);
        check("😊\u{e0139}\u{e013d}\u{fe01}", "😊", &[Kind::VariationSelectors]);
        check("😊\u{fe0f}\u{fe0f}", "😊\u{fe0f}", &[Kind::VariationSelectors]);
    }

    #[test]
    fn joiners_stay_in_scripts_and_emoji() {
        untouched("می‌خواهم کتاب‌ها را بخوانم");
        untouched("क्‍ष ශ්‍රී ന്‍റെ");
        untouched("👩‍👩‍👧‍👦 👩🏽‍💻 ❤️‍🔥 🏳️‍🌈");
        untouched("ภาษา\u{200b}ไทย");
        check("ig\u{200b}no\u{200d}re\u{2060} it\u{ad}", "ignore it", &[Kind::ZeroWidth]);
        untouched(
            "by @\u{200b}name and @\u{200b}other, Donau\u{ad}dampf\u{ad}schiff, x: \u{feff}y",
        );
        check("@\u{200b}n ig\u{200b}nore", "@n ignore", &[Kind::ZeroWidth]);
        check("i\u{ad}g\u{ad}n\u{ad}o\u{ad}r\u{ad}e\u{ad}i\u{ad}t", "ignoreit", &[Kind::ZeroWidth]);
        check("می\u{200c}\u{200c}خواهم", "می\u{200c}خواهم", &[Kind::ZeroWidth]);
        untouched("\u{feff}first");
        check("a\u{feff}b", "ab", &[Kind::ZeroWidth]);
        check("中\u{200b}文", "中文", &[Kind::ZeroWidth]);
    }

    #[test]
    fn what_is_removed_decides_nothing() {
        // Letters from right to left, in a control string only.
        check("a\u{200e} \u{1b}]0;שם\u{7}b", "a b", &[Kind::Bidi, Kind::Ansi]);
        // A text is no longer for what goes.
        let controls = "\0".repeat(2_000);
        check(
            &format!("{controls}{}", "(\u{200b}x".repeat(9)),
            &"(x".repeat(9),
            &[Kind::ZeroWidth, Kind::Control],
        );
        check(&format!("{controls}(\u{200b}x"), "(\u{200b}x", &[Kind::Control]);
    }

    #[test]
    fn directions_stay_where_letters_need_them() {
        untouched("C++\u{200e} הוא שפה");
        untouched("שם: \u{2068}Bob\u{2069}.");
        check("\u{202e}olleh\u{202c}", "olleh", &[Kind::Bidi]);
        check("a\u{2066}b\u{2069}", "ab", &[Kind::Bidi]);
    }

    #[test]
    fn control_sequences_go() {
        check("\u{1b}[31;1mred\u{1b}[0m", "red", &[Kind::Ansi]);
        check("\u{9b}8mhid", "hid", &[Kind::Ansi]);
        check("\u{1b}]8;;http://a.b\u{1b}\\link\u{1b}]8;;\u{7}", "link", &[Kind::Ansi]);
        check("\u{1b}]0;no end\nnext", "0;no end\nnext", &[Kind::Ansi]);
        check("\u{1b}(Btext\u{1b}", "text", &[Kind::Ansi]);
        check("\u{1b}\u{1b}[m[8m", "[8m", &[Kind::Ansi]);
        check("a\u{8}b\u{85}\0", "ab", &[Kind::Control]);
        untouched("a\tb\r\nc");
    }

    #[test]
    fn what_is_out_of_sight_is_known() {
        let veiled = |text: &str| {
            let closed = close(text);
            closed
                .veiled
                .iter()
                .map(|(span, _)| closed.text[span.clone()].to_owned())
                .collect::<Vec<_>>()
        };
        assert_eq!(
            veiled("a\u{1b}[8mhidden\u{1b}[28m b \u{1b}[1;30;40mblack\u{1b}[m"),
            ["hidden", "black"]
        );
        assert_eq!(veiled("\u{202e}olleh\u{202c} b \u{202e}dne"), ["olleh", "dne"]);
        assert!(veiled("\u{1b}[31mred\u{1b}[0m").is_empty());
    }

    #[test]
    fn neighbours_count_once() {
        let closed = close("a\u{200b}\u{200c}b\u{200b}c\u{1b}[0m");
        assert_eq!(closed.found.count, 3);
    }
}
