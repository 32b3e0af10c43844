//! The answer to a POST as a stream of events: what the server says until it has answered.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame};
use tokio::sync::mpsc;

/// The body of the response.
pub(crate) struct Events {
    ready: VecDeque<Vec<u8>>,
    later: mpsc::Receiver<Vec<u8>>,
    rewrite: Box<dyn Fn(Vec<u8>) -> Vec<u8>>,
    is_answered: bool,
}

impl Events {
    /// Begins with these lines; what comes through the channel follows.
    pub(crate) fn new(
        written: &[u8],
        later: mpsc::Receiver<Vec<u8>>,
        rewrite: Box<dyn Fn(Vec<u8>) -> Vec<u8>>,
    ) -> Self {
        let mut events = Self { ready: VecDeque::new(), later, rewrite, is_answered: false };
        events.take(written);
        events
    }

    /// Whether the line answers a request, which ends the stream.
    pub(crate) fn is_answer(line: &[u8]) -> bool {
        line.starts_with(br#"{"jsonrpc":"2.0","id":"#)
    }

    fn take(&mut self, lines: &[u8]) {
        for line in lines.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            self.ready.push_back(line.to_vec());
        }
    }
}

impl Body for Events {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        loop {
            if self.is_answered {
                return Poll::Ready(None);
            }
            if let Some(line) = self.ready.pop_front() {
                self.is_answered = Self::is_answer(&line);
                let line = (self.rewrite)(line);
                let event = [b"event: message\ndata: ", &*line, b"\n\n"].concat();
                return Poll::Ready(Some(Ok(Frame::data(event.into()))));
            }
            match self.later.poll_recv(context) {
                Poll::Ready(Some(lines)) => self.take(&lines),
                Poll::Ready(None) => return Poll::Ready(None),
                Poll::Pending => return Poll::Pending,
            }
        }
    }
}
