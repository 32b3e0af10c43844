//! docs/first-run.md, done again from an empty home: the document itself says what to run and what comes of it.
//!
//! `npx` and `uvx` are stand-ins that start the scripted server, or the real ones where `FIRST_RUN` is `registries`.
//! With `FIRST_RUN_WRITE` set, what is printed is put into the document.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use crate::support::UPSTREAM;

/// Stands for what is not the same each time, within one line.
const MARK: char = '…';
/// Before a command.
const PROMPT: &str = "$ ";
/// Before what a client writes, and before what it is answered.
const SENT: &str = "→ ";
const ANSWERED: &str = "← ";
/// Said of a server that is slow, so not each time.
const WAITING: &str = "still waiting for ";
/// Variables that move the files of clients or of the bridge.
const MOVING: [&str; 4] = ["BRIDGE_HOME", "XDG_CONFIG_HOME", "CLAUDE_CONFIG_DIR", "BRIDGE_BIN"];

#[test]
fn the_document_is_what_happens() {
    let path = root("docs/first-run.md");
    let document = fs::read_to_string(&path).expect("the document is there");
    let replayed = Run::new().replay(&document);
    if variable("FIRST_RUN_WRITE").is_some() {
        fs::write(&path, replayed).expect("the document can be written");
    } else {
        assert_eq!(replayed, document, "what happens (left) and what the document says (right)");
    }
}

#[test]
fn marks_stand_for_what_differs() {
    let check = |expected: &str, actual: &str, is_same: bool| {
        assert_eq!(fits(expected, actual), is_same, "{expected} | {actual}");
    };
    check("a b", "a b", true);
    check("a  b", "a b", true);
    check("a b", "a c", false);
    check("a@… b", "a@1.2 b", true);
    check("a@… b", "a@1.2 c", false);
    check("{…\"x\":…}", "{\"y\":1,\"x\":2}", true);
    check("{…\"x\":…}", "{\"y\":1,\"z\":2}", false);
    check("ab…b", "ab", false);
}

/// A home with nothing in it but the program, and how to find it and the other ones.
struct Run {
    home: TempDir,
    tools: TempDir,
    is_real: bool,
}

impl Run {
    fn new() -> Self {
        let is_real = variable("FIRST_RUN").is_some_and(|value| value == "registries");
        // Where the program is, so that it need not be copied.
        let home = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder");
        let tools = tempfile::tempdir().expect("a folder");
        let run = Self { home, tools, is_real };
        let program = variable("BRIDGE_BIN").filter(|_| is_real);
        let program = program.unwrap_or_else(|| env!("CARGO_BIN_EXE_bridge").to_owned());
        let place = run.home("~/.cargo/bin/bridge");
        fs::create_dir_all(place.parent().expect("it has one")).expect("the home is writable");
        fs::create_dir(run.home("~/project")).expect("the home is writable");
        if fs::hard_link(&program, &place).is_err() {
            fs::copy(&program, &place).expect("the program can be copied");
        }
        if !is_real {
            run.stand_ins();
        }
        run
    }

    /// Programs that start the scripted server in place of a package, one whose answers lie in the fixtures.
    fn stand_ins(&self) {
        let folder = self.tools.path();
        for entry in fs::read_dir(root("tests/fixtures/first-run")).expect("they are there") {
            let path = entry.expect("it can be listed").path();
            let text = fs::read_to_string(&path).expect("it can be read");
            // Answers travel on one line.
            let script: Value = serde_json::from_str(&text).expect("it is JSON");
            let name = path.file_name().expect("it is a file");
            fs::write(folder.join(name), script.to_string()).expect("the folder is writable");
        }
        let text = format!(
            "#!/bin/sh\nfor file in '{}'/*.json; do\n  case \"$*\" in *\"$(basename \"$file\" .json)\"@*) \
             exec '{UPSTREAM}' --script \"$file\" ;; esac\ndone\necho \"no stand-in for $*\" >&2\nexit 1\n",
            folder.display(),
        );
        for name in ["npx", "uvx"] {
            let path = folder.join(name);
            fs::write(&path, &text).expect("the folder is writable");
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("it is ours");
        }
    }

    /// A path of the document.
    fn home(&self, path: &str) -> PathBuf {
        self.home.path().join(path.strip_prefix("~/").expect("paths begin with ~/"))
    }

