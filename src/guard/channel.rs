//! Channels that a person does not see: what is in them goes, what a script or an emoji needs stays.

use std::borrow::Cow;
use std::ops::Range;

use super::direction;
use super::found::{Found, Kind};
use super::letters::{joining, pictographic, right_to_left, unspaced, varies};
use super::stray::Strays;
use super::variant::{Variants, is_seldom};
use crate::base::unicode::{control, direction_mark, direction_override, selector, tag, unseen};

/// Flags of the countries that are spelt with tags (Unicode, emoji-sequences), without the black flag and the end.
const FLAGS: [&str; 3] = ["gbeng", "gbsct", "gbwls"];

/// So many words taken apart are no accident, each so near to the one before.
const SPLIT_WORDS: usize = 3;
const STRETCH: usize = 48;

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
        closer = Closer { mirrored: Some(false), ..Closer::new(text, first, looks) };
        closer.run();
    }
    let idle = closer.idle_marks();
    if !idle.is_empty() {
        closer = Closer { mirrored: closer.mirrored, idle, ..Closer::new(text, first, looks) };
        closer.run();
    }
    if closer.is_misused() {
        closer = Closer {
            mirrored: closer.mirrored,
            idle: closer.idle,
            ..Closer::new(text, first, Looks::Ignored)
        };
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

/// What the last kept character was, as far as the next one depends on it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Tail {
    Seen,
    Selector,
    Joiner,
}

/// Places that lie near one another.
#[derive(Default)]
struct Stretches {
    places: usize,
    last: Range<usize>,
    found: Vec<Range<usize>>,
}

impl Stretches {
    fn add(&mut self, at: usize) {
        if self.places == 0 || at > self.last.end + STRETCH {
            self.flush();
            self.last = at..at;
        }
        self.places += 1;
        self.last.end = at;
    }

    fn flush(&mut self) {
        if std::mem::take(&mut self.places) >= SPLIT_WORDS {
            self.found.push(self.last.clone());
        }
    }

    fn end(mut self) -> Vec<Range<usize>> {
        self.flush();
        self.found
    }
}

struct Closer<'a> {
    text: &'a str,
    /// Where letters of one word stood apart.
    split: Stretches,
    looks: Looks,
    /// Characters without width that were removed between letters, and that were kept for looks.
    between: usize,
    strays: Strays,
    variants: Variants,
    /// Kept marks of direction, by where they stand in the text and in what is kept; and those that must not be kept,
    /// by where they stand in the text; both in order.
    marks: Vec<(usize, usize)>,
    idle: Vec<usize>,
    /// Where the text began that is now out of sight.
    veil: Option<(usize, Kind)>,
    veiled: Vec<(Range<usize>, Kind)>,
    at: usize,
    kept: String,
    /// The last kept character that is seen.
    base: Option<char>,
    tail: Tail,
    /// Letters from right to left stand somewhere in the text.
    mirrored: Option<bool>,
    /// Where the last removal ended, and what was removed.
    removed: Option<(usize, Kind)>,
    found: Found,
}

impl<'a> Closer<'a> {
    fn new(text: &'a str, first: usize, looks: Looks) -> Self {
        let mut kept = String::with_capacity(text.len());
        kept.push_str(&text[..first]);
        let base = text[..first].chars().next_back();
        Self {
            text,
            split: Stretches::default(),
            looks,
            between: 0,
            strays: Strays::default(),
            variants: Variants::default(),
            marks: Vec::new(),
            idle: Vec::new(),
            veil: None,
            veiled: Vec::new(),
            at: first,
            kept,
            base,
            tail: Tail::Seen,
            mirrored: None,
            removed: None,
            found: Found::default(),
        }
    }

