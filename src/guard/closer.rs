//! One way through a text, character by character: what stays, what goes, and what is counted for those that decide about
//! the text as a whole.

use std::ops::Range;

use super::channel::Looks;
use super::found::{Found, Kind};
use super::letters::{joining, pictographic, right_to_left, unspaced, varies};
use super::stray::Strays;
use super::stretches::Stretches;
use super::variant::{Variants, is_seldom};
use super::{direction, escape};
use crate::base::unicode::{control, direction_mark, direction_override, selector, tag, unseen};

/// Flags of the countries that are spelt with tags (Unicode, emoji-sequences), without the black flag and the end.
const FLAGS: [&str; 3] = ["gbeng", "gbsct", "gbwls"];

/// What the last kept character was, as far as the next one depends on it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Tail {
    Seen,
    Selector,
    Joiner,
}

/// Goes through a text once and keeps what may stay of it.
pub(super) struct Closer<'a> {
    text: &'a str,
    /// Where letters of one word stood apart.
    pub(super) split: Stretches,
    looks: Looks,
    /// Characters without width that were removed between letters, and that were kept for looks.
    between: usize,
    pub(super) strays: Strays,
    pub(super) variants: Variants,
    /// Kept marks of direction, by where they stand in the text and in what is kept; and those that must not be kept,
    /// by where they stand in the text; both in order.
    marks: Vec<(usize, usize)>,
    pub(super) idle: Vec<usize>,
    /// Where the text began that is now out of sight.
    veil: Option<(usize, Kind)>,
    pub(super) veiled: Vec<(Range<usize>, Kind)>,
    at: usize,
    pub(super) kept: String,
    /// The last kept character that is seen.
    base: Option<char>,
    tail: Tail,
    /// Letters from right to left stand somewhere in the text.
    pub(super) mirrored: Option<bool>,
    /// Where the last removal ended, and what was removed.
    removed: Option<(usize, Kind)>,
    pub(super) found: Found,
}

impl<'a> Closer<'a> {
    /// Begins at `first`, where the first character stands that may be part of a channel.
    pub(super) fn new(text: &'a str, first: usize, looks: Looks) -> Self {
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

    /// With what an earlier way through the same text has shown: whether letters stand from right to left in it, and
    /// which marks of direction must not be kept.
    #[must_use]
    pub(super) fn knowing(self, mirrored: Option<bool>, idle: Vec<usize>) -> Self {
        Self { idle, mirrored, ..self }
    }

    /// Goes to the end.
    pub(super) fn run(&mut self) {
        while let Some(letter) = self.text[self.at..].chars().next() {
            if !unseen(letter) {
                self.keep(letter, Tail::Seen);
            } else if letter == '\u{1b}' || letter == '\u{9b}' {
                let length = escape::length(&self.text[self.at..]);
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
    pub(super) fn idle_marks(&self) -> Vec<usize> {
        let kept: Vec<usize> = self.marks.iter().map(|(_, kept)| *kept).collect();
        let idle = direction::idle(&self.kept, &kept);
        idle.into_iter().map(|nth| self.marks[nth].0).collect()
    }

    /// Whether there is more without width than looks ask for, so that something may be spelt with it.
    pub(super) fn is_misused(&self) -> bool {
        self.between > 0
            || self.strays.are_too_many(&self.kept)
            || self.variants.are_too_many(&self.kept)
    }

    /// The select graphic rendition that begins here, as far as it hides what follows.
    fn rendition(&mut self, length: usize) {
        match escape::hides(&self.text[self.at..self.at + length]) {
            Some(true) => {
                self.lift();
                self.veil = Some((self.kept.len(), Kind::Ansi));
            }
            Some(false) if self.veil.is_some_and(|(_, kind)| kind == Kind::Ansi) => self.lift(),
            _ => {}
        }
    }

    /// What comes is in sight again.
    pub(super) fn lift(&mut self) {
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
