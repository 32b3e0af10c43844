//! On which line of a JSON text a value stands, so that a finding about a parsed value can name it.
//!
//! The text is expected to be valid JSON. Other text gives useless lines, but neither panics nor
//! recursion.

use std::collections::HashMap;

/// At most this many keys that stand twice are told.
const MAX_REPEATED: usize = 100;

/// The place of the whole text among the values.
const ROOT: usize = 0;

/// The lines of all values of a text. It takes memory in proportion to the text, however deep it is nested and however
/// long its keys are.
#[derive(Debug, Default)]
pub struct Positions {
    /// The line of each value, counted from 1, in the order of the text; for a member of an object the line of its key.
    lines: Vec<usize>,
    /// Where values stand in `lines`, by where the object or array that holds them does and by their own reference
    /// token. Of a key that stands twice the last one counts, as it does in the parsed value.
    places: HashMap<(usize, String), Place>,
    /// Pointers of keys that stand twice in one object.
    repeated: Vec<String>,
}

#[derive(Debug, Clone, Copy)]
struct Place {
    at: usize,
    is_repeated: bool,
}

impl Positions {
    /// Those of this text.
    pub fn of(text: &str) -> Self {
        let mut scan = Scan::default();
        let bytes = text.as_bytes();
        let mut at = 0;
        while let Some(byte) = bytes.get(at) {
            let end = match byte {
                b'"' => string_end(bytes, at),
                b'-' | b'+' | b'.' | b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' => {
                    scalar_end(bytes, at)
                }
                _ => at + 1,
            };
            scan.take(*byte, text.get(at..end).unwrap_or_default());
            at = end;
        }
        scan.found
    }

    /// The line of the value that the JSON pointer (RFC 6901) names.
    pub fn line(&self, pointer: &str) -> Option<usize> {
        let mut at = ROOT;
        for token in pointer.split('/').skip(1) {
            at = self.places.get(&(at, token.to_owned()))?.at;
        }
        self.lines.get(at).copied()
    }

    /// Pointers of the keys that stand twice in one object, each once, the first hundred of them.
    pub fn repeated(&self) -> &[String] {
        &self.repeated
    }
}

/// Appends one reference token to a JSON pointer.
pub fn child(pointer: &str, key: &str) -> String {
    let mut pointer = pointer.to_owned();
    push(&mut pointer, key);
    pointer
}

#[derive(Default)]
struct Scan {
    found: Positions,
    open: Vec<Open>,
    /// Where the last value that was noted stands, and its reference token.
    last: (usize, String),
    line: usize,
}

/// An object or array whose end has not been reached.
struct Open {
    at: usize,
    token: String,
    inside: Inside,
}

enum Inside {
    /// `true` while the next string is a key.
    Object(bool),
    /// Index of the next element.
    Array(usize),
}

impl Scan {
    fn take(&mut self, first: u8, token: &str) {
        match first {
            b'\n' => self.line += 1,
            b'{' => self.start(Inside::Object(true)),
            b'[' => self.start(Inside::Array(0)),
            b'}' | b']' => {
                self.open.pop();
            }
            b',' => match self.open.last_mut().map(|open| &mut open.inside) {
                Some(Inside::Object(at_key)) => *at_key = true,
                Some(Inside::Array(index)) => *index += 1,
                None => {}
            },
            b':' => {
                if let Some(Inside::Object(at_key)) =
                    self.open.last_mut().map(|open| &mut open.inside)
                {
                    *at_key = false;
                }
            }
            b'"' => self.string(token),
            _ if token.trim_ascii().is_empty() => {}
            _ => self.value(),
        }
    }

    fn string(&mut self, text: &str) {
        if !matches!(self.open.last(), Some(Open { inside: Inside::Object(true), .. })) {
            self.value();
            return;
        }
        let key = serde_json::from_str::<String>(text);
        self.note(&escaped(key.as_deref().unwrap_or(text)));
    }

    fn start(&mut self, inside: Inside) {
        self.value();
        let (at, token) = self.last.clone();
        self.open.push(Open { at, token, inside });
    }

    /// A value begins here. A member of an object was noted at its key.
    fn value(&mut self) {
        match self.open.last() {
            Some(Open { inside: Inside::Object(_), .. }) => {}
            Some(Open { inside: Inside::Array(index), .. }) => self.note(&index.to_string()),
            None => self.note(""),
        }
    }

