//! The pipes of a child process as the way to a server: messages in the framing that the server uses.

use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::Notify;

use crate::config::Framing;
use crate::wire::{Closed, Outbox, Urgency};

/// Our end of a server's stdin.
#[derive(Debug)]
pub(super) struct Pipe {
    outbox: Outbox,
    framing: Framing,
    /// Messages go out with `Content-Length`, because the server's come in so.
    sized: AtomicBool,
    /// A message has come in.
    heard: AtomicBool,
    /// Fired when the server turns out to use `Content-Length`.
    became_sized: Notify,
}

impl Pipe {
    pub(super) fn new(framing: Framing, outbox: Outbox) -> Self {
        Self {
            outbox,
            framing,
            sized: AtomicBool::new(framing == Framing::Lsp),
            heard: AtomicBool::new(false),
            became_sized: Notify::new(),
        }
    }

    /// A message has come in, announced by `Content-Length` or not.
    pub(super) fn hears(&self, sized: bool) {
        self.heard.store(true, Ordering::Relaxed);
        let announced = sized && self.framing == Framing::Auto;
        if announced && !self.sized.swap(true, Ordering::Relaxed) {
            self.became_sized.notify_one();
        }
    }

    /// Waits until the server turns out to use `Content-Length`.
    pub(super) async fn became_sized(&self) {
        self.became_sized.notified().await;
    }

    /// The queue of what the server has not read yet.
    pub(super) fn outbox(&self) -> &Outbox {
        &self.outbox
    }

    /// Sends what `write` writes, room or not.
    pub(super) fn push(
        &self,
        urgency: Urgency,
        write: impl FnOnce(&mut Vec<u8>),
    ) -> Result<(), Closed> {
        self.outbox.push(urgency, |buffer| self.frame(buffer, write))
    }

    /// Sends what `write` writes, if there is room.
    pub(super) fn try_push(&self, write: impl FnOnce(&mut Vec<u8>)) -> Result<bool, Closed> {
        self.outbox.try_push(|buffer| self.frame(buffer, write))
    }

    fn frame(&self, buffer: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
        if self.sized.load(Ordering::Relaxed) {
            let mut body = Vec::new();
            write(&mut body);
            let header = format!("Content-Length: {}\r\n\r\n", body.len());
            buffer.extend_from_slice(header.as_bytes());
            buffer.extend_from_slice(&body);
        } else {
            write(buffer);
            if self.framing == Framing::Auto && !self.heard.load(Ordering::Relaxed) {
                // A server that wants headers takes this line for one as long as it ends like one.
                buffer.push(b'\r');
            }
            buffer.push(b'\n');
        }
    }
}
