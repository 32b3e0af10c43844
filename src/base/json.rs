//! One strict pass over a JSON message before anybody interprets it.
//!
//! Two parsers must never see two requests in the same bytes, so duplicate keys (also when one of them is spelt
//! with escapes), bytes that are not UTF-8 and nesting that a recursive parser could not survive are refused
//! here. The grammar itself is left to the parser that reads the same bytes next.

use std::borrow::Cow;

use memchr::memchr2;
use serde_json::value::RawValue;

/// Objects and arrays may be nested this deep; `serde_json` reads no deeper into a [`serde_json::Value`].
pub const MAX_DEPTH: usize = 127;

/// Up to this many keys an object is searched for duplicates pair by pair, beyond it by sorting.
const PAIRWISE_KEYS: usize = 12;

/// Why a text is refused before it is parsed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// The bytes are not UTF-8 (RFC 8259, section 8.1).
    #[error("invalid UTF-8 at byte {at}")]
    NotUtf8 {
        /// Offset of the first offending byte.
        at: usize,
    },
    /// Objects and arrays are nested more than [`MAX_DEPTH`] levels deep.
    #[error("nested more than {MAX_DEPTH} levels deep at byte {at}")]
    TooDeep {
        /// Offset of the bracket that goes too deep.
        at: usize,
    },
    /// One object holds the same key twice (RFC 8259, section 4).
    #[error("duplicate key `{key}`")]
    DuplicateKey {
        /// The key as it reads once its escapes are undone, shortened.
        key: String,
    },
    /// A key whose escapes stand for no text.
    #[error("object key at byte {at} is not valid text")]
    BadKey {
        /// Offset of the key.
        at: usize,
    },
}

/// The strict check with its scratch memory, kept by a connection so that a message costs no allocation.
#[derive(Debug, Default)]
pub struct Strict {
    frames: Vec<Frame>,
    keys: Vec<Key>,
}

#[derive(Debug, Clone, Copy)]
struct Frame {
    object: bool,
    first_key: usize,
}

#[derive(Debug, Clone, Copy)]
struct Key {
    start: usize,
    end: usize,
    escaped: bool,
}

impl Strict {
    /// A check without history.
    pub fn new() -> Self {
        Self::default()
    }

    /// Returns the message as text when no [`Fault`] stands in it.
    pub fn check<'a>(&mut self, bytes: &'a [u8]) -> Result<&'a str, Fault> {
        let text = std::str::from_utf8(bytes).map_err(|error| Fault::NotUtf8 {
            at: error.valid_up_to(),
        })?;
        self.frames.clear();
        self.keys.clear();
        let mut at = 0;
        let mut key_next = false;
        while let Some(&byte) = bytes.get(at) {
            match byte {
                b'"' => {
                    let start = at + 1;
                    let (end, escaped) = string_end(bytes, start);
                    if key_next {
                        self.keys.push(Key {
                            start,
                            end,
                            escaped,
                        });
                        key_next = false;
                    }
                    at = end;
                }
                b'{' | b'[' => {
                    if self.frames.len() == MAX_DEPTH {
                        return Err(Fault::TooDeep { at });
                    }
                    key_next = byte == b'{';
                    self.frames.push(Frame {
                        object: key_next,
                        first_key: self.keys.len(),
                    });
                }
                b'}' | b']' => {
                    if let Some(frame) = self.frames.pop() {
                        self.no_duplicates(text, frame.first_key)?;
                        self.keys.truncate(frame.first_key);
                    }
                    key_next = false;
                }
                b',' => key_next = self.frames.last().is_some_and(|frame| frame.object),
                _ => {}
            }
            at += 1;
        }
        Ok(text)
    }

    fn no_duplicates(&mut self, text: &str, first: usize) -> Result<(), Fault> {
        let keys = &mut self.keys[first..];
        if keys.len() < 2 {
            return Ok(());
        }
        if keys.iter().any(|key| key.escaped) {
            return no_duplicates_unescaped(text, keys);
        }
        let spelling = |key: &Key| &text[key.start..key.end];
        let duplicate = if keys.len() <= PAIRWISE_KEYS {
            keys.iter().enumerate().find_map(|(index, key)| {
                keys[..index]
                    .iter()
                    .find(|earlier| spelling(earlier) == spelling(key))
            })
        } else {
            keys.sort_unstable_by_key(spelling);
            keys.windows(2)
                .find(|pair| spelling(&pair[0]) == spelling(&pair[1]))
                .map(|pair| &pair[0])
        };
        match duplicate {
            Some(key) => Err(duplicate_key(spelling(key))),
            None => Ok(()),
        }
    }
}

/// Offset of the quote that ends the string whose content starts at `start`, and whether it holds escapes.
/// An unterminated string ends at the end of the text; the parser reports it.
fn string_end(bytes: &[u8], start: usize) -> (usize, bool) {
    let mut at = start;
    let mut escaped = false;
    while let Some(found) = bytes.get(at..).and_then(|rest| memchr2(b'"', b'\\', rest)) {
        at += found;
        if bytes[at] == b'"' {
            return (at, escaped);
        }
        escaped = true;
        at += 2;
    }
    (bytes.len(), escaped)
}

