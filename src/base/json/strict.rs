//! One strict pass over a message before anybody interprets it.
//!
//! Two parsers must never see two requests in the same bytes, so on top of the grammar (RFC 8259)
//! duplicate keys (also when one of them is spelt with escapes), bytes that are not UTF-8 and
//! nesting that a recursive parser could not survive are refused. What passes can be cut into its
//! parts by [`super::members`] without another check.

use std::borrow::Cow;

use super::cut::Member;
use super::notes::{MAX_LENGTH, Note, Part};
use super::scan::{blank, end_in_words, literal_end, number_end, string_end, unexpected};

/// Objects and arrays may be nested this deep; `serde_json` reads no deeper into a
/// [`serde_json::Value`].
pub const MAX_DEPTH: usize = 127;

/// So deep the members of objects are noted: as deep as the arguments of `mcp` lie in a message.
const NOTED_DEPTH: usize = 3;

/// Up to this many keys an object is searched for duplicates pair by pair, beyond it by sorting.
const PAIRWISE_KEYS: usize = 12;

/// Why a text is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// The bytes are not UTF-8 (RFC 8259, section 8.1).
    #[error("invalid UTF-8 at byte {at}")]
    NotUtf8 {
        /// Offset of the first offending byte.
        at: usize,
    },
    /// The text is not JSON.
    #[error("not JSON: {expected} expected at byte {at}")]
    Syntax {
        /// Offset of the first byte that does not fit.
        at: usize,
        /// What would have fitted.
        expected: &'static str,
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

/// The check with its scratch memory, kept by a connection so that a message costs no allocation.
#[derive(Debug, Default)]
pub struct Strict {
    outer: Vec<Frame>,
    /// Of the objects that were gone through as deep as is noted, and of those that the walk is inside of.
    notes: Vec<Note>,
    line: Vec<u8>,
    /// A line break was seen between tokens.
    broken: bool,
}

/// A text that has passed.
#[derive(Debug, Clone, Copy)]
pub struct Checked<'a> {
    /// The whole text.
    pub text: &'a str,
    notes: &'a [Note],
}

/// What the walk is inside of.
#[derive(Debug, Clone, Copy)]
struct Frame {
    kind: Kind,
    /// Some of the keys may be equal.
    is_doubtful: bool,
    /// It is an object, and the notes of its members are kept.
    is_noted: bool,
    /// The note of its first member.
    first: usize,
    /// The note of the member that is gone through.
    latest: usize,
    /// One bit for each sort of key that there is: equal keys are of one sort.
    sorts: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Top,
    Object,
    Array,
}

impl<'a> Checked<'a> {
    /// The members of the outermost object; none if the text is no object.
    pub fn members(self) -> impl Iterator<Item = Member<'a>> {
        self.part().members()
    }

    /// The whole text with what was noted of it.
    pub fn part(self) -> Part<'a> {
        Part::noted(self.text, self.text, self.notes)
    }

    /// Whether the text is an array.
    pub fn is_array(self) -> bool {
        self.text.trim_ascii_start().starts_with('[')
    }

    /// Whether the text is an object.
    pub fn is_object(self) -> bool {
        super::is_object(self.text)
    }
}

impl Strict {
    /// A check without history.
    pub fn new() -> Self {
        Self::default()
    }

    /// Checks a whole message. What comes back is one line: line breaks between tokens have become
    /// blanks, since a peer that takes them for the end of a message would see two in one.
    pub fn check<'a>(&'a mut self, bytes: &'a [u8]) -> Result<Checked<'a>, Fault> {
        self.check_text(utf8(bytes)?)
    }

