//! What waits to be written to one peer. Many tasks append, one writes: all that has gathered goes
//! out in one write, which at many messages in flight is most of what a message costs. A message
//! that comes alone is written by the one who appends it, which saves waking the writer.

use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::io::{AsyncWrite, AsyncWriteExt};
use tokio::sync::Notify;

use super::buffer::Thrift;

/// More than this is left to the writer; a pipe takes no more at a time.
#[cfg(unix)]
const MAX_AT_ONCE: usize = 64 * 1024;

/// The peer is gone or its queue was closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the connection is closed")]
pub struct Closed;

/// Whether a message can wait for others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Urgency {
    /// More will follow at once, or may: all of them go out together.
    Gather,
    /// Nothing else is under way.
    Alone,
}

/// Where the bytes go.
pub enum Sink {
    /// A pipe or socket that can be written to without waiting.
    #[cfg(unix)]
    Pipe(tokio::net::unix::pipe::Sender),
    /// Anything else.
    Stream(Box<dyn AsyncWrite + Unpin + Send>),
}

/// A handle to the queue; clones share it.
#[derive(Debug, Clone)]
pub struct Outbox(Arc<Shared>);

/// Hands out what gathers in an [`Outbox`], where something else writes it, such as the body of an answer. Dropped, it
/// closes the queue and frees what waits in it.
#[derive(Debug)]
pub struct Reader(Arc<Shared>);

/// Writes what gathers in an [`Outbox`]. The stream ends with it.
pub struct Writer {
    shared: Arc<Shared>,
    stream: Stream,
}

#[derive(Debug)]
struct Shared {
    queue: Mutex<Queue>,
    /// The bytes in the queue, for those who look whether there is room.
    waiting: AtomicUsize,
    filled: Notify,
    drained: Notify,
    limit: usize,
}

#[derive(Debug, Default)]
struct Queue {
    bytes: Vec<u8>,
    closed: bool,
    /// The writer has taken bytes that it has not written yet.
    writing: bool,
    #[cfg(unix)]
    pipe: Option<Arc<tokio::net::unix::pipe::Sender>>,
}

enum Stream {
    #[cfg(unix)]
    Pipe(Arc<tokio::net::unix::pipe::Sender>),
    Boxed(Box<dyn AsyncWrite + Unpin + Send>),
}

impl Outbox {
    /// A queue that takes messages while fewer than `limit` bytes wait in it, so that it holds at
    /// most `limit` and one message, and its writer as much again while it writes; and this writer,
    /// which has to be run.
    pub fn new(limit: usize, sink: Sink) -> (Self, Writer) {
        let (queue, stream) = match sink {
            #[cfg(unix)]
            Sink::Pipe(pipe) => {
                let pipe = Arc::new(pipe);
                let queue = Queue { pipe: Some(pipe.clone()), ..Queue::default() };
                (queue, Stream::Pipe(pipe))
            }
            Sink::Stream(stream) => (Queue::default(), Stream::Boxed(stream)),
        };
        let shared = Shared::new(limit, queue);
        (Self(shared.clone()), Writer { shared, stream })
    }

    /// A queue with the same bound that is read instead of written.
    pub fn read(limit: usize) -> (Self, Reader) {
        let shared = Shared::new(limit, Queue::default());
        (Self(shared.clone()), Reader(shared))
    }

    /// Whether a message would be taken without waiting.
    pub fn has_room(&self) -> bool {
        self.0.waiting.load(Ordering::Relaxed) < self.0.limit
    }

