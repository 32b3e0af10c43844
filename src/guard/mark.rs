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

/// What stands in the place of an instruction.
pub(super) fn removed(kind: Kind) -> String {
    format!("[removed: instruction to the model ({})]", kind.as_str())
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
    let name = rest
        .bytes()
        .take(MAX_NAME)
        .take_while(|byte| byte.is_ascii_lowercase() || *byte == b'_')
        .count();
    rest[name..].starts_with(OPEN_END).then_some(OPEN.len() + name + OPEN_END.len_utf8())
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
    fn other_brackets_stay() {
        for text in ["⟦x⟧", "⟦flagged: Big⟧", "⟦flagged: "] {
            assert_eq!(unflagged(text), text);
        }
        assert_eq!(unflagged("⟦/flag⟦/flagged⟧ged⟧"), "[/flagged⟧");
    }
}
