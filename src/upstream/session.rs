//! One conversation with one server: requests out, answers and notifications in, in the order in which they came.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use serde::Deserialize;
use serde_json::json;
use serde_json::value::RawValue;
use tokio::io::AsyncRead;
use tokio::sync::{Notify, oneshot};
use tokio::time::{Instant, timeout_at};

use super::Error;
use crate::base::json::Strict;
use crate::config::{Framing, ServerName};
use crate::protocol::error::{ErrorObject, METHOD_NOT_FOUND};
use crate::protocol::jsonrpc::{self, Message, salvage_id};
use crate::protocol::method;
use crate::telemetry::logging::excerpt;
use crate::wire::{Decoder, Frame, Outbox};

/// No message of a server may be larger.
const MAX_MESSAGE: usize = 32 * 1024 * 1024;
/// Bytes that may wait for a server that does not read.
const MAX_WAITING: usize = 1024 * 1024;
/// Strange messages of one server that are logged as warnings; later ones only show with `--debug`.
const LOUD_ODDITIES: u32 = 5;

/// Receives the `params` of each progress notification and, borrowed from them, the token to be replaced.
pub type OnProgress = Box<dyn FnMut(&str, &RawValue) + Send>;

/// Why a request is dropped without an answer; whoever drops it says so first.
pub type Withdrawn = Arc<OnceLock<String>>;

type Answer = Result<Box<RawValue>, Error>;

/// An open conversation. Shared by all who call the server.
#[derive(Debug)]
pub struct Session {
    server: ServerName,
    outbox: Outbox,
    pending: Mutex<HashMap<u64, Slot>>,
    next_id: AtomicU64,
    ended: OnceLock<Error>,
    framing: Framing,
    /// Messages go out with `Content-Length`, because the server's come in so.
    sized: AtomicBool,
    /// Any byte of a message has come in.
    pub(super) heard: AtomicBool,
    /// Fired when the server says that its tools changed.
    pub(super) tools_changed: Notify,
    /// Fired when the server turns out to use `Content-Length`.
    pub(super) became_sized: Notify,
    /// A tool call was answered, so the server works.
    proven: AtomicBool,
    last_used: Mutex<Instant>,
    oddities: AtomicU32,
}

/// Who follows a request while it is under way.
#[derive(Default)]
pub struct Watch<'a> {
    /// Hears of progress.
    pub on_progress: Option<OnProgress>,
    /// Says why the request was dropped.
    pub withdrawn: Option<&'a Withdrawn>,
}

struct Slot {
    reply: oneshot::Sender<Answer>,
    on_progress: Option<OnProgress>,
    heard: Instant,
}

impl std::fmt::Debug for Slot {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Slot")
            .field("heard", &self.heard)
            .finish_non_exhaustive()
    }
}

/// Forgets a request that nobody waits for any more and tells the server so. Whatever ends the wait — a timeout,
/// a cancellation, a client that left — drops this.
struct Pending<'a> {
    session: &'a Session,
    id: u64,
    cancellable: bool,
    withdrawn: Option<&'a Withdrawn>,
}

impl Drop for Pending<'_> {
    fn drop(&mut self) {
        if self.session.pending().remove(&self.id).is_some() && self.cancellable {
            let why = self.withdrawn.and_then(|withdrawn| withdrawn.get());
            self.session
                .cancel(self.id, why.map_or("no answer in time", String::as_str));
        }
    }
}

impl Session {
    pub(super) fn new(server: ServerName, framing: Framing) -> Self {
        Self {
            server,
            outbox: Outbox::new(MAX_WAITING),
            pending: Mutex::default(),
            next_id: AtomicU64::new(1),
            ended: OnceLock::new(),
            framing,
            sized: AtomicBool::new(framing == Framing::Lsp),
            heard: AtomicBool::new(false),
            tools_changed: Notify::new(),
            became_sized: Notify::new(),
            proven: AtomicBool::new(false),
            last_used: Mutex::new(Instant::now()),
            oddities: AtomicU32::new(0),
        }
    }

