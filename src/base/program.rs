//! Programs of this machine: where they are found, where one gets them, and what they answer.
//!
//! Whatever is started here leads a group of its own (a process group, on Windows a job), which is killed as a whole when
//! its starter lets go of it. On Linux and Windows the program dies with the bridge as well, however that ends, and with a
//! [`Guardian`] so does what it has started.

use std::collections::VecDeque;
use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;

use process_wrap::tokio::{ChildWrapper, CommandWrap, KillOnDrop};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::process::Command;
use tokio::time::timeout;

use super::environment::Environment;
use super::guardian::{Guardian, Watched};
use super::surroundings::handed_on;
use super::system::programs as system;

/// Longer answers are none.
const LONGEST_ANSWER: usize = 4 * 1024 * 1024;
/// As much is kept of the end of what a program says beside its answer.
const LAST_WORDS: usize = 16 * 1024;

/// Programs that one gets somewhere and that say their version when they are asked for it, each with where that is.
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

/// A running program with all that it has started, which is killed when this is dropped.
#[derive(Debug)]
pub struct Running {
    process: Box<dyn ChildWrapper>,
    /// Its group, forgotten once it is killed.
    _watched: Option<Watched>,
}

/// What a program said until it ended.
#[derive(Debug)]
pub struct Answer {
    /// How it ended.
    pub status: ExitStatus,
    /// What it wrote to stdout.
    pub stdout: Vec<u8>,
    /// The end of what it wrote to stderr.
    pub stderr: Vec<u8>,
}

/// Why a program gave no answer.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// The system does not start it, or does not tell how it ended.
    #[error("it cannot be run: {0}")]
    System(#[from] io::Error),
    /// It took too long and was killed.
    #[error("it has not answered within {} seconds", .0.as_secs())]
    Silent(Duration),
    /// Its answer has no end and it was killed.
    #[error("its answer has more than {LONGEST_ANSWER} bytes")]
    Endless,
}

impl Running {
    /// Starts the program.
    pub fn start(command: Command) -> io::Result<Self> {
        Ok(Self { process: spawn(command, None)?, _watched: None })
    }

    /// Starts the program, and has what it starts killed as well when the bridge dies.
    pub fn start_guarded(command: Command, guardian: &Arc<Guardian>) -> io::Result<Self> {
        let process =
            spawn(command, Some(guardian)).inspect_err(|_| guardian.forget_announced())?;
        // The id of the group is that of its leader.
        let watched = guardian.watch(process.id().unwrap_or_default());
        Ok(Self { process, _watched: Some(watched) })
    }

    /// The process, for its streams and signals.
    pub fn process(&mut self) -> &mut dyn ChildWrapper {
        &mut *self.process
    }

    /// Waits for the end of the program, and of what it has started and not left behind.
    pub async fn ended(&mut self) -> io::Result<ExitStatus> {
        self.process.wait().await
    }

    /// Kills what is left of the group, be it the program or what it started and left behind.
    pub fn kill(&mut self) {
        // The only failure is that nobody is left.
        let _ = self.process.start_kill();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.kill();
    }
}

fn spawn(command: Command, guardian: Option<&Guardian>) -> io::Result<Box<dyn ChildWrapper>> {
    let mut wrap = CommandWrap::from(command);
    die_with_bridge(&mut wrap);
    if let Some(guardian) = guardian {
        guardian.announce(wrap.command_mut());
    }
    lead(&mut wrap);
    wrap.spawn()
}

/// Has the program lead a group of its own, which is killed with it when its handle is dropped. What a terminal sends to the
/// bridge does not reach the group, and none of it opens a window.
pub(super) fn lead(wrap: &mut CommandWrap) {
    system::lead(wrap);
    wrap.wrap(KillOnDrop);
}

/// Has the system end the program itself when the bridge ends, however that happens, where [`lead`] does not do so
/// already.
fn die_with_bridge(wrap: &mut CommandWrap) {
    #[cfg(target_os = "linux")]
    system::die_with_parent(wrap.command_mut());
    #[cfg(not(target_os = "linux"))]
    let _ = wrap;
}

/// What is to be started for a command of a server. Unix looks for it by the search path that the server gets; Windows
/// would find nothing but `.exe` so, while `npx` and its like are batch files there.
pub fn startable(command: &str, path: Option<&OsStr>, folder: Option<&Path>) -> PathBuf {
    let found = if cfg!(windows) { find(command, path, folder) } else { None };
    found.unwrap_or_else(|| command.into())
}

/// Where a command is, as the system looks for it: by the search path, or by its own path from `folder` on.
pub fn find(command: &str, path: Option<&OsStr>, folder: Option<&Path>) -> Option<PathBuf> {
    let is_there = |file: &PathBuf| system::is_program(file);
    let names = system::file_names(command);
    if command.contains(std::path::is_separator) {
        let folder = folder.unwrap_or(Path::new(""));
        return names.iter().map(|name| folder.join(name)).find(is_there);
    }
    // On Unix an empty entry means the folder of the moment, on Windows nothing.
    std::env::split_paths(path?)
        .filter(|folder| cfg!(unix) || !folder.as_os_str().is_empty())
        .flat_map(|folder| names.iter().map(move |name| folder.join(name)).collect::<Vec<_>>())
        .find(is_there)
}

