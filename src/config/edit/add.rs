//! Servers put in, and the variables that they need, all of it or nothing.

use std::fs::create_dir_all;
use std::path::PathBuf;

use indexmap::IndexMap;
use serde_json::{Map, Value};

use super::edited::{Edited, FileChange, Target, change_text};
use super::entries::{Entry, entries, one_member};
use super::error::Error;
use super::{env, shape};
use crate::base::fs::create_private_folder;
use crate::base::replaced::Replaced;
use crate::base::rewrite::{self, Access, rewrite_together};
use crate::base::secret::Secret;
use crate::base::{json, locate};
use crate::config::finding::Report;
use crate::config::servers::KEYS;
use crate::config::variables::Variables;
use crate::config::{self, ServerName};

/// What a configuration is that does not exist yet.
const NEW: &str = "{\n  \"servers\": {}\n}\n";

/// What is put in.
#[derive(Debug, Default)]
pub struct Addition {
    /// Servers with their entries, each name once.
    pub servers: Vec<(ServerName, Map<String, Value>)>,
    /// Variables with their values, for the `.env` file that is looked up first. It becomes private.
    pub variables: Vec<(String, Secret)>,
    /// Who may read the configuration afterwards.
    pub access: Access,
}

/// What was put in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Added {
    /// The configuration.
    pub config: Edited,
    /// The file of variables, if there were any to set.
    pub env: Option<Edited>,
    /// The servers in the order in which they were given.
    pub servers: Vec<AddedServer>,
    /// The files as they were and are, to take it back.
    pub replaced: Vec<Replaced>,
}

/// One server that is there now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddedServer {
    /// Its name.
    pub name: ServerName,
    /// JSON pointer to its entry.
    pub pointer: String,
    /// Whether it was put in; the same entry may have been there already.
    pub is_new: bool,
}

/// Puts servers behind those that there are, under the key that the file has for them, and sets variables. A server that
/// is there with the same entry stays; one with another entry is a fault, and nothing changes. A configuration that does
/// not exist is made, with its folder.
pub fn add(target: &Target<'_>, addition: &Addition) -> Result<Added, Error> {
    for (name, value) in &addition.variables {
        env::check(name, value)?;
    }
    make_folder(target)?;
    let path = target.source.config.as_path();
    let config = |old: Option<&[u8]>| {
        change_text(path, old.unwrap_or(NEW.as_bytes()), |text| put_all(target, text, addition))
    };
    let Some(env_path) = target.source.env_files.first().filter(|_| !addition.variables.is_empty())
    else {
        let ([file], (both, servers)) = rewrite_together([(path, addition.access)], |[old]| {
            let (new, servers) = config(old)?;
            target.check(&[FileChange { path, old, new: &new }])?;
            let both = (old.map(<[u8]>::to_vec), new.clone());
            Ok::<_, Error>(([Some(new)], (both, servers)))
        })?;
        let (config, replaced) = edited(file, both);
        return Ok(Added { config, env: None, servers, replaced: vec![replaced] });
    };
    // The variables first: a server without them would not run.
    let files = [(env_path.as_path(), Access::Private), (path, addition.access)];
    let ([env_file, file], (both_env, both, servers)) =
        rewrite_together(files, |[old_env, old]| {
            let new_env = env::put_all(env_path, old_env, &addition.variables)?;
            let (new, servers) = config(old)?;
            let env_change = FileChange { path: env_path, old: old_env, new: &new_env };
            target.check(&[env_change, FileChange { path, old, new: &new }])?;
            let both_env = (old_env.map(<[u8]>::to_vec), new_env.clone());
            let both = (old.map(<[u8]>::to_vec), new.clone());
            Ok::<_, Error>(([Some(new_env), Some(new)], (both_env, both, servers)))
        })?;
    let ((env, replaced_env), (config, replaced)) =
        (edited(env_file, both_env), edited(file, both));
    Ok(Added { config, env: Some(env), servers, replaced: vec![replaced_env, replaced] })
}

fn edited(file: PathBuf, (old, new): (Option<Vec<u8>>, Vec<u8>)) -> (Edited, Replaced) {
    let changed = old.as_ref() != Some(&new);
    (Edited { file: file.clone(), changed }, Replaced { file, old, new })
}

/// The servers of the configuration by the names that they run under, with their entries as they are written; disabled
/// and faulty ones, too. None where there is no configuration.
pub fn configured(target: &Target<'_>) -> Result<IndexMap<String, Value>, config::Error> {
    let text = match target.config_text() {
        Ok(text) => text,
        Err(config::Error::NotFound { .. }) => return Ok(IndexMap::new()),
        Err(fault) => return Err(fault),
    };
    let all = entries(&text);
    let read = |entry: &Entry<'_>| (entry.name().into_owned(), value(entry));
    Ok(all.iter().map(read).collect())
}