    fn pending(&self) -> MutexGuard<'_, HashMap<u64, Slot>> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn outbox(&self) -> &Outbox {
        &self.outbox
    }

    /// Why the conversation is over, once it is.
    pub fn ended(&self) -> Option<&Error> {
        self.ended.get()
    }

    pub(super) fn is_proven(&self) -> bool {
        self.proven.load(Ordering::Relaxed)
    }

    /// When the last request began or ended.
    pub(super) fn last_used(&self) -> Instant {
        *self
            .last_used
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn touch(&self) -> Instant {
        let now = Instant::now();
        *self
            .last_used
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = now;
        now
    }

    pub(super) fn is_busy(&self) -> bool {
        !self.pending().is_empty()
    }

    /// Calls a tool. `params` writes the request's parameters, given the token that progress is to carry; the
    /// clock restarts with each progress notification.
    pub async fn call_tool(
        &self,
        timeout: Duration,
        watch: Watch<'_>,
        params: impl FnOnce(&mut Vec<u8>, u64),
    ) -> Answer {
        let answer = self
            .request(method::TOOLS_CALL, timeout, watch, params)
            .await;
        if answer.is_ok() {
            self.proven.store(true, Ordering::Relaxed);
        }
        self.touch();
        answer
    }

    /// Sends a request and waits for its answer. Dropping the future withdraws the request.
    pub(super) async fn request(
        &self,
        method: &'static str,
        timeout: Duration,
        watch: Watch<'_>,
        params: impl FnOnce(&mut Vec<u8>, u64),
    ) -> Answer {
        let Watch {
            on_progress,
            withdrawn,
        } = watch;
        let id = self.next_id.fetch_add(1, Ordering::Relaxed);
        let heard = self.touch();
        let (reply, mut answer) = oneshot::channel();
        self.pending().insert(
            id,
            Slot {
                reply,
                on_progress,
                heard,
            },
        );
        // `initialize` must not be cancelled (specification, Cancellation, Behavior Requirements).
        let cancellable = method != method::INITIALIZE;
        let pending = Pending {
            session: self,
            id,
            cancellable,
            withdrawn,
        };
        // The end of the conversation fails what is pending; looking for it only now misses none.
        if let Some(error) = self.ended() {
            return Err(error.clone());
        }
        let mut deadline = heard + timeout;
        let sending = self.outbox.send(|buffer| {
            self.frame(buffer, |buffer| {
                jsonrpc::write_call(buffer, id, method, params);
            });
        });
        match timeout_at(deadline, sending).await {
            Ok(Ok(())) => {}
            Ok(Err(_closed)) => {
                // The queue closes a moment before the reason is known.
                return answer.await.unwrap_or(Err(Error::ShuttingDown));
            }
            Err(_elapsed) => return Err(Error::TimedOut { after: timeout }),
        }
        loop {
            match timeout_at(deadline, &mut answer).await {
                Ok(answer) => return answer.unwrap_or(Err(Error::ShuttingDown)),
                Err(_elapsed) => {
                    let heard = self
                        .pending()
                        .get(&pending.id)
                        .map(|slot| slot.heard + timeout);
                    match heard {
                        Some(later) if later > deadline => deadline = later,
                        _ => return Err(Error::TimedOut { after: timeout }),
                    }
                }
            }
        }
    }

    /// Sends a notification, if there is room.
    pub(super) fn notify(&self, method: &str, params: &str) {
        let sent = self.outbox.try_send(|buffer| {
            self.frame(buffer, |buffer| {
                jsonrpc::write_notification(buffer, method, params);
            });
        });
        if sent != Ok(true) {
            tracing::debug!("`{}` did not take `{method}`: {sent:?}", self.server);
        }
    }

    fn cancel(&self, id: u64, reason: &str) {
        let params = json!({ "requestId": id, "reason": reason }).to_string();
        self.notify(method::CANCELLED, &params);
    }

    /// Appends one message in the framing that the server uses.
    fn frame(&self, buffer: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
        if self.sized.load(Ordering::Relaxed) {
            let mut body = Vec::new();
            write(&mut body);
            buffer.extend_from_slice(format!("Content-Length: {}\r\n\r\n", body.len()).as_bytes());
            buffer.extend_from_slice(&body);
        } else {
            write(buffer);
            if !self.heard.load(Ordering::Relaxed) && self.framing == Framing::Auto {
                // A server that wants headers takes this line for one as long as it ends like one.
                buffer.push(b'\r');
            }
            buffer.push(b'\n');
        }
    }

    /// Reads until the server closes its stdout; returns why.
    pub(super) async fn read(&self, stdout: &mut (impl AsyncRead + Unpin)) -> std::io::Result<()> {
        let mut decoder = Decoder::of_either(MAX_MESSAGE);
        let mut strict = Strict::new();
        loop {
            let read = decoder.fill(stdout).await?;
            while let Some(frame) = decoder.frame() {
                self.receive(&frame, &mut strict);
            }
            if read == 0 {
                if let Some(frame) = decoder.finish() {
                    self.receive(&frame, &mut strict);
                }
                return Ok(());
            }
        }
    }

    fn receive(&self, frame: &Frame<'_>, strict: &mut Strict) {
        let bytes = match *frame {
            Frame::Line(bytes) => bytes,
            Frame::Sized(bytes) => {
                if self.framing == Framing::Auto && !self.sized.swap(true, Ordering::Relaxed) {
                    self.became_sized.notify_one();
                }
                bytes
            }
            Frame::Junk(bytes) => {
                let line = excerpt(bytes, 120);
                return self.odd(&format!(
                    "wrote a line to stdout that is no message: {line}"
                ));
            }
            Frame::Oversized { head, tail, length } => {
                let reason = format!("{length} bytes, more than the {MAX_MESSAGE} that are taken");
                return self.unusable([head, tail], reason);
            }
        };
        self.heard.store(true, Ordering::Relaxed);
        let text = match strict.check(bytes) {
            Ok(text) => text,
            Err(fault) => return self.unusable([bytes], fault.to_string()),
        };
        match jsonrpc::parse(text) {
            Ok(Message::Response { id, outcome }) => self.answered(id, outcome),
            Ok(Message::Notification { method, params }) => self.notified(&method, params),
            Ok(Message::Request { id, method, .. }) => self.asked(id.as_json(), &method),
            Err(refusal) => self.unusable([bytes], refusal.to_string()),
        }
    }

    fn answered(&self, id: &str, outcome: Result<&RawValue, ErrorObject>) {
        let slot = id
            .parse()
            .ok()
            .and_then(|id: u64| self.pending().remove(&id));
        match slot {
            Some(slot) => {
                let answer = outcome.map(ToOwned::to_owned).map_err(Error::Refused);
                // The one who asked may have left in this very moment.
                let _ = slot.reply.send(answer);
            }
            None if id
                .parse()
                .is_ok_and(|id: u64| id < self.next_id.load(Ordering::Relaxed)) =>
            {
                self.odd(&format!(
                    "answered request {id} again, or after it was given up"
                ));
            }
            None => self.odd(&format!(
                "answered a request that was never made: {}",
                excerpt(id.as_bytes(), 40)
            )),
        }
    }

    fn notified(&self, method: &str, params: Option<&RawValue>) {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Progress<'a> {
            #[serde(borrow)]
            progress_token: &'a RawValue,
        }
        match (method, params) {
            (method::PROGRESS, Some(params)) => {
                let Ok(Progress {
                    progress_token: token,
                }) = serde_json::from_str(params.get())
                else {
                    return self.odd("sent progress without a token");
                };
                let mut pending = self.pending();
                let slot = token
                    .get()
                    .parse()
                    .ok()
                    .and_then(|id: u64| pending.get_mut(&id));
                if let Some(slot) = slot {
                    slot.heard = Instant::now();
                    if let Some(on_progress) = &mut slot.on_progress {
                        on_progress(params.get(), token);
                    }
                }
            }
            (method::TOOLS_LIST_CHANGED, _) => self.tools_changed.notify_one(),
            (method::MESSAGE, Some(params)) => {
                tracing::info!(
                    "`{}` logs: {}",
                    self.server,
                    excerpt(params.get().as_bytes(), 500)
                );
            }
            _ => tracing::debug!(
                "`{}` notifies `{}`",
                self.server,
                excerpt(method.as_bytes(), 80)
            ),
        }
    }

    /// Requests of servers are answered at once: `ping` is ours to answer, and no other capability was declared.
    fn asked(&self, id: &str, method: &str) {
        let sent = self.outbox.try_send(|buffer| {
            self.frame(buffer, |buffer| {
                if method == method::PING {
                    jsonrpc::write_result(buffer, id, "{}");
                } else {
                    let message = format!(
                        "this client does not offer `{}`",
                        excerpt(method.as_bytes(), 80)
                    );
                    let error = ErrorObject::new(METHOD_NOT_FOUND, message);
                    jsonrpc::write_error(buffer, Some(id), &error);
                }
            });
        });
        if sent != Ok(true) {
            self.odd("asks without reading the answers");
        }
    }

    /// A message that cannot be read fails the request that it answers, if it says which.
    fn unusable<const N: usize>(&self, parts: [&[u8]; N], reason: String) {
        let id = parts.into_iter().find_map(salvage_id);
        let slot = id
            .and_then(|id| id.as_json().parse().ok())
            .and_then(|id: u64| self.pending().remove(&id));
        match slot {
            Some(slot) => {
                let _ = slot.reply.send(Err(Error::BadAnswer { reason }));
            }
            None => self.odd(&format!("wrote a message that cannot be read: {reason}")),
        }
    }

    fn odd(&self, what: &str) {
        if self.oddities.fetch_add(1, Ordering::Relaxed) < LOUD_ODDITIES {
            tracing::warn!("`{}` {what}", self.server);
        } else {
            tracing::debug!("`{}` {what}", self.server);
        }
    }

    /// Ends the conversation: what is pending fails with `error`, and so does every later request.
    pub(super) fn end(&self, error: Error) {
        let error = self.ended.get_or_init(|| error).clone();
        self.outbox.close();
        for (_, slot) in self.pending().drain() {
            let _ = slot.reply.send(Err(error.clone()));
        }
    }
}
