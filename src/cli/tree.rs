//! All commands as people see them, for completions and manual pages.

use clap::{Command, CommandFactory};

use super::arguments::Arguments;

/// What the program is called.
pub(super) const NAME: &str = "bridge";

/// The command line without what the bridge starts by itself. Completions would offer it though it is hidden.
pub(super) fn visible() -> Command {
    let whole = Arguments::command();
    let commands = whole.get_subcommands().filter(|command| !command.is_hide_set());
    Command::new(NAME)
        .version(env!("CARGO_PKG_VERSION"))
        .about(whole.get_about().cloned().unwrap_or_default())
        .long_about(whole.get_long_about().cloned().unwrap_or_default())
        .after_help(whole.get_after_help().cloned().unwrap_or_default())
        .args(whole.get_arguments())
        .subcommands(commands)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::ffi::OsString;

    use clap::ArgMatches;

    use super::*;

    const HEADING: &str = "Examples:\n";

    /// Every command that people see with the words that lead to it, the bridge itself first.
    fn commands() -> Vec<(Vec<String>, Command)> {
        let mut found = vec![(Vec::new(), visible())];
        let mut at = 0;
        while let Some((path, command)) = found.get(at).cloned() {
            for below in command.get_subcommands() {
                let path = path.iter().cloned().chain([below.get_name().to_owned()]).collect();
                found.push((path, below.clone()));
            }
            at += 1;
        }
        found
    }

    /// The words of an example behind `bridge`, as a shell would read them; none where the line is of another program.
    fn words(line: &str) -> Option<Vec<String>> {
        let line = line.trim_start();
        let line = line.split_once("| bridge ").map_or(line, |(_, line)| line);
        let line = line.strip_prefix("bridge ").unwrap_or(line);
        let (mut words, mut word, mut quote) = (Vec::new(), None::<String>, None);
        for letter in line.chars() {
            match (quote, letter) {
                (Some(end), letter) if letter == end => quote = None,
                (None, '\'' | '"') => {
                    quote = Some(letter);
                    word.get_or_insert_default();
                }
                (None, ' ') => match word.take() {
                    Some(word) => words.push(word),
                    // Two blanks: what follows is what it does.
                    None => break,
                },
                (None, '<' | '>' | '|') => break,
                (_, letter) => word.get_or_insert_default().push(letter),
            }
        }
        words.extend(word);
        (!words.is_empty()).then_some(words)
    }

    fn examples(command: &Command) -> Vec<String> {
        let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
        let lines = help.strip_prefix(HEADING).unwrap_or_default().lines();
        lines.take_while(|line| line.starts_with("  ")).map(str::to_owned).collect()
    }

    fn path_of(matches: &ArgMatches) -> Vec<String> {
        let mut path = Vec::new();
        let mut at = matches.subcommand();
        while let Some((name, below)) = at {
            path.push(name.to_owned());
            at = below.subcommand();
        }
        path
    }

    #[test]
    fn words_are_those_that_a_shell_would_read() {
        let check = |line: &str, expected: &[&str]| {
            assert_eq!(words(line).unwrap_or_default(), expected, "{line}");
        };
        check("  bridge call a b '{\"x\": 1}'   calls it", &["call", "a", "b", "{\"x\": 1}"]);
        check("  echo '{}' | bridge call a b -", &["call", "a", "b", "-"]);
        check("  bridge set-env KEY < key.pem", &["set-env", "KEY"]);
        check("  bridge man | man -l -", &["man"]);
        check("  bridge intent ''", &["intent", ""]);
    }

    #[test]
    fn every_command_has_examples_and_each_can_be_typed() {
        for (path, command) in commands() {
            let name = format!("bridge {}", path.join(" "));
            let examples = examples(&command);
            assert!(!examples.is_empty(), "`{name} --help` ends with examples");
            // Others may show what comes next.
            for (index, example) in examples.iter().enumerate() {
                let words = words(example).unwrap_or_default();
                let line = [NAME.to_owned()].into_iter().chain(words);
                let line: Vec<OsString> = line.map(OsString::from).collect();
                let read = Arguments::read(line.clone());
                assert!(read.is_ok(), "`{example}` of `{name}`: {}", read.expect_err("it is none"));
                let matches = Arguments::command().get_matches_from(line);
                let is_own = path_of(&matches).starts_with(&path);
                assert!(is_own || index > 0, "`{example}` is one of `{name}`");
            }
        }
    }

    #[test]
    fn hidden_commands_are_left_out() {
        let names: Vec<String> = commands().into_iter().map(|(path, _)| path.join(" ")).collect();
        let whole = Arguments::command();
        let hidden: Vec<&str> =
            whole.get_subcommands().filter(|it| it.is_hide_set()).map(Command::get_name).collect();
        assert!(hidden.len() >= 3, "{hidden:?}");
        assert!(!hidden.iter().any(|hidden| names.iter().any(|name| name == hidden)), "{names:?}");
    }

    /// The rows of the table of commands in docs/CLI.md: what a command does by its words.
    fn documented() -> BTreeMap<String, String> {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/CLI.md");
        let text = std::fs::read_to_string(path).expect("it is there");
        let cells = |line: &str| line.split(" | ").map(str::to_owned).collect::<Vec<_>>();
        let rows = text.lines().filter_map(|line| line.strip_prefix("| `bridge")).map(cells);
        rows.map(|cells| {
            let name = cells[0].split_once('`').map_or("", |(name, _)| name).trim().to_owned();
            (name, cells[1].clone())
        })
        .collect()
    }

    #[test]
    fn the_documentation_has_every_command_and_no_other() {
        let about = |command: &Command| command.get_about().map(ToString::to_string);
        // Commands that only hold others are told by these.
        let commands = commands()
            .into_iter()
            .filter(|(path, command)| path.is_empty() || !command.is_subcommand_required_set());
        let commands = commands.map(|(path, command)| {
            (path.join(" "), about(&command).expect("every command says what it does"))
        });
        let commands: BTreeMap<String, String> = commands.collect();
        assert_eq!(documented(), commands);
    }
}
