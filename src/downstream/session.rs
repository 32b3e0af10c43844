//! One client's conversation, whatever carries it: handshake, requests in flight, cancellation.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use serde_json::value::to_raw_value;
use tokio::time::timeout;
use tokio_util::task::TaskTracker;

use super::answer::{self, InFlight, Owed, Running};
use crate::base::json::{Checked, Fault, Strict, elements, members, string};
use crate::protocol::era::Era;
use crate::protocol::error::{
    ErrorObject, INVALID_PARAMS, INVALID_REQUEST, PARSE_ERROR, TOO_MANY_REQUESTS,
    UNSUPPORTED_PROTOCOL_VERSION,
};
use crate::protocol::initialize::{ClientParams, server_result};
use crate::protocol::jsonrpc::{self, Id, Message, salvage_id};
use crate::protocol::method;
use crate::protocol::version::Revision;
use crate::router::{Asks, Caller, Client, Notify, Router};
use crate::telemetry::logging::excerpt;
use crate::upstream::Withdrawn;
use crate::wire::{Frame, Outbox, Urgency};

/// No message of a client may be larger.
pub const MAX_MESSAGE: usize = 16 * 1024 * 1024;
/// A batch is not longer.
const MAX_BATCH: usize = 100;
/// A client has no more requests without an answer than this.
const MAX_IN_FLIGHT: usize = 1024;

/// The state of one session. Frames come in one by one; answers go to its outbox as they are ready.
#[derive(Debug)]
pub struct Session {
    router: Arc<Router>,
    outbox: Outbox,
    notify: Notify,
    in_flight: InFlight,
    tasks: TaskTracker,
    strict: Strict,
    /// How many tool calls there were.
    requests: u64,
    /// Whoever has sent `initialize`.
    client: Option<Arc<Client>>,
}

impl Session {
    /// A session whose answers go to `outbox`, a line each.
    pub fn new(router: Arc<Router>, outbox: Outbox) -> Self {
        let notifications = outbox.clone();
        let notify = move |method: &str, params: &str| {
            let sent = notifications.try_push(|to| {
                jsonrpc::write_notification(to, method, params);
                to.push(b'\n');
            });
            if sent == Ok(false) {
                tracing::debug!("the client does not read: a `{method}` is dropped");
            }
        };
        Self {
            router,
            outbox,
            notify: Notify::new(notify),
            in_flight: InFlight::default(),
            tasks: TaskTracker::new(),
            strict: Strict::new(),
            requests: 0,
            client: None,
        }
    }

    /// Tells the client when the list of tools changes, for as long as it is polled.
    pub fn tell_list_changes(&self) -> impl Future<Output = ()> + use<> {
        let (changes, notify) = (self.router.tool_list_changes(), self.notify.clone());
        async move {
            let Some(mut changes) = changes else { return };
            while changes.changed().await.is_ok() {
                notify.send(method::TOOLS_LIST_CHANGED, "{}");
            }
        }
    }

    fn revision(&self) -> Option<Revision> {
        self.client.as_ref().map(|client| client.revision)
    }

    /// Takes no more requests; those in flight have `limit` to be answered and are withdrawn then,
    /// which closes the outbox.
    pub async fn finish(&self, limit: Duration) {
        self.tasks.close();
        if timeout(limit, self.tasks.wait()).await.is_err() {
            tracing::info!("the client left before all its calls were answered");
            self.withdraw_all();
            // Answers that wait for room give up; they are withdrawn no more, being ready.
            self.outbox.close();
            self.tasks.wait().await;
        }
    }

    /// Takes one frame in. What comes in order is handled in order; only tool calls overtake each other.
    pub fn receive(&mut self, frame: &Frame<'_>) {
        let bytes = match *frame {
            Frame::Line(bytes) | Frame::Sized(bytes) | Frame::Junk(bytes) => bytes,
            Frame::Oversized { head, tail, length } => {
                let id = salvage_id(head).or_else(|| salvage_id(tail));
                let message =
                    format!("{length} bytes in one message, at most {MAX_MESSAGE} are taken");
                return self.refuse(id.as_ref(), &ErrorObject::new(INVALID_REQUEST, message));
            }
        };
        // Taken out while what it found is in use.
        let mut strict = std::mem::take(&mut self.strict);
        match strict.check(bytes) {
            // Batches came and went with one revision (2025-03-26, Base Protocol, Batching); an empty
            // one is no request (JSON-RPC 2.0, section 6), and neither is one without end.
            Ok(message)
                if message.is_array()
                    && self.revision() == Some(Revision::V2025_03_26)
                    && (1..=MAX_BATCH)
                        .contains(&elements(message.text).take(MAX_BATCH + 1).count()) =>
            {
                let mut strict = Strict::new();
                for element in elements(message.text) {
                    // It was checked with the rest.
                    if let Ok(message) = strict.check(element.as_bytes()) {
                        self.message(message);
                    }
                }
            }
            Ok(message) => self.message(message),
            Err(fault) => {
                // What is no JSON cannot be read, the other faults are of JSON that could be.
                let unreadable = matches!(fault, Fault::NotUtf8 { .. } | Fault::Syntax { .. });
                let code = if unreadable { PARSE_ERROR } else { INVALID_REQUEST };
                let error = ErrorObject::new(code, fault.to_string());
                self.refuse(salvage_id(bytes).as_ref(), &error);
            }
        }
        self.strict = strict;
    }