    /// The program with the environment of this run, and nobody's config.
    fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        let own = self.home.path().join(".cargo/bin").display().to_string();
        if self.is_real {
            let others = variable("PATH").expect("there is a search path");
            command.env("PATH", format!("{own}:{others}"));
            for name in MOVING {
                command.env_remove(name);
            }
        } else {
            let path =
                format!("{own}:{}:/usr/local/bin:/usr/bin:/bin", self.tools.path().display());
            command.env_clear().env("PATH", path);
        }
        command.env("HOME", self.home.path()).current_dir(self.home.path().join("project"));
        command
    }

    /// The document with what happens now; where a line fits what happens, as it is.
    fn replay(&self, document: &str) -> String {
        let mut new: Vec<String> = Vec::new();
        let mut lines = document.lines();
        while let Some(line) = lines.next() {
            new.push(line.to_owned());
            let Some(info) = line.strip_prefix("```").filter(|info| !info.is_empty()) else {
                continue;
            };
            let block: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
            match info.split_once(' ') {
                None if info == "console" => new.extend(self.commands(&block)),
                Some(("client", file)) => new.extend(self.conversation(file, &block)),
                Some(("json", file)) => {
                    let path = self.home(file);
                    fs::create_dir_all(path.parent().expect("it has one")).expect("writable");
                    fs::write(&path, block.join("\n") + "\n").expect("the home is writable");
                    new.extend(block.into_iter().map(str::to_owned));
                }
                _ => panic!("nobody knows what to do with a block of `{info}`"),
            }
            new.push("```".to_owned());
        }
        new.join("\n") + "\n"
    }

    /// Commands, each with what it is to print behind it.
    fn commands(&self, block: &[&str]) -> Vec<String> {
        let mut new = Vec::new();
        for part in block.chunk_by(|_, next| !next.starts_with(PROMPT)) {
            let command = part[0].strip_prefix(PROMPT).expect("a block begins with a command");
            let mut shell = self.command(Path::new("/bin/sh"));
            shell.args(["-c", &format!("exec 2>&1; {command}")]).stdin(Stdio::null());
            let output = shell.output().expect("the shell starts");
            let printed = String::from_utf8(output.stdout).expect("it is UTF-8");
            new.push(part[0].to_owned());
            new.extend(self.kept(&part[1..], &printed));
            assert!(output.status.success(), "{command}: {}\n{printed}", output.status);
        }
        new
    }

    /// What a client and the bridge say, the bridge being started as the client's file has it.
    fn conversation(&self, file: &str, block: &[&str]) -> Vec<String> {
        let text = fs::read_to_string(self.home(file)).expect("the client's file is there");
        let file: Value = serde_json::from_str(&text).expect("the client's file is JSON");
        let entry = &file["mcpServers"]["bridge"];
        let program = entry["command"].as_str().expect("it has a command");
        let args = entry["args"].as_array().into_iter().flatten();
        let mut command = self.command(Path::new(program));
        command.args(args.map(|arg| arg.as_str().expect("arguments are strings")));
        let mut bridge = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("it starts as the file says");
        let mut stdin = bridge.stdin.take().expect("it is piped");
        let mut answers = BufReader::new(bridge.stdout.take().expect("it is piped")).lines();
        let mut new = Vec::new();
        for line in block {
            if let Some(sent) = line.strip_prefix(SENT) {
                writeln!(stdin, "{sent}").expect("it reads");
                new.push((*line).to_owned());
            } else {
                let expected = line.strip_prefix(ANSWERED).expect("it is sent or answered");
                let mut answer = || answers.next().expect("it answers").expect("it is UTF-8");
                // What is no answer comes when it comes.
                let mut got = answer();
                while got.contains("\"method\":") && !got.contains("\"result\":") {
                    got = answer();
                }
                let kept = self.kept(&[expected], &got);
                new.extend(kept.iter().map(|line| format!("{ANSWERED}{line}")));
            }
        }
        drop(stdin);
        assert!(bridge.wait().expect("it can be waited for").success(), "it ends well");
        new
    }

    /// What was printed, as the document has it where that fits.
    fn kept(&self, expected: &[&str], printed: &str) -> Vec<String> {
        let home = self.home.path().to_str().expect("the path is UTF-8");
        let printed = printed.replace(home, "~");
        let lines = printed.lines().filter(|line| !line.starts_with(WAITING));
        let mut expected = expected.iter();
        let kept = lines.map(|line| match expected.next() {
            Some(known) if fits(known, line) => (*known).to_owned(),
            _ => line.to_owned(),
        });
        kept.collect()
    }
}

/// Whether a line is the one that is expected. Blanks between words count as one: paths are longer here than in the
/// document, and so are columns with them.
fn fits(expected: &str, actual: &str) -> bool {
    let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let (expected, actual) = (words(expected), words(actual));
    let Some((first, rest)) = expected.split_once(MARK) else { return expected == actual };
    let (between, last) = rest.rsplit_once(MARK).unwrap_or(("", rest));
    let inside = actual.strip_prefix(first).and_then(|actual| actual.strip_suffix(last));
    let Some(mut inside) = inside else { return false };
    between.split(MARK).all(|piece| match inside.split_once(piece) {
        Some((_, behind)) => {
            inside = behind;
            true
        }
        None => false,
    })
}

fn root(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

#[expect(clippy::disallowed_methods, reason = "this is the test's environment, not the bridge's")]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}