/// Which of these variables have a value, in the files of variables or in the environment. An empty one has none.
pub fn have_values(target: &Target<'_>, names: &[&str]) -> Vec<bool> {
    let Target { source, process, .. } = *target;
    let variables = Variables::read(&source.env_files, process, &Report::top(), &[]);
    let has_value = |name: &&str| variables.lookup(name).is_some_and(|value| !value.is_empty());
    names.iter().map(has_value).collect()
}

fn value(entry: &Entry<'_>) -> Value {
    serde_json::from_str(entry.value).expect("the document was parsed")
}

fn make_folder(target: &Target<'_>) -> Result<(), Error> {
    let folder = target.source.folder();
    let at_home = folder == target.paths.home();
    let made = if at_home { create_private_folder(folder) } else { create_dir_all(folder) };
    made.map_err(|source| rewrite::Error::Unwritable { path: folder.to_owned(), source }.into())
}

fn put_all(
    target: &Target<'_>,
    text: &str,
    addition: &Addition,
) -> Result<(String, Vec<AddedServer>), Error> {
    let (mut text, mut added) = (text.to_owned(), Vec::with_capacity(addition.servers.len()));
    for (name, entry) in &addition.servers {
        let (pointer, new) = put(target, &text, name, entry)?;
        added.push(AddedServer { name: name.clone(), pointer, is_new: new.is_some() });
        text = new.unwrap_or(text);
    }
    Ok((text, added))
}

/// JSON pointer to the entry, and the text with it unless it was there.
fn put(
    target: &Target<'_>,
    text: &str,
    name: &ServerName,
    new: &Map<String, Value>,
) -> Result<(String, Option<String>), Error> {
    let file = &target.source.config;
    if let Some(old) = entries(text).iter().find(|entry| entry.name() == name.as_str()) {
        if value(old).as_object() == Some(new) {
            return Ok((old.pointer.clone(), None));
        }
        return Err(Error::Taken { name: name.to_string(), file: file.clone(), line: old.line });
    }
    let mut found = KEYS.iter().filter_map(|key| {
        one_member(text, text, key, file).map(|member| Some((*key, member?.1))).transpose()
    });
    let Some(container) = found.next() else {
        // What says nothing yet is laid out as a new file is.
        let empty = json::members(text).next().is_none();
        let with = if empty {
            NEW.to_owned()
        } else {
            shape::insert(text, text, KEYS[0], &Value::Object(Map::new())).expect(OBJECT)
        };
        let (_, inside) = one_member(&with, &with, KEYS[0], file)?.expect("it was put in");
        let with = shape::insert(&with, inside, name.as_str(), &Value::Object(new.clone()));
        let with = with.expect(OBJECT);
        return Ok((pointer(KEYS[0], name), Some(with)));
    };
    let (key, inside) = container?;
    if !json::is_object(inside) {
        let pointer = locate::child("", key);
        return Err(Error::NotAnObject { file: file.clone(), pointer });
    }
    let with = shape::insert(text, inside, name.as_str(), &Value::Object(new.clone()));
    let with = with.expect(OBJECT);
    Ok((pointer(key, name), Some(with)))
}

const OBJECT: &str = "it is an object";

