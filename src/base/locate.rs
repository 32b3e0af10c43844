//! On which line of a JSON text a value stands, so that a finding about a parsed value can name it.
//!
//! The text is expected to be valid JSON. Other text gives useless lines, but neither panics nor
//! recursion.

/// Where one value starts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Position {
    /// JSON pointer (RFC 6901) to the value.
    pub pointer: String,
    /// Its line, counted from 1; for a member of an object the line of its key.
    pub line: usize,
}

/// Every value of the text in the order of the text. A pointer that appears twice is a key that
/// stands twice.
pub fn positions(text: &str) -> Vec<Position> {
    let mut scan = Scan::default();
    let bytes = text.as_bytes();
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        let end = match byte {
            b'"' => string_end(bytes, at),
            b'-' | b'+' | b'.' | b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' => scalar_end(bytes, at),
            _ => at + 1,
        };
        scan.take(*byte, text.get(at..end).unwrap_or_default());
        at = end;
    }
    scan.found
}

/// Appends one reference token to a JSON pointer.
pub fn child(pointer: &str, key: &str) -> String {
    let mut pointer = pointer.to_owned();
    push(&mut pointer, key);
    pointer
}

#[derive(Default)]
struct Scan {
    found: Vec<Position>,
    open: Vec<Open>,
    pointer: String,
    line: usize,
}

/// An object or array whose end has not been reached.
struct Open {
    /// Length of its own pointer.
    pointer_length: usize,
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
                if let Some(closed) = self.open.pop() {
                    self.pointer.truncate(closed.pointer_length);
                }
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

    fn string(&mut self, token: &str) {
        let Some(Open { pointer_length, inside: Inside::Object(true) }) = self.open.last() else {
            self.value();
            return;
        };
        self.pointer.truncate(*pointer_length);
        let key = serde_json::from_str::<String>(token);
        push(&mut self.pointer, key.as_deref().unwrap_or(token));
        self.note();
    }

    fn start(&mut self, inside: Inside) {
        self.value();
        self.open.push(Open { pointer_length: self.pointer.len(), inside });
    }

    /// A value begins here. A member of an object was noted at its key.
    fn value(&mut self) {
        match self.open.last() {
            Some(Open { inside: Inside::Object(_), .. }) => {}
            Some(Open { pointer_length, inside: Inside::Array(index) }) => {
                self.pointer.truncate(*pointer_length);
                push(&mut self.pointer, &index.to_string());
                self.note();
            }
            None => self.note(),
        }
    }

    fn note(&mut self) {
        self.found.push(Position { pointer: self.pointer.clone(), line: self.line + 1 });
    }
}

fn push(pointer: &mut String, key: &str) {
    pointer.push('/');
    for letter in key.chars() {
        match letter {
            '~' => pointer.push_str("~0"),
            '/' => pointer.push_str("~1"),
            other => pointer.push(other),
        }
    }
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

    /// The line on which the value that `pointer` names starts. Of a key that stands twice the last one
    /// counts, as it does in the parsed value.
    fn line_of(text: &str, pointer: &str) -> Option<usize> {
        positions(text)
            .into_iter()
            .rev()
            .find(|position| position.pointer == pointer)
            .map(|position| position.line)
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
    fn lists_a_key_that_stands_twice_twice() {
        let lines: Vec<usize> = positions(TEXT)
            .iter()
            .filter(|position| position.pointer == "/mode")
            .map(|position| position.line)
            .collect();
        assert_eq!(lines, [2, 14]);
    }

    #[test]
    fn finds_a_lone_value() {
        assert_eq!(line_of("\n\n 7", ""), Some(3));
    }

    #[test]
    fn survives_what_is_not_json() {
        for text in ["", "}", "{", "\"\\", "[,,]", "{\"a\"", ":::", "é", "{é:\"\\u\"}", "\"é\\"]
        {
            positions(text);
        }
        positions(&"[".repeat(10_000));
    }
}
