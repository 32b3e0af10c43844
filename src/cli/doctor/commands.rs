//! The programs that start servers: whether they are there, and which versions of them.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::Path;
use std::time::Duration;

use tokio::process::Command;

use super::checkup::{Checkup, Part};
use crate::base::environment::Environment;
use crate::base::program::{self, Fault, find, origin};
use crate::base::surroundings::handed_on;
use crate::config::{self, Config, Transport};
use crate::telemetry::logging::excerpt;

/// How long a program may take to say its version.
const PATIENCE: Duration = Duration::from_secs(5);
/// As much of what it says as a line holds.
const VERSION_LENGTH: usize = 60;

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
            let path = stdio.search_path(environment);
            let needed = Needed { server: name.as_str(), stdio };
            commands.entry((&stdio.command, path)).or_default().push(needed);
        }
    }
    let mut without = Vec::new();
    for ((command, path), needed) in commands {
        let Some(found) = find(command, path.as_deref(), needed[0].stdio.cwd.as_deref()) else {
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
    let remedy = match origin(command) {
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
    if origin(command).is_none() {
        checkup.ok(Part::Command, command, format!("it is there: {place}"));
        return;
    }
    let (why, remedy) = match version(found, environment, path).await {
        Ok(Ok(version)) => {
            checkup.ok(Part::Command, command, format!("{version}, in {place}"));
            return;
        }
        Ok(Err(why)) => (why, "install it again"),
        Err(fault @ Fault::Silent(_)) => {
            (fault.to_string(), "run it yourself: it may ask for something")
        }
        Err(fault) => (fault.to_string(), "install it again"),
    };
    let message = format!("`{place} --version` fails: {why}");
    checkup.warning(Part::Command, command, message, remedy);
}

/// The first line of what it says, or why it says nothing.
async fn version(
    program: &Path,
    environment: &Environment,
    path: Option<OsString>,
) -> Result<Result<String, String>, Fault> {
    let mut command = Command::new(program);
    command.arg("--version").env_clear().envs(handed_on(environment));
    command.envs(path.map(|path| ("PATH", path)));
    let answer = program::ask(command, None, PATIENCE).await?;
    if !answer.status.success() {
        return Ok(Err(answer.status.to_string()));
    }
    let said = String::from_utf8_lossy(&answer.stdout);
    let first = said.lines().map(str::trim).find(|line| !line.is_empty());
    let first = first.map(|first| excerpt(first.as_bytes(), VERSION_LENGTH));
    Ok(first.ok_or_else(|| "it says nothing".to_owned()))
}
