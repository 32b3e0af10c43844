//! Numbers as a schema spells them: reading one into a float may make another of it.

use std::borrow::Cow;

use serde_json::{Number, Value};

use crate::base::json::string_end;

/// What a string begins with that stands for a number: no character, so that no other string has reason to.
const MARK: char = '\u{fdd0}';

/// The JSON text with strings in the place of those numbers that would be spelt otherwise once they are read.
pub(super) fn keep(json: &str) -> Cow<'_, str> {
    let bytes = json.as_bytes();
    let mut kept = String::new();
    let (mut from, mut at) = (0, 0);
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'"' => at = string_end(bytes, at + 1),
            b'-' | b'0'..=b'9' => {
                let is_over =
                    |byte: &u8| matches!(byte, b',' | b']' | b'}') || byte.is_ascii_whitespace();
                let end = bytes[at..].iter().position(is_over).map_or(bytes.len(), |end| at + end);
                let number = json.get(at..end).unwrap_or_default();
                if number.parse().is_ok_and(|read: Number| read.to_string() != number) {
                    kept += &json[from..at];
                    kept.extend(['"', MARK]);
                    kept += number;
                    kept.push('"');
                    from = end;
                }
                at = end;
            }
            _ => at += 1,
        }
    }
    if from == 0 {
        return Cow::Borrowed(json);
    }
    kept += &json[from..];
    Cow::Owned(kept)
}

/// The spelling of a number that was kept.
pub(super) fn kept(value: &Value) -> Option<&str> {
    let number = value.as_str()?.strip_prefix(MARK)?;
    number.parse::<Number>().is_ok().then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(json: &str, expected: &[&str]) {
        let values: Vec<Value> = serde_json::from_str(&keep(json)).expect("an array");
        let spelt = |value: &Value| kept(value).map_or_else(|| value.to_string(), str::to_owned);
        assert_eq!(values.iter().map(spelt).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn numbers_keep_their_spelling() {
        check("[]", &[]);
        check("[1, -2.5,true]", &["1", "-2.5", "true"]);
        check("[100000000000000000001 ,1e3,1.50\n]", &["100000000000000000001", "1e3", "1.50"]);
        check(
            r#"["1e3","a\"1e3",{"1e3":[1e3]}]"#,
            &[r#""1e3""#, r#""a\"1e3""#, "{\"1e3\":[\"\u{fdd0}1e3\"]}"],
        );
        assert!(matches!(keep(r#"{"a":[1,"1e3"]}"#), Cow::Borrowed(_)));
    }

    #[test]
    fn other_strings_are_no_numbers() {
        check("[\"\u{fdd0}1|2\",\"\u{fdd0}\"]", &["\"\u{fdd0}1|2\"", "\"\u{fdd0}\""]);
    }
}
