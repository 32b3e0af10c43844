//! Bytes to messages and back, one read and one write at a time.

use std::fs::File;
use std::io::{self, Read, Write};
use std::sync::{Mutex, PoisonError};

use memchr::{memchr, memmem};
use serde_json::Value;
use tokio::sync::mpsc;

use crate::options::{Framing, Options};
use crate::streams;

const FIRST_SIZE: usize = 64 * 1024;

/// Takes messages out of stdin. `fill` reads once, `next_message` hands out what is complete.
pub(crate) struct Reader {
    input: File,
    framing: Framing,
    buffer: Vec<u8>,
    start: usize,
    scanned: usize,
    filled: usize,
}

impl Reader {
    pub(crate) fn new(framing: Framing) -> Self {
        let input = streams::stdin();
        Self { input, framing, buffer: vec![0; FIRST_SIZE], start: 0, scanned: 0, filled: 0 }
    }

    /// Reads once, blocking; false when stdin has ended.
    pub(crate) fn fill(&mut self) -> bool {
        if self.start == self.filled {
            (self.start, self.scanned, self.filled) = (0, 0, 0);
        } else if self.filled == self.buffer.len() {
            if self.start > self.buffer.len() / 2 {
                self.buffer.copy_within(self.start..self.filled, 0);
                self.filled -= self.start;
                self.scanned = self.scanned.saturating_sub(self.start);
                self.start = 0;
            } else {
                self.buffer.resize(self.buffer.len() * 2, 0);
            }
        }
        match self.input.read(&mut self.buffer[self.filled..]) {
            Ok(0) | Err(_) => false,
            Ok(count) => {
                self.filled += count;
                true
            }
        }
    }

    /// Closes stdin for good, so that whoever writes to it sees that nobody reads.
    pub(crate) fn close(self) -> io::Result<()> {
        streams::close_stdin()
    }

    /// The next complete message among the bytes read so far.
    pub(crate) fn next_message(&mut self) -> Option<&[u8]> {
        let lines = match self.framing {
            Framing::Newline => true,
            Framing::Lsp => false,
            Framing::LspLenient => self.buffer[self.start..self.filled].starts_with(b"{"),
        };
        if lines { self.next_line() } else { self.next_lsp() }
    }

    fn next_line(&mut self) -> Option<&[u8]> {
        let from = self.scanned.max(self.start);
        let Some(length) = memchr(b'\n', &self.buffer[from..self.filled]) else {
            self.scanned = self.filled;
            return None;
        };
        let line = self.start..from + length;
        self.start = line.end + 1;
        Some(&self.buffer[line])
    }

    /// A header block may hold lines that are no headers; they are passed over, as many parsers do.
    fn next_lsp(&mut self) -> Option<&[u8]> {
        let pending = &self.buffer[self.start..self.filled];
        let head = memmem::find(pending, b"\r\n\r\n")?;
        let length: usize = String::from_utf8_lossy(&pending[..head])
            .lines()
            .find_map(|line| line.strip_prefix("Content-Length:")?.trim().parse().ok())
            .unwrap_or(0);
        let body = head + 4;
        if pending.len() < body + length {
            return None;
        }
        let body = self.start + body..self.start + body + length;
        self.start = body.end;
        Some(&self.buffer[body])
    }
}

/// Messages gathered for one write.
pub(crate) struct Batch {
    bytes: Vec<u8>,
    framing: Framing,
    pretty: bool,
}

impl Batch {
    pub(crate) fn new(options: &Options) -> Self {
        Self { bytes: Vec::new(), framing: options.framing, pretty: options.pretty }
    }

    /// Adds a message whose body the closure appends.
    pub(crate) fn message(&mut self, body: impl FnOnce(&mut Vec<u8>)) {
        if self.framing == Framing::Newline {
            body(&mut self.bytes);
            self.bytes.push(b'\n');
            return;
        }
        let mut message = Vec::new();
        body(&mut message);
        if self.pretty {
            message = indented(message);
        }
        self.bytes
            .extend_from_slice(format!("Content-Length: {}\r\n\r\n", message.len()).as_bytes());
        self.bytes.extend_from_slice(&message);
    }

    /// Adds bytes as they are, without a frame.
    pub(crate) fn raw(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    pub(crate) fn clear(&mut self) {
        self.bytes.clear();
    }
}

/// Where messages go, shared by the reading loop and the timer.
pub(crate) struct Output(Mutex<Sink>);

enum Sink {
    Stdout(File),
    /// One response over HTTP.
    Channel(mpsc::Sender<Vec<u8>>),
}

impl Output {
    pub(crate) fn new() -> Self {
        Self(Mutex::new(Sink::Stdout(streams::stdout())))
    }

    pub(crate) fn to_channel(sender: mpsc::Sender<Vec<u8>>) -> Self {
        Self(Mutex::new(Sink::Channel(sender)))
    }

    /// Writes all of it. A reader that has gone shows itself by the end of stdin.
    pub(crate) fn write(&self, bytes: &[u8]) {
        match &mut *self.0.lock().unwrap_or_else(PoisonError::into_inner) {
            Sink::Stdout(stdout) => {
                let _ = stdout.write_all(bytes);
            }
            Sink::Channel(sender) => {
                let _ = sender.try_send(bytes.to_vec());
            }
        }
    }

    /// Points stdout at nothing, so that the other side sees its end.
    pub(crate) fn close(&self) -> io::Result<()> {
        let mut sink = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *sink = Sink::Stdout(streams::close_stdout()?);
        Ok(())
    }
}

/// The same JSON over several lines; what is no JSON stays as it is.
fn indented(message: Vec<u8>) -> Vec<u8> {
    match serde_json::from_slice::<Value>(&message) {
        Ok(value) => format!("{value:#}").into_bytes(),
        Err(_) => message,
    }
}
