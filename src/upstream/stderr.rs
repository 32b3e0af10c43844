//! What a server writes to stderr: kept as a short tail for error messages, logged for those who want it.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Poll, ready};

use tokio::io::{AsyncRead, ReadBuf};
use tokio::sync::watch;

use super::error::LastWords;
use crate::base::blotter::Blotter;
use crate::telemetry::logging::excerpt;
use crate::wire::Turn;

/// What is read at once.
const CHUNK: usize = 4096;
const LINES: usize = 12;
const LINE_CHARACTERS: usize = 300;
/// A line is cut here while it comes in; the rest of it is dropped. Much more than is shown, so that no secret
/// is cut before it is blotted out.
const LINE_BYTES: usize = 16 * 1024;

/// The last lines, readable while more come in.
#[derive(Debug)]
pub(super) struct Tail {
    lines: Mutex<VecDeque<String>>,
    ended: watch::Sender<bool>,
    /// The server is reached by URL: nobody here sees its stderr.
    remote: AtomicBool,
    blotter: Arc<Blotter>,
}

impl Tail {
    /// An empty tail, in which the secrets that `blotter` knows never show.
    pub(super) fn new(blotter: Arc<Blotter>) -> Self {
        let ended = watch::channel(false).0;
        Self { lines: Mutex::default(), ended, remote: AtomicBool::new(false), blotter }
    }

    /// There will be no stderr.
    pub(super) fn set_remote(&self) {
        self.remote.store(true, Ordering::Relaxed);
    }

    /// What there is to say of a server that has not come far yet.
    pub(super) fn so_far(&self) -> LastWords {
        let remote = self.remote.load(Ordering::Relaxed);
        LastWords { stderr: self.lines(), remote, ..LastWords::default() }
    }

    /// Reads until the stream ends. Most servers say little there, so that nothing is held while there is nothing to read.
    pub(super) async fn collect(&self, server: &str, mut stderr: impl AsyncRead + Unpin) {
        let mut line = Vec::new();
        let mut turn = Turn::default();
        let mut read = async || {
            poll_fn(|context| {
                let mut chunk = [0; CHUNK];
                let mut chunk = ReadBuf::new(&mut chunk);
                ready!(Pin::new(&mut stderr).poll_read(context, &mut chunk))?;
                self.take(server, chunk.filled(), &mut line);
                Poll::Ready(io::Result::Ok(chunk.filled().len()))
            })
            .await
        };
        while let Ok(read @ 1..) = read().await {
            turn.took(read).await;
        }
        self.push(server, &line);
        self.ended.send_replace(true);
    }

    /// Takes what was read; what ends no line begins one.
    fn take(&self, server: &str, chunk: &[u8], line: &mut Vec<u8>) {
        let mut pieces = chunk.split(|byte| *byte == b'\n').peekable();
        while let Some(piece) = pieces.next() {
            let room = LINE_BYTES.saturating_sub(line.len()).min(piece.len());
            line.extend_from_slice(&piece[..room]);
            if pieces.peek().is_some() {
                self.push(server, &std::mem::take(line));
            }
        }
    }

    fn push(&self, server: &str, line: &[u8]) {
        let line = line.trim_ascii();
        if line.is_empty() {
            return;
        }
        let line = String::from_utf8_lossy(line);
        let line = excerpt(self.blotter.blot(&line).as_bytes(), LINE_CHARACTERS);
        tracing::info!("`{server}` says on stderr: {line}");
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        if lines.len() == LINES {
            lines.pop_front();
        }
        lines.push_back(line);
    }

    /// The lines that are there now.
    pub(super) fn lines(&self) -> Vec<String> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }

    /// Waits until the stream has ended; grandchildren may hold it open, so the caller sets a limit.
    pub(super) async fn ended(&self) {
        let mut ended = self.ended.subscribe();
        // The sender lives as long as `self`.
        let _ = ended.wait_for(|ended| *ended).await;
    }
}

/// Names of environment variables in `lines`: capitals, digits and underscores with at least one underscore.
pub(super) fn variables(lines: &[String]) -> Vec<&str> {
    let mut found: Vec<&str> = Vec::new();
    for line in lines {
        for word in line.split(|c: char| !c.is_ascii_alphanumeric() && c != '_') {
            let capitals =
                word.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_');
            let name = word.trim_matches('_');
            let plausible =
                name.contains('_') && name.starts_with(|c: char| c.is_ascii_uppercase());
            // System error codes such as ERR_MODULE_NOT_FOUND look alike.
            let code = name.starts_with("ERR_") || name.contains("_ERROR");
            if capitals && plausible && !code && !found.contains(&word) {
                found.push(word);
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::secret::Secret;
    use std::fmt::Write;

    #[test]
    fn variables_are_recognised() {
        let check = |line: &str, expected: &[&str]| {
            assert_eq!(variables(&[line.to_owned()]), expected, "{line}");
        };
        check("Error: GITHUB_PERSONAL_ACCESS_TOKEN is required", &["GITHUB_PERSONAL_ACCESS_TOKEN"]);
        check("set API_KEY or API_KEY and BASE_URL.", &["API_KEY", "BASE_URL"]);
        check("code: 'ERR_MODULE_NOT_FOUND' at Error HTTP", &[]);
        check("Snake_Case snake_case __X__", &[]);
    }

    #[tokio::test]
    async fn the_tail_is_short_clean_and_without_secrets() {
        let secrets = [Secret::from("hunter2!"), Secret::from("a")];
        let tail = Tail::new(Arc::new(Blotter::new(&secrets)));
        let mut text = String::new();
        for n in 0..40 {
            writeln!(text, "line {n}").expect("a string takes all");
        }
        text.push_str("key hunter2! \x1b[1m\n");
        text.push_str(&"x".repeat(100_000));
        tail.collect("s", text.as_bytes()).await;
        tail.ended().await;
        let lines = tail.lines();
        assert_eq!(lines.len(), LINES);
        assert_eq!(lines[LINES - 2], "key *** \\u{1b}[1m");
        assert!(lines[LINES - 1].chars().count() <= LINE_CHARACTERS + 1);
    }
}
