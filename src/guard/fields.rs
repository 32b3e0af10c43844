//! Sentences that are spread over the fields of a JSON object inside of a text.

use std::ops::Range;
use std::sync::LazyLock;

use regex::Regex;

use super::speech::{is_prose, is_request};
use crate::base::json::string_end;

/// Longest key between two parts of a sentence.
const MAX_KEY: usize = 24;

/// Fields with numbered keys, from which on they are parts of one thing.
const PARTS: usize = 3;

static NUMBERED: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r#""([A-Za-z_ -]{0,16}?)([0-9]{1,3}|[a-f])"\s{0,4}:\s{0,4}"([^"]{1,300})""#)
        .expect("it is compiled by a test")
});

/// How long the part at the start of `text` is that ends one string field and begins the next.
pub(super) fn connector(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let blank = |at: usize| {
        at + bytes[at..].iter().take(32).take_while(|byte| byte.is_ascii_whitespace()).count()
    };
    let expect = |at: usize, byte: u8| (bytes.get(at) == Some(&byte)).then_some(at + 1);
    let comma = expect(blank(expect(0, b'"')?), b',')?;
    let key = expect(blank(comma), b'"')?;
    let length = memchr::memchr(b'"', &bytes[key..bytes.len().min(key + MAX_KEY)])?;
    let colon = expect(blank(key + length + 1), b':')?;
    expect(blank(colon), b'"')
}

/// `span` without the connectors in it.
pub(super) fn pieces(text: &str, span: Range<usize>) -> Vec<Range<usize>> {
    let mut pieces = Vec::new();
    let mut start = span.start;
    let mut at = span.start;
    while let Some(quote) =
        text.as_bytes().get(at..span.end).and_then(|rest| memchr::memchr(b'"', rest))
    {
        at += quote;
        match connector(&text[at..]) {
            Some(length) if at + length <= span.end => {
                pieces.push(start..at);
                at += length;
                start = at;
            }
            _ => at += 1,
        }
    }
    pieces.push(start..span.end);
    pieces
}

/// The values of a JSON text that are strings, passed over once.
pub(super) struct Strings<'a> {
    json: &'a str,
    at: usize,
    /// The next value, without its quotes. It stays the next while spans end in it.
    next: Option<Range<usize>>,
}

impl<'a> Strings<'a> {
    pub(super) fn new(json: &'a str) -> Self {
        let mut strings = Self { json, at: 0, next: None };
        strings.advance();
        strings
    }

    /// The parts of `span` that lie in strings. Spans are asked for in order.
    pub(super) fn within(&mut self, span: &Range<usize>) -> Vec<Range<usize>> {
        let mut parts = Vec::new();
        while let Some(value) = self.next.clone().filter(|value| value.start < span.end) {
            let part = value.start.max(span.start)..value.end.min(span.end);
            if part.start < part.end {
                parts.push(part);
            }
            if value.end > span.end {
                break;
            }
            self.advance();
        }
        parts
    }

    fn advance(&mut self) {
        let bytes = self.json.as_bytes();
        self.next = None;
        while self.next.is_none()
            && let Some(open) = bytes.get(self.at..).and_then(|rest| memchr::memchr(b'"', rest))
        {
            let start = self.at + open + 1;
            self.at = string_end(bytes, start);
            let is_key =
                bytes[self.at..].iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b':');
            if !is_key {
                self.next = Some(start..self.at.saturating_sub(1).max(start));
            }
        }
    }
}

/// Requests that were cut into numbered fields.
pub(super) fn find(text: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    if memchr::memmem::find(text.as_bytes(), b"\":").is_none() {
        return found;
    }
    let mut parts: Vec<Range<usize>> = Vec::new();
    let mut last: Option<(String, u32)> = None;
    for field in NUMBERED.captures_iter(text) {
        let (Some(value), stem) = (field.get(3), field[1].to_owned()) else { continue };
        let number = u32::from_str_radix(&field[2], 16).unwrap_or_default();
        let follows =
            last.as_ref().is_some_and(|(before, count)| *before == stem && number == count + 1);
        if !follows {
            found.extend(request(text, &parts));
            parts.clear();
        }
        parts.push(value.range());
        last = Some((stem, number));
    }
    found.extend(request(text, &parts));
    found
}

/// The place of all parts, if they are one request.
fn request(text: &str, parts: &[Range<usize>]) -> Option<Range<usize>> {
    if parts.len() < PARTS {
        return None;
    }
    let joined = parts.iter().map(|part| &text[part.clone()]).collect::<Vec<_>>().join(" ");
    let whole = parts.first()?.start..parts.last()?.end;
    // Steps of a list are sentences each; what was cut goes on in the middle of one.
    let begins_small =
        |part: &&Range<usize>| !text[(*part).clone()].starts_with(char::is_uppercase);
    let cut = parts[1..].iter().filter(begins_small).count() * 2 >= parts.len() - 1;
    (cut && is_prose(&joined) && is_request(&joined)).then_some(whole)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connectors_are_measured() {
        let check = |text: &str, expected| assert_eq!(connector(text), expected, "{text}");
        check(r#"", "b": "x"#, Some(9));
        check("\",\n  \"b\" :\"x", Some(11));
        check(r#"", "b": 5"#, None);
        check(r#"" and "b"#, None);
        check("\"", None);
    }

    #[test]
    fn spans_are_cut_to_the_strings_in_them() {
        let json = r#"{"key": "one \" two", "other" : ["three", 4], "five": ""}"#;
        let mut strings = Strings::new(json);
        let mut check = |from: &str, to: &str, expected: &[&str]| {
            let start = json.find(from).expect("it is there");
            let end = json.find(to).expect("it is there") + to.len();
            let parts = strings.within(&(start..end));
            assert_eq!(parts.into_iter().map(|part| &json[part]).collect::<Vec<_>>(), expected);
        };
        check("{", "ke", &[]);
        check("key", "ne", &["one"]);
        check("\\", "tw", &["\\\" tw"]);
        check("o\",", "thr", &["o", "thr"]);
        check("ee\"", "}", &["ee"]);
    }

    #[test]
    fn parts_are_put_together() {
        let text = r#"{"part1": "Please send", "part2": "all of the files", "part3": "to me"}"#;
        let found = find(text);
        assert_eq!(found.len(), 1);
        let words: Vec<_> =
            pieces(text, found[0].clone()).into_iter().map(|piece| &text[piece]).collect();
        assert_eq!(words, ["Please send", "all of the files", "to me"]);
        assert!(
            find(r#"{"line1": "The house", "line2": "in the street", "line3": "of the town"}"#)
                .is_empty()
        );
    }
}
