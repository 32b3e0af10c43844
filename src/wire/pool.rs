//! Connections to one origin over HTTP/1.1 without TLS, kept open for the next request. Whoever sends a request, or reads
//! its answer, drives the connection himself: no other task has to be woken for it.

use std::collections::VecDeque;
use std::fmt;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, Uri};
use http_body::{Body as _, Frame};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
use hyper::service::Service;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};

/// Connections that are kept for one origin.
const MAX_KEPT: usize = 256;
/// A peer that says nothing for so long is asked by the system whether it is there.
const PROBE_AFTER: Duration = Duration::from_secs(15);

/// The connections of one origin that nobody uses at present.
pub(super) struct Pool {
    origin: Uri,
    connector: TowerToHyperService<HttpConnector>,
    limits: Limits,
    /// Those used last stand last.
    kept: Mutex<VecDeque<(Instant, Box<Line>)>>,
}

/// How long things may take.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// Until the connection is there.
    pub(super) connect: Duration,
    /// Until a connection that nobody uses is closed.
    pub(super) idle: Duration,
}

/// One connection.
struct Line {
    sender: SendRequest<Full<Bytes>>,
    connection: http1::Connection<TokioIo<TcpStream>, Full<Bytes>>,
    is_over: bool,
}

/// The body of an answer; its connection is kept once it was read to the end.
pub(super) struct Body {
    incoming: Incoming,
    line: Option<(Box<Line>, Arc<Pool>)>,
}

/// Why there is no answer.
#[derive(Debug)]
pub(super) enum Failure {
    /// The connection was not there in time.
    Late,
    /// Nothing was sent.
    NotReached(Box<dyn std::error::Error + Send + Sync>),
    /// Something may have been sent.
    Broken(hyper::Error),
}

impl Pool {
    /// Connections to the origin of this URI.
    pub(super) fn new(origin: Uri, limits: Limits) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        connector.set_keepalive(Some(PROBE_AFTER));
        connector.set_connect_timeout(Some(limits.connect));
        let connector = TowerToHyperService::new(connector);
        Self { origin, connector, limits, kept: Mutex::default() }
    }

    /// Sends a request and waits for the head of its answer. A connection that the server closed meanwhile is passed over,
    /// so that no request is sent twice and none fails because of it.
    pub(super) async fn send(
        self: &Arc<Self>,
        mut request: Request<Full<Bytes>>,
    ) -> Result<Response<Body>, Failure> {
        loop {
            let (mut line, is_new) = match self.take().await {
                Some(line) => (line, false),
                // Boxed, as it is rare, to keep the futures of calls small.
                None => (Box::pin(self.connect()).await?, true),
            };
            let answer = line.sender.try_send_request(request);
            let answer = line.drive(answer).await;
            match answer {
                Ok(response) => {
                    let body = |incoming| Body { incoming, line: Some((line, self.clone())) };
                    let mut response = response.map(body);
                    response.body_mut().keep_if_read();
                    return Ok(response);
                }
                Err(mut failed) => match failed.take_message() {
                    Some(unsent) if !is_new => request = unsent,
                    Some(_) => return Err(Failure::NotReached(failed.into_error().into())),
                    None => return Err(Failure::Broken(failed.into_error())),
                },
            }
        }
    }

    fn kept(&self) -> MutexGuard<'_, VecDeque<(Instant, Box<Line>)>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A connection that can take a request.
    async fn take(&self) -> Option<Box<Line>> {
        loop {
            let (since, mut line) = self.kept().pop_back()?;
            let is_fresh = since.elapsed() < self.limits.idle;
            // Only whoever looks learns that the server has closed it.
            if is_fresh && poll_fn(|context| Poll::Ready(line.is_open(context))).await {
                return Some(line);
            }
        }
    }

    async fn connect(&self) -> Result<Box<Line>, Failure> {
        let connecting = self.connector.call(self.origin.clone());
        let stream = timeout(self.limits.connect, connecting).await.map_err(|_| Failure::Late)?;
        let stream = stream.map_err(|error| Failure::NotReached(error.into()))?;
        let (sender, connection) =
            http1::handshake(stream).await.map_err(|error| Failure::NotReached(error.into()))?;
        Ok(Box::new(Line { sender, connection, is_over: false }))
    }

    fn keep(&self, line: Box<Line>) {
        let now = Instant::now();
        let mut kept = self.kept();
        while kept.len() >= MAX_KEPT
            || kept.front().is_some_and(|(since, _)| now - *since >= self.limits.idle)
        {
            kept.pop_front();
        }
        kept.push_back((now, line));
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Pool").field("kept", &self.kept().len()).finish_non_exhaustive()
    }
}

