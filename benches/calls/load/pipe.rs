//! A conversation over stdin and stdout.
//!
//! Writes and reads block. What is in flight at a time has to fit into a pipe (64 kB on Linux) each way unless it is a
//! single message, or both sides would wait for each other.

use std::io::{self, ErrorKind, Read, Write};
use std::process::{Child, ChildStdin, ChildStdout};

use memchr::memchr;

use super::link::Link;

const ROOM: usize = 256 * 1024;

pub(super) struct Pipe {
    stdin: ChildStdin,
    stdout: ChildStdout,
    buffer: Vec<u8>,
    filled: usize,
}

impl Pipe {
    /// Takes the streams of a child that was started with pipes.
    pub(super) fn new(child: &mut Child) -> io::Result<Self> {
        let (Some(stdin), Some(stdout)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(ErrorKind::BrokenPipe.into());
        };
        Ok(Self { stdin, stdout, buffer: vec![0; ROOM], filled: 0 })
    }
}

impl Link for Pipe {
    fn send(&mut self, lines: &[u8]) -> io::Result<()> {
        self.stdin.write_all(lines)
    }

    fn receive(&mut self, heard: &mut dyn FnMut(&[u8]) -> io::Result<()>) -> io::Result<()> {
        let mut start = 0;
        while start == 0 {
            if self.filled == self.buffer.len() {
                self.buffer.resize(2 * self.filled, 0);
            }
            let mut searched = self.filled;
            self.filled += match self.stdout.read(&mut self.buffer[self.filled..])? {
                0 => return Err(ErrorKind::UnexpectedEof.into()),
                count => count,
            };
            while let Some(length) = memchr(b'\n', &self.buffer[searched..self.filled]) {
                let end = searched + length;
                heard(&self.buffer[start..end])?;
                (start, searched) = (end + 1, end + 1);
            }
        }
        self.buffer.copy_within(start..self.filled, 0);
        self.filled -= start;
        Ok(())
    }
}
