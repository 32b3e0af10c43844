//! The newest version of a package, as the program that fetches it says: npm, uv or pip. So it is asked for where the
//! package would come from, with that program's own settings, mirrors, proxies and passwords.

use std::io;
use std::time::Duration;

use serde_json::Value;
use tokio::process::Command;

use crate::base::environment::Environment;
use crate::base::program::{self, Answer, Fault, find_for_servers, origin};
use crate::base::surroundings::handed_on;
use crate::recipe::{Method, is_archive};
use crate::telemetry::logging::excerpt;

/// npm and pip try several times to reach a registry that says nothing.
const PATIENCE: Duration = Duration::from_mins(1);
/// As much is told of what a program complains of.
const LONGEST_REASON: usize = 300;
/// Longer versions are none.
const LONGEST_VERSION: usize = 100;

/// Why the newest version is not known.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The program that fetches the package is not there.
    #[error("the command `{program}`, which would know it, was not found: {remedy}")]
    NoProgram {
        /// The program.
        program: &'static str,
        /// Where one gets it.
        remedy: &'static str,
    },
    /// No folder can be made for the program to run in.
    #[error("no folder can be made in which `{program}` could be asked: {source}")]
    NoFolder {
        /// The program.
        program: &'static str,
        /// What the system said.
        source: io::Error,
    },
    /// The program gives no answer.
    #[error("`{program}`: {fault}")]
    NoAnswer {
        /// The program.
        program: &'static str,
        /// Why.
        fault: Fault,
    },
    /// The program says that it cannot tell.
    #[error("`{program}` says: {reason}")]
    Refused {
        /// The program.
        program: &'static str,
        /// Its words.
        reason: String,
    },
    /// The program's answer says no version.
    #[error("the answer of `{program}` names no version")]
    NoVersion {
        /// The program.
        program: &'static str,
    },
}

/// A program that can be asked.
struct Oracle {
    /// Its names, of which the first that is there is taken.
    names: &'static [&'static str],
    /// What it is asked with, before the package, which may be told on stdin instead, and after it.
    words: &'static [&'static str],
    is_told_on_stdin: bool,
    further: Option<&'static str>,
    /// Finds the version in its answer.
    version: fn(&str) -> Option<String>,
}

const NPM: Oracle = Oracle {
    names: &["npm"],
    words: &["view", "--json", "--loglevel=error", "--"],
    is_told_on_stdin: false,
    further: Some("dist-tags.latest"),
    version: in_json,
};

/// It builds nothing and fetches no Python for this: what it runs for that would be a stranger's.
const UV: Oracle = Oracle {
    names: &["uv"],
    words: &[
        "pip",
        "compile",
        "--quiet",
        "--no-deps",
        "--no-build",
        "--no-header",
        "--no-annotate",
        "--no-python-downloads",
        "-",
    ],
    is_told_on_stdin: true,
    further: None,
    version: in_requirement,
};

const PIP: Oracle = Oracle {
    names: &["python3", "python"],
    words: &["-m", "pip", "--disable-pip-version-check", "--no-input", "index", "versions", "--"],
    is_told_on_stdin: false,
    further: None,
    version: in_index,
};

/// The newest version of a package of npm or Python that this machine could have; nothing for packages of other kinds
/// and for those that come from no registry.
pub async fn newest(
    method: Method,
    package: &str,
    environment: &Environment,
) -> Result<Option<String>, Error> {
    let oracle = match method {
        Method::Npx | Method::Npm if is_npm_name(package) => NPM,
        Method::Uvx if is_python_name(plain(package)) => UV,
        Method::Pip if is_python_name(plain(package)) => PIP,
        _ => return Ok(None),
    };
    oracle.ask(plain(package), environment).await.map(Some)
}

impl Oracle {
    async fn ask(&self, package: &str, environment: &Environment) -> Result<String, Error> {
        let names = self.names.iter();
        let found =
            names.copied().find_map(|name| Some((name, find_for_servers(name, environment)?)));
        let (program, path) = found.ok_or_else(|| {
            let program = self.names[0];
            let remedy = origin(program).unwrap_or("install it");
            Error::NoProgram { program, remedy }
        })?;
        // Where one happens to stand makes no difference, such as a project with settings of its own.
        let folder = tempfile::tempdir().map_err(|source| Error::NoFolder { program, source })?;
        let mut command = Command::new(path);
        command.args(self.words).current_dir(folder.path());
        command.env_clear().envs(handed_on(environment));
        let input = [package, "\n"].concat();
        let input = self.is_told_on_stdin.then_some(input.as_bytes());
        if input.is_none() {
            command.arg(package);
        }
        command.args(self.further);
        let answer = program::ask(command, input, PATIENCE).await;
        let answer = answer.map_err(|fault| Error::NoAnswer { program, fault })?;
        if !answer.status.success() {
            return Err(Error::Refused { program, reason: reason(&answer) });
        }
        let version = (self.version)(&String::from_utf8_lossy(&answer.stdout));
        version.filter(|version| is_version(version)).ok_or(Error::NoVersion { program })
    }
}

/// `"1.2.3"`.
fn in_json(answer: &str) -> Option<String> {
    serde_json::from_str(answer).ok()
}

/// `name==1.2.3`, and perhaps `; python_version >= "3.10"`.
fn in_requirement(answer: &str) -> Option<String> {
    let (_, version) = answer.split_once("==")?;
    version.split([' ', ';', '\n']).next().map(|version| version.trim_end().to_owned())
}

