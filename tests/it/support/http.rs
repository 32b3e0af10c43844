//! A client over HTTP that sees every byte, and the bridge that it talks to.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::path::PathBuf;
use std::process::Command;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rustix::process::Signal;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::time::Instant;

use super::spawned::Spawned;
use super::{PATIENCE, eventually, initialize_params};

/// An answer that takes longer than the bridge leaves a client without a head, less what the test sees later than the
/// bridge.
const SILENCE: Duration = Duration::from_millis(4500);

/// A bridge that serves over HTTP, killed when dropped.
pub(crate) struct Server {
    /// Several threads may send requests.
    process: Mutex<Spawned>,
    home: TempDir,
    port: u16,
}

/// A client with a session.
pub(crate) struct Session<'a> {
    server: &'a Server,
    pub(crate) id: String,
    last_id: u64,
}

/// The answer to one request.
pub(crate) struct Reply {
    pub(crate) status: u16,
    headers: Vec<(String, String)>,
    stream: BufReader<TcpStream>,
    /// What was read of the body and not looked at.
    body: Vec<u8>,
    ended: bool,
    /// Whether its head was waited for so long that it may be a stream for that alone.
    late: bool,
}

/// One event of a stream.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Event {
    pub(crate) id: Option<String>,
    pub(crate) name: Option<String>,
    pub(crate) data: String,
}

impl Server {
    pub(super) fn start(command: Command, home: TempDir) -> Self {
        let process = Spawned::start(command);
        let mut port = None;
        eventually(|| {
            let text = process.stderr_text();
            let after = text.split("listening on http://").nth(1);
            let address = after.filter(|it| it.contains('\n')).and_then(|it| it.split('/').next());
            port = address.and_then(|it| it.rsplit(':').next()).and_then(|it| it.parse().ok());
            port.is_some()
        });
        let port = port.unwrap_or_else(|| panic!("it does not listen: {}", process.stderr_text()));
        Self { process: Mutex::new(process), home, port }
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Everything on stderr so far.
    pub(crate) fn stderr_text(&self) -> String {
        self.process().stderr_text()
    }

    fn process(&self) -> MutexGuard<'_, Spawned> {
        self.process.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The process id of the bridge.
    pub(crate) fn pid(&self) -> u32 {
        self.process().pid()
    }

    pub(crate) fn terminate(&self) {
        self.signal(Signal::TERM);
    }

    pub(crate) fn signal(&self, signal: Signal) {
        self.process().signal(signal).expect("it runs");
    }

    /// A path below the home folder.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    /// The exit code, once it has ended.
    #[track_caller]
    pub(crate) fn wait(&mut self) -> i32 {
        let code = self.process().exit_code(PATIENCE);
        code.unwrap_or_else(|| panic!("{}", self.stderr_text()))
    }

    /// Writes a request as it is and reads the head of the answer.
    #[track_caller]
    pub(crate) fn raw(&self, request: &[u8]) -> Reply {
        Reply::read(self.write(request))
    }

    fn write(&self, request: &[u8]) -> TcpStream {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).expect("it listens");
        stream.set_read_timeout(Some(PATIENCE)).expect("a time");
        stream.write_all(request).expect("it reads");
        stream
    }

    /// Sends a request with these headers beside `Host` and the length.
    #[track_caller]
    pub(crate) fn send(&self, line: &str, headers: &[(&str, &str)], body: &[u8]) -> Reply {
        self.raw(&self.request(line, headers, body))
    }

