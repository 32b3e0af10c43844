//! All strings of a JSON text, rewritten in place.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::ops::Range;

use crate::base::json::{string, text};

/// Where a string stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// The text of a content block or of an embedded resource.
    Text,
    /// Anywhere else.
    Other,
}

/// What a JSON text is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// A result, of which the bytes of images, sounds and binary resources are left alone.
    Result,
    /// Anything else.
    Other,
}

/// `json` with each of its strings replaced by what `treat` makes of it. What stays as it was keeps its bytes.
pub(super) fn rewrite<'a>(
    json: &'a str,
    shape: Shape,
    treat: impl for<'t> FnMut(&'t str, Place) -> Cow<'t, str>,
) -> Cow<'a, str> {
    let root = match shape {
        Shape::Result => Role::Result,
        Shape::Other => Role::Other,
    };
    let mut walk =
        Walk { json, at: 0, root, open: Vec::new(), names: Vec::new(), edits: Vec::new(), treat };
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
    /// What the outermost object is.
    root: Role,
    open: Vec<Frame<'a>>,
    /// The keys of all open objects, with their quotes.
    names: Vec<Range<usize>>,
    edits: Vec<(Range<usize>, String)>,
    treat: F,
}

/// An object or array that is being read.
#[derive(Default)]
struct Frame<'a> {
    role: Role,
    expects: Expects,
    /// What the last key stands for, whatever its spelling.
    key: Cow<'a, str>,
    /// `type` says that `data` is an image or a sound, or `resultType` that `requestState` is for the server.
    has_payload: bool,
    /// Strings that are treated unless they turn out to be payloads.
    waiting: Vec<Range<usize>>,
    /// Where the keys begin in the list of names.
    names: usize,
    /// Keys that changed: the place of the edit in the list, and the new key.
    keys: Vec<(usize, String)>,
}

/// What an object or array is in a result of `tools/call`, `resources/read` or `prompts/get`.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Role {
    #[default]
    Other,
    Result,
    Content,
    Block,
    Resource,
    Contents,
    Messages,
    Message,
}

impl Role {
    /// What the object or array is that stands in this one, in an object under `key`.
    fn inner(self, key: &str, is_object: bool) -> Self {
        match (self, key, is_object) {
            (Self::Result | Self::Message, "content", false) => Self::Content,
            (Self::Result | Self::Message, "content", true) | (Self::Content, _, true) => {
                Self::Block
            }
            (Self::Result, "contents", false) => Self::Contents,
            (Self::Contents, _, true) | (Self::Block, "resource", true) => Self::Resource,
            (Self::Result, "messages", false) => Self::Messages,
            (Self::Messages, _, true) => Self::Message,
            _ => Self::Other,
        }
    }
}

/// What the next string of an object or array is.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Expects {
    Key,
    Value,
    #[default]
    Element,
}

