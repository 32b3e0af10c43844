//! The programs that start servers: whether they are there, and which versions of them.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;
use tokio::time::timeout;

use super::checkup::{Checkup, Part};
use crate::base::environment::Environment;
use crate::base::surroundings::handed_on;
use crate::config::{self, Config, Transport};
use crate::telemetry::logging::excerpt;

/// How long a program may take to say its version.
const PATIENCE: Duration = Duration::from_secs(5);
/// As much of what it says as a line holds.
const VERSION_LENGTH: usize = 60;

/// Programs that say their version and do nothing else when they are asked for it, and where to get them. Others may be
/// servers, which are not started to hear a version.
const KNOWN: &[(&str, &str)] = &[
    ("npx", NODE),
    ("npm", NODE),
    ("node", NODE),
    ("bun", "get Bun from https://bun.sh"),
    ("bunx", "get Bun from https://bun.sh"),
    ("deno", "get Deno from https://deno.com"),
    ("uvx", UV),
    ("uv", UV),
    ("pipx", "get pipx from https://pipx.pypa.io"),
    ("python", PYTHON),
    ("python3", PYTHON),
    ("docker", "get Docker from https://docs.docker.com/get-docker"),
    ("podman", "get Podman from https://podman.io"),
    ("go", "get Go from https://go.dev/dl"),
    ("java", "get a Java runtime from https://adoptium.net"),
    ("dotnet", "get .NET from https://dotnet.microsoft.com/download"),
];
const NODE: &str = "get Node.js from https://nodejs.org";
const UV: &str = "get uv from https://docs.astral.sh/uv";
const PYTHON: &str = "get Python from https://www.python.org/downloads";

/// Where a command was looked for.
struct Needed<'a> {
    server: &'a str,
    stdio: &'a config::Stdio,
}

/// Looks for the command of every server but those that are skipped; returns the servers whose command is not there.
pub(super) async fn look(
    config: &Config,
    skipped: &[String],
    environment: &Environment,
    checkup: &mut Checkup,
) -> Vec<String> {
    let mut commands: BTreeMap<(&str, Option<OsString>), Vec<Needed<'_>>> = BTreeMap::new();
    for (name, server) in &config.servers {
        let is_skipped = skipped.iter().any(|skipped| skipped == name.as_str());
        if let (Transport::Stdio(stdio), false) = (&server.transport, is_skipped) {
            let path = search_path(stdio, environment);
            let needed = Needed { server: name.as_str(), stdio };
            commands.entry((&stdio.command, path)).or_default().push(needed);
        }
    }
    let mut without = Vec::new();
    for ((command, path), needed) in commands {
        let Some(found) = find(command, path.as_ref(), needed[0].stdio.cwd.as_deref()) else {
            let servers: Vec<&str> = needed.iter().map(|needed| needed.server).collect();
            missing(command, &servers, checkup);
            without.extend(servers.into_iter().map(str::to_owned));
            continue;
        };
        present(command, &found, environment, path, checkup).await;
    }
    without
}

fn missing(command: &str, servers: &[&str], checkup: &mut Checkup) {
    let servers: Vec<String> = servers.iter().map(|server| format!("`{server}`")).collect();
    let servers = servers.join(", ");
    let is_path = command.contains(std::path::is_separator);
    let message = if is_path {
        format!("there is no such program, which {servers} is started by")
    } else {
        format!("it is not on the PATH, and {servers} is started by it")
    };
    let remedy = match known(command) {
        Some(remedy) => {
            format!("{remedy}, or name its folder by `PATH` in the entry's `env`")
        }
        None => "install it, or write its full path into `command` of the entry".to_owned(),
    };
    checkup.problem(Part::Command, command, message, remedy);
}

