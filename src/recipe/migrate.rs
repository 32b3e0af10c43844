//! From version 1 to version 2: what of a file has no place in what is written anew.

use std::path::Path;

use serde_json::Value;

use super::spec::Recipe;
use crate::base::locate;
use crate::config::document::Document;
use crate::config::finding::{Finding, Report, Severity};

/// Where version 2 has what version 1 has at the top; the rest belongs to the transport.
const MOVED: [(&str, &str); 8] = [
    ("name", "/name"),
    ("description", "/description"),
    ("repository", "/repository"),
    ("homepage", "/metadata/homepage"),
    ("authRequired", "/auth/required"),
    ("credentialsUrl", "/auth/credentialsUrl"),
    ("transport", "/transports/0/type"),
    ("type", "/transports/0/type"),
];

/// They say which version a file has, and version 2 says so itself.
const OF_VERSION: [&str; 2] = ["$schema", "schemaVersion"];

/// What stands in a file of version 1 and not in `recipe`, which was read from it: each value with its place.
pub fn left_out(bytes: &[u8], recipe: &Recipe) -> Vec<Finding> {
    let Ok(document) = Document::parse(Path::new(""), bytes) else { return Vec::new() };
    let written = recipe.to_json();
    let report = Report::top();
    for (key, value) in &document.object {
        if OF_VERSION.contains(&key.as_str()) {
            continue;
        }
        let moved = MOVED.iter().find(|(old, _)| old == key).map(|(_, new)| (*new).to_owned());
        let new = moved.unwrap_or_else(|| locate::child("/transports/0", key));
        compare(value, &locate::child("", key), written.pointer(&new), &report);
    }
    report.into_findings(&document.lines)
}

/// Tells of the innermost values that are not the same.
fn compare(old: &Value, pointer: &str, new: Option<&Value>, report: &Report) {
    let says_nothing = match old {
        Value::Null | Value::Bool(false) => true,
        Value::Array(items) => items.is_empty(),
        Value::Object(members) => members.is_empty(),
        _ => false,
    };
    match (old, new) {
        (old, Some(new)) if old == new => {}
        (_, None) if says_nothing => {}
        (Value::Object(members), Some(new @ Value::Object(_))) => {
            for (key, value) in members {
                compare(value, &locate::child(pointer, key), new.get(key), report);
            }
        }
        _ => {
            let message = "this has no place in version 2 and is left out";
            report.add(report.finding(Severity::Warning, pointer, message));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recipe::check;

    #[test]
    fn what_has_no_place_is_told() {
        let check = |json: &str, expected: &[&str]| {
            let checked = check(json.as_bytes(), std::time::SystemTime::UNIX_EPOCH);
            assert_eq!(checked.version, 1);
            let recipe = checked.recipe.expect("no error");
            let told = left_out(json.as_bytes(), &recipe);
            let told: Vec<&str> = told.iter().map(|finding| finding.pointer.as_str()).collect();
            assert_eq!(told, expected, "{json}");
        };
        check(
            r#"{"schemaVersion": 1, "$schema": "x", "name": "a1", "description": "d", "transport": "stdio", "command": "npx",
                "args": ["a"], "env": {"K": "${K}"}, "framing": "lsp", "authRequired": false, "repository": "r",
                "homepage": "https://x", "credentialsUrl": "https://y", "icon": null, "headers": {}}"#,
            &[],
        );
        check(
            r#"{"name": "a1", "description": "d", "transport": "sse", "url": "https://x", "homepage": "https://x",
                "icon": "i.png", "args": ["a"], "tags": ["b"], "auth": {"type": "bearer", "token": "t", "weight": 1.5}}"#,
            &["/icon", "/args", "/tags", "/auth/weight"],
        );
    }
}
