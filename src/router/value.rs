//! The value of a result: what filters see, and what takes the place of references.

use std::borrow::Cow;

use serde_json::value::RawValue;

use crate::base::json::{Strict, elements, members, string};
use crate::protocol::content::text_result;
use crate::protocol::outcome::Facts;

/// The structured content where there is some; else what the only text says in JSON, or that text as a string; of
/// several texts a list; the content as it is where there is no text. Images and other blocks beside texts do not
/// count.
pub(super) fn of(result: &str) -> Cow<'_, str> {
    let mut content = None;
    for member in members(result) {
        match &*member.name() {
            "structuredContent" if member.value != "null" => return Cow::Borrowed(member.value),
            "content" => content = Some(member.value),
            _ => {}
        }
    }
    let Some(content) = content else { return Cow::Borrowed(result) };
    let texts: Vec<&str> = elements(content).filter_map(text_of).collect();
    match &texts[..] {
        [] => Cow::Borrowed(content),
        [text] => of_text(text),
        texts => {
            let values: Vec<_> = texts.iter().map(|text| of_text(text)).collect();
            Cow::Owned(format!("[{}]", values.join(",")))
        }
    }
}

/// The text of a text block, as a JSON string.
fn text_of(block: &str) -> Option<&str> {
    let (mut is_text, mut text) = (false, None);
    for member in members(block) {
        match &*member.name() {
            "type" => is_text = string(member.value).is_some_and(|kind| kind == "text"),
            "text" => text = Some(member.value),
            _ => {}
        }
    }
    text.filter(|_| is_text)
}

/// The JSON inside a JSON string, or the string itself.
fn of_text(text: &str) -> Cow<'_, str> {
    let inner = string(text).unwrap_or_default();
    let mut strict = Strict::new();
    match strict.check(inner.trim().as_bytes()) {
        Ok(checked) => Cow::Owned(checked.text.to_owned()),
        Err(_) => Cow::Borrowed(text),
    }
}

/// The tool result that says a value: a string as it is, all else as JSON.
pub(super) fn to_result(value: &str) -> Box<str> {
    match string(value) {
        Some(text) => text_result(&text, false),
        None => text_result(value, false),
    }
}

/// Whether the tool says that it failed.
pub(super) fn is_error(result: &str) -> bool {
    Facts::of(result).is_error
}

/// The JSON text, which was checked before, as part of an answer.
pub(super) fn raw(json: String) -> Box<RawValue> {
    RawValue::from_string(json).expect("it was checked as it came in")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(result: &str, expected: &str) {
        assert_eq!(of(result), expected, "{result}");
    }

    #[test]
    fn results_have_a_value() {
        let text = |text: &str| format!(r#"{{"content":[{{"type":"text","text":{text}}}]}}"#);
        check(&text(r#""plain words""#), r#""plain words""#);
        check(&text(r#"" {\"a\": [1]}\n""#), r#"{"a": [1]}"#);
        check(&text(r#""42""#), "42");
        check(&text(r#""{\"a\":1,\"a\":2}""#), r#""{\"a\":1,\"a\":2}""#);
        check(
            r#"{"content":[{"type":"text","text":"x"}],"structuredContent":{"a":1}}"#,
            r#"{"a":1}"#,
        );
        check(
            r#"{"content":[{"type":"text","text":"1"},{"text":"b","type":"text"}]}"#,
            r#"[1,"b"]"#,
        );
        let image = r#"{"type":"image","data":"AA"}"#;
        check(&format!(r#"{{"content":[{image}]}}"#), &format!("[{image}]"));
        check(&format!(r#"{{"content":[{{"type":"text","text":"1"}},{image}]}}"#), "1");
        check(r#"{"content":[]}"#, "[]");
        check(r#"{"x":1}"#, r#"{"x":1}"#);
    }

    #[test]
    fn values_become_results() {
        let check = |value: &str, expected: &str| {
            let text = format!(r#"{{"content":[{{"type":"text","text":{expected}}}]}}"#);
            assert_eq!(&*to_result(value), text);
        };
        check(r#""a\nb""#, r#""a\nb""#);
        check(r#"{"a":1}"#, r#""{\"a\":1}""#);
    }
}
