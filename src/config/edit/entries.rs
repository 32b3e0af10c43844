//! The entries of servers in the text of a configuration, faulty ones, disabled ones and repeated ones included.

use std::borrow::Cow;
use std::path::Path;

use super::error::Error;
use crate::base::{json, locate, text};
use crate::config::name::ServerName;
use crate::config::servers::KEYS;

/// How many names are offered in place of an unknown one.
const NEAREST: usize = 5;

/// One entry.
pub(super) struct Entry<'a> {
    /// The object that it stands in, such as that of `servers`.
    pub(super) container: &'a str,
    /// Its place among the members of that object.
    pub(super) index: usize,
    /// Its name as it stands there.
    pub(super) key: Cow<'a, str>,
    /// JSON pointer to it.
    pub(super) pointer: String,
    /// Its line, counted from 1.
    pub(super) line: usize,
    /// Its text.
    pub(super) value: &'a str,
}

impl Entry<'_> {
    /// The name that the bridge gives the server; the key where it gives none.
    pub(super) fn name(&self) -> Cow<'_, str> {
        ServerName::normalise(&self.key)
            .map_or_else(|_| Cow::Borrowed(&*self.key), |name| Cow::Owned(name.as_str().to_owned()))
    }
}

/// All entries in the order of the text.
pub(super) fn entries(text: &str) -> Vec<Entry<'_>> {
    let containers = json::members(text).filter(|member| KEYS.contains(&&*member.name()));
    containers
        .flat_map(|container| {
            let pointer = locate::child("", &container.name());
            json::members(container.value).enumerate().map(move |(index, member)| Entry {
                container: container.value,
                index,
                pointer: locate::child(&pointer, &member.name()),
                line: line_of(text, member.value),
                key: member.name(),
                value: member.value,
            })
        })
        .collect()
}

/// Those that a name means: the ones whose key it is, else the ones that the bridge calls so.
pub(super) fn named<'a>(text: &'a str, name: &str, file: &Path) -> Result<Vec<Entry<'a>>, Error> {
    let mut all = entries(text);
    let exact = all.iter().any(|entry| entry.key == name);
    if exact {
        all.retain(|entry| entry.key == name);
        return Ok(all);
    }
    if all.iter().any(|entry| entry.name() == name) {
        all.retain(|entry| entry.name() == name);
        return Ok(all);
    }
    let names: Vec<Cow<'_, str>> = all.iter().map(Entry::name).collect();
    let nearest = text::nearest_all(name, names.iter().map(AsRef::as_ref), NEAREST);
    let nearest = nearest.into_iter().map(str::to_owned).collect();
    Err(Error::UnknownServer { name: name.to_owned(), file: file.to_owned(), nearest })
}

/// The one that a name means; a fault if there are several.
pub(super) fn one_named<'a>(text: &'a str, name: &str, file: &Path) -> Result<Entry<'a>, Error> {
    let mut found = named(text, name, file)?;
    match (found.pop(), found.as_slice()) {
        (Some(entry), []) => Ok(entry),
        (last, others) => {
            let lines = others.iter().chain(&last).map(|entry| entry.line);
            Err(repeated(file, format!("server `{name}`"), lines))
        }
    }
}

/// The value of a member; a fault if it stands there several times.
pub(super) fn one_member<'a>(
    text: &'a str,
    object: &'a str,
    key: &str,
    file: &Path,
) -> Result<Option<(usize, &'a str)>, Error> {
    let found: Vec<(usize, &str)> = json::members(object)
        .enumerate()
        .filter(|(_, member)| member.name() == key)
        .map(|(index, member)| (index, member.value))
        .collect();
    match found.as_slice() {
        [] => Ok(None),
        [one] => Ok(Some(*one)),
        several => {
            let lines = several.iter().map(|(_, value)| line_of(text, value));
            Err(repeated(file, format!("`{key}`"), lines))
        }
    }
}

fn repeated(file: &Path, what: String, lines: impl Iterator<Item = usize>) -> Error {
    let lines = lines.map(|line| line.to_string()).collect::<Vec<_>>().join(", ");
    Error::Repeated { file: file.to_owned(), what, lines }
}

/// The line, counted from 1, on which a part of the text starts.
fn line_of(text: &str, part: &str) -> usize {
    let before = json::offset(text, part).and_then(|at| text.get(..at)).unwrap_or_default();
    memchr::memchr_iter(b'\n', before.as_bytes()).count() + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_what_a_name_means() {
        const TEXT: &str = r#"{"servers": {"git": {}, "My Server": {"a": 1},
            "web": 1, "web ": [], "git": null}, "mcpServers": {"my-server": {}, "日本": 7}, "x": {"git": 1}}"#;
        fn check(name: &str, expected: &[(&str, &str)]) {
            let found = named(TEXT, name, Path::new("c.json")).unwrap_or_default();
            let found: Vec<_> =
                found.iter().map(|entry| (entry.pointer.as_str(), entry.value)).collect();
            assert_eq!(found, expected, "{name}");
        }
        check("git", &[("/servers/git", "{}"), ("/servers/git", "null")]);
        check("My Server", &[("/servers/My Server", "{\"a\": 1}")]);
        check("my-server", &[("/mcpServers/my-server", "{}")]);
        check("web", &[("/servers/web", "1")]);
        check("web ", &[("/servers/web ", "[]")]);
        check("日本", &[("/mcpServers/日本", "7")]);
        check("gti", &[]);
        let fault = named(TEXT, "my-servr", Path::new("c.json")).err().expect("unknown");
        let Error::UnknownServer { nearest, .. } = fault else { panic!("{fault}") };
        assert_eq!(nearest[0], "my-server");
        let fault = one_named(TEXT, "git", Path::new("c.json")).err().expect("twice");
        assert!(fault.to_string().contains("`git` more than once, in lines 1, 2"), "{fault}");
    }
}
