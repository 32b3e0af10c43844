//! New members of an object, laid out as the file is.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::Value;
use serde_json::ser::{Formatter, PrettyFormatter, Serializer};

use crate::base::json::{self, Place};

/// What a step of indentation is where nothing shows it.
const STEP: &str = "  ";

/// `whole` with another member behind those of `object`, a part of it: over several lines where the others stand on
/// lines of their own, or where the file does and there are no others. Nothing if `object` is none.
pub(crate) fn insert(whole: &str, object: &str, key: &str, value: &Value) -> Option<String> {
    if !json::is_object(object) {
        return None;
    }
    let first = json::members(object).next();
    let is_laid_out = match &first {
        Some(first) => indentation(whole, first.key()).is_some(),
        None => object.contains('\n') || outermost(whole).is_some(),
    };
    if !is_laid_out {
        let value = if json::is_tight(whole) { value.to_string() } else { spaced(value) };
        return json::insert(whole, object, Place::Last, key, &value);
    }
    let step = outermost(whole).filter(|step| !step.is_empty()).unwrap_or(STEP);
    let line_break = if whole.contains("\r\n") { "\r\n" } else { "\n" };
    if let Some(first) = first {
        let margin = indentation(whole, first.key()).unwrap_or_default();
        let value = laid_out(value, margin, step, line_break);
        return json::insert(whole, object, Place::Last, key, &value);
    }
    let start = json::offset(whole, object)?;
    let outer = line_margin(whole, start);
    let inner = [outer, step].concat();
    let value = laid_out(value, &inner, step, line_break);
    let key = Value::from(key);
    let object_with = format!("{{{line_break}{inner}{key}: {value}{line_break}{outer}}}");
    json::replace(whole, object, &object_with)
}

/// `whole` with another value in place of `old`, a part of it.
pub(crate) fn replace(whole: &str, old: &str, value: &Value) -> Option<String> {
    let value = match outermost(whole) {
        Some(step) => {
            let step = if step.is_empty() { STEP } else { step };
            let line_break = if whole.contains("\r\n") { "\r\n" } else { "\n" };
            laid_out(value, line_margin(whole, json::offset(whole, old)?), step, line_break)
        }
        None if json::is_tight(whole) => value.to_string(),
        None => spaced(value),
    };
    json::replace(whole, old, &value)
}

/// The blanks before the first member of the file, if it begins a line.
fn outermost(whole: &str) -> Option<&str> {
    json::members(whole).next().and_then(|first| indentation(whole, first.key()))
}

/// The blanks before a part of the text, if it begins a line.
fn indentation<'a>(whole: &'a str, part: &str) -> Option<&'a str> {
    let before = &whole[..json::offset(whole, part)?];
    let margin = &before[before.rfind('\n')? + 1..];
    margin.trim_start_matches([' ', '\t']).is_empty().then_some(margin)
}

/// The blanks with which the line begins in which this place lies.
fn line_margin(whole: &str, at: usize) -> &str {
    let line = whole[..at].rfind('\n').map_or(0, |line_break| line_break + 1);
    let line = &whole[line..];
    &line[..line.len() - line.trim_start_matches([' ', '\t']).len()]
}

fn laid_out(value: &Value, margin: &str, step: &str, line_break: &str) -> String {
    let text = written(value, PrettyFormatter::with_indent(step.as_bytes()));
    text.replace('\n', &[line_break, margin].concat())
}

/// On one line, with a blank behind colons and commas.
fn spaced(value: &Value) -> String {
    written(value, Spaced)
}

fn written(value: &Value, formatter: impl Formatter) -> String {
    let mut bytes = Vec::new();
    value
        .serialize(&mut Serializer::with_formatter(&mut bytes, formatter))
        .expect("values serialise into memory");
    String::from_utf8(bytes).expect("JSON is UTF-8")
}

struct Spaced;

impl Formatter for Spaced {
    fn begin_array_value<W: ?Sized + Write>(&mut self, to: &mut W, first: bool) -> io::Result<()> {
        if first { Ok(()) } else { to.write_all(b", ") }
    }

    fn begin_object_key<W: ?Sized + Write>(&mut self, to: &mut W, first: bool) -> io::Result<()> {
        if first { Ok(()) } else { to.write_all(b", ") }
    }

    fn begin_object_value<W: ?Sized + Write>(&mut self, to: &mut W) -> io::Result<()> {
        to.write_all(b": ")
    }
}