fn pointer(container: &str, name: &ServerName) -> String {
    locate::child(&locate::child("", container), name.as_str())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::config::edit::edited::scratch;

    fn addition(servers: &[(&str, Value)], variables: &[(&str, &str)]) -> Addition {
        let server = |(name, entry): &(&str, Value)| {
            let Value::Object(entry) = entry else { panic!("{entry} is no entry") };
            (ServerName::parse(name).expect("a name"), entry.clone())
        };
        let variable =
            |(name, value): &(&str, &str)| ((*name).to_owned(), Secret::from(value.to_string()));
        Addition {
            servers: servers.iter().map(server).collect(),
            variables: variables.iter().map(variable).collect(),
            ..Addition::default()
        }
    }

    #[track_caller]
    fn check(before: &str, after: &str, pointer: &str) {
        let new = addition(&[("b", json!({"command": "x", "args": ["-y"], "env": {}}))], &[]);
        let (added, config, _) = scratch::change(before, "", |target| add(target, &new));
        assert_eq!(config, after);
        let added = added.expect("added");
        assert_eq!((added.servers[0].pointer.as_str(), added.config.changed), (pointer, true));
    }

    #[test]
    fn what_is_new_looks_like_what_stands_around_it() {
        check(
            "{\"servers\":{\"a\":{\"command\":\"x\"}}}",
            "{\"servers\":{\"a\":{\"command\":\"x\"},\"b\":{\"command\":\"x\",\"args\":[\"-y\"],\"env\":{}}}}",
            "/servers/b",
        );
        check(
            "{\"servers\": {}, \"mode\": \"auto\"}",
            "{\"servers\": {\"b\": {\"command\": \"x\", \"args\": [\"-y\"], \"env\": {}}}, \"mode\": \"auto\"}",
            "/servers/b",
        );
        check(
            "\u{FEFF}{\r\n\t\"mcpServers\" : {\r\n\t\t\"a\" : { \"command\":\"x\" }\r\n\t},\r\n\t\"theme\" : 1.0\r\n}\r\n",
            "\u{FEFF}{\r\n\t\"mcpServers\" : {\r\n\t\t\"a\" : { \"command\":\"x\" },\r\n\t\t\"b\" : {\r\n\t\t\t\"command\": \"x\",\r\n\t\t\t\"args\": [\r\n\t\t\t\t\"-y\"\r\n\t\t\t],\r\n\t\t\t\"env\": {}\r\n\t\t}\r\n\t},\r\n\t\"theme\" : 1.0\r\n}\r\n",
            "/mcpServers/b",
        );
        let laid_out = "{\n  \"servers\": {\n    \"b\": {\n      \"command\": \"x\",\n      \"args\": [\n        \"-y\"\n      ],\n      \"env\": {}\n    }\n  }\n}\n";
        check("{}", laid_out, "/servers/b");
        check("{\n  \"servers\": {}\n}\n", laid_out, "/servers/b");
        check("{\n  \"servers\": {\n  }\n}\n", laid_out, "/servers/b");
        check(
            "{\n    \"mode\": \"auto\"\n}",
            "{\n    \"mode\": \"auto\",\n    \"servers\": {\n        \"b\": {\n            \"command\": \"x\",\n            \"args\": [\n                \"-y\"\n            ],\n            \"env\": {}\n        }\n    }\n}",
            "/servers/b",
        );
    }

    #[test]
    fn all_or_nothing() {
        let config = "{\"servers\": {\"My B\": {\"command\": \"x\"}}}";
        let new = addition(
            &[("a", json!({"command": "x"})), ("my-b", json!({"command": "y"}))],
            &[("T", "s3cret")],
        );
        let (added, after, env) = scratch::change(config, "A=1\n", |target| add(target, &new));
        let fault = added.expect_err("the name is taken");
        assert!(matches!(&fault, Error::Taken { name, line: 1, .. } if name == "my-b"), "{fault}");
        assert_eq!((after.as_str(), env.as_str()), (config, "A=1\n"));
        for (name, value) in [("A-B", "x"), ("CONFIG_DIR", "x"), ("A", "\0")] {
            let new = addition(&[("a", json!({"command": "x"}))], &[(name, value)]);
            let (added, after, _) = scratch::change(config, "", |target| add(target, &new));
            added.expect_err("no variable");
            assert_eq!(after, config);
        }
    }

    #[test]
    fn the_same_once_more_changes_nothing() {
        let config = "{\"mcpServers\": {\"a\": {\"args\":[], \"command\": \"x\"}}}";
        let new = addition(&[("a", json!({"command": "x", "args": []}))], &[("T", "1")]);
        let (added, after, env) = scratch::change(config, "T=1", |target| add(target, &new));
        let added = added.expect("it is there");
        assert!(!added.config.changed && !added.servers[0].is_new);
        assert_eq!(added.servers[0].pointer, "/mcpServers/a");
        assert_eq!((after.as_str(), env.as_str()), (config, "T=1"));
    }

    #[test]
    fn variables_are_set_together() {
        let new = addition(&[("a", json!({"url": "${U}"}))], &[("T", "two words"), ("U", "http")]);
        let (added, _, env) = scratch::change("{}", "U=old # note\n", |target| add(target, &new));
        assert!(added.expect("added").env.expect("variables").changed);
        assert_eq!(env, "U=http # note\nT='two words'\n");
    }

    #[test]
    fn refuses_what_is_not_clear() {
        for config in ["{\"servers\": [1]}", "{\"servers\": {}, \"servers\": {}}", "[]", "{,}"] {
            let new = addition(&[("a", json!({"command": "x"}))], &[]);
            let (added, after, _) = scratch::change(config, "", |target| add(target, &new));
            added.expect_err("it is not clear");
            assert_eq!(after, config);
        }
    }

    #[cfg(unix)]
    #[test]
    fn files_that_are_missing_are_made_private() {
        use std::os::unix::fs::PermissionsExt;
        let new = addition(&[("a", json!({"command": "x"}))], &[("T", "1")]);
        scratch::change("{}", "", |target| {
            let home = target.paths.home().join("deeper");
            let source = config::Source {
                config: home.join("config.json"),
                env_files: vec![home.join(".env")],
            };
            let home = home.to_str().expect("Unicode");
            let process =
                crate::base::environment::Environment::from_pairs([("BRIDGE_HOME", home)]);
            let paths = crate::base::paths::Paths::new(&process).expect("a home");
            let target = Target { source: &source, paths: &paths, process: &process };
            assert!(configured(&target).expect("none").is_empty());
            add(&target, &new).expect("added");
            let mode = |path: &std::path::Path| {
                path.metadata().expect("there").permissions().mode() & 0o777
            };
            assert_eq!(mode(paths.home()), 0o700);
            assert_eq!((mode(&source.config), mode(&source.env_files[0])), (0o600, 0o600));
            assert_eq!(configured(&target).expect("one")["a"], json!({"command": "x"}));
        });
    }
}
