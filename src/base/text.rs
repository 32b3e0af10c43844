//! Small work on text: the nearest known word, and texts cut to a limit without breaking them.

use std::borrow::Cow;
use std::cmp::Ordering;

use super::sorting;

const ELLIPSIS: char = '…';
/// Longer words are compared by their beginning.
const LONGEST: usize = 128;

/// Small hexadecimal digits, two a byte.
pub fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    digits.map(|digit| char::from(DIGITS[usize::from(digit)])).collect()
}

/// The candidate that `word` was most likely meant to be, or none if all are too far off. Case,
/// `_`, `-` and blanks make no difference; of equally near candidates the first one wins.
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let plain = bare(word);
    let length = plain.chars().count();
    // One slip in a short word, two in one of six letters, never more than four; two letters are no
    // evidence.
    let allowed = if length < 3 { 0 } else { (length / 3).clamp(1, 4) };
    candidates
        .into_iter()
        .filter(|candidate| *candidate != word)
        .map(|candidate| (strsim::osa_distance(&plain, &bare(candidate)), candidate))
        .filter(|(distance, _)| *distance <= allowed)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// The `limit` candidates closest to `word`, the closest first: those that begin with it (or that
/// it begins with), then those that contain it (or that it contains), then the rest by likeness.
/// None is left out for being far off.
pub fn nearest_all<'a>(
    word: &str,
    candidates: impl IntoIterator<Item = &'a str>,
    limit: usize,
) -> Vec<&'a str> {
    let plain = bare(word);
    let mut ranked: Vec<(u8, f64, &str)> = candidates
        .into_iter()
        .map(|candidate| {
            let other = bare(candidate);
            let likeness = strsim::normalized_damerau_levenshtein(&plain, &other);
            (kinship(&plain, &other), likeness, candidate)
        })
        .collect();
    sorting::sort_by(&mut ranked, |one, other| {
        let by_likeness = other.1.partial_cmp(&one.1).unwrap_or(Ordering::Equal);
        one.0.cmp(&other.0).then(by_likeness)
    });
    ranked.truncate(limit);
    ranked.into_iter().map(|(_, _, candidate)| candidate).collect()
}

/// Cuts a text to at most `limit` characters, after making every run of blanks and line breaks one
/// blank: at the last end of a sentence within the limit, else behind the last whole word with `…`,
/// else anywhere with `…`.
pub fn shorten(text: &str, limit: usize) -> Cow<'_, str> {
    let text = collapse(text);
    let Some((end, _)) = text.char_indices().nth(limit) else {
        return text;
    };
    if limit == 0 {
        return Cow::Borrowed("");
    }
    if let Some(sentence) = sentence_end(&text, end) {
        return Cow::Owned(text[..sentence].to_owned());
    }
    // The ellipsis takes the place of the last character that would fit.
    let room = text.char_indices().nth(limit - 1).map_or(0, |(at, _)| at);
    let word = if text[room..].starts_with(' ') { Some(room) } else { text[..room].rfind(' ') };
    let kept = text[..word.unwrap_or(room)].trim_end_matches([' ', ',', ';', ':']);
    Cow::Owned(format!("{kept}{ELLIPSIS}"))
}

/// The byte at which the character with this number, counted from 0, begins; the end where the text is shorter.
pub fn byte_of(text: &str, character: usize) -> usize {
    const BLOCK: usize = 1024;
    let begins = |byte: &u8| byte & 0xc0 != 0x80;
    let bytes = text.as_bytes();
    let (mut left, mut at) = (character, 0);
    // Whole blocks are counted without looking where in them characters begin, which is many times as fast.
    for block in bytes.chunks(BLOCK) {
        let count = block.iter().filter(|byte| begins(byte)).count();
        if count > left {
            break;
        }
        left -= count;
        at += block.len();
    }
    let mut places = (at..bytes.len()).filter(|at| begins(&bytes[*at]));
    places.nth(left).unwrap_or(bytes.len())
}

/// The word as it is compared: without case and separators, and no longer than names are, since
/// comparing costs the product of both lengths.
fn bare(word: &str) -> String {
    word.chars()
        .take(LONGEST)
        .filter(|letter| !matches!(letter, '_' | '-' | ' '))
        .flat_map(char::to_lowercase)
        .collect()
}

/// How two bare words are related; less is closer.
fn kinship(word: &str, other: &str) -> u8 {
    if word.is_empty() || other.is_empty() {
        3
    } else if word == other {
        0
    } else if other.starts_with(word) || word.starts_with(other) {
        1
    } else if other.contains(word) || word.contains(other) {
        2
    } else {
        3
    }
}

