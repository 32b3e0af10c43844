//! Parts of JSON texts that have passed [`super::Strict`]. Other texts give nonsense, but no panic.

use std::borrow::Cow;

use memchr::memchr2;

use super::notes::{Notes, Part};
use super::scan::{blank, end_in_words};

/// One member of an object, as it is spelt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Member<'a> {
    /// The key with its quotes.
    key: &'a str,
    /// Escapes stand in the key.
    escaped: bool,
    /// The JSON text of the value.
    pub value: &'a str,
    noted: Option<Notes<'a>>,
}

impl<'a> Member<'a> {
    #[inline]
    pub(super) fn new(
        key: &'a str,
        escaped: bool,
        value: &'a str,
        noted: Option<Notes<'a>>,
    ) -> Self {
        Self { key, escaped, value, noted }
    }

    /// The value with what was noted of it.
    pub fn part(&self) -> Part<'a> {
        match self.noted {
            Some(Notes { whole, notes }) => Part::noted(self.value, whole, notes),
            None => self.value.into(),
        }
    }

    /// The key as it is spelt, with its quotes.
    pub fn key(&self) -> &'a str {
        self.key
    }

    /// The key as text.
    #[inline]
    pub fn name(&self) -> Cow<'a, str> {
        if self.escaped {
            string(self.key).unwrap_or_default()
        } else {
            Cow::Borrowed(&self.key[1..self.key.len() - 1])
        }
    }
}

/// The members of an object as they are found in its text. Its code is made once, here, where it is made to be fast, and
/// not in every place that goes over them: a fifth of what JSON costs in a small call.
#[derive(Debug)]
pub(super) struct Found<'a> {
    object: &'a str,
    at: usize,
    /// An object's first member follows its bracket, each later one a comma.
    before: u8,
}

/// The members of an object, in their order; none if the text is no object.
pub fn members(object: &str) -> impl Iterator<Item = Member<'_>> {
    Found::new(object)
}

impl<'a> Found<'a> {
    pub(super) fn new(object: &'a str) -> Self {
        Self { object, at: blank(object.as_bytes(), 0), before: b'{' }
    }
}

impl<'a> Iterator for Found<'a> {
    type Item = Member<'a>;

    fn next(&mut self) -> Option<Member<'a>> {
        let object = self.object;
        let bytes = object.as_bytes();
        if bytes.get(self.at) != Some(&self.before) {
            return None;
        }
        self.before = b',';
        let key = blank(bytes, self.at + 1);
        if bytes.get(key) != Some(&b'"') {
            return None;
        }
        let mut escaped = false;
        let key_end = quoted_end(bytes, key + 1, &mut escaped)?;
        let colon = blank(bytes, key_end);
        let value = blank(bytes, colon + 1);
        let value_end = value_end(bytes, value)?;
        self.at = blank(bytes, value_end);
        Some(Member::new(object.get(key..key_end)?, escaped, object.get(value..value_end)?, None))
    }
}

/// The JSON text of the member of this name, if the text is an object that has it.
pub fn member<'a>(object: &'a str, name: &str) -> Option<&'a str> {
    members(object).find(|member| member.name() == name).map(|member| member.value)
}

/// The elements of an array, in their order; none if the text is no array.
pub fn elements(array: &str) -> impl Iterator<Item = &str> {
    let bytes = array.as_bytes();
    let mut at = blank(bytes, 0);
    let mut before = b'[';
    std::iter::from_fn(move || {
        if bytes.get(at) != Some(&before) {
            return None;
        }
        before = b',';
        let start = blank(bytes, at + 1);
        if bytes.get(start) == Some(&b']') {
            return None;
        }
        let end = value_end(bytes, start)?;
        at = blank(bytes, end);
        array.get(start..end)
    })
}

/// Every object, at whatever depth, in the order in which they begin; each as the text from its bracket to the end
/// of the whole, of which [`members`] reads no more than the object.
pub fn objects(json: &str) -> impl Iterator<Item = &str> {
    let bytes = json.as_bytes();
    let mut at = 0;
    std::iter::from_fn(move || {
        loop {
            let here = at;
            match bytes.get(at)? {
                b'"' => at = quoted_end(bytes, at + 1, &mut false)?,
                b'{' => {
                    at += 1;
                    return json.get(here..);
                }
                _ => at += 1,
            }
        }
    })
}

/// The value with which the text begins.
pub fn first_value(json: &str) -> Option<&str> {
    json.get(..value_end(json.as_bytes(), 0)?)
}

/// Where the value at `at` ends.
fn value_end(bytes: &[u8], mut at: usize) -> Option<usize> {
    match bytes.get(at)? {
        b'"' => quoted_end(bytes, at + 1, &mut false),
        b'{' | b'[' => {
            let mut depth = 0_usize;
            loop {
                at = match bytes.get(at)? {
                    b'"' => quoted_end(bytes, at + 1, &mut false)?,
                    b'{' | b'[' => {
                        depth += 1;
                        at + 1
                    }
                    b'}' | b']' if depth == 1 => return Some(at + 1),
                    b'}' | b']' => {
                        depth -= 1;
                        at + 1
                    }
                    _ => at + 1,
                };
            }
        }
        _ => {
            let ends = |byte: &u8| matches!(byte, b',' | b'}' | b']') || byte.is_ascii_whitespace();
            let rest = &bytes[at..];
            Some(at + rest.iter().position(ends).unwrap_or(rest.len()))
        }
    }
}