    fn request(&self, line: &str, headers: &[(&str, &str)], body: &[u8]) -> Vec<u8> {
        let mut request = format!("{line} HTTP/1.1\r\nContent-Length: {}\r\n", body.len());
        if !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("host")) {
            request.extend(["Host: 127.0.0.1:", &self.port.to_string(), "\r\n"]);
        }
        for (name, value) in headers {
            request.extend([*name, ": ", *value, "\r\n"]);
        }
        request.push_str("\r\n");
        [request.as_bytes(), body].concat()
    }

    /// POSTs a message to `/mcp` with these headers beside the usual ones.
    #[track_caller]
    pub(crate) fn post(&self, headers: &[(&str, &str)], message: &Value) -> Reply {
        self.raw(&self.message(headers, message))
    }

    /// The same; what comes back reads the head of the answer.
    pub(crate) fn post_later(
        &self,
        headers: &[(&str, &str)],
        message: &Value,
    ) -> impl FnOnce() -> Reply + use<> {
        let stream = self.write(&self.message(headers, message));
        move || Reply::read(stream)
    }

    fn message(&self, headers: &[(&str, &str)], message: &Value) -> Vec<u8> {
        let usual = [
            ("Content-Type", "application/json"),
            ("Accept", "application/json, text/event-stream"),
        ];
        let usual = usual
            .into_iter()
            .filter(|(name, _)| !headers.iter().any(|(given, _)| given.eq_ignore_ascii_case(name)));
        let headers: Vec<_> = headers.iter().copied().chain(usual).collect();
        self.request("POST /mcp", &headers, message.to_string().as_bytes())
    }

    /// POSTs a request of the stateless era with the headers that belong to it.
    #[track_caller]
    pub(crate) fn stateless(&self, id: u64, method: &str, params: Value) -> Reply {
        let message = stateless(id, method, params);
        let name = message["params"]["name"].as_str().map(str::to_owned);
        let mut headers = vec![("MCP-Protocol-Version", "2026-07-28"), ("Mcp-Method", method)];
        headers.extend(name.as_deref().map(|name| ("Mcp-Name", name)));
        self.post(&headers, &message)
    }

    /// Opens a session.
    #[track_caller]
    pub(crate) fn session(&self, revision: &str) -> Session<'_> {
        let message = json!({"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": initialize_params(revision)});
        let reply = self.post(&[], &message);
        assert_eq!(reply.status, 200);
        let id = reply.header("mcp-session-id").expect("a session has an id").to_owned();
        assert_eq!(reply.json()["result"]["protocolVersion"], revision);
        let session = Session { server: self, id, last_id: 0 };
        let reply = session.post(&json!({"jsonrpc": "2.0", "method": "notifications/initialized"}));
        assert_eq!(reply.status, 202);
        session
    }
}

/// A request of the stateless era.
pub(crate) fn stateless(id: u64, method: &str, mut params: Value) -> Value {
    params["_meta"]["io.modelcontextprotocol/protocolVersion"] = json!("2026-07-28");
    params["_meta"]["io.modelcontextprotocol/clientCapabilities"] = json!({});
    json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params})
}

/// Parameters of a call of a tool through `mcp`.
pub(crate) fn call(tool: &str, params: &Value, token: Option<&str>) -> Value {
    let arguments = json!({"server": "one", "tool": tool, "params": params});
    let mut call = json!({"name": "mcp", "arguments": arguments});
    if let Some(token) = token {
        call["_meta"] = json!({"progressToken": token});
    }
    call
}

impl Session<'_> {
    #[track_caller]
    pub(crate) fn post(&self, message: &Value) -> Reply {
        self.server.post(&[("Mcp-Session-Id", &self.id)], message)
    }

    /// Sends a request.
    #[track_caller]
    pub(crate) fn request(&mut self, method: &str, params: &Value) -> Reply {
        self.last_id += 1;
        let id = self.last_id;
        self.post(&json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params}))
    }

    /// Calls a tool and returns the text of its result.
    #[track_caller]
    pub(crate) fn text(&mut self, tool: &str, params: &Value) -> String {
        let answer = self.request("tools/call", &call(tool, params, None)).json();
        super::text_of(&answer["result"]).to_owned()
    }

    /// Opens the standing stream, or goes on with a stream.
    #[track_caller]
    pub(crate) fn listen(&self, last_event: Option<&str>) -> Reply {
        let mut headers = vec![("Mcp-Session-Id", &*self.id), ("Accept", "text/event-stream")];
        headers.extend(last_event.map(|last| ("Last-Event-ID", last)));
        self.server.send("GET /mcp", &headers, b"")
    }

    #[track_caller]
    pub(crate) fn delete(&self) -> u16 {
        self.server.send("DELETE /mcp", &[("Mcp-Session-Id", &self.id)], b"").status
    }
}

