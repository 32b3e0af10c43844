//! A scripted MCP server over HTTP/1.1 in the test's own process: what the script does not answer, it answers as a plain
//! server would.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use serde_json::{Value, json};

/// What the server calls its sessions.
pub(crate) const SESSION: &str = "session-1";

/// Answers a request and returns true, or leaves it to the plain server.
type Script = dyn Fn(&Request, &mut Reply) -> bool + Send + Sync;

/// One that runs until the test ends.
pub(crate) struct Web {
    address: SocketAddr,
    seen: Arc<Mutex<Vec<Request>>>,
}

/// What came in.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) path: String,
    headers: Vec<(String, String)>,
    pub(crate) body: Value,
    /// The body as it came.
    pub(crate) text: String,
    /// Which connection it came on, the first being 0.
    pub(crate) connection: usize,
    /// Whether it came as to a proxy, for a server elsewhere.
    pub(crate) is_proxied: bool,
}

/// What goes out.
pub(crate) struct Reply {
    stream: TcpStream,
    broken: bool,
}

impl Web {
    pub(crate) fn start(
        script: impl Fn(&Request, &mut Reply) -> bool + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("there is a free port");
        let address = listener.local_addr().expect("it is bound");
        let seen: Arc<Mutex<Vec<Request>>> = Arc::default();
        let (kept, script): (_, Arc<Script>) = (seen.clone(), Arc::new(script));
        thread::spawn(move || {
            for (connection, stream) in listener.incoming().flatten().enumerate() {
                let (seen, script) = (kept.clone(), script.clone());
                thread::spawn(move || serve(connection, &stream, &seen, &*script));
            }
        });
        Self { address, seen }
    }

    /// The server without any script.
    pub(crate) fn plain() -> Self {
        Self::start(|_, _| false)
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// An entry for the config.
    pub(crate) fn entry(&self) -> Value {
        json!({"transport": "streamable-http", "url": self.url("/mcp")})
    }

    /// Host and port.
    pub(crate) fn host(&self) -> String {
        self.address.to_string()
    }

    /// Every request so far.
    pub(crate) fn seen(&self) -> MutexGuard<'_, Vec<Request>> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Those that bring a message of this method.
    pub(crate) fn messages(&self, method: &str) -> Vec<Request> {
        let of_method = |request: &&Request| request.body["method"] == method;
        self.seen().iter().filter(of_method).cloned().collect()
    }
}

impl Request {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(other, _)| other.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    /// Whether it brings a message of this method.
    pub(crate) fn is(&self, method: &str) -> bool {
        self.method == "POST" && self.body["method"] == method
    }

    /// The answer with this result to the message that it brings.
    pub(crate) fn result(&self, result: &Value) -> Value {
        json!({"jsonrpc": "2.0", "id": self.body["id"], "result": result})
    }

    /// The answer of a tool that says this.
    pub(crate) fn says(&self, text: &str) -> Value {
        self.result(&json!({"content": [{"type": "text", "text": text}]}))
    }
}

impl Reply {
    /// A whole answer.
    pub(crate) fn send(&mut self, status: u16, headers: &[(&str, &str)], body: &str) -> bool {
        let length = body.len();
        self.head(status, headers, &format!("Content-Length: {length}\r\n"));
        self.write(body.as_bytes());
        true
    }

    pub(crate) fn json(&mut self, body: &Value) -> bool {
        self.send(200, &[("Content-Type", "application/json")], &body.to_string())
    }

    /// An error in answer to the request.
    pub(crate) fn refuse(&mut self, request: &Request, status: u16, error: &Value) -> bool {
        let answer = json!({"jsonrpc": "2.0", "id": request.body["id"], "error": error});
        self.send(status, &[("Content-Type", "application/json")], &answer.to_string())
    }

    /// Begins a stream of events.
    pub(crate) fn events(&mut self) {
        self.head(200, &[("Content-Type", "text/event-stream")], "Transfer-Encoding: chunked\r\n");
    }

    /// Sends some of a body that was begun.
    pub(crate) fn piece(&mut self, text: &str) {
        let chunk = format!("{:x}\r\n{text}\r\n", text.len());
        self.write(chunk.as_bytes());
    }

    /// Sends an event.
    pub(crate) fn event(&mut self, fields: &str, data: &Value) {
        self.piece(&format!("{fields}data: {data}\n\n"));
    }

