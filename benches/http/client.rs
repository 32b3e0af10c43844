//! One client with a session and a connection of its own, as cheap as can be: requests are put together beforehand, one
//! write each, and of answers no more is read than where they end.

use std::io::{self, Error, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use memchr::memmem;
use serde_json::json;

use crate::peer::{Call, Peer};

/// Nothing takes this long that works.
const PATIENCE: Duration = Duration::from_secs(30);
const REVISION: &str = "2025-11-25";
const STATELESS_REVISION: &str = "2026-07-28";

/// How clients speak.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Era {
    /// In a session, which `initialize` opens.
    Session,
    /// Each request by itself.
    Stateless,
}

pub(crate) struct Client {
    stream: TcpStream,
    buffer: Vec<u8>,
    /// The headers that every request of the session has.
    headers: String,
    call: Vec<u8>,
}

/// Where in the buffer the body of an answer lies.
struct Answer {
    head: usize,
    end: usize,
}

impl Client {
    /// Connects, opens a session where the era has one, and calls once.
    pub(crate) fn open(peer: &Peer, era: Era) -> io::Result<Self> {
        let mut client = Self::connect(peer.address)?;
        let Call { tool, arguments } = &peer.call;
        let mut params = json!({"name": tool, "arguments": arguments});
        match era {
            Era::Session => client.shake_hands()?,
            Era::Stateless => {
                params["_meta"] = json!({
                    "io.modelcontextprotocol/protocolVersion": STATELESS_REVISION,
                    "io.modelcontextprotocol/clientInfo": {"name": "load", "version": "1"},
                    "io.modelcontextprotocol/clientCapabilities": {},
                });
                client.name_headers(&[
                    ("MCP-Protocol-Version", STATELESS_REVISION),
                    ("Mcp-Method", "tools/call"),
                    ("Mcp-Name", tool),
                ]);
            }
        }
        let call = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params});
        client.call = client.request("POST", &call.to_string());
        client.send_call()?;
        client.receive()?;
        Ok(client)
    }

    fn name_headers(&mut self, named: &[(&str, &str)]) {
        for (name, value) in named {
            self.headers.extend([name, ": ", value, "\r\n"]);
        }
    }

    pub(crate) fn connect(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let headers = format!("Host: {address}\r\n");
        Ok(Self { stream, buffer: Vec::with_capacity(4096), headers, call: Vec::new() })
    }

    pub(crate) fn shake_hands(&mut self) -> io::Result<()> {
        let params = json!({
            "protocolVersion": REVISION,
            "capabilities": {},
            "clientInfo": {"name": "load", "version": "1"},
        });
        let initialize =
            json!({"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": params});
        let request = self.request("POST", &initialize.to_string());
        self.stream.write_all(&request)?;
        let answer = self.read_answer()?;
        let head = String::from_utf8_lossy(&self.buffer[..answer.head]).into_owned();
        let session = header(&head, "mcp-session-id")
            .ok_or_else(|| Error::other(format!("no session: {head}")))?;
        self.name_headers(&[("Mcp-Session-Id", session), ("MCP-Protocol-Version", REVISION)]);
        let initialized = r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#;
        let request = self.request("POST", initialized);
        self.stream.write_all(&request)?;
        self.receive()
    }

    /// Begins to listen to what the server says of itself, where it has such a stream; nothing else can be sent then.
    pub(crate) fn listen(&mut self) -> io::Result<()> {
        let request = self.request("GET", "");
        self.stream.write_all(&request)?;
        self.buffer.clear();
        self.read_head().map(drop)
    }

    fn request(&self, method: &str, body: &str) -> Vec<u8> {
        let headers = &self.headers;
        let more = match method {
            "POST" => format!(
                "Accept: application/json, text/event-stream\r\nContent-Type: application/json\r\nContent-Length: {}\r\n",
                body.len()
            ),
            _ => "Accept: text/event-stream\r\n".to_owned(),
        };
        format!("{method} /mcp HTTP/1.1\r\n{headers}{more}\r\n{body}").into_bytes()
    }

    pub(crate) fn send_call(&mut self) -> io::Result<()> {
        self.stream.write_all(&self.call)
    }

    /// Reads the answer. A failed call is quicker than one that works, so it must not go unseen.
    pub(crate) fn receive(&mut self) -> io::Result<()> {
        let Answer { head, end } = self.read_answer()?;
        let is_fine = self.buffer.starts_with(b"HTTP/1.1 2");
        let body = &self.buffer[head..end];
        let has_failed = [&b"\"error\":"[..], b"\"isError\":true"]
            .iter()
            .any(|mark| memmem::find(body, mark).is_some());
        if is_fine && !has_failed {
            return Ok(());
        }
        Err(Error::other(String::from_utf8_lossy(&self.buffer[..end]).into_owned()))
    }

    fn read_answer(&mut self) -> io::Result<Answer> {
        self.buffer.clear();
        let head = self.read_head()?;
        let text = String::from_utf8_lossy(&self.buffer[..head]);
        let length = header(&text, "content-length");
        let end = match length.and_then(|length| length.parse::<usize>().ok()) {
            Some(length) => {
                self.fill(head + length)?;
                head + length
            }
            None if header(&text, "transfer-encoding") == Some("chunked") => {
                self.read_chunks(head)?
            }
            None => head,
        };
        Ok(Answer { head, end })
    }

    /// Reads to the empty line; where the body begins.
    fn read_head(&mut self) -> io::Result<usize> {
        loop {
            if let Some(end) = memmem::find(&self.buffer, b"\r\n\r\n") {
                return Ok(end + 4);
            }
            self.read_more()?;
        }
    }

    /// Reads to the last chunk; where it ends.
    fn read_chunks(&mut self, mut at: usize) -> io::Result<usize> {
        loop {
            let line = loop {
                if let Some(length) = memmem::find(&self.buffer[at..], b"\r\n") {
                    break length;
                }
                self.read_more()?;
            };
            let size = std::str::from_utf8(&self.buffer[at..at + line]).ok();
            let size = size.and_then(|size| usize::from_str_radix(size, 16).ok());
            let size = size.ok_or(ErrorKind::InvalidData)?;
            at += line + 2 + size + 2;
            self.fill(at)?;
            if size == 0 {
                return Ok(at);
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
        self.buffer.resize(filled + 4096, 0);
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
