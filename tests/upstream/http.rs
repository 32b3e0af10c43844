//! The same server over Streamable HTTP, in sessions and without: revisions 2025-03-26 to 2025-11-25, and 2026-07-28 as
//! far as tools go.
//!
//! One thread does everything, each connection without delay of small packets: benchmarks call this server without a
//! bridge in between. It says at first where it listens and ends with its stdin, as a child process does.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::convert::Infallible;
use std::io::{self, Read, Write};
use std::net::Ipv4Addr;
use std::process::ExitCode;
use std::rc::Rc;
use std::sync::Arc;
use std::thread;

use bytes::Bytes;
use http::header::{ALLOW, CONTENT_TYPE, HeaderValue};
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Either, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::json;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, oneshot};
use tokio::task::{LocalSet, spawn_local};

use crate::arguments::Envelope;
use crate::events::Events;
use crate::frames::Output;
use crate::options::{Era, Options};
use crate::server::{Flow, Server};

const SESSION: &str = "mcp-session-id";
const VERSION: &str = "mcp-protocol-version";
const STATELESS: &str = "2026-07-28";
/// Batches that may wait for one client.
const WAITING: usize = 4096;

type Body = Either<Full<Bytes>, Events>;

/// All conversations of the process.
struct Service {
    options: Options,
    sessions: RefCell<HashMap<String, Rc<RefCell<Server>>>>,
    /// Answers whoever has no session.
    stateless: RefCell<Server>,
    opened: Cell<u64>,
    end: RefCell<Option<oneshot::Sender<u8>>>,
}

/// Serves until stdin ends or a tool ends the process.
pub(crate) fn serve(options: Options, port: u16) -> ExitCode {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build();
    let served = runtime.and_then(|runtime| {
        let served = LocalSet::new().block_on(&runtime, listen(options, port));
        // Nobody waits for the thread that reads stdin.
        runtime.shutdown_background();
        served
    });
    match served {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            crate::startup::complain(&error.to_string());
            ExitCode::FAILURE
        }
    }
}

async fn listen(options: Options, port: u16) -> io::Result<u8> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
    writeln!(io::stdout(), "http://{}/mcp", listener.local_addr()?)?;
    let (end, ended) = oneshot::channel();
    let (stdin_ended, no_stdin) = oneshot::channel::<()>();
    thread::spawn(move || {
        let _ = io::copy(&mut io::stdin().lock().by_ref(), &mut io::sink());
        drop(stdin_ended);
    });
    let service = Rc::new(Service {
        stateless: RefCell::new(Server::new(options.clone())),
        options,
        sessions: RefCell::default(),
        opened: Cell::new(0),
        end: RefCell::new(Some(end)),
    });
    let accepting = async {
        loop {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            spawn_local(converse(service.clone(), stream));
        }
    };
    tokio::select! {
        accepted = accepting => accepted,
        code = ended => Ok(code.unwrap_or(0)),
        _ = no_stdin => Ok(0),
    }
}

async fn converse(service: Rc<Service>, stream: TcpStream) {
    let answer = service_fn(move |request| {
        let service = service.clone();
        async move { Ok::<_, Infallible>(service.answer(request).await) }
    });
    // A client that leaves in the middle is nothing unusual.
    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), answer).await;
}

impl Service {
    async fn answer(&self, request: Request<Incoming>) -> Response<Body> {
        let (head, body) = request.into_parts();
        let header = |name: &str| {
            let value = head.headers.get(name).and_then(|value| value.to_str().ok());
            value.unwrap_or_default().to_owned()
        };
        let (session, version) = (header(SESSION), header(VERSION));
        match head.method {
            Method::POST => {}
            Method::DELETE => {
                let ended = self.sessions.borrow_mut().remove(&session).is_some();
                return empty(if ended { StatusCode::OK } else { StatusCode::NOT_FOUND });
            }
            _ => {
                let mut refusal = empty(StatusCode::METHOD_NOT_ALLOWED);
                refusal.headers_mut().insert(ALLOW, HeaderValue::from_static("POST, DELETE"));
                return refusal;
            }
        }
        let Ok(body) = body.collect().await else {
            return empty(StatusCode::BAD_REQUEST);
        };
        let message = body.to_bytes();
        if version == STATELESS {
            self.stateless(&message)
        } else {
            self.in_session(&session, &message)
        }
    }

