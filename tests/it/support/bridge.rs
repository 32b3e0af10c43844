//! The builder: a home folder of its own, a config, and the binary run in it.

use std::fs;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use tempfile::TempDir;

use super::http::Server;
use super::{Client, UPSTREAM, leave_out};

/// A bridge that is not running yet.
pub(crate) struct Bridge {
    home: TempDir,
    config: Value,
    raw_config: Option<String>,
    without_config: bool,
    args: Vec<String>,
    env: Vec<(String, String)>,
    /// A program and its arguments, which starts the bridge; none as a rule.
    starter: Vec<String>,
}

/// What a command printed and how it ended.
#[derive(Debug)]
pub(crate) struct Output {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Bridge {
    pub(crate) fn new() -> Self {
        Self {
            home: tempfile::tempdir().expect("a temporary folder can be made"),
            config: json!({"servers": {}}),
            raw_config: None,
            without_config: false,
            args: Vec::new(),
            env: Vec::new(),
            starter: Vec::new(),
        }
    }

    /// Has this line of a shell start the bridge, whose program and arguments are `"$0" "$@"`.
    pub(crate) fn started_by(mut self, line: &str) -> Self {
        self.starter = ["sh", "-c", line].map(str::to_owned).to_vec();
        self
    }

    /// The same in name spaces of its own, where there may be file systems that are not there otherwise. Where this user
    /// may have none, the test is left out, unless `NAME_SPACES` is `required`.
    #[track_caller]
    #[cfg(target_os = "linux")]
    pub(crate) fn started_apart_by(self, line: &str) -> Option<Self> {
        // What a user may, and what root may where users may not.
        let ways: [&[&str]; 2] =
            [&["unshare", "--user", "--map-root-user", "--mount"], &["unshare", "--mount"]];
        let may = |way: &&[&str]| {
            let mut tried = Command::new(way[0]);
            tried.args(&way[1..]).args(["mount", "-t", "tmpfs", "tmpfs", "/tmp"]);
            tried.stderr(Stdio::null()).status().is_ok_and(|status| status.success())
        };
        let Some(apart) = ways.into_iter().find(may) else {
            leave_out(
                "NAME_SPACES",
                "this user may make no name spaces (`unshare --user --mount`)",
            );
            return None;
        };
        let mut bridge = self.started_by(line);
        bridge.starter.splice(0..0, apart.iter().map(|word| (*word).to_owned()));
        Some(bridge)
    }

    /// Adds the scripted server under this name, started with these flags.
    pub(crate) fn server(self, name: &str, flags: &[&str]) -> Self {
        let entry = json!({"transport": "stdio", "command": UPSTREAM, "args": flags});
        self.entry(name, entry)
    }

    /// Adds a server entry as it is.
    pub(crate) fn entry(mut self, name: &str, entry: Value) -> Self {
        self.config["servers"][name] = entry;
        self
    }

    /// Changes the config before it is written.
    pub(crate) fn config(mut self, change: impl FnOnce(&mut Value)) -> Self {
        change(&mut self.config);
        self
    }

    /// Sets a top-level config key.
    pub(crate) fn set(self, key: &str, value: impl Into<Value>) -> Self {
        self.config(|config| config[key] = value.into())
    }

    /// Writes this text as the config, whatever was built before.
    pub(crate) fn raw_config(mut self, text: &str) -> Self {
        self.raw_config = Some(text.to_owned());
        self
    }

    /// Writes no config at all.
    pub(crate) fn without_config(mut self) -> Self {
        self.without_config = true;
        self
    }

    /// Writes a file below the home folder.
    pub(crate) fn file(self, name: &str, content: &str) -> Self {
        let path = self.path(name);
        let folder = path.parent().expect("a file below the home folder has a parent");
        fs::create_dir_all(folder).expect("the home folder is writable");
        fs::write(path, content).expect("the home folder is writable");
        self
    }

