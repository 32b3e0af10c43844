//! All strings of a JSON text, rewritten in place.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::ops::Range;

use crate::base::json::{members, string};

/// Where a string stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// The text of a content block or of an embedded resource.
    Text,
    /// Anywhere else.
    Other,
}

/// `json` with each of its strings replaced by what `treat` makes of it. What stays as it was keeps its bytes.
pub(super) fn rewrite<'a>(
    json: &'a str,
    treat: impl for<'t> FnMut(&'t str, Place) -> Cow<'t, str>,
) -> Cow<'a, str> {
    let mut walk = Walk { json, at: 0, open: Vec::new(), edits: Vec::new(), treat };
    walk.run();
    let mut edits = walk.edits;
    if edits.is_empty() {
        return Cow::Borrowed(json);
    }
    // Payloads are decided on when their object ends, behind what came after them.
    edits.sort_by_key(|(span, _)| span.start);
    let mut rewritten = String::with_capacity(json.len());
    let mut at = 0;
    for (span, text) in edits {
        rewritten.push_str(&json[at..span.start]);
        rewritten.push_str(&text);
        at = span.end;
    }
    rewritten.push_str(&json[at..]);
    Cow::Owned(rewritten)
}

struct Walk<'a, F> {
    json: &'a str,
    at: usize,
    open: Vec<Frame<'a>>,
    edits: Vec<(Range<usize>, String)>,
    treat: F,
}

/// An object or array that is being read.
#[derive(Default)]
struct Frame<'a> {
    start: usize,
    expects: Expects,
    /// The last key, without its quotes.
    key: &'a str,
    /// `type` says that `data` is an image or a sound.
    is_media: bool,
    /// There is a `uri`, so that `blob` is a resource.
    has_uri: bool,
    /// Strings that are treated when the object is known.
    waiting: Vec<(Range<usize>, Waiting)>,
    /// `type` is `text`.
    is_text: bool,
    /// Keys that changed: the place of the edit in the list, and the new key.
    keys: Vec<(usize, String)>,
}

/// What the next string of an object or array is.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Expects {
    Key,
    Value,
    #[default]
    Element,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Waiting {
    Data,
    Blob,
    Text,
}

impl<F: for<'t> FnMut(&'t str, Place) -> Cow<'t, str>> Walk<'_, F> {
    fn run(&mut self) {
        let bytes = self.json.as_bytes();
        while let Some(byte) = bytes.get(self.at) {
            match byte {
                b'{' | b'[' => {
                    let expects = if *byte == b'{' { Expects::Key } else { Expects::Element };
                    self.open.push(Frame { start: self.at, expects, ..Frame::default() });
                    self.at += 1;
                }
                b'}' | b']' => {
                    self.at += 1;
                    self.close();
                }
                b',' => {
                    if let Some(frame) = self.open.last_mut()
                        && frame.expects == Expects::Value
                    {
                        frame.expects = Expects::Key;
                    }
                    self.at += 1;
                }
                b'"' => self.string(),
                _ => self.at += 1,
            }
        }
    }

    fn string(&mut self) {
        let start = self.at;
        let end = string_end(self.json.as_bytes(), start);
        self.at = end;
        let Some(inner) = self.json.get(start + 1..end.saturating_sub(1)) else { return };
        let span = start..end;
        let Some(frame) = self.open.last_mut() else {
            return self.treat(span, Place::Other);
        };
        if frame.expects == Expects::Key {
            frame.expects = Expects::Value;
            frame.key = inner;
            frame.has_uri |= inner == "uri";
            self.treat_key(span);
            return;
        }
        let waiting = match frame.key {
            "type" => {
                frame.is_media |= matches!(inner, "image" | "audio");
                frame.is_text |= inner == "text";
                None
            }
            "data" if is_base64(inner) => Some(Waiting::Data),
            "blob" if is_base64(inner) => Some(Waiting::Blob),
            "text" => Some(Waiting::Text),
            _ => None,
        };
        match waiting {
            Some(waiting) if frame.expects == Expects::Value => frame.waiting.push((span, waiting)),
            _ => self.treat(span, Place::Other),
        }
    }

    fn close(&mut self) {
        let Some(frame) = self.open.pop() else { return };
        for (span, waiting) in frame.waiting {
            match waiting {
                Waiting::Data if frame.is_media => {}
                Waiting::Blob if frame.has_uri => {}
                Waiting::Text if frame.is_text || frame.has_uri => self.treat(span, Place::Text),
                _ => self.treat(span, Place::Other),
            }
        }
        if frame.keys.is_empty() {
            return;
        }
        // Two keys of one object must not become the same.
        let object = &self.json[frame.start..self.at];
        let mut names = Names::new(members(object).map(|member| member.name().into_owned()));
        for (edit, key) in frame.keys {
            let unique = names.free(&key);
            if unique != key {
                self.edits[edit].1 = quoted(&unique);
            }
        }
    }

    fn treat_key(&mut self, span: Range<usize>) {
        let before = self.edits.len();
        self.treat(span, Place::Other);
        if self.edits.len() > before
            && let Some(key) = string(&self.edits[before].1).map(Cow::into_owned)
            && let Some(frame) = self.open.last_mut()
        {
            frame.keys.push((before, key));
        }
    }

    fn treat(&mut self, span: Range<usize>, place: Place) {
        let json = self.json;
        let (text, is_whole) = decoded(&json[span.clone()]);
        let treated = (self.treat)(&text, place);
        if !is_whole || *treated != *text {
            self.edits.push((span, quoted(&treated)));
        }
    }
}

/// The names that the keys of one object have.
struct Names {
    taken: HashSet<String>,
    /// The number to try next behind a key, since all before it are taken: whoever makes many keys the same must not
    /// have them counted anew each time.
    next: HashMap<String, usize>,
}