    /// Waits until there is room.
    pub async fn room(&self) -> Result<(), Closed> {
        loop {
            let drained = self.0.drained.notified();
            {
                let queue = self.0.queue();
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

    /// Appends what `write` writes, if there is room; `Ok(false)` says that there was none.
    pub fn try_push(&self, write: impl FnOnce(&mut Vec<u8>)) -> Result<bool, Closed> {
        if self.has_room() {
            self.push(Urgency::Gather, write).map(|()| true)
        } else if self.0.queue().closed {
            Err(Closed)
        } else {
            Ok(false)
        }
    }

    /// Appends what `write` writes, room or not: for senders that have just waited for it. If
    /// several did, the bound is exceeded by a message of each.
    pub fn push(&self, urgency: Urgency, write: impl FnOnce(&mut Vec<u8>)) -> Result<(), Closed> {
        let mut queue = self.0.queue();
        if queue.closed {
            return Err(Closed);
        }
        write(&mut queue.bytes);
        let written = urgency == Urgency::Alone && queue.write_at_once();
        self.0.waiting.store(queue.bytes.len(), Ordering::Relaxed);
        drop(queue);
        if !written {
            self.0.filled.notify_one();
        }
        Ok(())
    }

    /// Whether no more messages are taken.
    pub fn is_closed(&self) -> bool {
        self.0.queue().closed
    }

    /// Whether both are handles to the same queue.
    pub fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// Takes no more messages; the writer ends once the waiting ones are written.
    pub fn close(&self) {
        self.0.close();
    }
}

impl Reader {
    /// All that has gathered, as soon as there is something; nothing once the queue is closed and empty. Cancel safe.
    pub async fn next(&mut self) -> Option<Vec<u8>> {
        loop {
            let (bytes, closed) = {
                let mut queue = self.0.queue();
                self.0.waiting.store(0, Ordering::Relaxed);
                (std::mem::take(&mut queue.bytes), queue.closed)
            };
            if !bytes.is_empty() {
                self.0.drained.notify_waiters();
                return Some(bytes);
            }
            if closed {
                return None;
            }
            self.0.filled.notified().await;
        }
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.0.close();
        let mut queue = self.0.queue();
        queue.bytes = Vec::new();
        self.0.waiting.store(0, Ordering::Relaxed);
    }
}

impl Shared {
    fn new(limit: usize, queue: Queue) -> Arc<Self> {
        let (filled, drained) = (Notify::new(), Notify::new());
        let (queue, waiting) = (Mutex::new(queue), AtomicUsize::new(0));
        Arc::new(Self { queue, waiting, filled, drained, limit })
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn close(&self) {
        let mut queue = self.queue();
        queue.closed = true;
        #[cfg(unix)]
        {
            // The peer sees the end of the stream when the writer lets go of it as well.
            queue.pipe = None;
        }
        drop(queue);
        self.filled.notify_one();
        self.drained.notify_waiters();
    }
}

impl Queue {
    /// Writes all that waits, if the peer takes it without delay. What it does not take, and any
    /// failure, is left to the writer.
    #[cfg(unix)]
    fn write_at_once(&mut self) -> bool {
        let Some(pipe) = self.pipe.as_ref().filter(|_| !self.writing) else {
            return false;
        };
        if self.bytes.len() > MAX_AT_ONCE {
            return false;
        }
        match pipe.try_write(&self.bytes) {
            Ok(written) if written == self.bytes.len() => self.bytes.clear(),
            Ok(written) => drop(self.bytes.drain(..written)),
            Err(_) => {}
        }
        self.bytes.is_empty()
    }

    #[cfg(not(unix))]
    fn write_at_once(&mut self) -> bool {
        false
    }
}

impl Writer {
    /// Writes what gathers until the queue is closed and empty, or writing fails, which closes it.
    pub async fn run(mut self) -> io::Result<()> {
        let (mut bytes, mut thrift) = (Vec::new(), Thrift::default());
        loop {
            let closed = {
                let mut queue = self.shared.queue();
                std::mem::swap(&mut queue.bytes, &mut bytes);
                queue.writing = !bytes.is_empty();
                self.shared.waiting.store(queue.bytes.len(), Ordering::Relaxed);
                queue.closed
            };
            if bytes.is_empty() {
                if closed {
                    return Ok(());
                }
                self.shared.filled.notified().await;
                continue;
            }
            self.shared.drained.notify_waiters();
            if let Err(error) = self.stream.write_all(&bytes).await {
                self.shared.close();
                return Err(error);
            }
            let used = bytes.len();
            thrift.empty(&mut bytes, used);
        }
    }
}

impl Stream {
    async fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            #[cfg(unix)]
            Self::Pipe(pipe) => {
                let mut rest = bytes;
                while !rest.is_empty() {
                    pipe.writable().await?;
                    match pipe.try_write(rest) {
                        Ok(written) => rest = &rest[written..],
                        Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                        Err(error) => return Err(error),
                    }
                }
                Ok(())
            }
            Self::Boxed(stream) => {
                stream.write_all(bytes).await?;
                stream.flush().await
            }
        }
    }
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::time::Duration;

    use tokio::io::AsyncReadExt;
    use tokio::net::unix::pipe;

    use super::*;

    fn text(word: &str) -> impl FnOnce(&mut Vec<u8>) {
        move |bytes| bytes.extend_from_slice(word.as_bytes())
    }

    #[tokio::test]
    async fn messages_gather_and_arrive_in_order() {
        let (mut reader, stream) = tokio::io::duplex(1024);
        let (outbox, writer) = Outbox::new(1024, Sink::Stream(Box::new(stream)));
        for word in ["one ", "two ", "three"] {
            outbox.push(Urgency::Alone, text(word)).expect("open");
        }
        outbox.close();
        assert_eq!(outbox.push(Urgency::Gather, text("four")), Err(Closed));
        writer.run().await.expect("the reader is there");
        let mut all = String::new();
        reader.read_to_string(&mut all).await.expect("text");
        assert_eq!(all, "one two three");
    }

    #[tokio::test]
    async fn a_full_queue_waits_and_goes_on_when_written() {
        let (mut reader, stream) = tokio::io::duplex(64);
        let (outbox, writer) = Outbox::new(4, Sink::Stream(Box::new(stream)));
        assert_eq!(outbox.try_push(text("12345")), Ok(true));
        assert_eq!(outbox.try_push(text("6")), Ok(false));
        let sender = outbox.clone();
        let waiting = tokio::spawn(async move {
            sender.room().await?;
            sender.push(Urgency::Gather, text("7"))
        });
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished());
        let writing = tokio::spawn(writer.run());
        waiting.await.expect("no panic").expect("open");
        outbox.close();
        writing.await.expect("no panic").expect("written");
        let mut all = String::new();
        reader.read_to_string(&mut all).await.expect("text");
        assert_eq!(all, "123457");
    }

    #[tokio::test]
    async fn what_is_read_gathers_and_makes_room() {
        let (outbox, mut reader) = Outbox::read(4);
        outbox.push(Urgency::Alone, text("12")).expect("open");
        outbox.push(Urgency::Alone, text("34")).expect("open");
        assert_eq!(outbox.try_push(text("5")), Ok(false));
        let sender = outbox.clone();
        let waiting = tokio::spawn(async move { sender.room().await });
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished());
        assert_eq!(reader.next().await.as_deref(), Some(&b"1234"[..]));
        assert_eq!(waiting.await.expect("no panic"), Ok(()));
        outbox.push(Urgency::Gather, text("5")).expect("open");
        outbox.close();
        assert_eq!(reader.next().await.as_deref(), Some(&b"5"[..]));
        assert_eq!(reader.next().await, None);
    }

