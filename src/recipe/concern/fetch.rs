//! Programs that fetch what they run: whether that is what the recipe declares, and what their options change.

use super::reason::{Concern, Reason};
use super::start::Start;
use super::{docker, install, names};
use crate::recipe::fetched::Fetch;
use crate::recipe::options::Choice;
use crate::recipe::program::Program;
use crate::recipe::{Install, Method};

const NPX: [(Reason, &[&str]); 4] = [
    (Reason::ShellCode, &["-c", "--call"]),
    (Reason::OtherRegistry, &["--registry", "--userconfig", "--globalconfig", "--scope"]),
    (
        Reason::LoadsCode,
        &["--node-options", "--node-arg", "-n", "--shell", "--script-shell", "--prefix"],
    ),
    (Reason::Unverified, &["--proxy", "--https-proxy", "--ca", "--cafile", "--no-strict-ssl"]),
];

const UVX: [(Reason, &[&str]); 5] = [
    (
        Reason::OtherRegistry,
        &[
            "--index",
            "--default-index",
            "-i",
            "--index-url",
            "--extra-index-url",
            "-f",
            "--find-links",
            "--config-file",
            "--pip-args",
        ],
    ),
    (
        Reason::FurtherPackage,
        &[
            "--with",
            "-w",
            "--with-editable",
            "--with-requirements",
            "-c",
            "--constraints",
            "--overrides",
        ],
    ),
    (Reason::Unverified, &["--allow-insecure-host", "--trusted-host"]),
    (Reason::EnvFile, &["--env-file"]),
    (Reason::LoadsCode, &["--directory", "--project"]),
];

/// Options of `npx` and its like that change nothing about what is run, nor where it is from.
const NPX_HARMLESS: [&str; 20] = [
    "--bun",
    "--ignore-existing",
    "--ignore-scripts",
    "--loglevel",
    "--no",
    "--no-audit",
    "--no-fund",
    "--no-install",
    "--no-update-notifier",
    "--offline",
    "--package",
    "--prefer-offline",
    "--prefer-online",
    "--quiet",
    "--silent",
    "--yes",
    "-p",
    "-q",
    "-s",
    "-y",
];

/// The same of `uvx` and `pipx run`.
const UVX_HARMLESS: [&str; 19] = [
    "--color",
    "--exclude-newer",
    "--from",
    "--isolated",
    "--managed-python",
    "--native-tls",
    "--no-build",
    "--no-cache",
    "--no-config",
    "--no-env-file",
    "--no-progress",
    "--no-python-downloads",
    "--offline",
    "--quiet",
    "--refresh",
    "--spec",
    "--verbose",
    "-q",
    "-v",
];

/// The shortest name of an option that npm takes for a longer one without there being any doubt about it.
const SHORTEST: usize = 5;

impl Start<'_> {
    /// What is fetched, and with which options.
    pub(super) fn fetched(
        &self,
        program: Program,
        fetch: &Fetch<'_>,
        declared: Option<&Install>,
        found: &mut Vec<Concern>,
    ) {
        for (index, option) in fetch.options.iter().enumerate() {
            if let Some(why) = of_option(program, option, index < fetch.general) {
                found.push(self.option(option, why));
            }
        }
        let method = match program {
            Program::Docker => Method::Docker,
            Program::Uvx => Method::Uvx,
            _ => Method::Npx,
        };
        for (at, subject) in &fetch.subjects {
            self.subject(*at, subject, method, declared, found);
        }
        // A package may bring an interpreter along; one that the machine has is found by the same name.
        if let Some(at) = fetch.program {
            let inner = self.from(at);
            match Program::of(inner.command) {
                Program::Interpreter(interpreter) => inner.interpreter(interpreter, found),
                Program::Elevator => {
                    found.push(Concern::new(&inner.command_at, inner.command, Reason::Elevated));
                }
                Program::Other => {}
                _ => {
                    let why = Reason::OtherProgram;
                    found.push(Concern::new(&inner.command_at, inner.command, why));
                    inner.shell(found);
                }
            }
        }
    }

    fn subject(
        &self,
        at: usize,
        subject: &str,
        method: Method,
        declared: Option<&Install>,
        found: &mut Vec<Concern>,
    ) {
        let place = self.arg_at(at);
        if subject.contains("${") {
            install::undetermined(subject, &place, found);
            return;
        }
        let add = |why| Concern::new(&place, subject, why);
        if names::is_outside_registry(subject, method) {
            found.push(add(Reason::OutsideRegistry));
        }
        let declared = declared.and_then(|install| match method {
            Method::Docker => install.image.as_deref(),
            _ => install.package.as_deref(),
        });
        let is_other =
            |declared: &str| names::bare(declared, method) != names::bare(subject, method);
        if declared.is_some_and(is_other) {
            found.push(add(Reason::OtherPackage));
        }
    }
}

fn of_option(program: Program, option: &Choice<'_>, is_general: bool) -> Option<Reason> {
    let (table, harmless): (&[(Reason, &[&str])], &[&str]) = match program {
        Program::Docker if is_general => return docker::of_daemon(option),
        Program::Docker => return docker::of_run(option),
        Program::Uvx => (&UVX, &UVX_HARMLESS),
        _ => (&NPX, &NPX_HARMLESS),
    };
    let name = option.name.as_str();
    if name == "--strict-ssl" {
        return (option.value != Some("true")).then_some(Reason::Unverified);
    }
    if program == Program::Uvx && matches!(name, "-p" | "--python") {
        return option.value.and_then(of_python);
    }
    if harmless.contains(&name) {
        return None;
    }
    let found = table.iter().find(|(_, names)| names.contains(&name));
    // npm takes keys of single scopes, and names that are cut short.
    let is_registry =
        name.ends_with(":registry") || name.len() >= SHORTEST && "--registry".starts_with(name);
    let otherwise = if is_registry { Reason::OtherRegistry } else { Reason::UnknownOption };
    Some(found.map_or(otherwise, |(why, _)| *why))
}

/// A version of Python is none; a path is a program.
fn of_python(version: &str) -> Option<Reason> {
    let is_version = version.chars().all(|letter| letter.is_ascii_digit() || letter == '.');
    (!is_version).then_some(Reason::LoadsCode)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recipe::fetched::fetch;

    #[test]
    fn options_that_are_not_known_are_told() {
        let check = |line: &str, expected: &[Reason]| {
            let words: Vec<&str> = line.split(' ').collect();
            let found = fetch(words[0], &words[1..]).expect("a program that fetches");
            let program = Program::of(words[0]);
            let told = found.options.iter().filter_map(|option| of_option(program, option, false));
            assert_eq!(told.collect::<Vec<_>>(), expected, "{line}");
        };
        check("npx -y --quiet --prefer-offline --package=a a --reg=x", &[]);
        check("npx --reg=https://r.example a", &[Reason::OtherRegistry]);
        check("npx --@t:registry=https://r.example @t/a", &[Reason::OtherRegistry]);
        check("npx --odd -z a", &[Reason::UnknownOption, Reason::UnknownOption]);
        check("npx --strict-ssl=0 a", &[Reason::Unverified]);
        check("npm exec --scr=x a", &[Reason::UnknownOption]);
        check("uvx --from a --python 3.12 a", &[]);
        check("uvx --python /tmp/x --odd a", &[Reason::LoadsCode, Reason::UnknownOption]);
        check("pipx run --spec a --fetch-missing-python a", &[Reason::UnknownOption]);
    }
}
