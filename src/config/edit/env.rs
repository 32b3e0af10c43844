//! A variable set in the `.env` file that belongs to the configuration.

use std::collections::HashMap;
use std::fs::OpenOptions;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use indexmap::{IndexMap, IndexSet};

use super::edited::{Edited, FileChange, Target};
use super::entries::entries;
use super::env_text;
use super::error::Error;
use super::remove::{Leftover, names};
use crate::base::fs::open_regular;
use crate::base::rewrite::{Access, rewrite};
use crate::base::secret::Secret;
use crate::config::finding::Report;
use crate::config::interpolate::{CONFIG_DIR, is_name};
use crate::config::{self, dotenv};

/// Bytes of a file of variables that are read.
const LONGEST_FILE: u64 = 1024 * 1024;

/// A file of variables after a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnvEdited {
    /// The file.
    pub edited: Edited,
    /// Whether the variable stood there before.
    pub replaced: bool,
    /// Lines, counted from 1, on which the variable stands as well and has no effect.
    pub shadowed: Vec<usize>,
    /// Another file that holds the variable and has no effect for this configuration.
    pub shadowed_file: Option<PathBuf>,
}

/// Sets a variable in the file that is looked up first: the one beside the configuration. That file becomes private.
pub fn set_env(target: &Target<'_>, name: &str, value: &Secret) -> Result<EnvEdited, Error> {
    check(name, value)?;
    // A variable for a configuration that is not there was meant for another one.
    if let Err(fault @ config::Error::NotFound { .. }) = target.config_text() {
        return Err(fault.into());
    }
    let Some((path, others)) = target.source.env_files.split_first() else {
        return Err(config::Error::NotFound { path: target.source.config.clone() }.into());
    };
    let (file, (changed, put)) = rewrite(path, Access::Private, |old| {
        let text = std::str::from_utf8(old.unwrap_or_default())
            .map_err(|_| Error::NotUtf8 { file: path.clone() })?;
        let put = env_text::put(text, name, value.expose())
            .map_err(|line| Error::Hidden { file: path.clone(), line })?;
        target.check(&[FileChange { path, old, new: put.text.as_bytes() }])?;
        Ok::<_, Error>((put.text.clone().into_bytes(), (put.text != text, put)))
    })?;
    let holds = |file: &&PathBuf| dotenv::read(file, &Report::top()).contains_key(name);
    Ok(EnvEdited {
        edited: Edited { file, changed },
        replaced: put.replaced,
        shadowed: put.shadowed,
        shadowed_file: others.iter().find(holds).cloned(),
    })
}

/// Takes variables out of the file that is looked up first, those that a server names excepted; returns what was taken out
/// of it. Other files may belong to other configurations as well, and stay as they are.
pub fn unset_env(target: &Target<'_>, names: &[String]) -> Result<Vec<Leftover>, Error> {
    let Some(path) = target.source.env_files.first().filter(|path| path.exists()) else {
        return Ok(Vec::new());
    };
    let (_, gone) = rewrite(path, Access::Private, |old| {
        let text = std::str::from_utf8(old.unwrap_or_default())
            .map_err(|_| Error::NotUtf8 { file: path.clone() })?;
        let (mut text, mut gone) = (text.to_owned(), Vec::new());
        for name in names {
            // Somebody may have begun to need it meanwhile; a config in the same folder is under the same lock.
            if !users_of(target, name)?.is_empty() {
                continue;
            }
            let hidden = |line| Error::Hidden { file: path.clone(), line };
            if let Some(without) = env_text::take_out(&text, name).map_err(hidden)? {
                text = without;
                gone.push(name.clone());
            }
        }
        target.check(&[FileChange { path, old, new: text.as_bytes() }])?;
        Ok::<_, Error>((text.into_bytes(), gone))
    })?;
    Ok(gone.into_iter().map(|name| Leftover { name, file: path.clone() }).collect())
}

/// The bytes of a file of variables in which all of these are set.
pub(super) fn put_all(
    path: &Path,
    old: Option<&[u8]>,
    variables: &[(String, Secret)],
) -> Result<Vec<u8>, Error> {
    let text = std::str::from_utf8(old.unwrap_or_default())
        .map_err(|_| Error::NotUtf8 { file: path.to_owned() })?;
    let mut text = text.to_owned();
    for (name, value) in variables {
        let hidden = |line| Error::Hidden { file: path.to_owned(), line };
        text = env_text::put(&text, name, value.expose()).map_err(hidden)?.text;
    }
    Ok(text.into_bytes())
}

/// Whether a variable can be called so and have this value.
pub(super) fn check(name: &str, value: &Secret) -> Result<(), Error> {
    check_name(name)?;
    if value.expose().contains('\0') {
        return Err(Error::InvalidValue { name: name.to_owned() });
    }
    Ok(())
}

