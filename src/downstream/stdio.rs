//! The client that started us, over stdin and stdout (specification, Transports, stdio).

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::AsyncRead;
use tokio::task::JoinError;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use super::incoming::{self, MAX_MESSAGE};
use super::outlet::{Form, Outlet};
use super::session::Session;
use super::way::Way;
use crate::base::json::Strict;
use crate::protocol::error::{ErrorObject, INVALID_REQUEST};
use crate::protocol::jsonrpc::salvage_id;
use crate::router::Current;
use crate::wire::{Decoder, Frame, Outbox, Sink, Turn};

/// Bytes that may wait for a client that does not read.
const MAX_WAITING: usize = 8 * 1024 * 1024;

/// Bytes of requests that are read while they cannot be served yet.
const READ_AHEAD: usize = 4 * 1024 * 1024;

/// The client and what it has said.
struct Conversation {
    session: Session,
    way: Way,
    strict: Strict,
}

/// Serves until the client closes stdin or stops reading stdout. What is in flight when stdin ends
/// has `drain` to finish, and as long again to be read: a client that has sent its last request still
/// wants the answers.
pub async fn serve(
    router: Arc<Current>,
    mut stdin: Input,
    stdout: Sink,
    drain: Duration,
) -> io::Result<()> {
    let (outbox, writer) = Outbox::new(MAX_WAITING, stdout);
    let outlet = Outlet::Stream(outbox.clone(), Form::Line);
    let session = Session::of_stream(router, outlet.clone(), CancellationToken::new());
    let way = session.way(outlet);
    let mut conversation = Conversation { session, way, strict: Strict::new() };
    let mut writing = AbortOnDropHandle::new(tokio::spawn(writer.run()));
    let read = tokio::select! {
        biased;
        read = read(&mut conversation, &outbox, &mut stdin, drain) => read,
        // Writing ends before the queue is closed only if the client has gone.
        written = &mut writing => {
            conversation.session.leave();
            return gone(written);
        }
    };
    let finish = async {
        conversation.session.finish(drain, || outbox.close()).await;
        outbox.close();
    };
    tokio::select! {
        biased;
        written = &mut writing => {
            conversation.session.leave();
            return gone(written).and(read);
        }
        () = finish => {}
    }
    // A client that closed stdin and does not read either gets no more patience.
    match timeout(drain, &mut writing).await {
        Ok(written) => gone(written).and(read),
        Err(_elapsed) => read,
    }
}

impl Conversation {
    /// Takes one frame in.
    fn receive(&mut self, frame: &Frame<'_>) {
        let bytes = match *frame {
            Frame::Line(bytes) | Frame::Sized(bytes) | Frame::Junk(bytes) => bytes,
            Frame::Oversized { head, tail, length } => {
                let id = salvage_id(head).or_else(|| salvage_id(tail));
                let message =
                    format!("{length} bytes in one message, at most {MAX_MESSAGE} are taken");
                let error = ErrorObject::new(INVALID_REQUEST, message);
                return self.session.refuse(id.as_ref(), &error, &self.way);
            }
        };
        incoming::take(&mut self.session, &self.way, &mut self.strict, bytes);
    }
}

/// A client may go without closing stdin first.
fn gone(written: Result<io::Result<()>, JoinError>) -> io::Result<()> {
    match written.map_err(io::Error::other).flatten() {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other,
    }
}