    fn run(&mut self) {
        while let Some(letter) = self.text[self.at..].chars().next() {
            if !unseen(letter) {
                self.keep(letter, Tail::Seen);
            } else if letter == '\u{1b}' || letter == '\u{9b}' {
                let length = escape_length(&self.text[self.at..]);
                self.rendition(length);
                self.remove(length, Kind::Ansi);
            } else if control(letter) {
                self.remove(letter.len_utf8(), Kind::Control);
            } else if tag(letter) {
                self.tags();
            } else if selector(letter) {
                let fits = self.varies(letter);
                self.keep_if(fits, letter, Tail::Selector, Kind::VariationSelectors);
            } else if direction_override(letter) {
                self.lift();
                if matches!(letter, '\u{202d}' | '\u{202e}') {
                    self.veil = Some((self.kept.len(), Kind::Bidi));
                }
                self.remove(letter.len_utf8(), Kind::Bidi);
            } else if direction_mark(letter) {
                let fits = self.tail == Tail::Seen && self.mirrored();
                if fits && self.idle.binary_search(&self.at).is_ok() {
                    // The next one is no better for standing behind one that goes.
                    self.tail = Tail::Joiner;
                    self.remove(letter.len_utf8(), Kind::Bidi);
                    continue;
                }
                if fits {
                    self.marks.push((self.at, self.kept.len()));
                }
                self.keep_if(fits, letter, Tail::Joiner, Kind::Bidi);
            } else {
                let fits = self.belongs(letter);
                self.keep_if(fits, letter, Tail::Joiner, Kind::ZeroWidth);
            }
        }
    }

    fn keep(&mut self, letter: char, tail: Tail) {
        self.kept.push(letter);
        self.at += letter.len_utf8();
        self.tail = tail;
        if tail == Tail::Seen {
            self.base = Some(letter);
        }
    }

    fn keep_if(&mut self, fits: bool, letter: char, tail: Tail, kind: Kind) {
        if fits { self.keep(letter, tail) } else { self.remove(letter.len_utf8(), kind) }
    }

    /// Leaves `length` bytes out; neighbours of one kind count once.
    fn remove(&mut self, length: usize, kind: Kind) {
        if self.removed != Some((self.at, kind)) {
            self.found.add(kind);
        }
        self.at += length;
        self.removed = Some((self.at, kind));
    }

    /// Tags stay in the flags that are spelt with them.
    fn tags(&mut self) {
        let rest = &self.text[self.at..];
        let flag = FLAGS.iter().find_map(|name| {
            let spelt = name.bytes().map(|byte| char::from_u32(0xe_0000 + u32::from(byte)));
            let spelt: String = spelt.flatten().chain(['\u{e007f}']).collect();
            rest.starts_with(&spelt).then_some(spelt)
        });
        match flag {
            Some(flag) if self.base == Some('\u{1f3f4}') && self.tail == Tail::Seen => {
                self.kept.push_str(&flag);
                self.at += flag.len();
                self.tail = Tail::Selector;
            }
            _ => {
                let length =
                    rest.chars().take_while(|letter| tag(*letter)).map(char::len_utf8).sum();
                // A flag may begin behind tags that are not one, but nothing that is kept stands before it.
                self.remove(length, Kind::Tags);
            }
        }
    }

    /// Whether a character without width may stay: alone, followed by something seen, and needed by the script, or
    /// at least not inside of a word.
    fn belongs(&mut self, letter: char) -> bool {
        let after = &self.text[self.at + letter.len_utf8()..];
        let next = after.chars().next();
        if self.tail == Tail::Joiner || next.is_some_and(unseen) {
            self.between += usize::from(letter != '\u{ad}');
            return false;
        }
        let Some(base) = self.base else {
            // A byte order mark is how some files begin.
            return letter == '\u{feff}' && self.at == 0;
        };
        let around = |of: fn(char) -> bool| of(base) && next.is_some_and(of);
        let needed = match letter {
            '\u{200d}' if around(pictographic) => true,
            '\u{200c}' | '\u{200d}' => {
                self.tail == Tail::Seen
                    && joining(base)
                    && next.is_some_and(|next| joining(next) || !next.is_alphanumeric())
            }
            '\u{200b}' => self.tail == Tail::Seen && around(unspaced),
            '\u{34f}' => self.tail == Tail::Seen && around(right_to_left),
            _ => false,
        };
        let inside = around(char::is_alphanumeric);
        if !needed && inside {
            self.split.add(self.kept.len());
        }
        if needed || self.looks == Looks::Ignored {
            return needed;
        }
        match letter {
            // Where a long word may be broken, which no hyphenation does beside its first or last letter.
            '\u{ad}' if ends_in_word(&self.kept) && begins_in_word(after) => {}
            // Kept from being a mention, a link, a line break.
            '\u{200b}' | '\u{2060}' | '\u{feff}' if !inside => {}
            _ => {
                self.between += usize::from(inside);
                return false;
            }
        }
        self.strays.add(&self.kept, letter, after);
        true
    }

