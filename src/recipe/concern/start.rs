//! The start of a server: its program, and its arguments.

use super::reason::{Concern, Reason};
use super::{install, names, own};
use crate::base::locate;
use crate::config::{interpolate, is_telling};
use crate::recipe::fetched::fetch;
use crate::recipe::options::Choice;
use crate::recipe::program::{Interpreter, Program};
use crate::recipe::{Install, Method};

/// A program with its arguments, and the places at which they stand.
pub(super) struct Start<'a> {
    pub(super) command: &'a str,
    pub(super) command_at: String,
    args: Vec<&'a str>,
    args_at: String,
    /// Arguments before these that belong to another program.
    skipped: usize,
}

impl<'a> Start<'a> {
    pub(super) fn new(command: (&'a str, String), args: (&'a [String], String)) -> Self {
        Self {
            command: command.0,
            command_at: command.1,
            args: args.0.iter().map(String::as_str).collect(),
            args_at: args.1,
            skipped: 0,
        }
    }

    /// Pointer to one of the arguments.
    pub(super) fn arg_at(&self, index: usize) -> String {
        locate::child(&self.args_at, &(index + self.skipped).to_string())
    }

    /// A concern about an option, with the words that make it up.
    pub(super) fn option(&self, option: &Choice<'_>, why: Reason) -> Concern {
        let words = &self.args[option.at..option.at + option.length];
        Concern::new(&self.arg_at(option.at), words.join(" "), why)
    }

    pub(super) fn look(&self, install: Option<&Install>, found: &mut Vec<Concern>) {
        names::hidden(self.command, &self.command_at, found);
        for (index, arg) in self.args.iter().enumerate() {
            let place = self.arg_at(index);
            names::hidden(arg, &place, found);
            self.secrets(arg, &place, found);
        }
        self.program(install, found);
    }

    /// Every program on the machine sees the arguments of every other one.
    fn secrets(&self, arg: &str, place: &str, found: &mut Vec<Concern>) {
        let mut told: Vec<&str> = Vec::new();
        for name in interpolate::needed(arg) {
            if is_telling(name) && !told.contains(&name) {
                told.push(name);
                found.push(Concern::new(place, format!("${{{name}}}"), Reason::SecretInArguments));
            }
        }
    }

    fn program(&self, install: Option<&Install>, found: &mut Vec<Concern>) {
        if self.command.contains("${") {
            install::undetermined(self.command, &self.command_at, found);
            return;
        }
        let program = Program::of(self.command);
        if program == Program::Cmd
            && let Some(inner) = self.behind_cmd()
        {
            return inner.program(install, found);
        }
        let fetch = fetch(self.command, &self.args);
        if program == Program::Elevator {
            found.push(Concern::new(&self.command_at, self.command, Reason::Elevated));
        } else if let Some(install) = install
            && let Some(why) =
                self.strange(program, fetch.as_ref().is_some_and(|fetch| fetch.runs), install)
        {
            found.push(Concern::new(&self.command_at, self.command, why));
        }
        if let Some(install) = install {
            self.own_files(program, install, found);
        }
        match program {
            Program::Shell | Program::Cmd => self.shell(found),
            Program::Interpreter(interpreter) => self.interpreter(interpreter, found),
            _ => {}
        }
        if let Some(fetch) = fetch {
            self.fetched(program, &fetch, install, found);
        }
    }

    /// Windows starts scripts through `cmd /c`; what stands behind it is what is meant, as long as it is but words.
    fn behind_cmd(&self) -> Option<Self> {
        let is_switch = |arg: &&&str| arg.starts_with('/') && arg.len() == 2;
        let switches = self.args.iter().take_while(is_switch).count();
        let runs = self.args[..switches].last().is_some_and(|last| last.eq_ignore_ascii_case("/c"));
        let rest = &self.args[switches..];
        let is_plain =
            rest.iter().all(|arg| !arg.contains(['&', '|', '<', '>', '^', '%', '"', '\n']));
        let (command, args) = rest.split_first().filter(|_| runs && is_plain)?;
        Some(Self {
            command,
            command_at: self.arg_at(switches),
            args: args.to_vec(),
            args_at: self.args_at.clone(),
            skipped: self.skipped + switches + 1,
        })
    }