    /// Ends a body that was begun.
    pub(crate) fn end(&mut self) -> bool {
        self.write(b"0\r\n\r\n");
        true
    }

    /// Breaks the connection.
    pub(crate) fn cut(&mut self) -> bool {
        self.broken = true;
        let _ = self.stream.shutdown(Shutdown::Both);
        true
    }

    /// Waits until the other side has gone.
    pub(crate) fn wait_gone(&mut self) -> bool {
        let _ = self.stream.read(&mut [0; 64]);
        self.cut()
    }

    /// Whether the other side still takes what is written.
    pub(crate) fn is_broken(&self) -> bool {
        self.broken
    }

    pub(crate) fn head(&mut self, status: u16, headers: &[(&str, &str)], framing: &str) {
        let mut head = format!("HTTP/1.1 {status} Status\r\n{framing}");
        for (name, value) in headers {
            head.extend([name, ": ", value, "\r\n"]);
        }
        head.push_str("\r\n");
        self.write(head.as_bytes());
    }

    /// Sends bytes as they are.
    pub(crate) fn raw(&mut self, bytes: &[u8]) {
        self.write(bytes);
    }

    fn write(&mut self, bytes: &[u8]) {
        self.broken |= self.stream.write_all(bytes).is_err();
    }
}

fn serve(connection: usize, stream: &TcpStream, seen: &Mutex<Vec<Request>>, script: &Script) {
    let _ = stream.set_nodelay(true);
    let copy = || stream.try_clone().expect("a socket can be had twice");
    let mut reader = BufReader::new(copy());
    while let Some(request) = read(&mut reader, connection) {
        seen.lock().unwrap_or_else(PoisonError::into_inner).push(request.clone());
        let mut reply = Reply { stream: copy(), broken: false };
        if !script(&request, &mut reply) {
            plain(&request, &mut reply);
        }
        if reply.broken {
            return;
        }
    }
}

fn read(reader: &mut BufReader<TcpStream>, connection: usize) -> Option<Request> {
    let mut line = || {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        Some(line.trim_end().to_owned())
    };
    let first = line()?;
    let mut words = first.split(' ').map(str::to_owned);
    let (method, target) = (words.next()?, words.next()?);
    let elsewhere =
        target.strip_prefix("http://").map(|rest| rest.find('/').map_or("/", |at| &rest[at..]));
    let path = elsewhere.unwrap_or(&target).to_owned();
    let is_proxied = elsewhere.is_some() || method == "CONNECT";
    let mut headers = Vec::new();
    loop {
        let line = line()?;
        let Some((name, value)) = line.split_once(':') else { break };
        headers.push((name.to_owned(), value.trim().to_owned()));
    }
    let (body, text) = (Value::Null, String::new());
    let mut request = Request { method, path, headers, body, text, connection, is_proxied };
    let length = request.header("content-length").and_then(|length| length.parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    reader.read_exact(&mut body).ok()?;
    request.body = serde_json::from_slice(&body).unwrap_or_default();
    request.text = String::from_utf8_lossy(&body).into_owned();
    Some(request)
}

/// A server with one tool, `echo`, and without a stream of its own.
fn plain(request: &Request, reply: &mut Reply) {
    let body = &request.body;
    match (request.method.as_str(), body["method"].as_str().unwrap_or_default()) {
        ("POST", "initialize") => {
            let answer = request.result(&json!({
                "protocolVersion": body["params"]["protocolVersion"],
                "capabilities": {"tools": {}},
                "serverInfo": {"name": "web", "version": "1"},
            }));
            let headers = [("Content-Type", "application/json"), ("Mcp-Session-Id", SESSION)];
            reply.send(200, &headers, &answer.to_string());
        }
        ("POST", "tools/list") => {
            let schema = json!({"type": "object", "properties": {"message": {"type": "string"}}});
            let tools = json!({"tools": [{"name": "echo", "inputSchema": schema}]});
            reply.json(&request.result(&tools));
        }
        ("POST", "tools/call") => {
            let message = body["params"]["arguments"]["message"].as_str().unwrap_or_default();
            reply.json(&request.says(message));
        }
        ("POST", _) => {
            reply.send(202, &[], "");
        }
        ("DELETE", _) => {
            reply.send(200, &[], "");
        }
        _ => {
            reply.send(405, &[], "");
        }
    }
}