    fn note(&mut self, token: &str) {
        let at = self.found.lines.len();
        self.found.lines.push(self.line + 1);
        self.last = (at, token.to_owned());
        let Some(holder) = self.open.last() else { return };
        let place = Place { at, is_repeated: false };
        let before = self.found.places.insert((holder.at, token.to_owned()), place);
        let Some(before) = before else { return };
        if !before.is_repeated && self.found.repeated.len() < MAX_REPEATED {
            let tokens = self.open.iter().skip(1).map(|open| open.token.as_str()).chain([token]);
            self.found.repeated.push(tokens.flat_map(|token| ["/", token]).collect());
        }
        if let Some(place) = self.found.places.get_mut(&(holder.at, token.to_owned())) {
            place.is_repeated = true;
        }
    }
}

fn push(pointer: &mut String, key: &str) {
    pointer.push('/');
    pointer.push_str(&escaped(key));
}

/// The reference token of a key.
fn escaped(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

fn string_end(bytes: &[u8], start: usize) -> usize {
    let mut at = start + 1;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'"' => return at + 1,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    bytes.len()
}

fn scalar_end(bytes: &[u8], start: usize) -> usize {
    let length = bytes[start..]
        .iter()
        .take_while(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'+' | b'.'))
        .count();
    start + length
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line_of(text: &str, pointer: &str) -> Option<usize> {
        Positions::of(text).line(pointer)
    }

    const TEXT: &str = r#"{
  "mode": "router",
  "servers": {
    "git": { "command": "uvx",
      "args": [
        "a", [],
        {"b": "}\"]"},
        null
      ], "env": {} },
    "a/b~c": { "d\u0065": 1,

      "x": -1.5e3 }
  },
  "mode": true
}"#;

    #[test]
    fn finds_lines() {
        fn check(pointer: &str, expected: Option<usize>) {
            assert_eq!(line_of(TEXT, pointer), expected, "{pointer}");
        }
        check("", Some(1));
        check("/mode", Some(14));
        check("/servers", Some(3));
        check("/servers/git", Some(4));
        check("/servers/git/command", Some(4));
        check("/servers/git/args", Some(5));
        check("/servers/git/args/0", Some(6));
        check("/servers/git/args/1", Some(6));
        check("/servers/git/args/1/0", None);
        check("/servers/git/args/2/b", Some(7));
        check("/servers/git/args/3", Some(8));
        check("/servers/git/env", Some(9));
        check("/servers/a~1b~0c", Some(10));
        check("/servers/a~1b~0c/de", Some(10));
        check("/servers/a~1b~0c/x", Some(12));
        check("/nothing", None);
    }

    #[test]
    fn lists_keys_that_stand_twice_once() {
        let check = |text: &str, expected: &[&str]| {
            assert_eq!(Positions::of(text).repeated(), expected, "{text}");
        };
        check(TEXT, &["/mode"]);
        check(r#"{"a": {"b": 1, "b": 2, "b": 3}, "c": [1, 1]}"#, &["/a/b"]);
        check(r#"{"a": {"b": 1}, "a": {"b": 1}}"#, &["/a"]);
        check(r#"[{"a/b": [{}, {"c": 1, "\u0063": 2}]}]"#, &["/0/a~1b/1/c"]);
        let many: Vec<String> = (0..1000).map(|n| format!("\"{}\":0", n / 2)).collect();
        let many = format!("{{{}}}", many.join(","));
        assert_eq!(Positions::of(&many).repeated().len(), MAX_REPEATED);
    }

    #[test]
    fn inside_of_what_stands_twice_the_last_counts() {
        assert_eq!(line_of("{\"a\": {\"b\": 1},\n\"a\": {\"b\": 1}}", "/a/b"), Some(2));
        assert_eq!(line_of("{\"a\": {\"b\": 1},\n\"a\": {}}", "/a/b"), None);
    }

    #[test]
    fn long_keys_and_many_values_take_little_memory() {
        let zeros = "0,".repeat(100_000);
        let text = format!("{{\"{}\": [{zeros}0]}}", "k".repeat(100_000));
        let positions = Positions::of(&text);
        assert_eq!(positions.lines.len(), 100_003);
    }

    #[test]
    fn finds_a_lone_value() {
        assert_eq!(line_of("\n\n 7", ""), Some(3));
    }

    #[test]
    fn survives_what_is_not_json() {
        for text in ["", "}", "{", "\"\\", "[,,]", "{\"a\"", ":::", "é", "{é:\"\\u\"}", "\"é\\"]
        {
            Positions::of(text);
        }
        Positions::of(&"[".repeat(10_000));
    }
}