/// `name (1.2.3)`, with further lines.
fn in_index(answer: &str) -> Option<String> {
    let (_, version) = answer.lines().next()?.trim_end().split_once(" (")?;
    version.strip_suffix(')').map(str::to_owned)
}

/// What a program complains of, on one line.
fn reason(answer: &Answer) -> String {
    // With `--json`, npm does so in JSON as well.
    let summary = serde_json::from_slice::<Value>(&answer.stdout).unwrap_or_default();
    let said = match summary["error"]["summary"].as_str() {
        Some(summary) => summary.to_owned(),
        None => String::from_utf8_lossy(&answer.stderr).into_owned(),
    };
    let is_warning = |line: &&str| line.to_ascii_lowercase().contains("warn");
    let lines = said.lines().map(str::trim).filter(|line| !line.is_empty() && !is_warning(line));
    let words: Vec<String> = lines.flat_map(str::split_whitespace).map(without_login).collect();
    match words.join(" ") {
        words if words.is_empty() => format!("nothing ({})", answer.status),
        words => excerpt(words.as_bytes(), LONGEST_REASON),
    }
}

/// A word without the user and the password of a URL in it (RFC 3986, section 3.2.1).
fn without_login(word: &str) -> String {
    let parts = word.split_once("://").and_then(|(scheme, rest)| {
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let at = rest[..end].rfind('@')?;
        Some([scheme, "://", &rest[at + 1..]].concat())
    });
    parts.unwrap_or_else(|| word.to_owned())
}

/// The name without the extras of a Python package; names of npm have no brackets.
fn plain(package: &str) -> &str {
    package.split('[').next().unwrap_or_default().trim_end()
}

/// Whether a word is the name of a package in a registry. npm takes others for folders, files or repositories.
fn is_npm_name(name: &str) -> bool {
    match name.strip_prefix('@') {
        Some(scoped) => {
            scoped.split_once('/').is_some_and(|(scope, name)| is_word(scope) && is_word(name))
        }
        None => is_word(name) && !is_archive(name),
    }
}

/// The same for Python (PEP 508): others would be options, files or URLs to what reads requirements.
fn is_python_name(name: &str) -> bool {
    is_word(name) && !name.contains('~') && !is_archive(name)
}

fn is_word(text: &str) -> bool {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "._-~".contains(letter);
    text.starts_with(|letter: char| letter.is_ascii_alphanumeric()) && text.chars().all(plain)
}

fn is_version(text: &str) -> bool {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "._-+!".contains(letter);
    (1..=LONGEST_VERSION).contains(&text.len()) && text.chars().all(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_found_in_answers() {
        let check = |version: Option<String>, expected: Option<&str>| {
            let version = version.filter(|version| is_version(version));
            assert_eq!(version.as_deref(), expected);
        };
        check(in_json("\"1.2.3\"\n"), Some("1.2.3"));
        check(in_json(""), None);
        check(in_json("{\"error\": {}}"), None);
        check(in_json("\"\\u001b[31m\""), None);
        check(in_requirement("my-srv==2025.1.2\n"), Some("2025.1.2"));
        check(in_requirement("my-srv==1.0.post1 ; python_version >= '3.10'\n"), Some("1.0.post1"));
        check(in_requirement("my-srv @ file:///x\n"), None);
        check(in_index("my-srv (1.2.3)\nAvailable versions: 1.2.3, 1.2.2\n"), Some("1.2.3"));
        check(in_index("my-srv\n"), None);
    }

    #[test]
    fn only_names_of_packages_are_asked_for() {
        let check = |name: &str, of_npm: bool, of_python: bool| {
            assert_eq!(
                (is_npm_name(name), is_python_name(plain(name))),
                (of_npm, of_python),
                "{name}"
            );
        };
        check("srv", true, true);
        check("@a/b.c", true, false);
        check("My_Srv.x[cli,all]", false, true);
        check("-r", false, false);
        check("--registry=x", false, false);
        check("./srv", false, false);
        check("owner/srv", false, false);
        check("https://example.com/srv", false, false);
        check("srv@1.0", false, false);
        check("srv.tgz", false, false);
        check("a\n-r b", false, false);
        check("", false, false);
    }

    #[tokio::test]
    async fn a_program_that_is_not_there_is_named() {
        let oracle = Oracle { names: &["no-such-program-anywhere"], ..NPM };
        let environment = Environment::from_pairs([("PATH", "/bin")]);
        let fault = oracle.ask("srv", &environment).await.expect_err("it is not there");
        let said = "the command `no-such-program-anywhere`, which would know it, was not found: install it";
        assert_eq!(fault.to_string(), said);
        assert_eq!(newest(Method::Docker, "srv", &environment).await.expect("none"), None);
        assert_eq!(newest(Method::Npx, "owner/srv", &environment).await.expect("none"), None);
    }

    #[test]
    fn words_of_urls_are_told_without_logins() {
        let check = |word: &str, expected: &str| assert_eq!(without_login(word), expected);
        check("http://me:s3cret@example.com/x", "http://example.com/x");
        check("(https://s3cret@example.com", "(https://example.com");
        check("https://example.com/@a/b", "https://example.com/@a/b");
        check("plain", "plain");
    }
}