    fn in_session(&self, session: &str, message: &[u8]) -> Response<Body> {
        if self.options.era == Era::Stateless {
            let data = json!({"supported": [STATELESS]});
            return refusal(message, -32022, "this server has no sessions", &data);
        }
        if session.is_empty() {
            if !serde_json::from_slice::<Envelope>(message)
                .is_ok_and(|envelope| envelope.method == "initialize")
            {
                return empty(StatusCode::BAD_REQUEST);
            }
            self.opened.set(self.opened.get() + 1);
            let id = format!("session-{}", self.opened.get());
            let server = Rc::new(RefCell::new(Server::new(self.options.clone())));
            let mut answer = self.exchange(&mut server.borrow_mut(), message, |line| line);
            self.sessions.borrow_mut().insert(id.clone(), server);
            let id = HeaderValue::from_str(&id).expect("letters and digits");
            answer.headers_mut().insert(SESSION, id);
            return answer;
        }
        let Some(server) = self.sessions.borrow().get(session).cloned() else {
            return empty(StatusCode::NOT_FOUND);
        };
        self.exchange(&mut server.borrow_mut(), message, |line| line)
    }

    fn stateless(&self, message: &[u8]) -> Response<Body> {
        if self.options.era == Era::Session {
            return empty(StatusCode::BAD_REQUEST);
        }
        let method = match serde_json::from_slice::<Envelope>(message) {
            Ok(envelope) => envelope.method.into_owned(),
            Err(_) => return empty(StatusCode::BAD_REQUEST),
        };
        let added: &'static str = match &*method {
            "tools/list" => r#""resultType":"complete","ttlMs":60000,"cacheScope":"public""#,
            _ => r#""resultType":"complete""#,
        };
        let mut answer = self
            .exchange(&mut self.stateless.borrow_mut(), message, move |line| complete(line, added));
        if matches!(&*method, "initialize" | "ping") {
            *answer.status_mut() = StatusCode::NOT_FOUND;
        }
        answer
    }

    /// Has the server handle a message. A single answer that is there at once is JSON, anything else a stream.
    fn exchange(
        &self,
        server: &mut Server,
        message: &[u8],
        rewrite: impl Fn(Vec<u8>) -> Vec<u8> + 'static,
    ) -> Response<Body> {
        let (sender, receiver) = mpsc::channel(WAITING);
        server.output = Arc::new(Output::to_channel(sender));
        let flow = server.handle(message);
        let written = server.take_batch().into_bytes();
        if let Flow::Exit(code) = flow
            && let Some(end) = self.end.borrow_mut().take()
        {
            let _ = end.send(code);
        }
        let is_single = memchr::memchr(b'\n', &written) == written.len().checked_sub(1);
        if is_single && Events::is_answer(&written) {
            let mut answer = Response::new(Either::Left(Full::from(rewrite(written))));
            let json = HeaderValue::from_static("application/json");
            answer.headers_mut().insert(CONTENT_TYPE, json);
            return answer;
        }
        let is_request = serde_json::from_slice::<Envelope>(message)
            .is_ok_and(|envelope| envelope.id.is_some() && !envelope.method.is_empty());
        if written.is_empty() && !is_request {
            return empty(StatusCode::ACCEPTED);
        }
        let events = Events::new(&written, receiver, Box::new(rewrite));
        let mut answer = Response::new(Either::Right(events));
        let stream = HeaderValue::from_static("text/event-stream");
        answer.headers_mut().insert(CONTENT_TYPE, stream);
        answer
    }
}

/// An answer with these members at the beginning of its result.
fn complete(line: Vec<u8>, added: &str) -> Vec<u8> {
    const RESULT: &[u8] = br#","result":{"#;
    let is_whole = memchr::memmem::find(&line, br#""resultType""#).is_some();
    let is_answer = !is_whole && Events::is_answer(&line);
    let Some(at) = memchr::memmem::find(&line, RESULT).filter(|_| is_answer) else {
        return line;
    };
    let at = at + RESULT.len();
    let comma: &[u8] = if line.get(at) == Some(&b'}') { b"" } else { b"," };
    [&line[..at], added.as_bytes(), comma, &line[at..]].concat()
}

fn refusal(message: &[u8], code: i64, text: &str, data: &serde_json::Value) -> Response<Body> {
    let id = serde_json::from_slice::<Envelope>(message).ok().and_then(|envelope| envelope.id);
    let error = json!({"code": code, "message": text, "data": data});
    let body = json!({"jsonrpc": "2.0", "id": id, "error": error}).to_string();
    let mut answer = Response::new(Either::Left(Full::from(body)));
    *answer.status_mut() = StatusCode::BAD_REQUEST;
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    answer
}

fn empty(status: StatusCode) -> Response<Body> {
    let mut answer = Response::new(Either::Left(Full::default()));
    *answer.status_mut() = status;
    answer
}