/// Where the string ends whose content starts at `at`, its quote included.
#[inline]
fn quoted_end(bytes: &[u8], at: usize, escaped: &mut bool) -> Option<usize> {
    match end_in_words(bytes, at) {
        Ok(end) if bytes[end] == b'"' => Some(end + 1),
        Ok(at) | Err(at) => quoted_end_after(bytes, at, escaped),
    }
}

/// The same from a byte on before which it does not end.
#[inline(never)]
fn quoted_end_after(bytes: &[u8], mut at: usize, escaped: &mut bool) -> Option<usize> {
    loop {
        // Escapes lie close together in JSON that is a string of other JSON.
        at = match end_in_words(bytes, at) {
            Ok(end) | Err(end) => end,
        };
        if !matches!(bytes.get(at)?, b'"' | b'\\') {
            at += memchr2(b'"', b'\\', &bytes[at..])?;
        }
        if bytes[at] == b'"' {
            return Some(at + 1);
        }
        *escaped = true;
        at += 2;
    }
}

/// The text of a JSON string; nothing if it is none, or its escapes stand for no text.
pub fn string(json: &str) -> Option<Cow<'_, str>> {
    let bytes = json.as_bytes();
    let [b'"', inner @ .., b'"'] = bytes else { return None };
    // Short texts are not worth the search for long ones.
    let is_plain = match end_in_words(bytes, 1) {
        Ok(end) => end == bytes.len() - 1,
        Err(at) => !inner[at - 1..].contains(&b'\\'),
    };
    if is_plain {
        return Some(Cow::Borrowed(&json[1..json.len() - 1]));
    }
    serde_json::from_str(json).ok().map(Cow::Owned)
}

/// Whether the value is an object.
pub fn is_object(json: &str) -> bool {
    // Hardly ever is anything before it.
    json.as_bytes().first() == Some(&b'{') || json.trim_ascii_start().starts_with('{')
}

/// `outer` with its part `inner`, which was cut from it, replaced by `with`; all else stays byte for byte. Nothing
/// when `inner` is no part of `outer`.
pub fn replace(outer: &str, inner: &str, with: &str) -> Option<String> {
    let start = offset(outer, inner)?;
    let (before, after) = (outer.get(..start)?, outer.get(start + inner.len()..)?);
    Some([before, with, after].concat())
}

/// Where `part` lies in `whole`, from which it was cut.
pub fn offset(whole: &str, part: &str) -> Option<usize> {
    let start = (part.as_ptr() as usize).checked_sub(whole.as_ptr() as usize)?;
    (start + part.len() <= whole.len()).then_some(start)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(object: &str, expected: &[(&str, &str)]) {
        let found: Vec<_> =
            members(object).map(|member| (member.name().into_owned(), member.value)).collect();
        let expected: Vec<_> =
            expected.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect();
        assert_eq!(found, expected, "{object}");
    }

    #[test]
    fn objects_are_cut_into_members() {
        check("{}", &[]);
        check(" [1] ", &[]);
        check(
            r#"{"a":1,"b" : [ {"c":"}"} ] , "d\n":"\"," ,"e":null}"#,
            &[("a", "1"), ("b", r#"[ {"c":"}"} ]"#), ("d\n", r#""\",""#), ("e", "null")],
        );
    }

    #[test]
    fn members_are_found_by_name() {
        let object = r#"{"a":{"b":1},"\u0062":[2]}"#;
        assert_eq!(member(object, "b"), Some("[2]"));
        assert_eq!(member(object, "c"), None);
        assert_eq!(member("[1]", "a"), None);
    }

    #[test]
    fn arrays_are_cut_into_elements() {
        let cut = |array| elements(array).collect::<Vec<_>>();
        assert_eq!(cut(" [1, {\"a\":[2]} ,\"x,]\"]"), ["1", "{\"a\":[2]}", "\"x,]\""]);
        assert_eq!(cut("[]"), [""; 0]);
        assert_eq!(cut("{}"), [""; 0]);
    }

    #[test]
    fn objects_are_found_at_every_depth() {
        let json = r#"[{"a":{"{":1},"b":[{}]},"{"]"#;
        let found: Vec<_> = objects(json).filter_map(first_value).collect();
        assert_eq!(found, [r#"{"a":{"{":1},"b":[{}]}"#, r#"{"{":1}"#, "{}"]);
    }

    #[test]
    fn texts_that_are_no_json_end_without_panic() {
        for text in
            ["{", "{\"", "{\"a", "{\"a\"", "{\"a\":", "{\"a\":[", "{\"a\":\"\\", "{]", "{}}", ""]
        {
            assert!(members(text).count() <= 1 && objects(text).count() <= 2, "{text}");
        }
    }

    #[test]
    fn strings_are_read() {
        assert_eq!(string(r#""plain""#).as_deref(), Some("plain"));
        assert_eq!(string(r#""a\u00e9\n""#).as_deref(), Some("aé\n"));
        assert_eq!(string("5"), None);
        assert_eq!(string(r#""\ud800""#), None);
        assert_eq!(string("\""), None);
    }

    #[test]
    fn replacing_keeps_the_rest() {
        let outer = r#"{ "x": 1, "token" : 7, "y": [ ] }"#;
        let token = members(outer).find(|member| member.name() == "token").expect("it is there");
        let replaced = replace(outer, token.value, "\"abc\"").expect("inside");
        assert_eq!(replaced, r#"{ "x": 1, "token" : "abc", "y": [ ] }"#);
        assert_eq!(replace(outer, "elsewhere", "1"), None);
    }
}
