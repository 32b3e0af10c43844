//! What happens before the first read.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;
#[cfg(windows)]
use std::process::Stdio;
use std::process::{Command, ExitCode, id};
use std::thread::sleep;
use std::time::Duration;

use crate::frames::{Batch, Output};
use crate::options::Options;

/// Does what the flags ask for at start; an error is the code to exit with at once.
pub(crate) fn run(options: &mut Options) -> Result<(), ExitCode> {
    if options.ignore_eof && !options.term_ignored {
        return Err(restart_ignoring_term());
    }
    record(options).map_err(|error| fail(&error.to_string()))?;
    if let Some(file) = &options.silent_first {
        options.silent |= File::create_new(file).is_ok();
    }
    if let Some(text) = &options.stderr {
        complain(text);
    }
    if let Some(name) = &options.require_env
        && !is_set(name)
    {
        return Err(fail(&format!("Error: {name} environment variable is required")));
    }
    if let Some(code) = options.exit_at_start {
        return Err(ExitCode::from(code));
    }
    sleep(Duration::from_millis(options.start_delay_ms));
    speak_first(options);
    Ok(())
}

/// Writes a line to stderr; nobody can be told when that fails.
pub(crate) fn complain(text: &str) {
    let _ = writeln!(io::stderr(), "{text}");
}

/// Whether the variable is set to something.
#[expect(clippy::disallowed_methods, reason = "this binary does not use the library")]
pub(crate) fn is_set(name: &str) -> bool {
    std::env::var_os(name).is_some_and(|value| !value.is_empty())
}

/// The variable's value.
#[expect(clippy::disallowed_methods, reason = "this binary does not use the library")]
pub(crate) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

fn fail(message: &str) -> ExitCode {
    complain(message);
    ExitCode::FAILURE
}

/// Ignored signals stay ignored across exec, so a shell can do what safe Rust cannot.
#[cfg(unix)]
fn restart_ignoring_term() -> ExitCode {
    use std::os::unix::process::CommandExt;
    let program = match std::env::current_exe() {
        Ok(program) => program,
        Err(error) => return fail(&error.to_string()),
    };
    let error = Command::new("sh")
        .args(["-c", "trap '' TERM; exec \"$0\" \"$@\""])
        .arg(program)
        .args(std::env::args_os().skip(1))
        .arg("--term-ignored")
        .exec();
    fail(&error.to_string())
}

#[cfg(not(unix))]
fn restart_ignoring_term() -> ExitCode {
    fail("--ignore-eof needs a Unix system")
}

fn record(options: &Options) -> io::Result<()> {
    if let Some(file) = &options.start_log {
        append(file, &options.name)?;
    }
    if let Some(file) = &options.pid_file {
        append(file, &id().to_string())?;
    }
    if options.grandchild {
        let child = stubborn_sleeper().spawn()?;
        if let Some(file) = &options.pid_file {
            append(file, &child.id().to_string())?;
        }
    }
    Ok(())
}

/// A process that only a kill ends before its time.
#[cfg(unix)]
fn stubborn_sleeper() -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", "trap '' TERM; exec sleep 600"]);
    command
}

#[cfg(windows)]
fn stubborn_sleeper() -> Command {
    let mut command = Command::new("ping");
    command.args(["-n", "600", "127.0.0.1"]).stdin(Stdio::null()).stdout(Stdio::null());
    command
}

pub(crate) fn append(file: &Path, line: &str) -> io::Result<()> {
    let mut file = OpenOptions::new().create(true).append(true).open(file)?;
    file.write_all(format!("{line}\n").as_bytes())
}

fn speak_first(options: &Options) {
    let mut batch = Batch::new(options);
    if options.junk_at_start {
        batch.raw(b"Starting up...\n\x1b[32mready\x1b[0m on stdio\n\n{not json\n");
    }
    if options.greet {
        batch.message(|body| {
            body.extend_from_slice(
                br#"{"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","data":"hello"}}"#,
            );
        });
    }
    if !batch.is_empty() {
        Output::new().write(batch.bytes());
    }
}