/// The variables of the files that belong to the configuration, an earlier file winning.
pub fn variables(target: &Target<'_>) -> HashMap<String, Secret> {
    let read = |file: &PathBuf| dotenv::read(file, &Report::top());
    // Later ones take the place of earlier ones here.
    let files = target.source.env_files.iter().rev().flat_map(read);
    files.map(|(name, value)| (name, Secret::from(value))).collect()
}

/// The variables of any file that is written like `.env`, in its order.
pub fn read_env_file(path: &Path) -> io::Result<IndexMap<String, Secret>> {
    let mut bytes = Vec::new();
    let file = open_regular(path, OpenOptions::new().read(true))?;
    file.take(LONGEST_FILE).read_to_end(&mut bytes)?;
    let text = String::from_utf8(bytes)
        .map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "it is not UTF-8"))?;
    let read = dotenv::entries(&text).into_iter().filter_map(|entry| entry.variable.ok());
    Ok(read.map(|(name, value)| (name, Secret::from(value))).collect())
}

/// Whether a variable can be called so, and set.
pub fn check_name(name: &str) -> Result<(), Error> {
    match name {
        CONFIG_DIR => Err(Error::ReservedName { name: name.to_owned() }),
        _ if is_name(name) => Ok(()),
        _ => Err(Error::InvalidName),
    }
}

/// The servers whose entries name the variable, by the names that they run under.
pub fn users_of(target: &Target<'_>, name: &str) -> Result<Vec<String>, config::Error> {
    let text = target.config_text()?;
    let users: IndexSet<String> = entries(&text)
        .iter()
        .filter(|entry| names(entry.value).iter().any(|used| used == name))
        .map(|entry| entry.name().into_owned())
        .collect();
    Ok(users.into_iter().collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::edit::edited::scratch;

    const CONFIG: &str = r#"{"servers": {"web": {"url": "${URL}"}, "off": {"disabled": true, "env": {"K": "${T:-x}"}}}}"#;

    #[test]
    fn sets_variables() {
        let (edited, config, env) = scratch::change(CONFIG, "T=1 # note\n", |target| {
            set_env(target, "T", &Secret::from("two words"))
        });
        let edited = edited.expect("set");
        assert!(edited.replaced && edited.edited.changed);
        assert_eq!((config.as_str(), env.as_str()), (CONFIG, "T='two words' # note\n"));
        assert_eq!(edited.shadowed_file, None);
    }

    #[test]
    fn takes_out_what_nobody_needs() {
        let names = ["T", "URL", "A", "NONE"].map(str::to_owned);
        let (gone, _, env) = scratch::change(CONFIG, "URL=u\nA=1\n# note\nT=1\nB=2\n", |target| {
            unset_env(target, &names)
        });
        let gone = gone.expect("taken out");
        assert_eq!(gone.iter().map(|gone| gone.name.as_str()).collect::<Vec<_>>(), ["A"]);
        assert_eq!(env, "URL=u\n# note\nT=1\nB=2\n");
    }

    #[test]
    fn refuses_what_cannot_be_a_variable() {
        for (name, value) in [
            ("", "x"),
            ("1A", "x"),
            ("A-B", "x"),
            ("A B", "x"),
            ("É", "x"),
            ("A\n", "x"),
            ("A=s3cret", "x"),
            ("CONFIG_DIR", "x"),
            ("A", "x\0"),
        ] {
            let (edited, _, env) = scratch::change(CONFIG, "T=1", |target| {
                set_env(target, name, &Secret::from(value))
            });
            let fault = edited.expect_err("no variable");
            assert!(
                matches!(
                    fault,
                    Error::InvalidName | Error::ReservedName { .. } | Error::InvalidValue { .. }
                ),
                "{fault}"
            );
            assert_eq!(env, "T=1");
        }
    }

    #[test]
    fn refuses_what_would_cost_a_server() {
        let set = |env: &str, value: &str| {
            let (edited, _, env) =
                scratch::change(CONFIG, env, |target| set_env(target, "URL", &Secret::from(value)));
            (edited.err().map(|fault| fault.to_string()), env)
        };
        let (fault, env) = set("URL=https://example.com/mcp\n", "s3cret nonsense");
        let fault = fault.expect("the server would be left out");
        assert!(fault.contains("server `web` would be left out"), "{fault}");
        assert!(!fault.contains("s3cret"), "{fault}");
        assert_eq!(env, "URL=https://example.com/mcp\n");
        // What does not run now cannot be lost.
        assert_eq!(set("", "s3cret nonsense"), (None, "URL='s3cret nonsense'\n".to_owned()));
    }

    #[test]
    fn knows_who_needs_a_variable() {
        let users = |name: &str| {
            let (users, ..) = scratch::change(CONFIG, "", |target| users_of(target, name));
            users.expect("read")
        };
        assert_eq!(users("URL"), ["web"]);
        assert_eq!(users("T"), ["off"]);
        assert_eq!(users("U"), [""; 0]);
    }
}