impl Names {
    fn new(taken: impl Iterator<Item = String>) -> Self {
        Self { taken: taken.collect(), next: HashMap::new() }
    }

    /// `key`, with a number behind it if it is taken.
    fn free(&mut self, key: &str) -> String {
        if self.taken.insert(key.to_owned()) {
            return key.to_owned();
        }
        let next = self.next.entry(key.to_owned()).or_insert(2);
        loop {
            let numbered = format!("{key} ({next})");
            *next += 1;
            if self.taken.insert(numbered.clone()) {
                return numbered;
            }
        }
    }
}

/// The text of a JSON string, and whether its escapes stand for text; where they do not, a character of replacement
/// takes their place, as lenient readers would have it.
fn decoded(json: &str) -> (Cow<'_, str>, bool) {
    if let Some(text) = string(json) {
        return (text, true);
    }
    let mut mended = String::with_capacity(json.len());
    let mut rest = json;
    while let Some(at) = rest.find('\\') {
        mended.push_str(&rest[..at]);
        let length = escape_length(&rest[at..]);
        let (escape, behind) = rest[at..].split_at(length);
        let stands = string(&format!("\"{escape}\"")).is_some();
        mended.push_str(if stands { escape } else { "\u{fffd}" });
        rest = behind;
    }
    mended.push_str(rest);
    let text = string(&mended).map(Cow::into_owned).unwrap_or_default();
    (Cow::Owned(text), false)
}

/// How long the escape at the start of `text` is; a pair of surrogates is one.
fn escape_length(text: &str) -> usize {
    let unit = |at: usize| {
        let digits = text.get(at..)?.strip_prefix("\\u")?.get(..4)?;
        u32::from_str_radix(digits, 16).ok()
    };
    match (unit(0), unit(6)) {
        (Some(0xd800..0xdc00), Some(0xdc00..0xe000)) => 12,
        (Some(_), _) => 6,
        _ => 2.min(text.len()),
    }
}

/// Where the string that begins at `at` ends, its quotes included.
fn string_end(bytes: &[u8], at: usize) -> usize {
    let mut end = at + 1;
    while let Some(next) = bytes.get(end..).and_then(|rest| memchr::memchr2(b'"', b'\\', rest)) {
        end += next;
        if bytes[end] == b'"' {
            return end + 1;
        }
        end += 2;
    }
    bytes.len()
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// Whether a text is nothing but base64, in either alphabet.
fn is_base64(text: &str) -> bool {
    text.bytes().all(|byte| {
        byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'-' | b'_' | b'=')
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(json: &str, expected: &str) {
        let rewritten = rewrite(json, |text, place| match place {
            Place::Text => Cow::Owned(format!("<{text}>")),
            Place::Other if text.contains("bad") => Cow::Owned(text.replace("bad", "ok")),
            Place::Other => Cow::Borrowed(text),
        });
        assert_eq!(rewritten, expected);
        assert_eq!(matches!(rewritten, Cow::Borrowed(_)), json == expected);
    }

    #[test]
    fn strings_are_rewritten_and_the_rest_keeps_its_bytes() {
        check(
            r#"{ "a" : [1.50, "b\u0061d", "\u0061"], "x":"y" }"#,
            r#"{ "a" : [1.50, "ok", "\u0061"], "x":"y" }"#,
        );
        check(r#""bad""#, r#""ok""#);
        check("[]", "[]");
        check(r#"{"bad":{"bad":"bad"}}"#, r#"{"ok":{"ok":"ok"}}"#);
    }

    #[test]
    fn keys_stay_apart() {
        check(r#"{"bad":1,"b\u0061d ":2,"ok":3}"#, r#"{"ok (2)":1,"ok ":2,"ok":3}"#);
        check(
            r#"{"ok":{"ok":1,"bad":2},"bad":3,"o\u006b (2)":4,"b\u0061d":5}"#,
            r#"{"ok":{"ok":1,"ok (2)":2},"ok (3)":3,"o\u006b (2)":4,"ok (4)":5}"#,
        );
    }

    #[test]
    fn keys_that_become_equal_are_counted_once() {
        let mut names = Names::new(["a".to_owned(), "a (7)".to_owned()].into_iter());
        for _ in 0..1_000 {
            names.free("a");
        }
        // Each number was tried once, from 2 on.
        assert_eq!(names.next["a"], 1_003);
        assert!(names.taken.contains("a (1002)"));
    }

    #[test]
    fn texts_are_known_by_their_neighbours() {
        check(r#"{"text":"bad","type":"text"}"#, r#"{"text":"<bad>","type":"text"}"#);
        check(r#"{"uri":"a","text":"b"}"#, r#"{"uri":"a","text":"<b>"}"#);
        check(r#"{"text":"bad"}"#, r#"{"text":"ok"}"#);
    }

    #[test]
    fn payloads_are_left_alone() {
        for json in [
            r#"{"data":"bad=","type":"image"}"#,
            r#"{"type":"audio","data":"bad="}"#,
            r#"{"uri":"file:///x","blob":"bad="}"#,
        ] {
            check(json, json);
        }
        check(r#"{"data":"bad="}"#, r#"{"data":"ok="}"#);
        check(r#"{"type":"image","data":"so bad"}"#, r#"{"type":"image","data":"so ok"}"#);
        check(r#"{"type":"text","blob":"bad="}"#, r#"{"type":"text","blob":"ok="}"#);
    }

    #[test]
    fn halves_of_characters_are_mended() {
        check(r#"["\ud800bad\n","\ud83d\ude00"]"#, "[\"\u{fffd}ok\\n\",\"\\ud83d\\ude00\"]");
    }
}