impl Reply {
    #[track_caller]
    fn read(stream: TcpStream) -> Self {
        let begun = Instant::now();
        let mut stream = BufReader::new(stream);
        let mut line = || {
            let mut line = String::new();
            stream.read_line(&mut line).expect("an answer comes in time");
            line.trim_end().to_owned()
        };
        let status = line();
        let status = status.split(' ').nth(1).and_then(|status| status.parse().ok());
        let status = status.expect("the answer has a status");
        let mut headers = Vec::new();
        loop {
            let line = line();
            let Some((name, value)) = line.split_once(':') else { break };
            headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
        let late = begun.elapsed() > SILENCE;
        Self { status, headers, stream, body: Vec::new(), ended: false, late }
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    fn is_chunked(&self) -> bool {
        self.header("transfer-encoding") == Some("chunked")
    }

    /// Reads the next chunk, or the whole body where there are none.
    #[track_caller]
    fn more(&mut self) {
        let length = if self.is_chunked() {
            let mut size = String::new();
            self.stream.read_line(&mut size).expect("a chunk comes in time");
            usize::from_str_radix(size.trim(), 16).unwrap_or(0)
        } else {
            let length = self.header("content-length").and_then(|length| length.parse().ok());
            length.unwrap_or(0)
        };
        self.ended = length == 0 || !self.is_chunked();
        let mut chunk = vec![0; length + if self.is_chunked() { 2 } else { 0 }];
        if self.stream.read_exact(&mut chunk).is_err() {
            self.ended = true;
            return;
        }
        self.body.extend_from_slice(&chunk[..length]);
    }

    /// The rest of the body.
    #[track_caller]
    pub(crate) fn body(mut self) -> String {
        while !self.ended {
            self.more();
        }
        String::from_utf8(self.body).expect("the body is text")
    }

    /// The body, a JSON text and nothing else; on a machine that is so busy that the answer begins as a stream, the one
    /// message of that.
    #[track_caller]
    pub(crate) fn json(self) -> Value {
        let kind = self.header("content-type").map(str::to_owned);
        if self.late && kind.as_deref() == Some("text/event-stream") {
            let mut messages = self.messages();
            assert_eq!(messages.len(), 1, "{messages:?}");
            return messages.remove(0);
        }
        let body = self.body();
        assert_eq!(kind.as_deref(), Some("application/json"), "{body}");
        serde_json::from_str(&body).unwrap_or_else(|error| panic!("{error} in `{body}`"))
    }

    /// The next event; nothing when the stream has ended.
    #[track_caller]
    pub(crate) fn event(&mut self) -> Option<Event> {
        assert_eq!(self.header("content-type"), Some("text/event-stream"));
        loop {
            let text = String::from_utf8_lossy(&self.body).into_owned();
            if let Some((block, _)) = text.split_once("\n\n") {
                self.body.drain(..block.len() + 2);
                let mut event = Event::default();
                for line in block.lines() {
                    match line.split_once(": ").unwrap_or((line, "")) {
                        ("id", id) => event.id = Some(id.to_owned()),
                        ("event", name) => event.name = Some(name.to_owned()),
                        ("data", data) => data.clone_into(&mut event.data),
                        _ => {}
                    }
                }
                return Some(event);
            }
            if self.ended {
                return None;
            }
            self.more();
        }
    }

    /// The next message of a stream; events without data are passed over.
    #[track_caller]
    pub(crate) fn message(&mut self) -> Option<Value> {
        loop {
            let event = self.event()?;
            if !event.data.is_empty() {
                return Some(serde_json::from_str(&event.data).expect("an event is a message"));
            }
        }
    }

    /// All further messages of a stream.
    #[track_caller]
    pub(crate) fn messages(mut self) -> Vec<Value> {
        std::iter::from_fn(|| self.message()).collect()
    }

    /// Goes away.
    pub(crate) fn close(self) {
        // The peer may have closed it already.
        let _ = self.stream.get_ref().shutdown(Shutdown::Both);
    }
}
