//! Cutting JSON to JSON.

use std::borrow::Cow;

use crate::base::json;
use crate::base::text::byte_of;

/// The shortest text that is JSON whatever it was cut from.
const LEAST: usize = 2;
/// A string of which less than this is left is left out instead, unless there is nothing else.
const WORTHWHILE: usize = 32;
const ELLIPSIS: char = '…';

/// A JSON text that was held to a limit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cut<'a> {
    /// The text: as it was where that fits, else without blanks between tokens.
    pub json: Cow<'a, str>,
    /// Something is missing. Where only blanks had to go, nothing is.
    pub cut: bool,
}

/// Holds a JSON text to `max` characters (Unicode scalar values); the outcome is JSON as well.
///
/// It is the beginning of the value: elements and members are kept in order as far as they fit. The one that does not
/// fit is itself cut if it is an object, an array or a string of which a worthwhile part can be kept (with `…` at
/// its end), else left out, as is all behind it. Nothing but the outermost value is cut until it is empty.
/// Numbers and literals are whole or absent: one that is the whole text and does not fit becomes `""`. No JSON is
/// shorter than two characters that could stand for anything, so a `max` below 2 counts as 2.
///
/// `text` must be JSON; other texts give nonsense, but no panic. The time is linear in the length of the text.
pub fn cut(text: &str, max: usize) -> Cut<'_> {
    let max = max.max(LEAST);
    if text.len() <= max || byte_of(text, max) == text.len() {
        return Cut { json: Cow::Borrowed(text), cut: false };
    }
    let mut cutter = Cutter { text, at: 0, max, out: String::new(), used: 0, open: Vec::new() };
    let whole = cutter.run();
    Cut { json: Cow::Owned(cutter.finish()), cut: !whole }
}

/// Copies tokens as long as there is room for them and for the brackets that are still to be closed.
struct Cutter<'a> {
    text: &'a str,
    /// Where the next token is looked for.
    at: usize,
    max: usize,
    out: String,
    /// The characters of `out`.
    used: usize,
    open: Vec<Open>,
}

/// An object or array that has been begun.
struct Open {
    closer: char,
    /// How much was written before it and its key.
    before: usize,
    /// Elements or members that are complete.
    kept: usize,
}

impl<'a> Cutter<'a> {
    /// Copies the text. Whether there was room for all of it.
    fn run(&mut self) -> bool {
        loop {
            if !self.value() {
                return false;
            }
            if let Some(done) = self.after_value() {
                return done;
            }
        }
    }

    /// Copies a value, its key and what separates it from the one before; of an object or array, the bracket. Whether
    /// there was room.
    fn value(&mut self) -> bool {
        let before = self.out.len();
        let mut lead = "";
        let mut key = "";
        if let Some(open) = self.open.last() {
            lead = if open.kept > 0 { "," } else { "" };
            if open.closer == '}' {
                self.skip_blanks();
                key = self.token();
                self.skip_blanks();
                // The colon.
                self.at += 1;
            }
        }
        self.skip_blanks();
        let colon = usize::from(!key.is_empty());
        let lead_length = lead.len() + key.chars().count() + colon;
        let reserved = self.used + self.open.len() + lead_length;
        let Some(room) = self.max.checked_sub(reserved) else {
            return false;
        };
        let token = self.token();
        let closer = match token {
            "{" => Some('}'),
            "[" => Some(']'),
            _ => None,
        };
        let length = token.chars().count();
        let fits = length + usize::from(closer.is_some()) <= room && !token.is_empty();
        let shortened = if fits { None } else { self.shorten(token, room) };
        if !fits && shortened.is_none() {
            return false;
        }
        self.out.push_str(lead);
        self.out.push_str(key);
        if colon == 1 {
            self.out.push(':');
        }
        self.used += lead_length;
        if let Some(shortened) = shortened {
            // Its characters no longer count: nothing but brackets follows, for which there is room.
            self.out.push_str(&shortened);
            if let Some(open) = self.open.last_mut() {
                open.kept += 1;
            }
            return false;
        }
        self.out.push_str(token);
        self.used += length;
        if let Some(closer) = closer {
            self.open.push(Open { closer, before, kept: 0 });
        }
        true
    }