/// Reads until stdin ends. A client that does not read its answers is not served either, but its end is
/// seen, and what it has sent until then is answered if it reads on within `drain`.
async fn read(
    conversation: &mut Conversation,
    outbox: &Outbox,
    stdin: &mut Input,
    drain: Duration,
) -> io::Result<()> {
    let (mut decoder, mut turn) = (Decoder::of_lines(MAX_MESSAGE), Turn::default());
    let mut ended = false;
    loop {
        ended = ended || decoder.fill(stdin).await? == 0;
        while decoder.waiting() > 0 {
            while !outbox.has_room() {
                if ended {
                    match timeout(drain, outbox.room()).await {
                        Ok(Ok(())) => continue,
                        _ => return Ok(()),
                    }
                }
                tokio::select! {
                    biased;
                    room = outbox.room() => if room.is_err() {
                        return Ok(());
                    },
                    read = decoder.fill(stdin), if decoder.waiting() < READ_AHEAD => {
                        ended = read? == 0;
                    }
                }
            }
            let Some(frame) = decoder.frame() else { break };
            conversation.receive(&frame);
            let weight = frame.weight();
            turn.took(weight).await;
        }
        if ended {
            if let Some(frame) = decoder.finish() {
                conversation.receive(&frame);
            }
            return Ok(());
        }
    }
}

/// stdin and stdout of the process, as fast as the system has them: pipes and sockets are polled; a terminal or a
/// file is read on a thread of its own. Keep [`Restored`] as long as the streams are used.
#[cfg(unix)]
pub fn streams() -> io::Result<(Input, Sink, Restored)> {
    let restored = Restored::new()?;
    let stdin: Input = match restored.polled(rustix::stdio::stdin())? {
        Some(descriptor) => {
            Box::new(tokio::net::unix::pipe::Receiver::from_owned_fd_unchecked(descriptor)?)
        }
        None => Box::new(tokio::io::stdin()),
    };
    let stdout = match restored.polled(rustix::stdio::stdout())? {
        Some(descriptor) => {
            Sink::Pipe(tokio::net::unix::pipe::Sender::from_owned_fd_unchecked(descriptor)?)
        }
        None => Sink::Stream(Box::new(tokio::io::stdout())),
    };
    Ok((stdin, stdout, restored))
}

/// stdin and stdout of the process.
#[cfg(not(unix))]
pub fn streams() -> io::Result<(Input, Sink, Restored)> {
    Ok((Box::new(tokio::io::stdin()), Sink::Stream(Box::new(tokio::io::stdout())), Restored {}))
}

/// Where requests come in.
pub type Input = Box<dyn AsyncRead + Unpin + Send>;

/// The flags that stdin and stdout had. They belong to whoever shares the descriptors with us, a shell above all,
/// so they are put back in the end.
#[derive(Debug)]
pub struct Restored {
    #[cfg(unix)]
    flags: [(std::os::fd::OwnedFd, rustix::fs::OFlags); 2],
}

#[cfg(unix)]
impl Restored {
    fn new() -> io::Result<Self> {
        use std::os::fd::BorrowedFd;
        let remember = |descriptor: BorrowedFd<'_>| -> io::Result<_> {
            Ok((descriptor.try_clone_to_owned()?, rustix::fs::fcntl_getfl(descriptor)?))
        };
        let (stdin, stdout) = (rustix::stdio::stdin(), rustix::stdio::stdout());
        Ok(Self { flags: [remember(stdin)?, remember(stdout)?] })
    }

    /// A descriptor of its own that does not block, if the kind of file can be polled.
    fn polled(
        &self,
        descriptor: std::os::fd::BorrowedFd<'_>,
    ) -> io::Result<Option<std::os::fd::OwnedFd>> {
        use rustix::fs::{FileType, OFlags, fcntl_getfl, fcntl_setfl, fstat};
        let kind = FileType::from_raw_mode(fstat(descriptor)?.st_mode);
        if !matches!(kind, FileType::Fifo | FileType::Socket) {
            return Ok(None);
        }
        let own = descriptor.try_clone_to_owned()?;
        fcntl_setfl(&own, fcntl_getfl(&own)? | OFlags::NONBLOCK)?;
        Ok(Some(own))
    }
}

#[cfg(unix)]
impl Drop for Restored {
    fn drop(&mut self) {
        for (descriptor, flags) in &self.flags {
            // Nothing can be done about a failure, and nothing depends on it.
            let _ = rustix::fs::fcntl_setfl(descriptor, *flags);
        }
    }
}
