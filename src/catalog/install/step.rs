//! Commands that have to be run before a server can be started, or once it was installed. They are a stranger's, or do
//! what a stranger says, so they run only for somebody who has seen them, and without any of his secrets.

use std::io;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use tokio::process::Command;
use tokio::time::timeout;

use super::build::Build;
use super::pin::joined;
use crate::base::environment::Environment;
use crate::base::guardian::Guardian;
use crate::base::program::{Running, find_for_servers};
use crate::base::surroundings::handed_on;
use crate::recipe::{Install, Method};

/// A build that takes longer is not waited for.
const LIMIT: Duration = Duration::from_mins(15);

/// When a command is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// Before the entry is written.
    Before,
    /// Afterwards.
    After,
}

/// One command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// When it is run.
    pub when: When,
    /// The program and its arguments.
    words: Vec<String>,
    /// Where it is run; where none is named, in the user's home folder or wherever the bridge is.
    folder: Option<PathBuf>,
    /// It is a line for a shell.
    is_shell: bool,
    /// The build that it begins or ends.
    build: Option<(Stage, Build)>,
}

/// What a command is of a build.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// It brings the source.
    Begin,
    /// After it, the server can be started.
    End,
}

/// Why a command did not do its work.
#[derive(Debug, thiserror::Error)]
pub enum Broken {
    /// It cannot be started.
    #[error("`{line}` cannot be run: {source}")]
    Unstarted {
        /// The command.
        line: String,
        /// What the system said.
        source: io::Error,
    },
    /// The folder of what it builds cannot be made ready, or taken away.
    #[error("`{line}`: the folder that it works in cannot be changed: {source}")]
    Folder {
        /// The command.
        line: String,
        /// What the system said.
        source: io::Error,
    },
    /// It said that it failed.
    #[error("`{line}` failed ({status})")]
    Failed {
        /// The command.
        line: String,
        /// How it ended.
        status: std::process::ExitStatus,
    },
    /// It took too long and was ended.
    #[error("`{line}` took longer than {} minutes and was ended", LIMIT.as_secs() / 60)]
    TooLong {
        /// The command.
        line: String,
    },
}

/// What has to be got, and for what.
pub(super) struct Work<'a> {
    pub(super) install: &'a Install,
    /// The program that the server is.
    pub(super) command: &'a str,
    pub(super) version: Option<&'a str>,
    /// The user has named the version, so that the one that is there will not do.
    pub(super) is_wished: bool,
    /// Where source is cloned.
    pub(super) folder: &'a Path,
}

impl Work<'_> {
    /// The commands to run, and what the user has to do in place of the bridge.
    pub(super) fn steps(&self, environment: &Environment) -> (Vec<Step>, Vec<String>) {
        let install = self.install;
        let mut steps: Vec<Step> =
            install.pre_install.iter().map(|line| Step::shell(When::Before, line, None)).collect();
        let mut by_hand = Vec::new();
        let is_found = find_for_servers(self.command, environment).is_some();
        let is_there = !self.is_wished && is_found;
        match install.method {
            Method::Npm | Method::Pip | Method::Go if !is_there => match self.package_step() {
                Some(step) => steps.push(step),
                None => by_hand.push(format!("install the program `{}`", self.command)),
            },
            Method::Git => match (&install.repository, &install.build_command) {
                (Some(repository), Some(command)) => {
                    let build = Build::new(self.folder, repository, self.version);
                    if !build.is_done() {
                        let clone = self.clone_step(repository);
                        let make = Step::shell(When::Before, command, Some(self.folder));
                        steps.push(Step { build: Some((Stage::Begin, build.clone())), ..clone });
                        steps.push(Step { build: Some((Stage::End, build)), ..make });
                    }
                }
                _ if self.folder.exists() => {}
                _ => by_hand.push(format!(
                    "clone and build the server in `{}`; its recipe does not say how",
                    self.folder.display()
                )),
            },
            Method::Binary if !is_found => {
                let from = install.binary.as_deref().unwrap_or("where its maker offers it");
                by_hand.push(format!(
                    "download `{}` from {from} and put it into a folder of your PATH: a recipe says nothing by which a \
                     download could be checked",
                    self.command
                ));
            }
            _ => {}
        }
        steps.extend(install.post_install.iter().map(|line| Step::shell(When::After, line, None)));
        (steps, by_hand)
    }

    fn package_step(&self) -> Option<Step> {
        let package = self.install.package.as_deref()?;
        let spec = |version| joined(self.install.method, package, version);
        let named = self.version.map_or_else(|| package.to_owned(), spec);
        let words: &[&str] = match self.install.method {
            Method::Npm => &["npm", "install", "--global", "--", &named],
            Method::Pip => &["python3", "-m", "pip", "install", "--user", "--", &named],
            Method::Go if self.version.is_none() => &["go", "install", "--", &spec("latest")],
            Method::Go => &["go", "install", "--", &named],
            _ => return None,
        };
        Some(Step::program(words))
    }

    fn clone_step(&self, repository: &str) -> Step {
        let folder = self.folder.display().to_string();
        let mut words = vec!["git", "clone", "--depth", "1"];
        if let Some(version) = self.version {
            words.extend(["--branch", version]);
        }
        words.extend(["--", repository, &folder]);
        Step::program(&words)
    }
}