    /// Sets a variable in the bridge's environment.
    pub(crate) fn env(mut self, name: &str, value: &str) -> Self {
        self.env.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Adds arguments that stand before those of `serve` and `run`.
    pub(crate) fn args(mut self, args: &[&str]) -> Self {
        self.args.extend(args.iter().map(|&arg| arg.to_owned()));
        self
    }

    /// A path below the home folder.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    /// The home folder.
    pub(crate) fn home(&self) -> &Path {
        self.home.path()
    }

    /// Starts the bridge on stdio, not initialized yet.
    pub(crate) fn serve(self) -> Client {
        let command = self.command(&[]);
        Client::start(command, self.home)
    }

    /// Starts the bridge on stdio and shakes hands.
    pub(crate) fn serve_initialized(self) -> Client {
        let mut client = self.serve();
        client.initialize();
        client
    }

    /// Starts the bridge on a free port, with these flags.
    pub(crate) fn serve_http(self, flags: &[&str]) -> Server {
        let command = self.command(&[flags, &["--port", "0"]].concat());
        Server::start(command, self.home)
    }

    /// Runs a command to its end, with nothing on stdin.
    pub(crate) fn run(&self, args: &[&str]) -> Output {
        self.run_with_input(args, "")
    }

    /// Runs a command to its end.
    pub(crate) fn run_with_input(&self, args: &[&str], input: &str) -> Output {
        run(self.command(args), input)
    }

    /// Writes the config, for commands that are run in the home folder.
    pub(crate) fn write(&self) {
        self.command(&[]);
    }

    fn command(&self, args: &[&str]) -> Command {
        if !self.without_config {
            let text = self.raw_config.clone().unwrap_or_else(|| format!("{:#}\n", self.config));
            fs::write(self.path("config.json"), text).expect("the home folder is writable");
        }
        let mut command = command_by(&self.starter, self.home());
        command.envs(self.env.iter().map(|(name, value)| (name, value)));
        command.args(&self.args).args(args);
        command
    }
}

impl Output {
    /// Asserts the exit code, showing everything when it is another.
    #[track_caller]
    pub(crate) fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{self:#?}");
        self
    }

    /// Stdout as JSON.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error} in {self:#?}"))
    }
}

/// The bridge with this home folder and nothing else from the test's environment.
pub(super) fn command_in(home: &Path) -> Command {
    command_by(&[], home)
}

/// The same, started by another program with these arguments before it.
fn command_by(starter: &[String], home: &Path) -> Command {
    let mut words = starter.iter().map(String::as_str).chain([env!("CARGO_BIN_EXE_bridge")]);
    let mut command = Command::new(words.next().expect("the bridge at least"));
    command
        .args(words)
        .env_clear()
        .env("PATH", search_path())
        .env("HOME", home)
        .env("BRIDGE_HOME", home)
        .current_dir(home);
    command
}

/// Runs a command to its end, with the config that is in the home folder.
pub(crate) fn run_in(home: &Path, args: &[&str]) -> Output {
    let mut command = command_in(home);
    command.args(args);
    run(command, "")
}

/// Runs a command to its end, with the config that is in the home folder; `answer` gets what is on stderr whenever there is
/// more, and says what is typed.
pub(crate) fn converse_in(
    home: &Path,
    environment: &[(&str, &str)],
    args: &[&str],
    mut answer: impl FnMut(&str) -> Option<String>,
) -> Output {
    let mut command = command_in(home);
    command.envs(environment.iter().copied());
    command.args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("the bridge starts");
    let mut stdin = child.stdin.take().expect("stdin is piped");
    let mut errors = child.stderr.take().expect("stderr is piped");
    let (mut seen, mut bytes) = (Vec::new(), [0; 4096]);
    while let Ok(count @ 1..) = errors.read(&mut bytes) {
        seen.extend_from_slice(&bytes[..count]);
        if let Some(line) = answer(&String::from_utf8_lossy(&seen)) {
            stdin.write_all(line.as_bytes()).expect("it is read");
        }
    }
    drop(stdin);
    let output = child.wait_with_output().expect("the bridge can be waited for");
    Output {
        code: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8(output.stdout).expect("stdout is UTF-8"),
        stderr: String::from_utf8_lossy(&seen).into_owned(),
    }
}

fn run(mut command: Command, input: &str) -> Output {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("the bridge starts");
    let mut stdin = child.stdin.take().expect("stdin is piped");
    // A command that does not read may be gone already.
    let _ = stdin.write_all(input.as_bytes());
    drop(stdin);
    let output = child.wait_with_output().expect("the bridge can be waited for");
    Output {
        code: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8(output.stdout).expect("stdout is UTF-8"),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

#[expect(clippy::disallowed_methods, reason = "this is the test's environment, not the bridge's")]
fn search_path() -> String {
    std::env::var("PATH").expect("PATH is set")
}
