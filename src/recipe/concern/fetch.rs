//! Programs that fetch what they run: whether that is what the recipe declares, and what their options change.

use super::reason::{Concern, Reason};
use super::start::Start;
use super::{docker, install, names};
use crate::recipe::options::Choice;
use crate::recipe::program::{Fetch, Program};
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
    let table: &[(Reason, &[&str])] = match program {
        Program::Docker if is_general => return docker::of_daemon(option),
        Program::Docker => return docker::of_run(option),
        Program::Uvx => &UVX,
        _ => &NPX,
    };
    if option.name == "--strict-ssl" && option.value == Some("false") {
        return Some(Reason::Unverified);
    }
    let found = table.iter().find(|(_, names)| names.contains(&option.name.as_str()));
    found.map(|(why, _)| *why)
}
