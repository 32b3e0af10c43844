//! What stands in the place of an instruction, or around it.
//!
//! The signs around one are spelt with brackets that hardly any text uses. A text that brings such signs along gains
//! nothing: they are taken out before it is looked at, and put where they belong.

use std::borrow::Cow;

use super::found::Kind;

const OPEN: &str = "⟦flagged: ";
const OPEN_END: char = '⟧';
const CLOSE: &str = "⟦/flagged⟧";

/// Longest name of a kind between the brackets.
const MAX_NAME: usize = 24;

/// What stands in the place of an instruction begins and ends with these; between them is the name of its kind.
const REMOVED: &str = "[removed: instruction to the model (";
const REMOVED_END: &str = ")]";

/// What stands in the place of an instruction.
pub(super) fn removed(kind: Kind) -> String {
    format!("{REMOVED}{}{REMOVED_END}", kind.as_str())
}

/// `text` without what the guard puts into texts itself: its words are not those of the server. What is marked stays.
pub fn unmarked(text: &str) -> Cow<'_, str> {
    let plain = unflagged(text);
    if !plain.contains(REMOVED) {
        return plain;
    }
    let mut left = String::with_capacity(plain.len());
    let mut rest = &*plain;
    while let Some(at) = rest.find(REMOVED) {
        left.push_str(&rest[..at]);
        let behind = &rest[at + REMOVED.len()..];
        let name = behind.bytes().take(MAX_NAME).take_while(|byte| is_of_name(*byte)).count();
        let whole = behind[name..].strip_prefix(REMOVED_END);
        // What only begins like one is somebody's own.
        left.push_str(if whole.is_none() { REMOVED } else { "" });
        rest = whole.unwrap_or(behind);
    }
    left.push_str(rest);
    Cow::Owned(left)
}

/// Appends `words` between signs; words that hold some already stay as they are.
pub(super) fn flag(left: &mut String, words: &str, kind: Kind) {
    if is_flagged(words) {
        left.push_str(words);
    } else {
        let parts = [OPEN, kind.as_str(), "⟧", words, CLOSE];
        left.extend(parts);
    }
}

/// Whether there are signs in `text`.
pub(super) fn is_flagged(text: &str) -> bool {
    text.match_indices('⟦').any(|(at, _)| sign(&text[at..]).is_some())
}

/// How long the sign at the start of `text` is.
pub(super) fn sign(text: &str) -> Option<usize> {
    if text.starts_with(CLOSE) {
        return Some(CLOSE.len());
    }
    let rest = text.strip_prefix(OPEN)?;
    let name = rest.bytes().take(MAX_NAME).take_while(|byte| is_of_name(*byte)).count();
    rest[name..].starts_with(OPEN_END).then_some(OPEN.len() + name + OPEN_END.len_utf8())
}

/// Whether the name of a kind may have this letter.
fn is_of_name(byte: u8) -> bool {
    byte.is_ascii_lowercase() || byte == b'_'
}

/// What the first sign in `text` calls what it marks.
pub(super) fn flagged_kind(text: &str) -> Kind {
    let mut names = text.split(OPEN).skip(1).filter_map(|rest| rest.split(OPEN_END).next());
    names.find_map(Kind::instruction).unwrap_or(Kind::Disguised)
}

/// `text` without signs.
pub(super) fn unflagged(text: &str) -> Cow<'_, str> {
    if !is_flagged(text) {
        return Cow::Borrowed(text);
    }
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('⟦') {
        plain.push_str(&rest[..at]);
        let length = sign(&rest[at..]);
        if length.is_none() {
            plain.push('⟦');
        }
        rest = &rest[at + length.unwrap_or('⟦'.len_utf8())..];
    }
    plain.push_str(rest);
    // What was apart may have become a sign only now.
    if is_flagged(&plain) { Cow::Owned(plain.replace('⟦', "[")) } else { Cow::Owned(plain) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signs_are_put_around_and_taken_out() {
        let mut flagged = "a ".to_owned();
        flag(&mut flagged, "words", Kind::Role);
        assert_eq!(flagged, "a ⟦flagged: role⟧words⟦/flagged⟧");
        assert_eq!(unflagged(&flagged), "a words");
        assert_eq!(flagged_kind(&flagged), Kind::Role);
        assert_eq!(flagged_kind("⟦flagged: tags⟧"), Kind::Disguised);
        let mut again = String::new();
        flag(&mut again, &flagged, Kind::Tags);
        assert_eq!(again, flagged);
    }

    #[test]
    fn nothing_of_the_guard_is_left() {
        fn check(text: &str, expected: &str) {
            assert_eq!(unmarked(text), expected);
        }
        let removed = removed(Kind::Override);
        check(&format!("a {removed} b {removed}"), "a  b ");
        check(&format!("{OPEN}role⟧words{CLOSE} {removed}"), "words ");
        for text in ["", "plain", "[removed: x]", &format!("{REMOVED}Big)] é"), REMOVED] {
            check(text, text);
        }
        check(&format!("{REMOVED}{removed}"), REMOVED);
    }

    #[test]
    fn other_brackets_stay() {
        for text in ["⟦x⟧", "⟦flagged: Big⟧", "⟦flagged: "] {
            assert_eq!(unflagged(text), text);
        }
        assert_eq!(unflagged("⟦/flag⟦/flagged⟧ged⟧"), "[/flagged⟧");
    }
}