    #[tokio::test]
    async fn a_reader_that_goes_closes_the_queue_and_ends_waits() {
        let (outbox, reader) = Outbox::read(4);
        outbox.push(Urgency::Gather, text("12345")).expect("open");
        let sender = outbox.clone();
        let waiting = tokio::spawn(async move { sender.room().await });
        tokio::task::yield_now().await;
        drop(reader);
        assert_eq!(waiting.await.expect("no panic"), Err(Closed));
        assert_eq!(outbox.push(Urgency::Gather, text("6")), Err(Closed));
        assert!(outbox.0.queue().bytes.is_empty());
    }

    #[tokio::test]
    async fn a_peer_that_is_gone_closes_the_queue() {
        let (reader, stream) = tokio::io::duplex(1);
        let (outbox, writer) = Outbox::new(4, Sink::Stream(Box::new(stream)));
        outbox.push(Urgency::Gather, text("1")).expect("open");
        drop(reader);
        assert!(writer.run().await.is_err());
        assert_eq!(outbox.push(Urgency::Gather, text("2")), Err(Closed));
    }

    #[tokio::test]
    async fn a_message_alone_needs_no_writer_and_overtakes_nobody() {
        let (sender, mut receiver) = pipe::pipe().expect("a pipe");
        sender.writable().await.expect("the reader is there");
        let (outbox, writer) = Outbox::new(1024 * 1024, Sink::Pipe(sender));
        outbox.push(Urgency::Alone, text("first ")).expect("open");
        let mut read = [0; 16];
        let limit = Duration::from_secs(10);
        let length = tokio::time::timeout(limit, receiver.read(&mut read)).await;
        assert_eq!(length.expect("in time").expect("read"), 6);

        // More than the pipe takes: the rest is the writer's, and what follows waits behind it.
        let long = "x".repeat(300_000);
        outbox.push(Urgency::Gather, text(&long)).expect("open");
        let writing = tokio::spawn(writer.run());
        tokio::task::yield_now().await;
        outbox.push(Urgency::Alone, text("last")).expect("open");
        outbox.close();
        let mut all = String::new();
        receiver.read_to_string(&mut all).await.expect("text");
        writing.await.expect("no panic").expect("written");
        assert_eq!(all.len(), long.len() + 4);
        assert!(all.ends_with("xlast"));
    }
}
