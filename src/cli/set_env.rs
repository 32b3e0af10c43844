//! `bridge set-env KEY [VALUE]`: a variable for the servers. Its value is never printed.

use std::io::{IsTerminal, Read};
use std::path::Path;

use clap::Args;
use serde_json::json;

use super::edited::{failure, list, tell_when};
use super::exit::{Exit, Failure};
use super::setup::{Setup, error_chain};
use super::typed::typed;
use crate::base::secret::Secret;
use crate::config::{self, edit};

pub(super) const EXAMPLES: &str = "\
Examples:
  bridge set-env GITHUB_TOKEN               asks for the value and does not show it
  bridge set-env SERVICE_KEY < key.pem      several lines, without the last line break
  bridge set-env REGION eu-west-1           a value that may stand in the shell's history
  bridge set-env KEY -- -value              a value that begins with `-`

The file is readable for nobody else afterwards; what else stands in it stays as it is.
A running bridge takes changes in within seconds.";

/// What `bridge set-env` takes.
#[derive(Debug, Args)]
pub(super) struct SetEnv {
    /// The variable's name
    pub(super) key: String,
    /// Its value; without one it is asked for (keys are not shown), or read from stdin where that is no terminal, as with `-`
    pub(super) value: Option<String>,
}

pub(super) fn run(arguments: &SetEnv, setup: &Setup) -> Result<Exit, Failure> {
    let (target, printer, name) = (setup.target(), setup.printer, arguments.key.as_str());
    // Nobody should type a secret first and hear then that it goes nowhere.
    edit::check_name(name).map_err(|error| failure(&error))?;
    let users = match edit::users_of(&target, name) {
        Err(missing @ config::Error::NotFound { .. }) => return Err(failure(&missing.into())),
        users => users,
    };
    let value = value(arguments, setup.paths.user_home())?;
    let edited = edit::set_env(&target, name, &value).map_err(|error| failure(&error))?;
    let file = edited.edited.file.display();
    if printer.json {
        printer.json(&json!({
            "name": name,
            "file": file.to_string(),
            "replaced": edited.replaced,
            "usedBy": users.as_deref().unwrap_or_default(),
        }));
    } else {
        let what = if edited.replaced { "replaced" } else { "set" };
        printer.data(&format!("{what} `{name}` in {file}"));
    }
    match &users {
        Ok(users) if users.is_empty() => printer.warn(&format!(
            "no server uses it: write `${{{name}}}` into the entry of the one that needs it"
        )),
        Ok(users) => printer.talk(&format!("used by {}", list(users))),
        Err(error) => printer.warn(&error_chain(error)),
    }
    if arguments.value.as_deref().is_some_and(|value| value != STDIN) {
        printer
            .warn("the value may stand in your shell's history now; without VALUE it is asked for");
    }
    for line in &edited.shadowed {
        printer.warn(&format!("`{name}` stands in line {line} of {file} as well, without effect"));
    }
    if let Some(other) = &edited.shadowed_file {
        let other = other.display();
        printer.talk(&format!("`{name}` in {other} stays and has no effect for this config"));
    }
    tell_when(printer, &edited.edited);
    Ok(Exit::Done)
}

/// Told in place of what the parser of arguments says, which would show a part of the value.
pub(super) fn unknown_argument() -> Failure {
    let hint = "put a value with blanks into quotes, and `--` before one that begins with `-`";
    Failure::new(Exit::Usage, "`set-env` takes one KEY, one VALUE, and options that there are")
        .hint(Some(hint.to_owned()))
}

/// What says that the value comes from stdin.
const STDIN: &str = "-";

/// Bytes of a value on stdin. Systems take less for a variable.
const LONGEST: u64 = 1024 * 1024;

/// The value from the command line, from stdin, or from whoever sits at the terminal.
fn value(arguments: &SetEnv, user_home: Option<&Path>) -> Result<Secret, Failure> {
    match arguments.value.as_deref() {
        Some(value) if value != STDIN => Ok(Secret::from(value)),
        None if std::io::stdin().is_terminal() => {
            let value = typed(&arguments.key, None, user_home)?;
            if value.is_empty() {
                let hint = "`\"\"` as VALUE sets an empty one".to_owned();
                return Err(Failure::new(Exit::Usage, "nothing was typed").hint(Some(hint)));
            }
            Ok(Secret::from(value))
        }
        _ => from_stdin(),
    }
}

/// All of stdin but for its last line break, which files and `echo` end with.
fn from_stdin() -> Result<Secret, Failure> {
    let usage = |message: String| Failure::new(Exit::Usage, message);
    let mut value = String::new();
    std::io::stdin()
        .take(LONGEST + 1)
        .read_to_string(&mut value)
        .map_err(|error| usage(format!("cannot read stdin: {error}")))?;
    if value.is_empty() {
        let hint = "give it as VALUE, pipe it in, or run this in a terminal".to_owned();
        return Err(usage("there is no value on stdin".to_owned()).hint(Some(hint)));
    }
    if value.len() as u64 > LONGEST {
        return Err(usage(format!("the value on stdin is longer than {LONGEST} bytes")));
    }
    let line = value.strip_suffix("\r\n").or_else(|| value.strip_suffix('\n'));
    Ok(Secret::from(line.unwrap_or(&value)))
}
