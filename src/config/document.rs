//! The text of the configuration as JSON, with people's words for what is not JSON.

use std::path::Path;

use serde_json::{Map, Value};

use super::error::Error;
use super::finding::Lines;
use crate::base::json::MAX_DEPTH;

/// A parsed configuration file.
pub(crate) struct Document {
    pub(crate) object: Map<String, Value>,
    pub(crate) lines: Lines,
}

impl Document {
    pub(crate) fn parse(path: &Path, bytes: &[u8]) -> Result<Self, Error> {
        // Editors on Windows like to put a byte order mark in front.
        let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
        let not_json =
            |(line, column), reason| Error::NotJson { path: path.to_owned(), line, column, reason };
        let text = std::str::from_utf8(bytes).map_err(|fault| {
            let place = line_and_column(&bytes[..fault.valid_up_to()]);
            not_json(place, "the file is not UTF-8; save it in that encoding".to_owned())
        })?;
        let value: Value = serde_json::from_str(text).map_err(|fault| {
            not_json((fault.line().max(1), fault.column().max(1)), reason(text, &fault))
        })?;
        let found = match value {
            Value::Object(object) => {
                let lines = Lines::of(text);
                return Ok(Self { object, lines });
            }
            Value::Array(_) => "a list",
            Value::String(_) => "a string",
            Value::Null => "`null`",
            Value::Bool(_) | Value::Number(_) => "a lone value",
        };
        Err(Error::NotAnObject { path: path.to_owned(), found })
    }
}

fn line_and_column(before: &[u8]) -> (usize, usize) {
    let line = memchr::memchr_iter(b'\n', before).count() + 1;
    let column = before.iter().rev().take_while(|byte| **byte != b'\n').count() + 1;
    (line, column)
}

/// Names the usual slips; for the rest, what the parser says without its position.
fn reason(text: &str, fault: &serde_json::Error) -> String {
    if text.trim().is_empty() {
        return "the file is empty; the least configuration is `{}`".to_owned();
    }
    if fault.is_eof() {
        return "the file ends too early; a `}`, `]` or `\"` is missing".to_owned();
    }
    let said = fault.to_string();
    let said = said.split(" at line ").next().unwrap_or_default();
    if said == "recursion limit exceeded" {
        return format!("objects and lists are nested more than {MAX_DEPTH} levels deep");
    }
    if said == "trailing comma" {
        return "a comma before `}` or `]` has nothing to separate; remove it".to_owned();
    }
    let line = text.lines().nth(fault.line().saturating_sub(1)).unwrap_or_default();
    let at = fault.column().saturating_sub(1);
    match line.as_bytes().get(at) {
        Some(b'/' | b'#') => "JSON has no comments; remove it".to_owned(),
        Some(b'\'') => "strings and keys stand in double quotes".to_owned(),
        Some(b'}' | b']') if said.starts_with("expected value") || said.starts_with("key must") => {
            "a comma before `}` or `]` has nothing to separate; remove it".to_owned()
        }
        _ => said.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(bytes: impl AsRef<[u8]>, expected: &str) {
        let bytes = bytes.as_ref();
        let fault =
            Document::parse(Path::new("c.json"), bytes).err().map(|fault| fault.to_string());
        let fault = fault.unwrap_or_default();
        let fault = fault.strip_prefix("`c.json` ").unwrap_or(&fault);
        assert_eq!(fault, expected, "{:?}", String::from_utf8_lossy(bytes));
    }

    #[test]
    fn says_what_is_wrong() {
        check(
            "",
            "is not JSON: line 1, column 1: the file is empty; the least configuration is `{}`",
        );
        check(
            "\n{\n",
            "is not JSON: line 3, column 1: the file ends too early; a `}`, `]` or `\"` is missing",
        );
        check("{} // x", "is not JSON: line 1, column 4: JSON has no comments; remove it");
        check("{\n // x\n}", "is not JSON: line 2, column 2: JSON has no comments; remove it");
        check(
            "{\"a\": /* x */ 1}",
            "is not JSON: line 1, column 7: JSON has no comments; remove it",
        );
        check(
            "{\"a\": 1, // x\n}",
            "is not JSON: line 1, column 10: JSON has no comments; remove it",
        );
        check("{\"a\": 1 # x\n}", "is not JSON: line 1, column 9: JSON has no comments; remove it");
        check(
            "{\"a\": [1,]}",
            "is not JSON: line 1, column 10: a comma before `}` or `]` has nothing to separate; remove it",
        );
        check(
            "{\"a\": 1,\n}",
            "is not JSON: line 2, column 1: a comma before `}` or `]` has nothing to separate; remove it",
        );
        check("{'a': 1}", "is not JSON: line 1, column 2: strings and keys stand in double quotes");
        check("{\"a\" 1}", "is not JSON: line 1, column 6: expected `:`");
        check(
            b"{\n\"\xFF\"}",
            "is not JSON: line 2, column 2: the file is not UTF-8; save it in that encoding",
        );
        let column = MAX_DEPTH + 1;
        check(
            "[".repeat(column),
            &format!(
                "is not JSON: line 1, column {column}: objects and lists are nested more than 127 levels deep"
            ),
        );
        check("[]", "holds a list where an object `{…}` belongs");
        check("7", "holds a lone value where an object `{…}` belongs");
    }

    #[test]
    fn skips_a_byte_order_mark() {
        check("\u{FEFF}{}", "");
    }
}
