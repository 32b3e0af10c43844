//! Halves of surrogate pairs (`\ud800`), which JSON allows and Unicode does not.
//!
//! jq's strings are bytes that need not be UTF-8, so a half travels through a filter as the three bytes that UTF-8
//! would have for it and is spelt as before at the end.

use std::borrow::Cow;

use memchr::memmem::find_iter;

/// A JSON text in which halves that stand alone are bytes instead of escapes.
pub(super) fn to_bytes(json: &str) -> Cow<'_, [u8]> {
    let bytes = json.as_bytes();
    let mut made = Vec::new();
    let mut copied = 0;
    let mut at = 0;
    while let Some(found) = find_iter(&bytes[at..], b"\\").next().map(|found| at + found) {
        let Some(unit) = unit(bytes, found) else {
            // An escape has at least two characters: that of `\\` must not be taken for the head of another.
            at = (found + 2).min(bytes.len());
            continue;
        };
        at = found + 6;
        match unit {
            0xd800..0xdc00 if matches!(self::unit(bytes, at), Some(0xdc00..0xe000)) => at += 6,
            0xd800..0xe000 => {
                made.extend_from_slice(&bytes[copied..found]);
                made.extend_from_slice(&encoded(unit));
                copied = at;
            }
            _ => {}
        }
    }
    if copied == 0 {
        return Cow::Borrowed(bytes);
    }
    made.extend_from_slice(&bytes[copied..]);
    Cow::Owned(made)
}

/// Writes a string's bytes as JSON text; what is neither UTF-8 nor half a pair becomes U+FFFD.
pub(super) fn write(string: &[u8], out: &mut Vec<u8>) {
    if let Ok(text) = std::str::from_utf8(string) {
        return serde_json::to_writer(out, text).expect("memory takes all that is written");
    }
    out.push(b'"');
    for chunk in string.utf8_chunks() {
        let quoted = serde_json::to_string(chunk.valid()).expect("a string becomes JSON");
        out.extend_from_slice(&quoted.as_bytes()[1..quoted.len() - 1]);
        if chunk.invalid().is_empty() {
            continue;
        }
        // A half is reported byte by byte; its last two bytes belong to the first.
        let from = chunk.invalid().as_ptr() as usize - string.as_ptr() as usize;
        match string[from..] {
            [0xed, second @ 0xa0..=0xbf, third @ 0x80..=0xbf, ..] => {
                let unit = 0xd000 | u16::from(second & 0x3f) << 6 | u16::from(third & 0x3f);
                out.extend_from_slice(format!("\\u{unit:04x}").as_bytes());
            }
            _ if ends_half(&string[..=from]) => {}
            _ => out.extend_from_slice("\u{fffd}".as_bytes()),
        }
    }
    out.push(b'"');
}

/// Whether the last byte is the second or third of half a pair.
fn ends_half(bytes: &[u8]) -> bool {
    matches!(bytes, [.., 0xed, 0xa0..=0xbf] | [.., 0xed, 0xa0..=0xbf, 0x80..=0xbf])
}

/// The number in the escape at `at`, if one of the form `\uXXXX` is there.
fn unit(bytes: &[u8], at: usize) -> Option<u16> {
    let digits = bytes.get(at..at + 6)?.strip_prefix(b"\\u")?;
    u16::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}

fn encoded(unit: u16) -> [u8; 3] {
    let low = |bits: u16| 0x80 | u8::try_from(bits & 0x3f).unwrap_or_default();
    [0xed, low(unit >> 6), low(unit)]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(json: &str, expected: &str) {
        let bytes = to_bytes(json);
        let inner = bytes.strip_prefix(b"\"").and_then(|rest| rest.strip_suffix(b"\""));
        let mut written = Vec::new();
        // What stands between the quotes of these cases needs no other escapes.
        write(&inner.expect("a string").replace_escapes(), &mut written);
        assert_eq!(String::from_utf8_lossy(&written), expected, "{json}");
    }

    trait ReplaceEscapes {
        fn replace_escapes(&self) -> Vec<u8>;
    }

    impl ReplaceEscapes for [u8] {
        fn replace_escapes(&self) -> Vec<u8> {
            let pair = b"\\ud83d\\ude00";
            match find_iter(self, pair).next() {
                Some(at) => [&self[..at], "😀".as_bytes(), &self[at + pair.len()..]].concat(),
                None => self.to_vec(),
            }
        }
    }

    #[test]
    fn halves_survive_and_pairs_are_pairs() {
        check(r#""plain""#, r#""plain""#);
        check(r#""a\ud800b""#, r#""a\ud800b""#);
        check(r#""\udfff""#, r#""\udfff""#);
        check(r#""\ud800\ud800\udbff""#, r#""\ud800\ud800\udbff""#);
        check(r#""\ud83d\ude00""#, r#""😀""#);
        check(r#""\udc00\ud83d\ude00\ud83d""#, r#""\udc00😀\ud83d""#);
    }

    #[test]
    fn an_escaped_backslash_heads_no_escape() {
        let text = r#""\\ud800""#;
        assert_eq!(to_bytes(text), text.as_bytes());
        assert_eq!(to_bytes("\"\\"), &b"\"\\"[..]);
    }

    #[test]
    fn other_bytes_become_the_replacement_character() {
        let mut written = Vec::new();
        write(b"a\xffb\xed\xa0", &mut written);
        assert_eq!(String::from_utf8_lossy(&written), "\"a\u{fffd}b\u{fffd}\"");
    }
}