    /// Goes on behind a value or an opening bracket: nothing where another value follows, else whether the text has
    /// come to its end.
    fn after_value(&mut self) -> Option<bool> {
        // Behind a bracket that has just been opened no value has ended.
        let mut ended = !self.out.ends_with(['{', '[']);
        loop {
            self.skip_blanks();
            let byte = self.text.as_bytes().get(self.at);
            if ended {
                match self.open.last_mut() {
                    Some(open) => open.kept += 1,
                    None => return Some(byte.is_none()),
                }
            }
            match byte {
                Some(b'}' | b']') => {
                    self.at += 1;
                    self.close();
                    ended = true;
                }
                Some(b',') if ended => {
                    self.at += 1;
                    return None;
                }
                Some(_) if !ended => return None,
                _ => return Some(false),
            }
        }
    }

    /// The beginning of a string that does not fit, with its quotes, if that is worthwhile.
    fn shorten(&self, token: &str, room: usize) -> Option<String> {
        let inner = token.strip_prefix('"')?;
        // Two quotes and the mark.
        let room = room.checked_sub(3)?;
        if room < WORTHWHILE && self.open.iter().any(|open| open.kept > 0) {
            return None;
        }
        let end = whole_characters(inner, byte_of(inner, room));
        Some(format!("\"{}{ELLIPSIS}\"", &inner[..end]))
    }

    /// What was written, closed; brackets with nothing in them are taken back, for they would say that there was
    /// nothing in them.
    fn finish(mut self) -> String {
        while self.open.len() > 1 && self.open.last().is_some_and(|open| open.kept == 0) {
            let Some(open) = self.open.pop() else { break };
            self.out.truncate(open.before);
        }
        while !self.open.is_empty() {
            self.close();
        }
        if self.out.is_empty() {
            self.out.push_str("\"\"");
        }
        self.out
    }

    fn close(&mut self) {
        if let Some(open) = self.open.pop() {
            self.out.push(open.closer);
            self.used += 1;
        }
    }

    fn skip_blanks(&mut self) {
        let rest = &self.text.as_bytes()[self.at.min(self.text.len())..];
        let blanks = rest.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
        self.at += blanks;
    }

    /// The token that begins here: a string, an opening bracket, a number or a literal; empty where there is none.
    fn token(&mut self) -> &'a str {
        let (bytes, start) = (self.text.as_bytes(), self.at);
        let end = match bytes.get(start) {
            None => start,
            Some(b'"') => json::string_end(bytes, start + 1),
            Some(b'{' | b'[') => start + 1,
            Some(_) => {
                let ends = |byte: &u8| byte.is_ascii_whitespace() || b",:]}[{\"".contains(byte);
                let rest = &bytes[start..];
                start + rest.iter().position(ends).unwrap_or(rest.len())
            }
        };
        self.at = end;
        self.text.get(start..end).unwrap_or_default()
    }
}

/// Where to cut the inside of a string at `end` or before it, so that no escape and no pair of them is broken.
fn whole_characters(inner: &str, end: usize) -> usize {
    let bytes = inner.as_bytes();
    let mut at = 0;
    loop {
        let rest = &bytes[at..end];
        let Some(plain) = memchr::memchr(b'\\', rest) else {
            return end;
        };
        let escape = at + plain;
        let mut length = escape_length(&bytes[escape..]);
        let is_high = length == 6 && is_high_surrogate(&bytes[escape..]);
        if is_high && bytes.get(escape + 6..).is_some_and(|next| next.starts_with(b"\\u")) {
            length += 6;
        }
        at = escape + length;
        if at > end {
            return escape;
        }
    }
}

fn escape_length(escape: &[u8]) -> usize {
    if escape.get(1) == Some(&b'u') { 6 } else { 2 }
}