impl<F: for<'t> FnMut(&'t str, Place) -> Cow<'t, str>> Walk<'_, F> {
    fn run(&mut self) {
        let bytes = self.json.as_bytes();
        while let Some(byte) = bytes.get(self.at) {
            match byte {
                b'{' | b'[' => self.open(*byte == b'{'),
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

    fn open(&mut self, is_object: bool) {
        let role = match self.open.last() {
            Some(frame) => frame.role.inner(&frame.key, is_object),
            None if is_object => self.root,
            None => Role::Other,
        };
        let expects = if is_object { Expects::Key } else { Expects::Element };
        let names = self.names.len();
        self.open.push(Frame { role, expects, names, ..Frame::default() });
        self.at += 1;
    }

    fn string(&mut self) {
        let start = self.at;
        let end = string_end(self.json.as_bytes(), start);
        self.at = end;
        let Some(spelt) = self.json.get(start..end) else { return };
        let span = start..end;
        let Some(frame) = self.open.last_mut() else {
            return self.treat(span, Place::Other);
        };
        if frame.expects == Expects::Key {
            frame.expects = Expects::Value;
            frame.key = text(spelt);
            self.names.push(span.clone());
            self.treat_key(span);
            return;
        }
        let place = match (frame.role, &*frame.key) {
            (Role::Block, "type") => {
                frame.has_payload |= matches!(&*text(spelt), "image" | "audio");
                Place::Other
            }
            (Role::Block, "data") if is_base64(&text(spelt)) => {
                frame.waiting.push(span);
                return;
            }
            // Nobody but the server reads it, and it must come back as it is (revision 2026-07-28, Multi Round-Trip
            // Requests).
            (Role::Result, "resultType") => {
                frame.has_payload |= text(spelt) == "input_required";
                Place::Other
            }
            (Role::Result, "requestState") => {
                frame.waiting.push(span);
                return;
            }
            (Role::Resource, "blob") if is_base64(&text(spelt)) => return,
            (Role::Block | Role::Resource, "text") => Place::Text,
            _ => Place::Other,
        };
        self.treat(span, place);
    }

    fn close(&mut self) {
        let Some(frame) = self.open.pop() else { return };
        if !frame.has_payload {
            for span in frame.waiting {
                self.treat(span, Place::Other);
            }
        }
        if !frame.keys.is_empty() {
            // Two keys of one object must not become the same.
            let names = &self.names[frame.names..];
            let mut names =
                Names::new(names.iter().map(|name| text(&self.json[name.clone()]).into_owned()));
            for (edit, key) in frame.keys {
                let unique = names.free(&key);
                if unique != key {
                    self.edits[edit].1 = quoted(&unique);
                }
            }
        }
        self.names.truncate(frame.names);
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

/// Whether a text is nothing but base64 in the alphabet that MCP has for bytes (RFC 4648, section 4), which spells no
/// words apart.
fn is_base64(text: &str) -> bool {
    let digits = text.trim_end_matches('=');
    text.len().is_multiple_of(4)
        && text.len() - digits.len() <= 2
        && digits.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(json: &str, expected: &str) {
        let rewritten = rewrite(json, Shape::Result, |text, place| match place {
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
    fn what_the_server_is_to_get_back_keeps_its_bytes() {
        let check_state = |rest: &str, expected: &str| {
            let whole = |state: &str| format!(r#"{{"requestState": "{state}"{rest}}}"#);
            check(&whole(r"b\u0061d \ud800"), &whole(expected));
        };
        check_state(r#","resultType":"input_required""#, r"b\u0061d \ud800");
        check_state(r#","resultType":"complete""#, "ok \u{fffd}");
        check_state("", "ok \u{fffd}");
        // Nowhere else.
        check(
            r#"{"resultType":"input_required","x":{"requestState":"bad"},"y":"bad"}"#,
            r#"{"resultType":"input_required","x":{"requestState":"ok"},"y":"ok"}"#,
        );
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
    fn texts_are_known_by_where_they_stand() {
        for (json, expected) in [
            (
                r#"{"content":[{"text":"bad","type":"text"}]}"#,
                r#"{"content":[{"text":"<bad>","type":"text"}]}"#,
            ),
            (
                r#"{"c\u006fntent":[{"t\u0079pe":"te\u0078t","te\u0078t":"a"}]}"#,
                r#"{"c\u006fntent":[{"t\u0079pe":"te\u0078t","te\u0078t":"<a>"}]}"#,
            ),
            (
                r#"{"content":[{"resource":{"\u0075ri":"a","text":"b"}}]}"#,
                r#"{"content":[{"resource":{"\u0075ri":"a","text":"<b>"}}]}"#,
            ),
            (
                r#"{"contents":[{"uri":"a","text":"b"}]}"#,
                r#"{"contents":[{"uri":"a","text":"<b>"}]}"#,
            ),
            (
                r#"{"messages":[{"content":{"type":"text","text":"b"}}]}"#,
                r#"{"messages":[{"content":{"type":"text","text":"<b>"}}]}"#,
            ),
        ] {
            check(json, expected);
        }
        for json in [
            r#"{"text":"a","type":"text"}"#,
            r#"{"structuredContent":{"uri":"a","text":"b"}}"#,
            r#"{"structuredContent":{"content":[{"type":"text","text":"b"}]}}"#,
            r#"{"content":[{"annotations":{"type":"text","text":"b"}}]}"#,
        ] {
            check(json, json);
        }
    }

    #[test]
    fn payloads_are_left_alone() {
        for json in [
            r#"{"content":[{"data":"bad=","type":"image"}]}"#,
            r#"{"content":[{"type":"\u0061udio","d\u0061ta":"\/bad"}]}"#,
            r#"{"content":[{"type":"resource","resource":{"uri":"file:///x","blob":"bad="}}]}"#,
            r#"{"contents":[{"uri":"file:///x","blob":"bad="}]}"#,
        ] {
            check(json, json);
            let plain = rewrite(json, Shape::Other, |text, _| text.replace("bad", "ok").into());
            assert!(plain.contains("ok"), "{plain} is no result");
        }
    }

    #[test]
    fn what_is_no_payload_is_treated() {
        for (json, expected) in [
            (r#"{"data":"bad=","type":"image"}"#, r#"{"data":"ok=","type":"image"}"#),
            (
                r#"{"structuredContent":{"type":"image","uri":"x","data":"bad=","blob":"bad="}}"#,
                r#"{"structuredContent":{"type":"image","uri":"x","data":"ok=","blob":"ok="}}"#,
            ),
            (
                r#"{"content":[{"type":"text","data":"bad="}]}"#,
                r#"{"content":[{"type":"text","data":"ok="}]}"#,
            ),
            (
                r#"{"content":[{"type":"image","data":"so bad=="}]}"#,
                r#"{"content":[{"type":"image","data":"so ok=="}]}"#,
            ),
            (
                r#"{"content":[{"type":"image","data":"bad_"}]}"#,
                r#"{"content":[{"type":"image","data":"ok_"}]}"#,
            ),
            (
                r#"{"content":[{"type":"image","data":"bad"}]}"#,
                r#"{"content":[{"type":"image","data":"ok"}]}"#,
            ),
        ] {
            check(json, expected);
        }
    }

    #[test]
    fn halves_of_characters_are_mended() {
        check(r#"["\ud800bad\n","\ud83d\ude00"]"#, "[\"\u{fffd}ok\\n\",\"\\ud83d\\ude00\"]");
    }
}