/// Where a command is that is started with what every server gets of the environment.
pub fn find_for_servers(command: &str, environment: &Environment) -> Option<PathBuf> {
    let path = handed_on(environment).find(|(name, _)| name.eq_ignore_ascii_case("PATH"));
    find(command, path.as_ref().map(|(_, path)| path.as_os_str()), None)
}

/// How one gets a program, if it is one that does nothing but tell its version when it is asked for it. Others may be
/// servers.
pub fn origin(command: &str) -> Option<&'static str> {
    let name = Path::new(command).file_stem()?.to_str()?;
    KNOWN.iter().find(|(known, _)| *known == name).map(|(_, origin)| *origin)
}

/// Runs a program to its end, with `input` on its stdin or nothing, and returns what it says. It is killed where it takes
/// longer than `limit`, and where this is dropped.
pub async fn ask(
    mut command: Command,
    input: Option<&[u8]>,
    limit: Duration,
) -> Result<Answer, Fault> {
    command.stdin(if input.is_some() { Stdio::piped() } else { Stdio::null() });
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut running = Running::start(command)?;
    let process = running.process();
    let (stdin, stdout, stderr) =
        (process.stdin().take(), process.stdout().take(), process.stderr().take());
    let tell = async {
        if let (Some(mut stdin), Some(input)) = (stdin, input) {
            // One that ends without reading says why by itself.
            let _ = stdin.write_all(input).await;
        }
        Ok(())
    };
    let conversation = async {
        let ((), stdout, stderr) = tokio::try_join!(tell, whole(stdout), end(stderr))?;
        let status = running.ended().await?;
        Ok(Answer { status, stdout, stderr })
    };
    timeout(limit, conversation).await.unwrap_or(Err(Fault::Silent(limit)))
}

async fn whole(stream: Option<impl AsyncRead + Unpin>) -> Result<Vec<u8>, Fault> {
    let mut answer = Vec::new();
    let Some(stream) = stream else { return Ok(answer) };
    stream.take(LONGEST_ANSWER as u64 + 1).read_to_end(&mut answer).await?;
    if answer.len() > LONGEST_ANSWER { Err(Fault::Endless) } else { Ok(answer) }
}

async fn end(stream: Option<impl AsyncRead + Unpin>) -> Result<Vec<u8>, Fault> {
    let mut last = VecDeque::new();
    let Some(mut stream) = stream else { return Ok(Vec::new()) };
    let mut part = [0; 4096];
    loop {
        let count = stream.read(&mut part).await?;
        if count == 0 {
            return Ok(last.into());
        }
        last.extend(&part[..count]);
        last.drain(..last.len().saturating_sub(LAST_WORDS));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_asked_only_of_what_is_no_server() {
        let check = |command: &str, expected: bool| {
            assert_eq!(origin(command).is_some(), expected, "{command}");
        };
        check("npx", true);
        check("/usr/local/bin/python3", true);
        check("npx-server", false);
        check("/opt/my-server", false);
    }

    #[cfg(unix)]
    #[test]
    fn commands_are_found_as_the_system_finds_them() {
        let path = Some(OsStr::new("/nowhere:/bin:/usr/bin"));
        let found = |command: &str| find(command, path, None);
        assert!(found("sh").is_some_and(|found| found.ends_with("sh")));
        assert_eq!(found("/bin/sh"), Some(PathBuf::from("/bin/sh")));
        assert_eq!(find("./sh", None, Some(Path::new("/bin"))), Some(PathBuf::from("/bin/./sh")));
        for missing in ["no-such-program-anywhere", "/bin", "/etc/passwd"] {
            assert_eq!(found(missing), None, "{missing}");
        }
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn programs_are_heard_to_their_end() {
        let shell = |line: &str| {
            let mut command = Command::new("/bin/sh");
            command.args(["-c", line]);
            command
        };
        let long = Duration::from_mins(1);
        let answer = ask(shell("cat; echo words >&2; exit 3"), Some(b"said"), long).await;
        let answer = answer.expect("an answer");
        assert_eq!((answer.stdout, answer.stderr), (b"said".to_vec(), b"words\n".to_vec()));
        assert_eq!(answer.status.code(), Some(3));
        let answer = ask(shell("cat; yes 12345678 | head -c 99999 >&2"), None, long).await;
        let answer = answer.expect("an answer");
        assert_eq!((answer.stdout.len(), answer.stderr.len()), (0, LAST_WORDS));
        let fault = ask(shell("yes"), None, long).await.expect_err("no end");
        assert!(matches!(fault, Fault::Endless), "{fault}");
        let fault = ask(Command::new("/nowhere/x"), None, long).await.expect_err("not there");
        assert!(matches!(&fault, Fault::System(why) if why.kind() == io::ErrorKind::NotFound));
    }

    /// The shell's own child holds the pipe that this test reads: it ends once both are gone.
    #[cfg(unix)]
    #[tokio::test]
    async fn nothing_is_left_of_a_program_that_is_given_up() {
        let (mut held, holder) = std::io::pipe().expect("a pipe");
        let mut command = Command::new("/bin/sh");
        command.args(["-c", "sleep 600 & wait"]);
        command.stdin(Stdio::null()).stderr(holder);
        let mut running = Running::start(command).expect("it starts");
        timeout(Duration::from_millis(50), running.ended()).await.expect_err("it does not end");
        drop(running);
        let read = tokio::task::spawn_blocking(move || io::Read::read(&mut held, &mut [0; 1]));
        assert_eq!(read.await.expect("it ran").expect("read"), 0);
    }
}