    /// The start without the program before the argument at which the real one stands.
    pub(super) fn from(&self, at: usize) -> Self {
        Self {
            command: self.args[at],
            command_at: self.arg_at(at),
            args: self.args[at + 1..].to_vec(),
            args_at: self.args_at.clone(),
            skipped: self.skipped + at + 1,
        }
    }

    /// Why no server of this method is started so, unless one is.
    fn strange(&self, program: Program, runs: bool, install: &Install) -> Option<Reason> {
        let method = install.method;
        let suits = match program {
            Program::Shell | Program::Cmd | Program::Elevator | Program::System => false,
            // `uv run` and `npm start` run what lies in a folder.
            Program::Npx => runs && matches!(method, Method::Npx | Method::Npm),
            Program::Uvx => runs && matches!(method, Method::Uvx | Method::Pip),
            Program::Docker => runs && method == Method::Docker,
            Program::Interpreter(_) | Program::Other => match method {
                Method::Npx | Method::Uvx | Method::Docker => false,
                _ if own::is_started(self.command, &self.args, install) => true,
                _ => return Some(Reason::OtherProgram),
            },
        };
        (!suits).then_some(Reason::OutsideMethod(method))
    }

    /// Files that the recipe brings along, and has run as programs.
    fn own_files(&self, program: Program, install: &Install, found: &mut Vec<Concern>) {
        let runs_any = matches!(program, Program::Interpreter(_) | Program::Shell | Program::Cmd);
        for file in &install.config_files {
            let is_program = runs_any || own::is_program(&file.name);
            let is_named = |arg: &&str| arg.contains(file.name.as_str());
            if is_program && let Some(at) = self.args.iter().position(is_named) {
                found.push(Concern::new(&self.arg_at(at), self.args[at], Reason::OwnCode));
            }
        }
        if runs_any && let Some(at) = self.args.iter().position(|arg| arg.contains("${CONFIG_DIR}"))
        {
            found.push(Concern::new(&self.arg_at(at), self.args[at], Reason::OwnCode));
        }
    }

    /// Where the arguments of a shell hand it code, everything from there on is shown.
    pub(super) fn shell(&self, found: &mut Vec<Concern>) {
        let name = self.command.to_ascii_lowercase();
        let is_power = name.contains("powershell") || name.contains("pwsh");
        let is_code = |arg: &&str| brings_code(&arg.to_ascii_lowercase(), is_power);
        if let Some(at) = self.args.iter().position(is_code) {
            let code = self.args[at..].join(" ");
            found.push(Concern::new(&self.arg_at(at), code, Reason::ShellCode));
        }
    }

    pub(super) fn interpreter(&self, interpreter: &Interpreter, found: &mut Vec<Concern>) {
        let (options, first) = interpreter.scan(&self.args);
        for option in &options {
            let name = option.name.as_str();
            if interpreter.code.contains(&name) {
                let code = self.args[option.at..].join(" ");
                found.push(Concern::new(&self.arg_at(option.at), code, Reason::ShellCode));
            } else if interpreter.load.contains(&name) || name.starts_with("--inspect") {
                found.push(self.option(option, Reason::LoadsCode));
            } else if name == "--env-file" {
                found.push(self.option(option, Reason::EnvFile));
            }
        }
        let Some(subject) = self.args.get(first) else { return };
        if interpreter.code.contains(subject) {
            let code = self.args[first..].join(" ");
            found.push(Concern::new(&self.arg_at(first), code, Reason::ShellCode));
        }
        // Deno and Bun run what lies on other machines.
        let words = self.args.iter().enumerate().skip(first);
        let mut words = words.filter(|(_, word)| !word.starts_with('-')).take(2);
        if let Some((at, script)) = words.find(|(_, word)| word.contains("://")) {
            found.push(Concern::new(&self.arg_at(at), *script, Reason::OutsideRegistry));
        }
    }
}

/// `-c` of shells, also as `-lc`; `-Command` and `-EncodedCommand`, which may be shortened; `/c` and `/k`.
fn brings_code(arg: &str, is_power: bool) -> bool {
    match arg {
        "/c" | "/k" | "--command" | "--init-command" | "--rcfile" | "--init-file" => true,
        _ if is_power => {
            let name = arg.strip_prefix('-').unwrap_or_default();
            name.starts_with('c') || name.starts_with('e') && !name.starts_with("ex")
        }
        _ => arg.starts_with('-') && !arg.starts_with("--") && arg.contains('c'),
    }
}