    fn message(&mut self, message: Checked<'_>) {
        match jsonrpc::parse(message) {
            Ok(Message::Request { id, method, params }) => self.request(id, &method, params),
            Ok(Message::Notification { method, params }) => self.notification(&method, params),
            Ok(Message::Response { id, .. }) => {
                let id = excerpt(id.as_bytes(), 40);
                tracing::debug!("the client answers `{id}`, which was never asked");
            }
            Err(refusal) => {
                let error = ErrorObject::new(INVALID_REQUEST, refusal.to_string());
                self.refuse(refusal.id.as_ref(), &error);
            }
        }
    }

    fn request(&mut self, id: Id, method: &str, params: Option<&str>) {
        if self.in_flight.lock().contains_key(&id) {
            let message =
                format!("the id {} belongs to a request that is not answered yet", id.as_json());
            return self.refuse(Some(&id), &ErrorObject::new(INVALID_REQUEST, message));
        }
        match method {
            method::INITIALIZE => self.initialize(&id, params),
            method::PING => self.send(|to| answer::write(to, &id, Ok(answer::EMPTY))),
            _ if self.client.is_none() => self.refuse(Some(&id), &too_early(method, params)),
            _ => self.serve(id, method, params),
        }
    }

    fn initialize(&mut self, id: &Id, params: Option<&str>) {
        let params = params.unwrap_or("{}");
        match serde_json::from_str::<ClientParams>(params) {
            Ok(params) => {
                let client = Arc::new(introduced(&params));
                let about = self.router.introduction(&client);
                let result =
                    server_result(client.revision, &about.capabilities, &about.instructions);
                self.client = Some(client);
                self.answer(id, &result);
            }
            Err(error) => {
                let error = ErrorObject::new(INVALID_PARAMS, format!("`initialize`: {error}"));
                self.refuse(Some(id), &error);
            }
        }
    }

    fn serve(&mut self, id: Id, method: &str, params: Option<&str>) {
        let Some(client) = self.client.clone() else { return };
        let mut in_flight = self.in_flight.lock();
        if in_flight.len() >= MAX_IN_FLIGHT {
            drop(in_flight);
            let message = format!("more than {MAX_IN_FLIGHT} requests at a time");
            return self.refuse(Some(&id), &ErrorObject::new(TOO_MANY_REQUESTS, message));
        }
        let router = self.router.clone();
        let withdrawn = Withdrawn::default();
        let (notify, asks) = (self.notify.clone(), Asks::Nobody);
        let caller = Caller { notify, withdrawn: withdrawn.clone(), client, asks };
        let (method, params) = (method.to_owned(), params.map(Box::<str>::from));
        self.requests += 1;
        let number = self.requests;
        let owed = Owed {
            id: id.clone(),
            number,
            in_flight: self.in_flight.clone(),
            outbox: self.outbox.clone(),
        };
        let task = self.tasks.spawn(async move {
            let reply = router.serve(&method, params.as_deref(), &caller).await;
            owed.answer(reply).await;
        });
        in_flight.insert(id, Running { number, task: task.abort_handle(), withdrawn });
    }

    fn notification(&self, method: &str, params: Option<&str>) {
        if method != method::CANCELLED {
            return;
        }
        let (mut id, mut reason) = (None, None);
        for member in members(params.unwrap_or_default()) {
            match &*member.name() {
                "requestId" => id = Id::parse(member.value),
                "reason" => reason = string(member.value),
                _ => {}
            }
        }
        let Some(id) = id else {
            return tracing::debug!("the client withdraws without saying what");
        };
        let reason = reason.as_deref().unwrap_or("withdrawn by the client");
        // It may have crossed the answer on its way (specification, Cancellation, Timing
        // Considerations).
        let hit = self.in_flight.withdraw(&id, reason);
        tracing::debug!("the client withdraws request {}, in flight: {hit}", id.as_json());
    }

    /// Withdraws everything that is in flight.
    pub fn withdraw_all(&self) {
        self.in_flight.withdraw_all("the client has left");
    }

    fn answer(&self, id: &Id, result: &str) {
        self.send(|to| answer::write(to, id, Ok(result)));
    }

    fn refuse(&self, id: Option<&Id>, error: &ErrorObject) {
        tracing::debug!("refused: {}", excerpt(error.to_string().as_bytes(), 400));
        // An id in flight belongs to another request, which would be taken for answered.
        let id = id.filter(|id| !self.in_flight.lock().contains_key(id));
        self.send(|to| {
            jsonrpc::write_error(to, id.map(Id::as_json), error);
            to.push(b'\n');
        });
    }

    /// Sends at once: whoever feeds frames waits for room before each of them.
    fn send(&self, write: impl FnOnce(&mut Vec<u8>)) {
        let _ = self.outbox.push(Urgency::Gather, write);
    }
}

/// The client that sends these parameters of `initialize`.
fn introduced(params: &ClientParams) -> Client {
    let mut client = Client::new(Revision::negotiate(&params.protocol_version));
    if let Some(info) = &params.client_info {
        client.name.clone_from(&info.name);
        tracing::info!(
            "client {} {} connects",
            excerpt(info.name.as_bytes(), 80),
            excerpt(info.version.as_bytes(), 40)
        );
    }
    client
}

/// The error for a request that comes before the handshake.
fn too_early(method: &str, params: Option<&str>) -> ErrorObject {
    match Era::of_request(params) {
        Era::Session => {
            let message = format!("`{}` before `initialize`", excerpt(method.as_bytes(), 80));
            ErrorObject::new(INVALID_REQUEST, message)
        }
        Era::Stateless => ErrorObject {
            code: UNSUPPORTED_PROTOCOL_VERSION,
            message: "only revisions with sessions are spoken here: send `initialize` first"
                .to_owned(),
            data: to_raw_value(&json!({ "supported": Revision::SESSIONS.map(Revision::as_str) }))
                .ok(),
        },
    }
}