    /// The same for what is known to be UTF-8.
    pub fn check_text<'a>(&'a mut self, mut text: &'a str) -> Result<Checked<'a>, Fault> {
        if text.len() > MAX_LENGTH {
            return Err(Fault::Syntax { at: MAX_LENGTH, expected: "a text of less than 4 GiB" });
        }
        self.outer.clear();
        empty(&mut self.notes);
        empty(&mut self.line);
        self.broken = false;
        // Those of most messages, in one piece.
        self.notes.reserve(16);
        self.walk(text).map_err(|fault| *fault)?;
        if self.broken {
            // Strings hold none of them, that was checked; so lengths and places stay.
            let flat = |byte: &u8| {
                if matches!(byte, b'\n' | b'\r') { b' ' } else { *byte }
            };
            self.line.extend(text.as_bytes().iter().map(flat));
            text = utf8(&self.line)?;
        }
        Ok(Checked { text, notes: &self.notes })
    }

    /// Goes through the text once. Faults are boxed in here, so that what returns all the time
    /// returns in registers.
    fn walk(&mut self, text: &str) -> Result<(), Box<Fault>> {
        let bytes = text.as_bytes();
        let mut inside = Frame::new(Kind::Top, false, 0);
        let mut at = self.blank(bytes, 0);
        loop {
            if inside.kind == Kind::Object {
                at = self.key(text, at, &mut inside)?;
            }
            at = match bytes.get(at) {
                // Most values are strings, which are not to be looked up in a table of jumps.
                Some(quote) if *quote == b'"' => string_end(bytes, at + 1)? + 1,
                Some(bracket @ (b'{' | b'[')) => {
                    let (kind, end) =
                        if *bracket == b'{' { (Kind::Object, b'}') } else { (Kind::Array, b']') };
                    if self.outer.len() == MAX_DEPTH {
                        return Err(Box::new(Fault::TooDeep { at }));
                    }
                    at = self.blank(bytes, at + 1);
                    if bytes.get(at) != Some(&end) {
                        let is_noted = kind == Kind::Object
                            && (inside.is_noted || inside.kind == Kind::Top)
                            && self.outer.len() < NOTED_DEPTH;
                        self.outer.push(inside);
                        inside = Frame::new(kind, is_noted, self.notes.len());
                        continue;
                    }
                    at + 1
                }
                Some(b'-' | b'0'..=b'9') => number_end(bytes, at)?,
                Some(b't') => literal_end(bytes, at, b"true")?,
                Some(b'f') => literal_end(bytes, at, b"false")?,
                Some(b'n') => literal_end(bytes, at, b"null")?,
                _ => return Err(unexpected(at, "a value")),
            };
            match self.after_value(text, at, &mut inside)? {
                Some(next) => at = next,
                None => return Ok(()),
            }
        }
    }

    /// Goes on behind a value that ended at `at`, and behind those that end with it: where the next
    /// key or value begins, or nothing at the end of the text.
    #[inline]
    fn after_value(
        &mut self,
        text: &str,
        mut at: usize,
        inside: &mut Frame,
    ) -> Result<Option<usize>, Box<Fault>> {
        let bytes = text.as_bytes();
        loop {
            if inside.is_noted {
                let within = self.notes.len() - inside.latest - 1;
                self.notes[inside.latest].close(at, within);
            }
            at = self.blank(bytes, at);
            match (bytes.get(at), inside.kind) {
                (Some(b','), Kind::Object | Kind::Array) => {
                    return Ok(Some(self.blank(bytes, at + 1)));
                }
                (Some(b'}'), Kind::Object) => self.close_object(text, inside)?,
                (Some(b']'), Kind::Array) => {}
                (None, Kind::Top) => return Ok(None),
                (_, Kind::Object) => return Err(unexpected(at, "`,` or `}`")),
                (_, Kind::Array) => return Err(unexpected(at, "`,` or `]`")),
                (_, Kind::Top) => return Err(unexpected(at, "the end")),
            }
            *inside = self.outer.pop().expect("an object or array was gone into");
            at += 1;
        }
    }