async fn present(
    command: &str,
    found: &Path,
    environment: &Environment,
    path: Option<OsString>,
    checkup: &mut Checkup,
) {
    let place = found.display();
    if known(command).is_none() {
        checkup.ok(Part::Command, command, format!("it is there: {place}"));
        return;
    }
    let version = version(found, environment, path);
    match timeout(PATIENCE, version).await {
        Ok(Ok(version)) => {
            checkup.ok(Part::Command, command, format!("{version}, in {place}"));
        }
        Ok(Err(why)) => {
            let message = format!("`{place} --version` fails: {why}");
            checkup.warning(Part::Command, command, message, "install it again");
        }
        Err(_) => {
            let message =
                format!("`{place} --version` has not answered in {} seconds", PATIENCE.as_secs());
            let remedy = "run it yourself: it may ask for something";
            checkup.warning(Part::Command, command, message, remedy);
        }
    }
}

/// How to get the program, if it is one whose version can be asked for.
fn known(command: &str) -> Option<&'static str> {
    let name = Path::new(command).file_stem()?.to_str()?;
    KNOWN.iter().find(|(known, _)| *known == name).map(|(_, remedy)| *remedy)
}

/// The first line of what it says, or why it says nothing.
async fn version(
    program: &Path,
    environment: &Environment,
    path: Option<OsString>,
) -> Result<String, String> {
    let mut command = Command::new(program);
    command.arg("--version").env_clear().envs(handed_on(environment));
    command.envs(path.map(|path| ("PATH", path)));
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).kill_on_drop(true);
    let output = command.output().await.map_err(|error| error.to_string())?;
    if !output.status.success() {
        return Err(output.status.to_string());
    }
    let said = String::from_utf8_lossy(&output.stdout);
    let first = said.lines().map(str::trim).find(|line| !line.is_empty());
    let first = first.ok_or_else(|| "it says nothing".to_owned())?;
    Ok(excerpt(first.as_bytes(), VERSION_LENGTH))
}

/// The search path that the server is started with.
fn search_path(stdio: &config::Stdio, environment: &Environment) -> Option<OsString> {
    let is_path = |name: &str| name.eq_ignore_ascii_case("PATH");
    let own = stdio.env.iter().find(|(name, _)| is_path(name));
    let own = own.map(|(_, value)| OsString::from(value.expose()));
    own.or_else(|| handed_on(environment).find(|(name, _)| is_path(name)).map(|(_, path)| path))
}

/// Where the command is, as the system looks for it.
fn find(command: &str, path: Option<&OsString>, cwd: Option<&Path>) -> Option<PathBuf> {
    let is_there = |file: &PathBuf| is_program(file);
    if command.contains(std::path::is_separator) {
        let file = cwd.map_or_else(|| PathBuf::from(command), |folder| folder.join(command));
        return Some(file).filter(is_there);
    }
    let endings: &[&str] = if cfg!(windows) { &["", ".exe", ".cmd", ".bat"] } else { &[""] };
    let names: Vec<String> = endings.iter().map(|ending| format!("{command}{ending}")).collect();
    std::env::split_paths(path?)
        .flat_map(|folder| names.iter().map(move |name| folder.join(name)).collect::<Vec<_>>())
        .find(is_there)
}

#[cfg(unix)]
fn is_program(file: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    file.metadata().is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
}

#[cfg(not(unix))]
fn is_program(file: &Path) -> bool {
    file.is_file()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_asked_only_of_what_is_no_server() {
        let check = |command: &str, expected: bool| {
            assert_eq!(known(command).is_some(), expected, "{command}");
        };
        check("npx", true);
        check("/usr/local/bin/python3", true);
        check("npx-server", false);
        check("/opt/my-server", false);
    }

    #[cfg(unix)]
    #[test]
    fn commands_are_found_as_the_system_finds_them() {
        let path = Some(OsString::from("/nowhere:/bin:/usr/bin"));
        let found = |command: &str| find(command, path.as_ref(), None);
        assert!(found("sh").is_some_and(|found| found.ends_with("sh")));
        assert_eq!(found("/bin/sh"), Some(PathBuf::from("/bin/sh")));
        assert_eq!(find("./sh", None, Some(Path::new("/bin"))), Some(PathBuf::from("/bin/./sh")));
        for missing in ["no-such-program-anywhere", "/bin", "/etc/passwd"] {
            assert_eq!(found(missing), None, "{missing}");
        }
    }
}
