//! The load program: one thread, one write and one read at a time.
#![expect(clippy::disallowed_types, reason = "what is measured is real time, without a runtime")]

use std::io::{self, Error, ErrorKind, Read, Write};
use std::time::Instant;

use memchr::memchr_iter;
use serde_json::{Value, json};

use crate::machine::Round;
use crate::process::Peer;

/// Whether the server is called directly or through the bridge.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Direct {
    Yes,
    No,
}

/// A request without its id: what stands before and after it.
pub(crate) struct Request {
    before: &'static str,
    after: String,
}

/// A call of `echo` with a short message.
pub(crate) fn echo(direct: Direct) -> Request {
    let message = "a message of the length that small calls tend to have";
    Request::new(direct, "echo", &json!({"message": message}))
}

/// A call of `big`, whose result has this many bytes of text.
pub(crate) fn big(direct: Direct, bytes: usize) -> Request {
    Request::new(direct, "big", &json!({"bytes": bytes}))
}

impl Request {
    fn new(direct: Direct, tool: &str, arguments: &Value) -> Self {
        let params = match direct {
            Direct::Yes => json!({"name": tool, "arguments": arguments}),
            Direct::No => json!({
                "name": "mcp",
                "arguments": {"action": "call", "server": "one", "tool": tool, "params": arguments},
            }),
        };
        let after = format!(",\"method\":\"tools/call\",\"params\":{params}}}\n");
        Self { before: "{\"jsonrpc\":\"2.0\",\"id\":", after }
    }

    fn append(&self, id: usize, line: &mut Vec<u8>) {
        line.extend_from_slice(self.before.as_bytes());
        line.extend_from_slice(id.to_string().as_bytes());
        line.extend_from_slice(self.after.as_bytes());
    }
}

impl Peer {
    /// One call after the other.
    pub(crate) fn sequential(&mut self, request: &Request, calls: usize) -> io::Result<Round> {
        self.pipelined(request, calls, 1)
    }

    /// Keeps `in_flight` calls open. A call's time runs from the write that carries it to the read that
    /// ends its answer; the servers answer this load in order, so the oldest call is the one answered.
    pub(crate) fn pipelined(
        &mut self,
        request: &Request,
        calls: usize,
        in_flight: usize,
    ) -> io::Result<Round> {
        let cpu = self.cpu();
        let begun = Instant::now();
        let mut sent = Vec::with_capacity(calls);
        let mut times = Vec::with_capacity(calls);
        let mut line = Vec::new();
        while times.len() < calls {
            line.clear();
            let room = (calls - sent.len()).min(in_flight + times.len() - sent.len());
            let now = Instant::now();
            for _ in 0..room {
                request.append(sent.len(), &mut line);
                sent.push(now);
            }
            self.stdin.write_all(&line)?;
            let answers = self.read_lines()?;
            let now = Instant::now();
            for _ in 0..answers {
                let call = sent.get(times.len()).ok_or(ErrorKind::InvalidData)?;
                times.push((now - *call).as_secs_f64() * 1e9);
            }
        }
        let seconds = begun.elapsed().as_secs_f64();
        let used = self.cpu();
        Ok(Round::new(times, seconds, &cpu, &used))
    }

    /// Reads until at least one line is complete and nothing is left over; returns the number of lines.
    fn read_lines(&mut self) -> io::Result<usize> {
        let mut lines = 0;
        loop {
            let count = self.stdout.read(&mut self.buffer)?;
            let Some(last) = count.checked_sub(1) else {
                return Err(ErrorKind::UnexpectedEof.into());
            };
            let read = &self.buffer[..count];
            if self.at_line_start {
                refuse_errors(read)?;
            }
            lines += memchr_iter(b'\n', read).count();
            self.at_line_start = read[last] == b'\n';
            if self.at_line_start {
                return Ok(lines);
            }
        }
    }
}

/// A failed call is quicker than one that works, so it must not go unseen.
fn refuse_errors(read: &[u8]) -> io::Result<()> {
    let head = &read[..read.len().min(512)];
    let failed = [&b"\"error\":"[..], b"\"isError\":true"]
        .iter()
        .any(|mark| memchr::memmem::find(head, mark).is_some());
    if failed {
        return Err(Error::other(String::from_utf8_lossy(head).into_owned()));
    }
    Ok(())
}
