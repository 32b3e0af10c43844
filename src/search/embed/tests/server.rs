//! A server that speaks as services do, well or badly.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use crate::base::backoff::Backoff;
use crate::base::secret::Secret;
use crate::search::embed::openai;
use crate::search::embed::remote::{Patience, Remote};

const CLOSED: &str = "Connection: close\r\n";
pub(super) const SECRET: &str = "sk-very/secret";

/// One request as it came.
#[derive(Clone)]
pub(super) struct Asked {
    /// The request line and the headers.
    pub(super) head: String,
    pub(super) body: Value,
}

pub(super) enum Reply {
    Json(u16, Value),
    /// With further headers, each ended.
    Headed(u16, &'static str, Value),
    /// Whatever bytes, after which the connection ends.
    Raw(String),
    /// No answer as long as the connection is open.
    Silence,
}

/// A server that answers each request by its number, counted from 0, and remembers them.
pub(super) struct Server {
    pub(super) base: String,
    asked: Arc<Mutex<Vec<Asked>>>,
    task: JoinHandle<()>,
}

impl Server {
    pub(super) async fn start(
        reply: impl Fn(usize, &Asked) -> Reply + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let base = format!("http://{}", listener.local_addr().expect("an address"));
        let asked: Arc<Mutex<Vec<Asked>>> = Arc::default();
        let noted = asked.clone();
        let task = tokio::spawn(async move {
            let mut silent = Vec::new();
            loop {
                let (mut stream, _) = listener.accept().await.expect("a connection");
                let request = read(&mut stream).await;
                let number = {
                    let mut noted = noted.lock().unwrap_or_else(PoisonError::into_inner);
                    noted.push(request.clone());
                    noted.len() - 1
                };
                let text = match reply(number, &request) {
                    Reply::Json(status, body) => whole(status, CLOSED, &body),
                    Reply::Headed(status, headers, body) => {
                        whole(status, &format!("{CLOSED}{headers}"), &body)
                    }
                    Reply::Raw(text) => text,
                    Reply::Silence => {
                        silent.push(stream);
                        continue;
                    }
                };
                // A client that has seen enough may be gone.
                let _ = stream.write_all(text.as_bytes()).await;
            }
        });
        Self { base, asked, task }
    }

    pub(super) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn openai(&self) -> Remote {
        let key = Secret::from(SECRET);
        let opened = openai::open(Some("m"), Some(&self.base), Some(&key));
        opened.expect("an address").with_patience(PATIENCE)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

pub(super) const PATIENCE: Patience = Patience {
    tries: 3,
    limit: Duration::from_secs(20),
    backoff: Backoff { first: Duration::from_millis(1), longest: Duration::from_secs(1) },
};

async fn read(stream: &mut TcpStream) -> Asked {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.expect("a request"));
    }
    let head = String::from_utf8(head).expect("headers are ASCII").to_ascii_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    let length: usize = length.expect("a length").parse().expect("a number");
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.expect("a body");
    Asked { head, body: serde_json::from_slice(&body).expect("JSON") }
}

fn whole(status: u16, headers: &str, body: &Value) -> String {
    let body = body.to_string();
    let length = body.len();
    format!("HTTP/1.1 {status} Said\r\n{headers}Content-Length: {length}\r\n\r\n{body}")
}

pub(super) fn texts(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

/// An answer to each text of a request, in `OpenAI`'s words, last one first: its length and 1.
pub(super) fn backwards(asked: &Asked) -> Value {
    let inputs = asked.body["input"].as_array().expect("texts");
    let one = |(index, text): (usize, &Value)| {
        let length = text.as_str().expect("a text").len();
        json!({"object": "embedding", "index": index, "embedding": [length, 1]})
    };
    json!({"object": "list", "data": inputs.iter().enumerate().rev().map(one).collect::<Vec<_>>()})
}

/// The vector that belongs to a text of this length.
pub(super) fn expected(length: u16) -> Vec<f32> {
    let norm = f32::from(length).hypot(1.0);
    vec![f32::from(length) / norm, 1.0 / norm]
}

pub(super) fn assert_close(found: &[Vec<f32>], expected: &[Vec<f32>]) {
    assert_eq!(found.len(), expected.len());
    for (found, expected) in found.iter().zip(expected) {
        assert_eq!(found.len(), expected.len());
        let is_close = found.iter().zip(expected).all(|(one, other)| (one - other).abs() < 1e-6);
        assert!(is_close, "{found:?} is not {expected:?}");
    }
}
