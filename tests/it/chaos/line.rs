//! A client over HTTP that keeps its connection, as cheap as can be: there are many of them.

use std::io::{self, BufRead, BufReader, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::json;

use crate::support::initialize_params;

const REVISION: &str = "2025-11-25";
const STATELESS: &str = "2026-07-28";

/// How a client speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Era {
    Session,
    Stateless,
}

/// One client.
pub(super) struct Line {
    port: u16,
    /// The longest that an answer may let wait for its next byte.
    patience: Duration,
    stream: Option<BufReader<TcpStream>>,
    /// What each of its requests has, each with its line end.
    headers: String,
    era: Era,
}

/// What came back.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    /// The text of the last message.
    pub(super) message: String,
    session: Option<String>,
}

impl Line {
    /// Connects with the first request, which opens a session where the era has some.
    pub(super) fn open(port: u16, era: Era, patience: Duration) -> io::Result<Self> {
        let mut line = Self { port, patience, stream: None, headers: String::new(), era };
        match era {
            Era::Stateless => {
                line.headers = format!(
                    "MCP-Protocol-Version: {STATELESS}\r\nMcp-Method: tools/call\r\nMcp-Name: mcp\r\n"
                );
            }
            Era::Session => {
                let params = initialize_params(REVISION);
                let hello =
                    json!({"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": params});
                let session = line.exchange(&hello.to_string())?.session;
                let session = session.ok_or(ErrorKind::InvalidData)?;
                line.headers =
                    format!("MCP-Protocol-Version: {REVISION}\r\nMcp-Session-Id: {session}\r\n");
                line.exchange(r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#)?;
            }
        }
        Ok(line)
    }

    /// A call of the tool `mcp` with these arguments, a JSON text.
    pub(super) fn call(&self, id: u64, arguments: &str) -> String {
        let meta = match self.era {
            Era::Session => String::new(),
            Era::Stateless => {
                format!(
                    r#","_meta":{{"io.modelcontextprotocol/protocolVersion":"{STATELESS}","io.modelcontextprotocol/clientCapabilities":{{}}}}"#
                )
            }
        };
        format!(
            r#"{{"jsonrpc":"2.0","id":{id},"method":"tools/call","params":{{"name":"mcp","arguments":{arguments}{meta}}}}}"#
        )
    }

    /// Sends a message and reads the answer.
    pub(super) fn exchange(&mut self, message: &str) -> io::Result<Answer> {
        self.send("POST", message)?;
        let answer = self.read();
        if answer.is_err() {
            self.stream = None;
        }
        answer
    }

    /// Sends a message and leaves before the answer.
    pub(super) fn leave(&mut self, message: &str, after: Duration) -> io::Result<()> {
        self.send("POST", message)?;
        std::thread::sleep(after);
        self.stream = None;
        Ok(())
    }

    /// Closes the connection, not the session.
    pub(super) fn hang_up(&mut self) {
        self.stream = None;
    }

    /// Ends its session.
    pub(super) fn end(mut self) -> io::Result<u16> {
        self.send("DELETE", "")?;
        Ok(self.read()?.status)
    }

    fn send(&mut self, method: &str, body: &str) -> io::Result<()> {
        let Self { port, headers, .. } = self;
        let request = format!(
            "{method} /mcp HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: application/json\r\n\
             Accept: application/json, text/event-stream\r\nContent-Length: {}\r\n{headers}\r\n{body}",
            body.len()
        );
        let stream = match &mut self.stream {
            Some(stream) => stream,
            empty => {
                let stream = TcpStream::connect(("127.0.0.1", self.port))?;
                stream.set_nodelay(true)?;
                stream.set_read_timeout(Some(self.patience))?;
                empty.insert(BufReader::new(stream))
            }
        };
        stream.get_mut().write_all(request.as_bytes())
    }

    fn read(&mut self) -> io::Result<Answer> {
        let stream = self.stream.as_mut().ok_or(ErrorKind::NotConnected)?;
        let status = line(stream)?;
        let status = status.split(' ').nth(1).and_then(|status| status.parse().ok());
        let (mut length, mut is_chunked, mut session) = (0, false, None);
        loop {
            let header = line(stream)?;
            let Some((name, value)) = header.split_once(':') else { break };
            match (&*name.to_ascii_lowercase(), value.trim()) {
                ("content-length", value) => length = value.parse().map_err(io::Error::other)?,
                ("transfer-encoding", "chunked") => is_chunked = true,
                ("mcp-session-id", id) => session = Some(id.to_owned()),
                _ => {}
            }
        }
        let mut body = Vec::new();
        if is_chunked {
            loop {
                let size = usize::from_str_radix(&line(stream)?, 16).map_err(io::Error::other)?;
                piece(stream, size, &mut body)?;
                line(stream)?;
                if size == 0 {
                    break;
                }
            }
        } else {
            piece(stream, length, &mut body)?;
        }
        let body = String::from_utf8(body).map_err(io::Error::other)?;
        // Of a stream, the answer is what comes last.
        let last = body.lines().rev().find_map(|line| line.strip_prefix("data: "));
        let message = last.filter(|_| is_chunked).unwrap_or(&body).to_owned();
        Ok(Answer { status: status.ok_or(ErrorKind::InvalidData)?, message, session })
    }
}

fn line(stream: &mut impl BufRead) -> io::Result<String> {
    let mut line = String::new();
    if stream.read_line(&mut line)? == 0 {
        return Err(ErrorKind::UnexpectedEof.into());
    }
    Ok(line.trim_end().to_owned())
}

fn piece(stream: &mut impl Read, length: usize, body: &mut Vec<u8>) -> io::Result<()> {
    let filled = body.len();
    body.resize(filled + length, 0);
    stream.read_exact(&mut body[filled..])
}
