//! Log lines that nobody takes: they hold up nothing and end nothing.

use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::process::Command;

use serde_json::json;

use crate::support::{Bridge, Client, lines_of, text_of};

/// More than a pipe holds, in lines of a few hundred bytes.
const LINES: u32 = 400;

/// A pipe for the bridge's stderr, both of whose ends are open here.
fn pipe(path: &Path) -> File {
    let made = Command::new("mkfifo").arg(path).status();
    assert!(made.is_ok_and(|status| status.success()), "a pipe can be made");
    File::options().read(true).write(true).open(path).expect("it can be opened")
}

fn serve(stderr: &str) -> Client {
    Bridge::new()
        .server("one", &[])
        .args(&["--verbose"])
        .started_by(&format!("exec \"$0\" \"$@\" 2>{stderr}"))
        .serve()
}

/// One line of the log for each call.
fn log_much(client: &mut Client) {
    for number in 0..LINES {
        let text = format!("{number} {}", "x".repeat(300));
        let result = client.call("one", "leak", json!({"where": "log", "text": text}));
        assert_eq!(text_of(&result), "leaked");
    }
}

#[test]
fn a_stderr_that_nobody_reads_holds_up_nothing() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let path = folder.path().join("stderr");
    let mut unread = pipe(&path);
    let mut client = serve(path.to_str().expect("a plain path"));
    client.initialize();
    log_much(&mut client);
    // What was lost is told as soon as somebody reads.
    let mut bytes = vec![0; 1 << 20];
    assert!(unread.read(&mut bytes).is_ok_and(|read| read > 32 * 1024));
    client.call("one", "leak", json!({"where": "log", "text": "the last"}));
    client.close_stdin();
    assert_eq!(client.wait_exit(crate::support::PATIENCE), 0);
    let read = unread.read(&mut bytes).expect("there is more");
    let rest = String::from_utf8_lossy(&bytes[..read]);
    let is_notice = |line: &str| line.ends_with("log lines were lost: nobody read stderr");
    assert_eq!(rest.lines().filter(|line| is_notice(line)).count(), 1, "{rest}");
    assert!(rest.contains("the last"), "{rest}");
}

#[test]
fn a_stderr_that_is_gone_ends_nothing() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let path = folder.path().join("stderr");
    let end = pipe(&path);
    let mut client = serve(path.to_str().expect("a plain path"));
    client.initialize();
    drop(end);
    log_much(&mut client);
    client.close_stdin();
    assert_eq!(client.wait_exit(crate::support::PATIENCE), 0);
}

#[test]
fn a_log_file_that_cannot_be_written_is_told_once() {
    let mut client = Bridge::new()
        .server("one", &[])
        .args(&["--verbose", "--log-file", "/dev/full"])
        .serve_initialized();
    log_much(&mut client);
    client.expect_stderr(&["/dev/full", "cannot be written", "No space left"]);
    assert_eq!(client.stderr_text().lines().count(), 1, "{}", client.stderr_text());
}

#[test]
fn a_log_file_that_is_full_for_a_while_goes_on() {
    // As many blocks of 512 bytes as a quarter of the lines needs; the signal that comes with it would end any program.
    let limit = "trap '' XFSZ; ulimit -f 60; exec \"$0\" \"$@\"";
    let mut client = Bridge::new()
        .server("one", &[])
        .args(&["--verbose", "--log-file", "log"])
        .started_by(limit)
        .serve_initialized();
    log_much(&mut client);
    client.expect_stderr(&["cannot be written", "too large"]);
    File::create(client.path("log")).expect("it can be emptied");
    client.call("one", "leak", json!({"where": "log", "text": "the last"}));
    let lines = lines_of(&client.path("log"));
    assert!(lines.iter().any(|line| line.contains("the last")), "{lines:?}");
}