fn is_high_surrogate(escape: &[u8]) -> bool {
    matches!(escape.get(2..4), Some([b'd' | b'D', b'8' | b'9' | b'a' | b'b' | b'A' | b'B']))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Map, Value};

    use super::*;

    fn check(text: &str, max: usize, expected: &str) {
        let found = cut(text, max);
        assert_eq!(found.json, expected, "{text} within {max}");
        assert!(found.json.chars().count() <= max.max(LEAST), "{text} within {max}");
        json::Strict::new().check(found.json.as_bytes()).expect("JSON");
    }

    #[test]
    fn what_fits_stays_as_it_is() {
        for text in ["{ \"a\" : [ 1 ] }", "5", "\"é\"", " [ ] "] {
            let max = text.chars().count();
            let found = cut(text, max);
            assert!(matches!(found.json, Cow::Borrowed(_)), "{text}");
            assert_eq!(found, Cut { json: text.into(), cut: false });
        }
        // Without its blanks it fits.
        let found = cut("{ \"a\" : [ 1 , { } ] }\n", 14);
        assert_eq!(found, Cut { json: r#"{"a":[1,{}]}"#.into(), cut: false });
    }

    #[test]
    fn elements_are_kept_as_far_as_they_fit() {
        check("[1,22,333,4444]", 14, "[1,22,333]");
        check("[1,22,333,4444]", 9, "[1,22]");
        check("[1,22,333,4444]", 3, "[1]");
        check("[1,22,333,4444]", 2, "[]");
        check(r#"{"a":1,"b":2,"c":3}"#, 18, r#"{"a":1,"b":2}"#);
        check(r#"{"a":{"b":[1,2,3]},"c":3}"#, 17, r#"{"a":{"b":[1,2]}}"#);
        check(r#"{"a":{"b":[1,2,3]},"c":3}"#, 24, r#"{"a":{"b":[1,2,3]}}"#);
        check("[[1],[2],[3]]", 12, "[[1],[2]]");
        check(r#"[{"a":[]},{"b":1}]"#, 17, r#"[{"a":[]}]"#);
    }

    #[test]
    fn nothing_is_emptied_but_the_whole() {
        check(r#"[1,{"a":12345}]"#, 14, "[1]");
        check("[1,[[[[2]]]]]", 12, "[1]");
        check(r#"{"a":{"b":{"c":1234567890}}}"#, 27, "{}");
        check(r#"{"a":12345}"#, 10, "{}");
    }

    #[test]
    fn strings_are_cut_where_nothing_else_is_left() {
        check(r#""abcdef""#, 7, r#""abcd…""#);
        check(r#""abcdef""#, 3, r#""…""#);
        check(r#""abcdef""#, 2, r#""""#);
        check(r#"["abcdef"]"#, 9, r#"["abcd…"]"#);
        check(r#"[1,"abcdef"]"#, 11, "[1]");
        check(r#"{"a":"日本語日本語"}"#, 13, r#"{"a":"日本語日…"}"#);
        let long = "x".repeat(100);
        let shorter = format!("[1,\"{}…\"]", &long[..43]);
        check(&format!("[1,\"{long}\"]"), 50, &shorter);
        check(&format!("[1,\"{long}\"]"), 30, "[1]");
    }

    #[test]
    fn escapes_are_kept_whole() {
        check(r#""ab\n\n\n""#, 8, r#""ab\n…""#);
        check(r#""ab\n\n\n""#, 9, r#""ab\n\n…""#);
        check(r#""a\\\"bcd""#, 7, r#""a\\…""#);
        check(r#""a\u00e9bc""#, 9, r#""a…""#);
        check(r#""a\u00e9bc""#, 10, r#""a\u00e9…""#);
        check(r#""a\ud83d\ude00bc""#, 15, r#""a…""#);
        check(r#""a\ud83d\ude00bcd""#, 16, r#""a\ud83d\ude00…""#);
        check(r#""a\ud83dx\ude00bcd""#, 11, r#""a\ud83dx…""#);
    }

    #[test]
    fn what_cannot_be_cut_is_replaced() {
        check("123456", 5, "\"\"");
        check("-1.5e300", 0, "\"\"");
        check("false", 4, "\"\"");
        check("null", 1, "\"\"");
        check("[1,2]", 0, "[]");
        check("{\"a\":1}", 1, "{}");
        check("7", 0, "7");
    }

    #[test]
    fn texts_that_are_no_json_cause_no_panic() {
        let texts = [
            "{{{{{{",
            "[é[é[é",
            "\"\\\\\\\\\\",
            "{\"a\"é\"b\"",
            "]]]]]]",
            ",,,,,,",
            "{\"a\":\"",
            "{é:é}é",
        ];
        for text in texts {
            for max in 0..text.len() {
                cut(text, max);
            }
        }
    }

    #[test]
    fn depth_and_length_are_no_matter() {
        let deep = "[".repeat(200_000) + &"]".repeat(200_000);
        assert_eq!(cut(&deep, 399_999).json, "[]");
        let long = format!("[{}1]", "1,".repeat(500_000));
        assert_eq!(cut(&long, 900_001).json.len(), 900_001);
    }

    fn value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i32>().prop_map(Value::from),
            any::<String>().prop_map(Value::from),
            "[a\"\\\\\n\u{1}😀]{0,60}".prop_map(Value::from),
        ];
        leaf.prop_recursive(5, 60, 8, |inner| {
            let members = prop::collection::vec((any::<String>(), inner.clone()), 0..8);
            prop_oneof![
                prop::collection::vec(inner, 0..8).prop_map(Value::from),
                members.prop_map(|members| Value::from(Map::from_iter(members))),
            ]
        })
    }

    /// Whether `part` is `whole` up to a place, at which `may_end` says that it may end.
    fn is_beginning(part: &Value, whole: &Value) -> bool {
        match (part, whole) {
            _ if part == whole => true,
            (Value::Array(part), Value::Array(whole)) => {
                let parts: Vec<_> = part.iter().map(|part| ((), part)).collect();
                are_beginning(&parts, &whole.iter().map(|whole| ((), whole)).collect::<Vec<_>>())
            }
            (Value::Object(part), Value::Object(whole)) => {
                are_beginning(&part.iter().collect::<Vec<_>>(), &whole.iter().collect::<Vec<_>>())
            }
            (Value::String(part), Value::String(whole)) => {
                part.strip_suffix(ELLIPSIS).is_some_and(|part| whole.starts_with(part))
            }
            _ => false,
        }
    }

    /// All but the last are equal, in order and with their keys.
    fn are_beginning<K: PartialEq>(part: &[(K, &Value)], whole: &[(K, &Value)]) -> bool {
        let Some(((last_key, last), rest)) = part.split_last() else {
            return true;
        };
        part.len() <= whole.len()
            && rest == &whole[..rest.len()]
            && *last_key == whole[rest.len()].0
            && is_beginning(last, whole[rest.len()].1)
    }

    proptest! {
        #[test]
        fn the_outcome_is_json_within_the_limit(value in value(), share in 0.0..1.2_f64, pretty: bool) {
            let text = if pretty {
                serde_json::to_string_pretty(&value).expect("JSON")
            } else {
                value.to_string()
            };
            let length = text.chars().count();
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss, reason = "any number will do")]
            let max = (length as f64 * share) as usize;
            let found = cut(&text, max);
            prop_assert!(found.json.chars().count() <= max.max(LEAST));
            let part: Value = serde_json::from_str(&found.json).expect("JSON");
            if length <= max {
                prop_assert_eq!(&found.json, &text);
            }
            if found.cut {
                let is_scalar = !value.is_array() && !value.is_object();
                let beginning = is_beginning(&part, &value) || (is_scalar && part == "");
                prop_assert!(beginning, "{} {}", part, value);
                prop_assert_ne!(part, value);
            } else {
                prop_assert_eq!(part, value);
            }
        }
    }
}
