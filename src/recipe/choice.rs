//! Values out of lists: closed ones, whose names serve for reading and writing, and open ones, which may grow.

use serde_json::Value;

use crate::base::{locate, text};
use crate::config::finding::{Report, Severity};
use crate::config::reader::Reader;

/// The name that stands for the value in the file.
pub(super) fn name_of<T: Copy + PartialEq>(
    choices: &[(&'static str, T)],
    value: T,
) -> &'static str {
    let found = choices.iter().find(|(_, choice)| *choice == value);
    found.map(|(name, _)| *name).expect("every value has a name")
}

/// A text that should be one of those that are known; others are kept and warned about.
pub(super) fn open(reader: &mut Reader<'_>, key: &'static str, known: &[&str]) -> Option<String> {
    let text = reader.filled_string(key)?;
    warn_of_unknown(reader.report(), &reader.at(key), key, &text, known);
    Some(text)
}

fn warn_of_unknown(report: &Report, pointer: &str, key: &str, text: &str, known: &[&str]) {
    if known.contains(&text) {
        return;
    }
    let message = format!("`{text}` is no known `{key}`");
    let mut finding = report.finding(Severity::Warning, pointer, message);
    let near = text::nearest(text, known.iter().copied());
    finding.hint = Some(near.map_or_else(
        || format!("known are {}", listed(known)),
        |near| format!("did you mean `{near}`?"),
    ));
    report.add(finding);
}

/// Names as messages show them.
pub(super) fn listed(names: &[&str]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

/// The objects of a list, each with a reader of its own; what is no object is reported.
pub(super) fn objects<'a>(reader: &mut Reader<'a>, key: &'static str) -> Option<Vec<Reader<'a>>> {
    let value = reader.value(key)?;
    let Value::Array(items) = value else {
        reader.mistyped(key, "a list of objects", value);
        return None;
    };
    let place = reader.at(key);
    let mut readers = Vec::with_capacity(items.len());
    for (index, item) in items.iter().enumerate() {
        let pointer = locate::child(&place, &index.to_string());
        if let Value::Object(object) = item {
            readers.push(Reader::new(object, &pointer, reader.report()));
        } else {
            reader.report().error(&pointer, format!("item {index} of `{key}` must be an object"));
        }
    }
    Some(readers)
}

/// A URL for people to open; it may not be anything else that a browser understands.
pub(super) fn web_address(reader: &mut Reader<'_>, key: &'static str) -> Option<String> {
    let url = reader.filled_string(key)?;
    if crate::config::remote::is_http(&url) {
        return Some(url);
    }
    let message = format!("`{key}` is no address that begins with `https://` or `http://`");
    reader.report().error(&reader.at(key), message);
    None
}