    /// Reads a key and its colon; where the value begins.
    #[inline]
    fn key(&mut self, text: &str, at: usize, inside: &mut Frame) -> Result<usize, Box<Fault>> {
        let bytes = text.as_bytes();
        if bytes.get(at) != Some(&b'"') {
            return Err(unexpected(at, "a key"));
        }
        let start = at + 1;
        let (end, is_escaped) = match end_in_words(bytes, start) {
            Ok(end) if bytes[end] == b'"' => (end, false),
            _ => {
                let end = string_end(bytes, start)?;
                (end, bytes[start..end].contains(&b'\\'))
            }
        };
        inside.is_doubtful |= is_escaped;
        if inside.may_have(&bytes[start..end]) {
            self.compare(text, &text[at..=end], inside);
        }
        let colon = self.blank(bytes, end + 1);
        if bytes.get(colon) != Some(&b':') {
            return Err(unexpected(colon, "`:`"));
        }
        let value = self.blank(bytes, colon + 1);
        inside.latest = self.notes.len();
        self.notes.push(Note::new(at..end + 1, is_escaped, value));
        Ok(value)
    }

    /// Compares a key with those before it, where these are few; all keys are compared at the end of the object where
    /// they are many, or two of them are equal as they are spelt.
    #[inline(never)]
    fn compare(&self, text: &str, key: &str, object: &mut Frame) {
        let mut before = siblings(&self.notes[object.first..], object.is_noted).enumerate();
        object.is_doubtful = object.is_doubtful
            || before.any(|(index, note)| index == PAIRWISE_KEYS || note.key(text) == key);
    }

    /// Makes sure that no two keys of an object are equal, and drops its notes where they are not kept.
    #[inline]
    fn close_object(&mut self, text: &str, object: &Frame) -> Result<(), Box<Fault>> {
        if object.is_doubtful {
            no_duplicates(text, &self.notes[object.first..], object.is_noted)?;
        }
        if !object.is_noted {
            self.notes.truncate(object.first);
        }
        Ok(())
    }

    /// The first byte from `at` on that is no white space. Line breaks lie nowhere else, so that nothing has to be
    /// searched for them.
    #[inline]
    fn blank(&mut self, bytes: &[u8], at: usize) -> usize {
        let is_blank = |at: usize| bytes.get(at).is_some_and(|byte| *byte <= b' ');
        if !is_blank(at) {
            at
        } else if bytes[at] == b' ' && !is_blank(at + 1) {
            // Where there are any, it is mostly one.
            at + 1
        } else {
            self.past_blank(bytes, at)
        }
    }

    #[inline(never)]
    fn past_blank(&mut self, bytes: &[u8], at: usize) -> usize {
        let end = blank(bytes, at);
        self.broken |= memchr::memchr2(b'\n', b'\r', &bytes[at..end]).is_some();
        end
    }
}

impl Frame {
    fn new(kind: Kind, is_noted: bool, first: usize) -> Self {
        Self { kind, is_doubtful: false, is_noted, first, latest: first, sorts: 0 }
    }

    /// Whether there may be an equal key already: none is of the same sort as an equal one, and few objects have two of
    /// one sort.
    #[inline]
    fn may_have(&mut self, key: &[u8]) -> bool {
        let letter = |byte: Option<&u8>| byte.copied().map_or(0, usize::from);
        let sort = 1 << ((letter(key.first()) * 3 + letter(key.last()) * 5 + key.len()) % 64);
        let may_have = self.sorts & sort != 0;
        self.sorts |= sort;
        may_have
    }
}

/// The notes of the members of one object: others lie between them where there `are_nested` ones.
fn siblings(notes: &[Note], are_nested: bool) -> impl Iterator<Item = &Note> {
    let mut next = 0;
    std::iter::from_fn(move || {
        let note = notes.get(next)?;
        next += 1 + if are_nested { note.within() } else { 0 };
        Some(note)
    })
}

/// Compares all keys of one object.
#[inline(never)]
fn no_duplicates(text: &str, notes: &[Note], are_nested: bool) -> Result<(), Box<Fault>> {
    let mut names = Vec::with_capacity(notes.len());
    for note in siblings(notes, are_nested) {
        let key = note.key(text);
        names.push(if note.is_escaped {
            super::string(key).ok_or(Fault::BadKey { at: note.key_start() })?
        } else {
            Cow::Borrowed(&key[1..key.len() - 1])
        });
    }
    names.sort_unstable();
    match names.windows(2).find(|two| two[0] == two[1]) {
        Some(two) => Err(duplicate_key(&two[0])),
        None => Ok(()),
    }
}