impl Step {
    fn program(words: &[&str]) -> Self {
        let words = words.iter().map(|word| (*word).to_owned()).collect();
        Self { when: When::Before, words, folder: None, is_shell: false, build: None }
    }

    fn shell(when: When, line: &str, folder: Option<&Path>) -> Self {
        let folder = folder.map(Path::to_owned);
        Self { when, words: vec![line.to_owned()], folder, is_shell: true, build: None }
    }

    /// The command as one would type it.
    pub fn line(&self) -> String {
        let line = if self.is_shell {
            self.words.concat()
        } else {
            self.words.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" ")
        };
        match &self.folder {
            Some(folder) => format!("cd {} && {line}", quoted(&folder.display().to_string())),
            None => line,
        }
    }

    /// Runs it to its end, with nothing on stdin; what it prints goes to stderr. It gets the variables that every server
    /// gets, and none of the bridge's. When this is dropped, it and what it has started are killed; with a guardian also when
    /// the bridge is. A build that fails leaves what was built before.
    pub async fn run(
        &self,
        environment: &Environment,
        guardian: Option<&Arc<Guardian>>,
    ) -> Result<(), Broken> {
        let Some((stage, build)) = &self.build else {
            return self.run_alone(environment, guardian).await;
        };
        let folder = |source| Broken::Folder { line: self.line(), source };
        if *stage == Stage::Begin {
            build.begin().map_err(folder)?;
        }
        let mut ran = self.run_alone(environment, guardian).await;
        if ran.is_ok() && *stage == Stage::End {
            ran = build.finish().map_err(folder);
        }
        ran.inspect_err(|_| build.give_up())
    }

    async fn run_alone(
        &self,
        environment: &Environment,
        guardian: Option<&Arc<Guardian>>,
    ) -> Result<(), Broken> {
        let line = || self.line();
        let command = self.command(environment);
        let running = match guardian {
            Some(guardian) => Running::start_guarded(command, guardian),
            None => Running::start(command),
        };
        let mut running = running.map_err(|source| Broken::Unstarted { line: line(), source })?;
        let ended = timeout(LIMIT, running.ended()).await;
        let ended = ended.map_err(|_| Broken::TooLong { line: line() })?;
        let status = ended.map_err(|source| Broken::Unstarted { line: line(), source })?;
        if status.success() { Ok(()) } else { Err(Broken::Failed { line: line(), status }) }
    }

    fn command(&self, environment: &Environment) -> Command {
        let mut command = match (&*self.words, self.is_shell) {
            ([program, arguments @ ..], false) => {
                let found = find_for_servers(program, environment);
                let mut command = Command::new(found.unwrap_or_else(|| program.into()));
                command.args(arguments);
                command
            }
            (words, _) => shell(&words.concat()),
        };
        command.env_clear().envs(handed_on(environment));
        if let Some(folder) = &self.folder {
            command.current_dir(folder);
        }
        command.stdin(Stdio::null()).stdout(stderr()).stderr(Stdio::inherit());
        command
    }
}

#[cfg(unix)]
fn shell(line: &str) -> Command {
    let mut command = Command::new("/bin/sh");
    command.args(["-c", line]);
    command
}

/// The system's shell takes the line as it is, with quotation marks around all of it (`cmd /?`).
#[cfg(windows)]
fn shell(line: &str) -> Command {
    let mut command = Command::new("cmd");
    command.args(["/d", "/s", "/c"]).raw_arg(format!("\"{line}\""));
    command
}

/// stdout is for data.
fn stderr() -> Stdio {
    #[cfg(unix)]
    let own = std::os::fd::AsFd::as_fd(&std::io::stderr()).try_clone_to_owned();
    #[cfg(windows)]
    let own = std::os::windows::io::AsHandle::as_handle(&std::io::stderr()).try_clone_to_owned();
    own.map_or_else(|_| Stdio::null(), Stdio::from)
}

/// What needs no quotes beside letters and digits.
const PLAIN: &str = if cfg!(windows) { "_-./:@%+=,\\" } else { "_-./:@%+=," };

/// A word as a shell takes it.
pub(super) fn quoted(word: &str) -> String {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || PLAIN.contains(letter);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    // A variable is named, so that it is seen, and no shell gets this line.
    if word.contains("${") && !word.contains(['\'', ' ']) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', "'\\''"))
}