impl Line {
    /// Polls the connection, unless it has ended. What it fails of, its request is told.
    fn poll(&mut self, context: &mut Context<'_>) {
        if !self.is_over {
            self.is_over = Pin::new(&mut self.connection).poll(context).is_ready();
        }
    }

    fn is_open(&mut self, context: &mut Context<'_>) -> bool {
        self.poll(context);
        !self.is_over && self.sender.is_ready()
    }

    /// Polls `work`, and the connection that it waits for.
    async fn drive<T>(&mut self, work: impl Future<Output = T>) -> T {
        let mut work = pin!(work);
        poll_fn(|context| {
            self.poll(context);
            work.as_mut().poll(context)
        })
        .await
    }
}

impl Body {
    /// The next bytes; none at the end.
    pub(super) async fn chunk(&mut self) -> Result<Option<Bytes>, hyper::Error> {
        loop {
            let Some(frame) = poll_fn(|context| self.poll(context)).await else {
                self.give_back();
                return Ok(None);
            };
            // Anything else is a trailer, which nobody reads.
            if let Ok(bytes) = frame?.into_data() {
                return Ok(Some(bytes));
            }
        }
    }

    fn poll(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        // The first look says that bytes are wanted, then the connection reads them.
        if let Poll::Ready(frame) = Pin::new(&mut self.incoming).poll_frame(context) {
            return Poll::Ready(frame);
        }
        if let Some((line, _)) = &mut self.line {
            line.poll(context);
        }
        Pin::new(&mut self.incoming).poll_frame(context)
    }

    /// Gives the connection back if there is no body to be read.
    fn keep_if_read(&mut self) {
        if self.incoming.is_end_stream() {
            self.give_back();
        }
    }

    /// Gives the connection back, the body having been read.
    fn give_back(&mut self) {
        let Some((mut line, pool)) = self.line.take() else { return };
        // It learns that it is free by being polled; whoever uses it next polls it again.
        if line.is_open(&mut Context::from_waker(std::task::Waker::noop())) {
            pool.keep(line);
        }
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Body").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

    /// Reads the head of one request and answers it.
    async fn answer_one(stream: &mut TcpStream, answer: &str) {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await.expect("a request"));
        }
        stream.write_all(answer.as_bytes()).await.expect("somebody reads");
    }

    async fn ask(pool: &Arc<Pool>) -> Result<Vec<u8>, Failure> {
        let mut answer = pool.send(Request::new(Full::default())).await?;
        let mut whole = Vec::new();
        while let Some(bytes) = answer.body_mut().chunk().await.map_err(Failure::Broken)? {
            whole.extend_from_slice(&bytes);
        }
        Ok(whole)
    }

    async fn listen() -> (TcpListener, Arc<Pool>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let origin = format!("http://{}/", listener.local_addr().expect("an address"));
        let limits = Limits { connect: Duration::from_secs(5), idle: Duration::from_secs(5) };
        let pool = Pool::new(origin.parse().expect("a URI"), limits);
        (listener, Arc::new(pool))
    }

    #[tokio::test]
    async fn connections_are_used_again_until_they_are_closed() {
        let (listener, pool) = listen().await;
        let server = async {
            for calls in [3, 2] {
                let (mut stream, _) = listener.accept().await.expect("a connection");
                for call in 0..calls {
                    let answer = if call == 1 {
                        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\ndone\r\n0\r\n\r\n"
                    } else {
                        "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ndone"
                    };
                    answer_one(&mut stream, answer).await;
                }
                // Closed without a word, as servers do with connections that were idle.
            }
        };
        let client = async {
            for call in 0..5 {
                assert_eq!(ask(&pool).await.expect("an answer"), b"done", "{call}");
                // Whether the end of the connection has come is for the system to say.
                if call == 2 {
                    let line = || {
                        poll_fn(|context| {
                            let open = pool
                                .kept()
                                .back_mut()
                                .is_some_and(|(_, line)| line.is_open(context));
                            if open { Poll::Pending } else { Poll::Ready(()) }
                        })
                    };
                    line().await;
                }
            }
        };
        tokio::join!(server, client);
    }

    #[tokio::test]
    async fn a_request_that_may_have_arrived_is_not_sent_again() {
        let (listener, pool) = listen().await;
        let server = async {
            let (mut stream, _) = listener.accept().await.expect("a connection");
            answer_one(&mut stream, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await;
            answer_one(&mut stream, "").await;
            drop(stream);
        };
        let client = async {
            assert_eq!(ask(&pool).await.expect("an answer"), b"");
            assert!(matches!(ask(&pool).await, Err(Failure::Broken(_))));
        };
        tokio::join!(server, client);
        drop(listener);
        assert!(matches!(ask(&pool).await, Err(Failure::NotReached(_))));
    }
}
