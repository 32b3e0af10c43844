//! A server taken out.

use std::path::PathBuf;

use serde_json::Value;

use super::edited::{Edited, Target};
use super::entries::{entries, named};
use super::error::Error;
use crate::base::json;
use crate::config::finding::Report;
use crate::config::{dotenv, interpolate};

/// What was taken out, and what is left of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Removed {
    /// The configuration.
    pub edited: Edited,
    /// JSON pointers to the entries in the old text, more than one where the server stood there more than once.
    pub pointers: Vec<String>,
    /// Variables that no other server names.
    pub leftovers: Vec<Leftover>,
}

/// A variable that nobody needs any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leftover {
    /// Its name.
    pub name: String,
    /// The file of variables that it stands in.
    pub file: PathBuf,
}

/// The keys of the entries that these names mean, each once; a fault if one means none. Nothing is changed.
pub fn names_of(target: &Target<'_>, servers: &[String]) -> Result<Vec<String>, Error> {
    let text = target.config_text()?;
    let mut names: Vec<String> = Vec::with_capacity(servers.len());
    for server in servers {
        for entry in named(&text, server, &target.source.config)? {
            let name = entry.key.into_owned();
            if !names.contains(&name) {
                names.push(name);
            }
        }
    }
    Ok(names)
}

/// Takes every entry of the server out of the configuration. Its variables stay where they are.
pub fn remove(target: &Target<'_>, server: &str) -> Result<Removed, Error> {
    let (edited, (pointers, unused)) = target.edit_config(|text| {
        let gone = named(text, server, &target.source.config)?;
        let keys: Vec<String> = gone.iter().map(|entry| entry.key.to_string()).collect();
        let pointers: Vec<String> = gone.iter().map(|entry| entry.pointer.clone()).collect();
        let mut unused: Vec<String> = gone.iter().flat_map(|entry| names(entry.value)).collect();
        let mut text = text.to_owned();
        loop {
            let all = entries(&text);
            let Some(entry) = all.iter().find(|entry| keys.iter().any(|key| *key == entry.key))
            else {
                let used: Vec<String> = all.iter().flat_map(|entry| names(entry.value)).collect();
                unused.retain(|name| !used.contains(name));
                break;
            };
            let without = json::remove(&text, entry.container, entry.index);
            text = without.expect("the entry was found in this text");
        }
        unused.sort_unstable();
        unused.dedup();
        Ok((text, (pointers, unused)))
    })?;
    Ok(Removed { edited, pointers, leftovers: leftovers(target, &unused) })
}

/// The variables that an entry names.
pub(super) fn names(entry: &str) -> Vec<String> {
    let entry: Value = serde_json::from_str(entry).unwrap_or_default();
    interpolate::names(&entry).into_iter().map(str::to_owned).collect()
}

/// Those of the variables that stand in files. The environment is somebody else's.
fn leftovers(target: &Target<'_>, unused: &[String]) -> Vec<Leftover> {
    let mut found = Vec::new();
    for file in &target.source.env_files {
        let variables = dotenv::read(file, &Report::top());
        let here = unused.iter().filter(|name| variables.contains_key(*name));
        found.extend(here.map(|name| Leftover { name: name.clone(), file: file.clone() }));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::edit::edited::scratch;

    #[track_caller]
    fn check(before: &str, server: &str, after: &str, pointers: &[&str]) {
        let (removed, config, _) = scratch::change(before, "", |target| remove(target, server));
        assert_eq!(config, after);
        let removed = removed.expect("removed");
        assert!(removed.edited.changed);
        assert_eq!(removed.pointers, pointers);
    }

    #[test]
    fn takes_entries_out_and_nothing_else() {
        check(
            "{\"servers\":{\"a\":{\"command\":\"x\"}}}",
            "a",
            "{\"servers\":{}}",
            &["/servers/a"],
        );
        check(
            "{\r\n\t\"servers\": {\r\n\t\t\"a\": {\r\n\t\t\t\"command\": \"}\\\"\"\r\n\t\t},\r\n\t\t\"b\": { \"command\":\"y\" }\r\n\t},\r\n\t\"unknown\": 1.0\r\n}",
            "a",
            "{\r\n\t\"servers\": {\r\n\t\t\"b\": { \"command\":\"y\" }\r\n\t},\r\n\t\"unknown\": 1.0\r\n}",
            &["/servers/a"],
        );
        check(
            "{\n  \"mcpServers\": {\n    \"b\": {\"command\": \"y\"},\n    \"a\": {\"disabled\": true}\n  }\n}\n",
            "a",
            "{\n  \"mcpServers\": {\n    \"b\": {\"command\": \"y\"}\n  }\n}\n",
            &["/mcpServers/a"],
        );
    }

    #[test]
    fn takes_faulty_and_repeated_ones_out_as_well() {
        check(
            "{\"servers\": {\"a\": [], \"b\": {\"command\": \"x\"}, \"\\u0061\": {}}, \"mcpServers\": {\"a\": 7}}",
            "a",
            "{\"servers\": {\"b\": {\"command\": \"x\"}}, \"mcpServers\": {}}",
            &["/servers/a", "/servers/a", "/mcpServers/a"],
        );
        check(
            "{\"servers\": {\"My Server\": {\"comand\": 1}}, \"mode\": \"faulty\"}",
            "my-server",
            "{\"servers\": {}, \"mode\": \"faulty\"}",
            &["/servers/My Server"],
        );
    }

    #[test]
    fn what_was_left_out_before_is_no_loss() {
        let rest = "\"Foo Bar\": {\"command\": \"x\"}, \"foo-bar\": {\"command\": \"y\"}";
        check(
            &format!("{{\"servers\": {{\"foo\": {{\"command\": \"z\"}}, {rest}}}}}"),
            "foo",
            &format!("{{\"servers\": {{{rest}}}}}"),
            &["/servers/foo"],
        );
    }

    #[test]
    fn names_what_nobody_needs_any_more() {
        let config = r#"{"servers": {
            "a": {"command": "x", "args": ["${ONLY}", "${env:SHARED}", "${NOT_IN_A_FILE:-d}", "$PLAIN"]},
            "b": {"command": "y", "env": {"K": "${SHARED}"}}}}"#;
        let env = "ONLY=1\nSHARED=2\nPLAIN=3\n";
        let (removed, _, after) = scratch::change(config, env, |target| remove(target, "a"));
        let leftovers = removed.expect("removed").leftovers;
        let names: Vec<&str> = leftovers.iter().map(|left| left.name.as_str()).collect();
        assert_eq!(names, ["ONLY"]);
        assert_eq!(after, env);
    }

    #[test]
    fn names_the_nearest() {
        let config = "{\"servers\": {\"github\": {\"command\": \"x\"}}}";
        let (removed, after, _) = scratch::change(config, "", |target| remove(target, "githbu"));
        let fault = removed.expect_err("there is none");
        assert!(matches!(&fault, Error::UnknownServer { nearest, .. } if nearest == &["github"]));
        assert_eq!(after, config);
    }
}
