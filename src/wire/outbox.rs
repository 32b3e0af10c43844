//! What waits to be written to one peer. Many tasks append, one writes: all that has gathered goes out in one
//! write, which at many messages in flight is most of what a message costs.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::{AsyncWrite, AsyncWriteExt};
use tokio::sync::Notify;

use super::buffer::Thrift;

/// The peer is gone or its queue was closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the connection is closed")]
pub struct Closed;

/// A handle to the queue; clones share it.
#[derive(Debug, Clone)]
pub struct Outbox(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    queue: Mutex<Queue>,
    filled: Notify,
    drained: Notify,
    limit: usize,
}

#[derive(Debug, Default)]
struct Queue {
    bytes: Vec<u8>,
    closed: bool,
}

impl Outbox {
    /// A queue that takes messages while fewer than `limit` bytes wait in it, so that it holds at most `limit`
    /// and one message.
    pub fn new(limit: usize) -> Self {
        let queue = Mutex::default();
        Self(Arc::new(Shared {
            queue,
            filled: Notify::new(),
            drained: Notify::new(),
            limit,
        }))
    }

    fn queue(&self) -> std::sync::MutexGuard<'_, Queue> {
        self.0.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Appends what `write` writes, if there is room; `Ok(false)` says that there was none.
    pub fn try_send(&self, write: impl FnOnce(&mut Vec<u8>)) -> Result<bool, Closed> {
        let mut queue = self.queue();
        if queue.closed {
            return Err(Closed);
        }
        if queue.bytes.len() >= self.0.limit {
            return Ok(false);
        }
        write(&mut queue.bytes);
        drop(queue);
        self.0.filled.notify_one();
        Ok(true)
    }

    /// Waits until there is room, then appends what `write` writes. Cancel safe: nothing is
    /// appended by halves.
    pub async fn send(&self, write: impl FnOnce(&mut Vec<u8>)) -> Result<(), Closed> {
        if !self.has_room() {
            self.room().await?;
        }
        self.push(write)
    }

    /// Whether a message would be taken without waiting.
    pub fn has_room(&self) -> bool {
        self.queue().bytes.len() < self.0.limit
    }

    /// Appends what `write` writes, room or not: for senders that have just waited for it. If
    /// several did, the bound is exceeded by a message of each.
    pub fn push(&self, write: impl FnOnce(&mut Vec<u8>)) -> Result<(), Closed> {
        let mut queue = self.queue();
        if queue.closed {
            return Err(Closed);
        }
        write(&mut queue.bytes);
        drop(queue);
        self.0.filled.notify_one();
        Ok(())
    }

    /// Waits until there is room.
    pub async fn room(&self) -> Result<(), Closed> {
        loop {
            let drained = self.0.drained.notified();
            {
                let queue = self.queue();
                if queue.closed {
                    return Err(Closed);
                }
                if queue.bytes.len() < self.0.limit {
                    return Ok(());
                }
            }
            drained.await;
        }
    }

    /// Takes no more messages; [`Outbox::write_to`] ends once the waiting ones are written.
    pub fn close(&self) {
        self.queue().closed = true;
        self.0.filled.notify_one();
        self.0.drained.notify_waiters();
    }

    /// Writes what gathers until the queue is closed and empty, or writing fails, which closes it.
    pub async fn write_to(&self, writer: &mut (impl AsyncWrite + Unpin)) -> io::Result<()> {
        let (mut bytes, mut thrift) = (Vec::new(), Thrift::default());
        loop {
            let closed = {
                let mut queue = self.queue();
                std::mem::swap(&mut queue.bytes, &mut bytes);
                queue.closed
            };
            if bytes.is_empty() {
                if closed {
                    return writer.flush().await;
                }
                self.0.filled.notified().await;
                continue;
            }
            self.0.drained.notify_waiters();
            let written = async {
                writer.write_all(&bytes).await?;
                writer.flush().await
            };
            if let Err(error) = written.await {
                self.close();
                return Err(error);
            }
            let used = bytes.len();
            thrift.empty(&mut bytes, used);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn messages_gather_and_arrive_in_order() {
        let outbox = Outbox::new(1024);
        for word in ["one ", "two ", "three"] {
            outbox
                .send(|bytes| bytes.extend_from_slice(word.as_bytes()))
                .await
                .expect("open");
        }
        outbox.close();
        assert_eq!(outbox.try_send(|_| ()), Err(Closed));
        let mut written = Vec::new();
        outbox
            .write_to(&mut written)
            .await
            .expect("a vector takes all");
        assert_eq!(written, b"one two three");
    }

    #[tokio::test]
    async fn a_full_queue_waits_and_goes_on_when_written() {
        let outbox = Outbox::new(4);
        assert_eq!(
            outbox.try_send(|bytes| bytes.extend_from_slice(b"12345")),
            Ok(true)
        );
        assert_eq!(
            outbox.try_send(|bytes| bytes.extend_from_slice(b"6")),
            Ok(false)
        );
        let (mut reader, mut writer) = tokio::io::duplex(64);
        let sender = outbox.clone();
        let waiting = tokio::spawn(async move { sender.send(|bytes| bytes.push(b'7')).await });
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished());
        let writing = outbox.clone();
        let writing = tokio::spawn(async move { writing.write_to(&mut writer).await });
        waiting.await.expect("no panic").expect("open");
        outbox.close();
        writing.await.expect("no panic").expect("written");
        let mut all = String::new();
        tokio::io::AsyncReadExt::read_to_string(&mut reader, &mut all)
            .await
            .expect("text");
        assert_eq!(all, "123457");
    }

    #[tokio::test]
    async fn a_peer_that_is_gone_closes_the_queue() {
        let outbox = Outbox::new(4);
        outbox.send(|bytes| bytes.push(b'1')).await.expect("open");
        let (reader, mut writer) = tokio::io::duplex(1);
        drop(reader);
        assert!(outbox.write_to(&mut writer).await.is_err());
        assert_eq!(outbox.send(|_| ()).await, Err(Closed));
    }
}