fn collapse(text: &str) -> Cow<'_, str> {
    let trimmed = text.trim();
    let mut after_blank = false;
    let tidy = trimmed.chars().all(|letter| {
        let blank = letter.is_whitespace();
        let good = !blank || (letter == ' ' && !after_blank);
        after_blank = blank;
        good
    });
    if tidy {
        return Cow::Borrowed(trimmed);
    }
    Cow::Owned(trimmed.split_whitespace().collect::<Vec<_>>().join(" "))
}

/// Where the last sentence that ends at or before byte `end` ends. A full stop before a small
/// letter ends no sentence, as in `e.g. this`.
fn sentence_end(text: &str, end: usize) -> Option<usize> {
    let mut last = None;
    for (at, mark) in text[..end].char_indices() {
        let after = at + mark.len_utf8();
        let mut rest = text[after..].chars();
        let ends = match mark {
            '。' | '！' | '？' => true,
            '.' | '!' | '?' => {
                rest.next().is_none_or(|next| next == ' ')
                    && rest.next().is_none_or(|next| !next.is_lowercase())
            }
            _ => false,
        };
        if ends {
            last = Some(after);
        }
    }
    last
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_nearest_word() {
        const KNOWN: [&str; 6] = ["command", "args", "env", "toolFilter", "url", "max_calls"];
        fn check(word: &str, expected: Option<&str>) {
            assert_eq!(nearest(word, KNOWN), expected, "{word}");
        }
        check("comand", Some("command"));
        check("commnad", Some("command"));
        check("tool_filter", Some("toolFilter"));
        check("TOOLFILTER", Some("toolFilter"));
        check("toolFliters", Some("toolFilter"));
        check("maxCalls", Some("max_calls"));
        check("URL", Some("url"));
        check("arg", Some("args"));
        check("enviroment", None);
        check("ur", None);
        check("", None);
        check("ärgs", Some("args"));
    }

    #[test]
    fn ranks_all_words() {
        fn check(word: &str, limit: usize, expected: &[&str]) {
            let known = ["delete_issue", "create_issue", "create-issue-comment", "issue", "whoami"];
            assert_eq!(nearest_all(word, known, limit), expected, "{word}");
        }
        check("createIssue", 2, &["create_issue", "create-issue-comment"]);
        check("isue", 1, &["issue"]);
        check("delete", 1, &["delete_issue"]);
        check("comment", 1, &["create-issue-comment"]);
        check("", 9, &["delete_issue", "create_issue", "create-issue-comment", "issue", "whoami"]);
        check("anything", 0, &[]);
    }

    #[test]
    fn shortens_without_breaking() {
        fn check(text: &str, limit: usize, expected: &str) {
            let short = shorten(text, limit);
            assert_eq!(short, expected, "{text:?} within {limit}");
            assert!(short.chars().count() <= limit, "{short:?} within {limit}");
        }
        check("Short.", 80, "Short.");
        check("  a \n\n b\tc ", 80, "a b c");
        check("Reads a file. Writes nothing.", 20, "Reads a file.");
        check("One. Two! Three? Four five", 18, "One. Two! Three?");
        check("One. Two! Three? Four five", 16, "One. Two! Three?");
        check("Reads, e.g. this file, and more of them", 25, "Reads, e.g. this file…");
        check("Reads version 1.2 of it all", 20, "Reads version 1.2…");
        check("many words without an end", 10, "many…");
        check("many words without an end", 11, "many words…");
        check("Donaudampfschifffahrt", 5, "Dona…");
        check("Donaudampfschifffahrt", 1, "…");
        check("anything", 0, "");
        check("", 0, "");
        check("", 5, "");
        check("日本語のテキスト。次の文です", 10, "日本語のテキスト。");
        check("äöü äöü äöü", 6, "äöü…");
        check("👩‍👩‍👧 family and more", 3, "👩\u{200d}…");
    }

    #[test]
    fn characters_are_found() {
        for text in [String::new(), "aé日😀".repeat(1000), "x".repeat(2048)] {
            for character in [0, 1, 2, 3, 4, 1023, 1024, 1025, 2047, 2048, 3999, 4000, 9000] {
                let expected = text.char_indices().nth(character).map_or(text.len(), |(at, _)| at);
                assert_eq!(byte_of(&text, character), expected, "{character}");
            }
        }
    }

    #[test]
    fn borrows_what_needs_no_change() {
        assert!(matches!(shorten("as it is", 80), Cow::Borrowed(_)));
    }
}
