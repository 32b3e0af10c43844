//! `bridge complete WORD…`, which scripts of completions start: the names of configured servers, where the next word of a
//! command line is one. It reads the config and starts nothing; where it cannot, there is nothing to complete.

use clap::{Arg, ArgAction, Args, Command};

use super::exit::Exit;
use super::printer::Printer;
use super::setup::Setup;
use super::tree;
use crate::base::environment::Environment;
use crate::base::paths::expand;
use crate::config::ServerName;
use crate::config::edit;

/// What scripts start.
pub(super) const COMMAND: &str = "complete";

/// The arguments of all commands that take names of servers are called so.
const SERVERS: [&str; 2] = ["server", "servers"];

/// What `bridge complete` takes.
#[derive(Debug, Args)]
pub(super) struct Complete {
    /// The words of the command line before the one that is completed, the program first
    #[arg(value_name = "WORD", trailing_var_arg = true, allow_hyphen_values = true)]
    words: Vec<String>,
}

/// How far the words of a command line have been followed.
struct Place {
    command: Command,
    /// How many arguments without a flag the command has got.
    given: usize,
    /// The flag whose value comes next.
    flag: Option<Arg>,
    /// The value of `--config`.
    config: Option<String>,
}

/// Prints the names, one a line.
pub(super) fn run(arguments: &Complete, environment: Environment, printer: Printer) -> Exit {
    let words = arguments.words.get(1..).unwrap_or_default();
    let place = Place::after(words);
    let home = std::env::home_dir();
    let config = place.config.as_deref().map(|config| expand(unquoted(config), home.as_deref()));
    if place.is_for_server()
        && let Ok(setup) = Setup::new(config.as_deref(), environment, printer)
        && let Ok(servers) = edit::configured(&setup.target())
    {
        // Whatever else a file may call a server, shells would read it as more than a word.
        for name in servers.keys().filter(|name| ServerName::parse(name).is_ok()) {
            printer.data(name);
        }
    }
    Exit::Done
}

/// A word without the quotation marks around it: scripts hand words over as they were typed.
fn unquoted(word: &str) -> &str {
    let between = |mark| word.strip_prefix(mark)?.strip_suffix(mark);
    between('"').or_else(|| between('\'')).unwrap_or(word)
}

impl Place {
    fn after(words: &[String]) -> Self {
        let mut command = tree::visible();
        command.build();
        let mut place = Self { command, given: 0, flag: None, config: None };
        for word in words {
            place.pass(word);
        }
        place
    }

    fn pass(&mut self, word: &str) {
        if let Some(flag) = self.flag.take() {
            // Some shells take `--flag=value` apart.
            if word == "=" {
                self.flag = Some(flag);
            } else if flag.get_id() == "config" {
                self.config = Some(word.into());
            }
            return;
        }
        if let Some(name) = word.strip_prefix("--").filter(|name| !name.is_empty()) {
            let (name, value) =
                name.split_once('=').map_or((name, None), |(name, value)| (name, Some(value)));
            self.flag = self.taking(|argument| argument.get_long() == Some(name));
            if let Some(value) = value {
                self.pass(value);
            }
        } else if let Some(letter) = word.strip_prefix('-').and_then(|rest| rest.chars().last()) {
            self.flag = self.taking(|argument| argument.get_short() == Some(letter));
        } else if self.given == 0
            && let Some(below) = self.command.find_subcommand(word)
        {
            self.command = below.clone();
        } else {
            self.given += 1;
        }
    }

    /// The flag, if it takes a value.
    fn taking(&self, is_meant: impl Fn(&Arg) -> bool) -> Option<Arg> {
        let takes = |argument: &&Arg| argument.get_action().takes_values() && is_meant(argument);
        self.command.get_arguments().find(takes).cloned()
    }

    /// Whether the next word may be the name of a server.
    fn is_for_server(&self) -> bool {
        let many = |argument: &&Arg| matches!(argument.get_action(), ArgAction::Append);
        let next = match &self.flag {
            Some(flag) => Some(flag),
            None => self
                .command
                .get_positionals()
                .nth(self.given)
                .or_else(|| self.command.get_positionals().last().filter(many)),
        };
        next.is_some_and(|argument| SERVERS.contains(&argument.get_id().as_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(line: &str) -> Place {
        let words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        Place::after(&words)
    }

    #[test]
    fn servers_are_offered_where_a_command_takes_them() {
        let check = |line: &str, expected: bool| {
            assert_eq!(after(line).is_for_server(), expected, "{line}");
        };
        for line in
            ["call", "tools", "remove", "remove one two", "limit", "usage", "approve", "diff"]
        {
            check(line, true);
        }
        for line in ["auth login", "auth logout", "auth status", "--json -v call", "call --json"] {
            check(line, true);
        }
        check("auth login --port 80", true);
        check("auth login --port=80", true);
        check("auth login --port", false);
        for line in ["", "auth", "call one", "call one echo", "tools one", "install", "set-env"] {
            check(line, false);
        }
        check("no-such-command", false);
    }

    #[test]
    fn the_config_is_that_of_the_command_line() {
        let check = |line: &str, expected: Option<&str>| {
            let place = after(line);
            assert_eq!(place.config.as_deref().map(unquoted), expected, "{line}");
            assert!(place.is_for_server(), "{line}");
        };
        check("call", None);
        check("--config a.json call", Some("a.json"));
        check("call --config=a.json", Some("a.json"));
        check("call --config = a.json", Some("a.json"));
        check("call --config 'a.json'", Some("a.json"));
        check("call --config \"~/a.json\"", Some("~/a.json"));
    }
}
