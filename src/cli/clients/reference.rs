//! What stands in clients' files for a value from elsewhere, as the bridge writes it.

use std::collections::HashSet;
use std::path::Path;

use serde_json::Value;

use super::client::Client;
use crate::config::interpolate::is_name;

/// What names of places mean.
#[derive(Debug, Clone, Copy)]
pub(super) struct Places<'a> {
    pub(super) user_home: Option<&'a Path>,
    /// The folder of the project whose file it is.
    pub(super) project: Option<&'a Path>,
}

/// A string with its references as the bridge has them: `${NAME}`. Fails with what cannot be said so.
pub(super) fn translated(client: Client, text: &str, places: Places<'_>) -> Result<String, String> {
    let mut new = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        new.push_str(&rest[..at]);
        let after = &rest[at + 1..];
        if let Some(inside) = after.strip_prefix('{') {
            let Some(end) = inside.find('}') else {
                break_off(&mut new, &mut rest, at);
                continue;
            };
            new.push_str(&one(&inside[..end], places)?);
            rest = &inside[end + 1..];
        } else if client == Client::Gemini && leading_name(after) > 0 {
            let length = leading_name(after);
            new.extend(["${", &after[..length], "}"]);
            rest = &after[length..];
        } else {
            break_off(&mut new, &mut rest, at);
        }
    }
    new.push_str(rest);
    Ok(new)
}

fn break_off(new: &mut String, rest: &mut &str, at: usize) {
    new.push('$');
    *rest = &rest[at + 1..];
}

/// What stands between the brackets.
fn one(inside: &str, places: Places<'_>) -> Result<String, String> {
    let path = |path: Option<&Path>| path.map(|path| path.display().to_string());
    let foreign = || format!("`${{{inside}}}` means nothing outside of it");
    match inside {
        "userHome" => path(places.user_home).ok_or_else(foreign),
        "workspaceFolder" => path(places.project).ok_or_else(foreign),
        "workspaceFolderBasename" => {
            let name = places.project.and_then(Path::file_name);
            name.map(|name| name.to_string_lossy().into_owned()).ok_or_else(foreign)
        }
        "pathSeparator" | "/" => Ok(std::path::MAIN_SEPARATOR.to_string()),
        _ => {
            if let Some(input) = inside.strip_prefix("input:") {
                return Ok(format!("${{{}}}", variable_name(input)));
            }
            let plain = inside.strip_prefix("env:").unwrap_or(inside);
            let name = plain.split_once(":-").map_or(plain, |(name, _)| name);
            if is_name(name) { Ok(format!("${{{plain}}}")) } else { Err(foreign()) }
        }
    }
}

/// A name that a variable can have, made of any words.
pub(super) fn variable_name(words: &str) -> String {
    if is_name(words) {
        return words.to_ascii_uppercase();
    }
    let parts = words.split(|letter: char| !letter.is_ascii_alphanumeric());
    let parts: Vec<&str> = parts.filter(|part| !part.is_empty()).collect();
    let name = parts.join("_").to_ascii_uppercase();
    if is_name(&name) { name } else { format!("_{name}") }
}

/// The variables that strings below `value` may mean, whatever the client.
pub(super) fn mentioned(value: &Value, names: &mut HashSet<String>) {
    match value {
        Value::String(text) => {
            for part in text.split('$').skip(1) {
                let part = part.strip_prefix('{').unwrap_or(part);
                let part = part.strip_prefix("env:").unwrap_or(part);
                names.insert(part[..leading_name(part)].to_owned());
            }
        }
        Value::Array(items) => items.iter().for_each(|item| mentioned(item, names)),
        Value::Object(members) => members.values().for_each(|member| mentioned(member, names)),
        _ => {}
    }
}

/// Bytes of the name at the beginning.
fn leading_name(text: &str) -> usize {
    let fits = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    let end = text.find(|letter| !fits(letter)).unwrap_or(text.len());
    if is_name(&text[..end]) { end } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_become_those_of_the_bridge() {
        let places = Places { user_home: Some(Path::new("/h")), project: None };
        let check = |client, text: &str, expected: Result<&str, &str>| {
            let found = translated(client, text, places);
            assert_eq!(found.as_deref().map_err(String::as_str), expected, "{text}");
        };
        check(Client::VsCode, "a ${env:TOKEN} b", Ok("a ${TOKEN} b"));
        check(Client::VsCode, "${input:api-key}", Ok("${API_KEY}"));
        check(Client::VsCode, "${userHome}/x", Ok("/h/x"));
        check(
            Client::VsCode,
            "${workspaceFolder}/x",
            Err("`${workspaceFolder}` means nothing outside of it"),
        );
        check(Client::Windsurf, "${file:/k}", Err("`${file:/k}` means nothing outside of it"));
        check(Client::ClaudeCode, "${A}${B:-c d}", Ok("${A}${B:-c d}"));
        check(Client::ClaudeCode, "$A costs $5 ${", Ok("$A costs $5 ${"));
        check(Client::Gemini, "Bearer $TOKEN, $5 $", Ok("Bearer ${TOKEN}, $5 $"));
        let project = Places { project: Some(Path::new("/w/p")), ..places };
        assert_eq!(
            translated(Client::Cursor, "${workspaceFolder}/x", project).as_deref(),
            Ok("/w/p/x")
        );
    }

    #[test]
    fn names_of_variables() {
        for (words, expected) in
            [("api-key", "API_KEY"), ("--token", "TOKEN"), ("2fa key", "_2FA_KEY")]
        {
            assert_eq!(variable_name(words), expected);
        }
        let mut names = HashSet::new();
        let value = serde_json::json!({"a": ["${env:A} $B", "${C:-d}", "$ 5"], "b": 7});
        mentioned(&value, &mut names);
        assert!(["A", "B", "C"].iter().all(|name| names.contains(*name)), "{names:?}");
    }
}