fn no_duplicates_unescaped(text: &str, keys: &[Key]) -> Result<(), Fault> {
    let mut read = Vec::with_capacity(keys.len());
    for key in keys {
        let spelt = &text[key.start..key.end];
        read.push(if key.escaped {
            let quoted = text.get(key.start - 1..=key.end).unwrap_or_default();
            let name: String =
                serde_json::from_str(quoted).map_err(|_| Fault::BadKey { at: key.start })?;
            Cow::Owned(name)
        } else {
            Cow::Borrowed(spelt)
        });
    }
    read.sort_unstable();
    match read.windows(2).find(|pair| pair[0] == pair[1]) {
        Some(pair) => Err(duplicate_key(&pair[0])),
        None => Ok(()),
    }
}

fn duplicate_key(key: &str) -> Fault {
    Fault::DuplicateKey {
        key: key.chars().take(64).collect(),
    }
}

/// `outer` with the text of `inner`, which was borrowed from it, replaced by `with`; all else stays byte for byte.
///
/// Returns `None` when `inner` does not lie within `outer`.
pub fn replace(outer: &str, inner: &RawValue, with: &str) -> Option<String> {
    let inner = inner.get();
    let start = (inner.as_ptr() as usize).checked_sub(outer.as_ptr() as usize)?;
    let end = start.checked_add(inner.len())?;
    let (before, after) = (outer.get(..start)?, outer.get(end..)?);
    Some([before, with, after].concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(input: &str, expected: Result<(), &str>) {
        let found = Strict::new()
            .check(input.as_bytes())
            .map(drop)
            .map_err(|fault| fault.to_string());
        assert_eq!(found, expected.map_err(str::to_owned), "{input}");
    }

    #[test]
    fn keys_are_unique_in_each_object() {
        check(r#"{"a":1,"b":{"a":1},"c":[{"a":1},{"a":2}]}"#, Ok(()));
        check(r#"{"a":1,"a":2}"#, Err("duplicate key `a`"));
        check(r#"{"x":[{"a":1,"b":"a","a":2}]}"#, Err("duplicate key `a`"));
        check(
            r#"{"method":1,"m\u0065thod":2}"#,
            Err("duplicate key `method`"),
        );
        check(r#"{"\"":1,"\u0022":2}"#, Err("duplicate key `\"`"));
        check(r#"{"a":"b","b":"a","c":"a"}"#, Ok(()));
        check(r#"["a","a"]"#, Ok(()));
        check(r#"{"a\\":1,"a":2}"#, Ok(()));
        check(
            r#"{"\ud800":1,"b":2}"#,
            Err("object key at byte 2 is not valid text"),
        );
    }

    #[test]
    fn many_keys_are_compared_as_strictly_as_few() {
        let keys: Vec<String> = (0..500).map(|n| format!("\"k{n}\":0")).collect();
        check(&format!("{{{}}}", keys.join(",")), Ok(()));
        check(
            &format!("{{{},\"k77\":0}}", keys.join(",")),
            Err("duplicate key `k77`"),
        );
    }

    #[test]
    fn nesting_is_bounded() {
        let nested = |depth: usize| format!("{}1{}", "[".repeat(depth), "]".repeat(depth));
        check(&nested(MAX_DEPTH), Ok(()));
        check(
            &nested(MAX_DEPTH + 1),
            Err("nested more than 127 levels deep at byte 127"),
        );
        check(
            &nested(10_000),
            Err("nested more than 127 levels deep at byte 127"),
        );
        check(&format!("\"{}\"", "[".repeat(10_000)), Ok(()));
    }

    #[test]
    fn what_is_accepted_can_be_parsed_into_a_value() {
        let nested = format!("{}1{}", "[".repeat(MAX_DEPTH), "]".repeat(MAX_DEPTH));
        assert!(serde_json::from_str::<serde_json::Value>(&nested).is_ok());
    }

    #[test]
    fn bytes_must_be_utf8() {
        let fault = Strict::new().check(b"{\"a\":\"\xff\"}").map(drop);
        assert_eq!(fault, Err(Fault::NotUtf8 { at: 6 }));
    }

    #[test]
    fn broken_texts_end_without_panic() {
        for input in [
            "",
            "{",
            "\"",
            "\"\\",
            "}]",
            "{\"a",
            "{\"a\\",
            "[\"\\\"",
            "{\"a\":1,\"a\\",
        ] {
            let _ = Strict::new().check(input.as_bytes());
        }
    }

    #[test]
    fn replacing_keeps_the_rest() {
        #[derive(serde::Deserialize)]
        struct Progress<'a> {
            #[serde(borrow)]
            token: &'a RawValue,
        }
        let outer = r#"{ "x": 1, "token" : 7, "y": [ ] }"#;
        let read: Progress<'_> = serde_json::from_str(outer).expect("valid");
        let replaced = replace(outer, read.token, "\"abc\"").expect("inside");
        assert_eq!(replaced, r#"{ "x": 1, "token" : "abc", "y": [ ] }"#);
        let foreign = RawValue::from_string("7".to_owned()).expect("valid");
        assert_eq!(replace(outer, &foreign, "1"), None);
    }
}
