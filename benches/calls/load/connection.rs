//! One connection over HTTP, on which a request waits for its answer.

use std::io::{self, Error, ErrorKind, Read};
use std::net::{SocketAddr, TcpStream};
use std::os::fd::OwnedFd;

use memchr::memmem;
use rustix::event::epoll::{self, EventData, EventFlags};

use crate::process::PATIENCE;

pub(super) struct Connection {
    pub(super) stream: TcpStream,
    pub(super) buffer: Vec<u8>,
    pub(super) is_busy: bool,
}

/// Where in the buffer the body of an answer lies, and what its head says.
pub(super) struct Answer {
    pub(super) body: usize,
    pub(super) end: usize,
    pub(super) is_events: bool,
    pub(super) session: Option<String>,
}

impl Connection {
    /// Opens it, to be waited for by this number.
    pub(super) fn open(address: SocketAddr, epoll: &OwnedFd, index: usize) -> io::Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        epoll::add(epoll, &stream, EventData::new_u64(index as u64), EventFlags::IN)?;
        Ok(Self { stream, buffer: Vec::with_capacity(64 * 1024), is_busy: false })
    }

    /// Whether the other side has hung up.
    pub(super) fn is_closed(&self) -> io::Result<bool> {
        self.stream.set_nonblocking(true)?;
        let peeked = self.stream.peek(&mut [0]);
        self.stream.set_nonblocking(false)?;
        Ok(!peeked.is_err_and(|error| error.kind() == ErrorKind::WouldBlock))
    }

    /// Reads an answer to its end.
    pub(super) fn read_answer(&mut self) -> io::Result<Answer> {
        let body = self.read_head()?;
        let head = String::from_utf8_lossy(&self.buffer[..body]).into_owned();
        let length =
            header(&head, "content-length").and_then(|length| length.parse::<usize>().ok());
        let is_chunked = header(&head, "transfer-encoding") == Some("chunked");
        let end = match length {
            Some(length) => {
                self.fill(body + length)?;
                body + length
            }
            None if is_chunked => self.read_chunks(body)?,
            None => body,
        };
        if !head.starts_with("HTTP/1.1 2") {
            return Err(Error::other(String::from_utf8_lossy(&self.buffer[..end]).into_owned()));
        }
        let is_events =
            header(&head, "content-type").is_some_and(|kind| kind.starts_with("text/event-stream"));
        let session = header(&head, "mcp-session-id").map(ToOwned::to_owned);
        Ok(Answer { body, end, is_events, session })
    }

    /// Reads to the empty line; where the body begins.
    pub(super) fn read_head(&mut self) -> io::Result<usize> {
        self.buffer.clear();
        loop {
            if let Some(end) = memmem::find(&self.buffer, b"\r\n\r\n") {
                return Ok(end + 4);
            }
            self.read_more()?;
        }
    }

    /// Reads to the last chunk and puts together what they hold; where that ends.
    fn read_chunks(&mut self, mut end: usize) -> io::Result<usize> {
        let mut at = end;
        loop {
            let line = loop {
                if let Some(length) = memmem::find(&self.buffer[at..], b"\r\n") {
                    break length;
                }
                self.read_more()?;
            };
            let size = std::str::from_utf8(&self.buffer[at..at + line]).ok();
            let size = size.and_then(|size| usize::from_str_radix(size.trim(), 16).ok());
            let size = size.ok_or(ErrorKind::InvalidData)?;
            at += line + 2;
            self.fill(at + size + 2)?;
            self.buffer.copy_within(at..at + size, end);
            (at, end) = (at + size + 2, end + size);
            if size == 0 {
                return Ok(end);
            }
        }
    }

    fn fill(&mut self, length: usize) -> io::Result<()> {
        while self.buffer.len() < length {
            self.read_more()?;
        }
        Ok(())
    }

    fn read_more(&mut self) -> io::Result<()> {
        let filled = self.buffer.len();
        self.buffer.resize(filled + 64 * 1024, 0);
        let read = self.stream.read(&mut self.buffer[filled..])?;
        self.buffer.truncate(filled + read);
        if read == 0 { Err(ErrorKind::UnexpectedEof.into()) } else { Ok(()) }
    }
}

/// The value of a header, whose name is given in small letters.
fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    let mut fields = head.lines().filter_map(|line| line.split_once(':'));
    fields.find_map(|(key, value)| key.eq_ignore_ascii_case(name).then(|| value.trim()))
}