/// Empties scratch memory, and gives back what only an unusual message needed.
fn empty<T>(scratch: &mut Vec<T>) {
    const KEPT: usize = 4096;
    scratch.clear();
    if scratch.capacity() > KEPT {
        *scratch = Vec::new();
    }
}

fn utf8(bytes: &[u8]) -> Result<&str, Fault> {
    std::str::from_utf8(bytes).map_err(|error| Fault::NotUtf8 { at: error.valid_up_to() })
}

#[expect(clippy::unnecessary_box_returns, reason = "see `Strict::walk`")]
fn duplicate_key(key: &str) -> Box<Fault> {
    Box::new(Fault::DuplicateKey { key: key.chars().take(64).collect() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(input: &str, expected: Result<(), &str>) {
        let mut strict = Strict::new();
        let found = strict.check(input.as_bytes()).map(drop).map_err(|fault| fault.to_string());
        assert_eq!(found, expected.map_err(str::to_owned), "{input}");
    }

    #[test]
    fn keys_are_unique_in_each_object() {
        check(r#"{"a":1,"b":{"a":1},"c":[{"a":1},{"a":2}]}"#, Ok(()));
        check(r#"{"a":1,"a":2}"#, Err("duplicate key `a`"));
        check(r#"{"x":[{"a":1,"b":"a","a":2}]}"#, Err("duplicate key `a`"));
        check(r#"{"method":1,"m\u0065thod":2}"#, Err("duplicate key `method`"));
        check(r#"{"\"":1,"\u0022":2}"#, Err("duplicate key `\"`"));
        check(r#"{"a":"b","b":"a","c":"a"}"#, Ok(()));
        check(r#"["a","a"]"#, Ok(()));
        check(r#"{"a\\":1,"a":2}"#, Ok(()));
        check(r#"{"\ud800":1,"b":2}"#, Err("object key at byte 2 is not valid text"));
    }

    proptest::proptest! {
        /// However many keys there are, however they are spelt and however deep they lie.
        #[test]
        fn equal_keys_are_found(names in proptest::collection::vec("[ab]{0,3}|[a-z]{1,2}", 0..20), depth in 0..5_usize) {
            let escaped = |name: &str| name.replacen('a', "\\u0061", 1);
            let spelt = |(index, name): (usize, &String)| {
                let name = if index % 5 == 4 { escaped(name) } else { name.clone() };
                format!("\"{name}\":{{\"a\":1,\"b\":[{{\"a\":{{}}}}]}}")
            };
            let members: Vec<_> = names.iter().enumerate().map(spelt).collect();
            let object = format!("{{{}}}", members.join(","));
            let text = format!("{}{object}{}", "{\"b\":0,\"a\":".repeat(depth), "}".repeat(depth));
            let are_different = names.iter().collect::<std::collections::HashSet<_>>().len() == names.len();
            let found = Strict::new().check(text.as_bytes()).map(drop);
            proptest::prop_assert_eq!(found.is_ok(), are_different, "{}", text);
            if let Err(fault) = found {
                proptest::prop_assert!(matches!(fault, Fault::DuplicateKey { .. }), "{}", fault);
            }
        }
    }

    #[test]
    fn many_keys_are_compared_as_strictly_as_few() {
        let keys: Vec<String> = (0..500).map(|n| format!("\"k{n}\":0")).collect();
        check(&format!("{{{}}}", keys.join(",")), Ok(()));
        check(&format!("{{{},\"k77\":0}}", keys.join(",")), Err("duplicate key `k77`"));
    }

    #[test]
    fn nesting_is_bounded() {
        let nested = |depth: usize| format!("{}1{}", "[".repeat(depth), "]".repeat(depth));
        check(&nested(MAX_DEPTH), Ok(()));
        check(&nested(MAX_DEPTH + 1), Err("nested more than 127 levels deep at byte 127"));
        check(&nested(10_000), Err("nested more than 127 levels deep at byte 127"));
        check(&format!("\"{}\"", "[".repeat(10_000)), Ok(()));
    }

    #[test]
    fn bytes_must_be_utf8() {
        let mut strict = Strict::new();
        let fault = strict.check(b"{\"a\":\"\xff\"}").map(drop);
        assert_eq!(fault, Err(Fault::NotUtf8 { at: 6 }));
    }

    #[test]
    fn what_comes_back_is_one_line() {
        let mut strict = Strict::new();
        let text = "{\"a\":\r{\"b\":\"\\n\\r\"}\r\n}";
        let checked = strict.check(text.as_bytes()).expect("valid");
        assert_eq!(checked.text, r#"{"a": {"b":"\n\r"}  }"#);
        let value = checked.members().next().map(|member| member.value);
        assert_eq!(value, Some(r#"{"b":"\n\r"}"#));
        assert!(strict.check(b"{\"a\":\"\r\"}").is_err(), "in a string it is a fault");
    }

    #[test]
    fn members_of_the_outermost_object_are_known() {
        let mut strict = Strict::new();
        let text = r#" { "a" : [1, {"x":2}] , "b\n":"y" , "c":{} } "#;
        let checked = strict.check(text.as_bytes()).expect("valid");
        let members: Vec<_> =
            checked.members().map(|member| (member.name().into_owned(), member.value)).collect();
        let expected = [("a", r#"[1, {"x":2}]"#), ("b\n", "\"y\""), ("c", "{}")];
        let expected = expected.map(|(name, value)| (name.to_owned(), value));
        assert_eq!(members, expected);
        assert_eq!(strict.check(b"[{\"a\":1}]").expect("valid").members().count(), 0);
    }

    /// Agreement with a parser that others have tested: on small texts of every kind, whatever one
    /// of the two takes the other takes as well.
    #[test]
    fn the_grammar_is_that_of_serde_json() {
        let pieces = [
            "{",
            "}",
            "[",
            "]",
            ",",
            ":",
            "\"a\"",
            "\"\"",
            "0",
            "-1",
            "1.5e+3",
            "01",
            "-",
            "1.",
            "1e",
            "true",
            "nul",
            " ",
            "\n",
            "\"\\u00e9\"",
            "\"\\x\"",
            "\"\u{1}\"",
            "\"",
            "\u{b}",
            "\"é\"",
        ];
        let mut state: u64 = 7;
        let mut accepted = 0;
        for round in 0..200_000 {
            let mut text = String::new();
            // Half of the texts start as something that has a chance to be right.
            text.push_str(["", "{\"a\":", "[", "[1,"][round % 4]);
            for _ in 0..round % 7 {
                state = state
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1_442_695_040_888_963_407);
                text.push_str(pieces[(state >> 33) as usize % pieces.len()]);
            }
            text.push_str(["", "}", "]", "]"][round % 4]);
            let theirs = serde_json::from_str::<serde::de::IgnoredAny>(&text).is_ok();
            let ours = match Strict::new().check(text.as_bytes()).map(drop) {
                Ok(()) => true,
                // Stricter than the grammar, on purpose.
                Err(Fault::DuplicateKey { .. }) => theirs,
                Err(_) => false,
            };
            assert_eq!(ours, theirs, "{text:?}");
            accepted += usize::from(theirs);
        }
        assert!(accepted > 1000, "only {accepted} texts were JSON");
    }

    #[test]
    fn strings_end_where_they_end_however_long_they_are() {
        for length in 0..100 {
            let plain = "x".repeat(length);
            check(&format!("\"{plain}\""), Ok(()));
            check(&format!("[\"{plain}\\\"{plain}\",\"é{plain}\"]"), Ok(()));
            let fault =
                format!("not JSON: `\\n` or another escape expected at byte {}", length + 1);
            check(&format!("\"{plain}\t{plain}\""), Err(&fault));
        }
    }
}