    /// Whether a selector may stay: behind something that varies, and seldom behind some of that.
    fn varies(&mut self, letter: char) -> bool {
        let Some(base) = self.base.filter(|base| self.tail == Tail::Seen && varies(*base, letter))
        else {
            return false;
        };
        let next = self.text[self.at + letter.len_utf8()..].chars().next();
        if !is_seldom(base, next) {
            return true;
        }
        if self.looks == Looks::Kept {
            self.variants.add(base, letter);
        }
        self.looks == Looks::Kept
    }

    /// The marks of direction that were kept and should not have been, by where they stand in the text.
    fn idle_marks(&self) -> Vec<usize> {
        let kept: Vec<usize> = self.marks.iter().map(|(_, kept)| *kept).collect();
        let idle = direction::idle(&self.kept, &kept);
        idle.into_iter().map(|nth| self.marks[nth].0).collect()
    }

    /// Whether there is more without width than looks ask for, so that something may be spelt with it.
    fn is_misused(&self) -> bool {
        self.between > 0
            || self.strays.are_too_many(&self.kept)
            || self.variants.are_too_many(&self.kept)
    }

    /// The select graphic rendition that begins here, as far as it hides what follows.
    fn rendition(&mut self, length: usize) {
        let sequence = &self.text[self.at..self.at + length];
        let Some(parameters) = sequence.strip_suffix('m') else { return };
        let parameters = parameters.trim_start_matches(['\u{1b}', '\u{9b}', '[']);
        let codes: Vec<u16> =
            parameters.split([';', ':']).map(|code| code.parse().unwrap_or(0)).collect();
        let colour = |from: u16| {
            codes.iter().find(|code| (from..from + 8).contains(*code)).map(|code| code - from)
        };
        let same = |front: u16, back: u16| colour(front).is_some() && colour(front) == colour(back);
        if codes.contains(&8) || same(30, 40) || same(90, 100) {
            self.lift();
            self.veil = Some((self.kept.len(), Kind::Ansi));
        } else if self.veil.is_some_and(|(_, kind)| kind == Kind::Ansi) {
            self.lift();
        }
    }

    /// What comes is in sight again.
    fn lift(&mut self) {
        if let Some((start, kind)) = self.veil.take()
            && start < self.kept.len()
        {
            self.veiled.push((start..self.kept.len(), kind));
        }
    }

    fn mirrored(&mut self) -> bool {
        let text = self.text;
        *self.mirrored.get_or_insert_with(|| text.chars().any(right_to_left))
    }
}

/// Whether the last two characters of `text` are letters or figures.
fn ends_in_word(text: &str) -> bool {
    text.chars().rev().take(2).filter(|letter| letter.is_alphanumeric()).count() == 2
}

/// Whether the first two characters of `text` are letters or figures.
fn begins_in_word(text: &str) -> bool {
    text.chars().take(2).filter(|letter| letter.is_alphanumeric()).count() == 2
}

/// How long the control sequence at the start of `text` is (ECMA-48, section 5.4, and xterm's strings).
fn escape_length(text: &str) -> usize {
    let bytes = text.as_bytes();
    let (start, introducer) = match bytes {
        [0x1b, introducer, ..] => (2, *introducer),
        [0x1b] => return 1,
        // U+009B, the one character that stands for both.
        _ => (2, b'['),
    };
    match introducer {
        b'[' => {
            let parameters = bytes[start..].iter().take_while(|byte| (0x20..0x40).contains(*byte));
            let end = start + parameters.count();
            let last = bytes.get(end).is_some_and(|byte| (0x40..0x7f).contains(byte));
            end + usize::from(last)
        }
        b']' | b'P' | b'X' | b'^' | b'_' => string_length(bytes).unwrap_or(start),
        0x20..0x30 => {
            let between = bytes[1..].iter().take_while(|byte| (0x20..0x30).contains(*byte)).count();
            1 + between + usize::from(bytes.get(1 + between).is_some_and(u8::is_ascii_graphic))
        }
        0x30..0x7f => 2,
        _ => 1,
    }
}

/// How long a control string is; nothing if it has no end, in which case its content is text.
fn string_length(bytes: &[u8]) -> Option<usize> {
    let stops = |byte: &u8| *byte < b' ' && *byte != b'\t';
    let end = 2 + bytes[2..].iter().position(stops)?;
    match bytes[end..] {
        [0x07, ..] => Some(end + 1),
        [0x1b, b'\\', ..] => Some(end + 2),
        _ => None,
    }
}

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
