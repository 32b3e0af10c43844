//! One value, many spellings: escapes undone, blanks taken out. For texts that have passed [`super::Strict`] or
//! another check of the grammar; others give nonsense, but no panic.

use std::borrow::Cow;

use super::scan::{blank, plain_end};

const BACKSLASH: u8 = b'\\';

/// The text that a JSON string stands for; what is no string counts as an empty one. Surrogates without a partner
/// stand for no text (RFC 8259, section 8.2) and become U+FFFD, so that no spelling hides what is around it.
pub fn text(json: &str) -> Cow<'_, str> {
    let Some(inner) = json.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) else {
        return Cow::Borrowed("");
    };
    if memchr::memchr(BACKSLASH, inner.as_bytes()).is_none() {
        return Cow::Borrowed(inner);
    }
    let mut bytes = Vec::with_capacity(inner.len());
    unescape(inner, &mut bytes);
    Cow::Owned(String::from_utf8(bytes).unwrap_or_else(|fault| lossy(fault.as_bytes())))
}

/// Appends the text as a JSON string.
pub fn write_string(text: &str, to: &mut Vec<u8>) {
    if plain_end(text.as_bytes(), 0) == text.len() {
        to.push(b'"');
        to.extend_from_slice(text.as_bytes());
        to.push(b'"');
    } else {
        serde_json::to_writer(to, text).expect("strings always serialise");
    }
}

/// Appends what the inside of a JSON string stands for. The bytes are UTF-8, but for surrogates without a partner,
/// which are written as if they were characters (as WTF-8 does): different strings give different bytes.
pub fn unescape(inner: &str, to: &mut Vec<u8>) {
    let mut rest = inner.as_bytes();
    loop {
        // Escapes lie close together in JSON that is a string of other JSON.
        let end = plain_end(rest, 0);
        to.extend_from_slice(&rest[..end]);
        rest = match &rest[end..] {
            [] => return,
            [BACKSLASH, escaped @ ..] => escape(escaped, to),
            [other, after @ ..] => {
                to.push(*other);
                after
            }
        };
    }
}

/// Writes what the escape behind a backslash stands for; what follows it.
fn escape<'a>(rest: &'a [u8], to: &mut Vec<u8>) -> &'a [u8] {
    let Some((letter, after)) = rest.split_first() else {
        return rest;
    };
    to.push(match letter {
        b'b' => 8,
        b'f' => 12,
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'u' => return unicode_escape(after, to),
        other => *other,
    });
    after
}

/// Writes the character of the four digits that come, or of a pair of escapes.
fn unicode_escape<'a>(rest: &'a [u8], to: &mut Vec<u8>) -> &'a [u8] {
    let Some(first) = four_digits(rest) else {
        return rest;
    };
    let after = &rest[4..];
    if (0xd800..0xdc00).contains(&first)
        && let Some(second) = after.strip_prefix(b"\\u")
        && let Some(low @ 0xdc00..0xe000) = four_digits(second)
    {
        push(0x1_0000 + ((first - 0xd800) << 10) + (low - 0xdc00), to);
        return &second[4..];
    }
    push(first, to);
    after
}

fn four_digits(bytes: &[u8]) -> Option<u32> {
    bytes.first_chunk::<4>()?.iter().try_fold(0, |number, digit| {
        char::from(*digit).to_digit(16).map(|digit| number << 4 | digit)
    })
}

fn push(point: u32, to: &mut Vec<u8>) {
    if let Some(letter) = char::from_u32(point) {
        to.extend_from_slice(letter.encode_utf8(&mut [0; 4]).as_bytes());
    } else {
        let low = |shift: u32| 0x80 | u8::try_from(point >> shift & 0x3f).unwrap_or(0);
        to.extend_from_slice(&[0xed, low(6), low(0)]);
    }
}

/// One mark for each surrogate, where the standard library would write three.
fn lossy(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        // A surrogate is an invalid byte, 0xed, and two stray ones.
        if chunk.invalid() == [0xed] {
            text.push(char::REPLACEMENT_CHARACTER);
        }
    }
    text
}

/// The text without blanks between its tokens.
pub fn compact(json: &str) -> Cow<'_, str> {
    let bytes = json.as_bytes();
    let Some(first) = next_blank(bytes, 0) else {
        return Cow::Borrowed(json);
    };
    let mut short = String::with_capacity(json.len());
    let (mut from, mut to) = (0, first);
    loop {
        short.push_str(json.get(from..to).unwrap_or_default());
        if to == bytes.len() {
            return Cow::Owned(short);
        }
        from = blank(bytes, to);
        to = next_blank(bytes, from).unwrap_or(bytes.len());
    }
}

/// The first blank from `at` on that stands between tokens.
fn next_blank(bytes: &[u8], mut at: usize) -> Option<usize> {
    loop {
        match bytes.get(at)? {
            b' ' | b'\t' | b'\n' | b'\r' => return Some(at),
            b'"' => at = string_end(bytes, at + 1),
            _ => at += 1,
        }
    }
}

/// Where the string ends whose content starts at `at`, its quote included; the end of the text if nothing ends it.
pub fn string_end(bytes: &[u8], mut at: usize) -> usize {
    loop {
        at = plain_end(bytes, at);
        match bytes.get(at) {
            Some(b'"') => return at + 1,
            Some(&BACKSLASH) => at += 2,
            Some(_) => at += 1,
            None => return bytes.len(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_undone() {
        fn check(json: &str, expected: &str) {
            assert_eq!(text(json), expected, "{json}");
        }
        check(r#""""#, "");
        check(r#""plain é""#, "plain é");
        check(r#""\"\\\/\b\f\n\r\t""#, "\"\\/\u{8}\u{c}\n\r\t");
        check(r#""\u00e9\u00E9\u65e5\ud83d\ude00.""#, "éé日😀.");
        check(r#""a\ud83d""#, "a\u{fffd}");
        check(r#""\ude00\ud83dx\ud83d\u0041""#, "\u{fffd}\u{fffd}x\u{fffd}A");
        check("5", "");
        check("\"", "");
        for broken in [r#""\""#, r#""\u""#, r#""\u12""#, r#""\ud83d\u""#, r#""\q""#] {
            text(broken);
        }
    }

    #[test]
    fn blanks_are_taken_out() {
        fn check(json: &str, expected: &str) {
            assert_eq!(compact(json), expected, "{json}");
        }
        check("{}", "{}");
        check(" [ 1 ,\t\"a b\\\" c\" ,\r\n{ } ] ", "[1,\"a b\\\" c\",{}]");
        check("", "");
        check("  ", "");
        check("\" open", "\" open");
        assert!(matches!(compact(r#"{"a b":[1,"\" "]}"#), Cow::Borrowed(_)));
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_read_as_serde_json_reads_it(letters: String) {
            let json = serde_json::to_string(&letters).expect("a text");
            proptest::prop_assert_eq!(text(&json), letters.as_str());
            let units: Vec<String> =
                letters.encode_utf16().map(|unit| format!("\\u{unit:04x}")).collect();
            let escaped = format!("\"{}\"", units.concat());
            proptest::prop_assert_eq!(text(&escaped), letters);
        }
    }
}
