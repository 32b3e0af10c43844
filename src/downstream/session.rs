//! One client's conversation, whatever carries it: handshake, requests in flight, cancellation, questions to the client.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::answer::Started;
use super::outlet::Outlet;
use super::questions::Asked;
use super::way::{Agreed, Way};
use super::work::Work;
use super::worker::Job;
use super::{client, stateless};
use crate::base::json::{Noted, Part, members, string};
use crate::protocol::era::Era;
use crate::protocol::error::{ErrorObject, INVALID_PARAMS, INVALID_REQUEST};
use crate::protocol::initialize::{ClientParams, server_result};
use crate::protocol::jsonrpc::{Id, Message, Refusal};
use crate::protocol::listen::Wanted;
use crate::protocol::meta;
use crate::protocol::method;
use crate::protocol::version::Revision;
use crate::router::{Client, Current, Listening};
use crate::telemetry::logging::excerpt;

/// The result of a request that only wants to be answered.
const EMPTY: &str = "{}";

/// The state of one session. Messages come in one by one, each with the way back for its answer.
#[derive(Debug)]
pub(super) struct Session {
    router: Arc<Current>,
    work: Work,
    asked: Asked,
    /// Whoever has sent `initialize`.
    client: Option<Arc<Client>>,
    agreed: Agreed,
    /// Where goes what belongs to no request.
    standing: Outlet,
    listening: Option<Listening>,
    /// Cancelled when streams without end are to end.
    closing: CancellationToken,
}

impl Session {
    /// A session whose standing notifications go to `standing`; it ends streams without end when `closing` is cancelled.
    pub(super) fn new(router: Arc<Current>, standing: Outlet, closing: CancellationToken) -> Self {
        Self {
            router,
            work: Work::default(),
            asked: Asked::default(),
            client: None,
            agreed: Agreed::default(),
            standing,
            listening: None,
            closing,
        }
    }

    /// The same for a client whose requests all come on one stream.
    pub(super) fn of_stream(
        router: Arc<Current>,
        standing: Outlet,
        closing: CancellationToken,
    ) -> Self {
        Self { work: Work::of_stream(), ..Self::new(router, standing, closing) }
    }

    /// The way back along this outlet.
    pub(super) fn way(&self, outlet: Outlet) -> Way {
        Way::of_session(outlet, self.asked.clone(), self.agreed.clone())
    }

    /// Requests without an answer, and what answers them.
    pub(super) fn work(&self) -> &Work {
        &self.work
    }

    /// Questions that the client has not answered yet.
    pub(super) fn asked(&self) -> &Asked {
        &self.asked
    }

    /// Whether the client is gone, so that nothing may be started for it any more.
    pub(super) fn is_over(&self) -> bool {
        self.asked.are_closed()
    }

    /// The revision that was agreed upon.
    pub(super) fn revision(&self) -> Option<Revision> {
        self.client.as_ref().map(|client| client.revision)
    }

    /// Takes no more requests; those in flight have `limit` to be answered and are withdrawn then. `close` closes the
    /// way back, on which answers may wait.
    pub(super) async fn finish(&self, limit: Duration, close: impl FnOnce()) {
        self.closing.cancel();
        if timeout(limit, self.work.done()).await.is_err() {
            tracing::info!("the client left before all its calls were answered");
            self.leave();
            // Answers that wait for room give up; they are withdrawn no more, being ready.
            close();
            self.work.done().await;
        }
        self.leave();
    }

    /// The client is gone: withdraws everything that is in flight, and every question.
    pub(super) fn leave(&self) {
        self.work.in_flight.withdraw_all("the client has left");
        self.asked.close();
        if let Some(client) = &self.client {
            self.router.now().left(client);
        }
    }

    /// Takes one message in; the request that was started for it, if there was one. What comes in order is handled in
    /// order; only requests to the router overtake each other.
    pub(super) fn message(
        &mut self,
        message: Result<Message<'_>, Refusal>,
        way: &Way,
    ) -> Option<Started> {
        match message {
            Ok(Message::Request { id, method, params }) => self.request(id, &method, params, way),
            Ok(Message::Notification { method, params }) => {
                self.notification(&method, params);
                None
            }
            Ok(Message::Response { id, outcome }) => {
                if !self.asked.answered(id, outcome.map(Part::text)) {
                    let id = excerpt(id.as_bytes(), 40);
                    tracing::debug!(
                        "the client answers `{id}`, which is not asked, or not any more"
                    );
                }
                None
            }
            Err(refusal) => {
                let error = ErrorObject::new(INVALID_REQUEST, refusal.to_string());
                self.refuse(refusal.id.as_ref(), &error, way);
                None
            }
        }
    }

    fn request(
        &mut self,
        id: Id,
        method: &str,
        params: Option<Part<'_>>,
        way: &Way,
    ) -> Option<Started> {
        if self.work.in_flight.lock().contains_key(&id) {
            let message =
                format!("the id {} belongs to a request that is not answered yet", id.as_json());
            self.refuse(Some(&id), &ErrorObject::new(INVALID_REQUEST, message), way);
            return None;
        }
        match stateless::declared(method, params, self.client.is_some()) {
            Ok(None) => {}
            Ok(Some(meta)) => {
                let client = Arc::new(client::declared(meta));
                return self.stateless(id, method, params, client, way.outlet.clone());
            }
            Err(fault) => {
                self.refuse(Some(&id), &fault.error(), way);
                return None;
            }
        }
        match (method, &self.client) {
            (method::INITIALIZE, None) => self.initialize(&id, params.map(Part::text), way),
            // Another client would take the place of the first one, whose servers nobody would end.
            (method::INITIALIZE, Some(_)) => {
                let message = "`initialize` opens a session, and this one is open already";
                self.refuse(Some(&id), &ErrorObject::new(INVALID_REQUEST, message), way);
            }
            (method::PING, _) => way.outlet.answer_now(&id, Ok(EMPTY)),
            (_, None) => {
                let message = format!("`{}` before `initialize`", excerpt(method.as_bytes(), 80));
                self.refuse(Some(&id), &ErrorObject::new(INVALID_REQUEST, message), way);
            }
            (_, Some(client)) => {
                let client = client.clone();
                return self.serve(id, method, params.map(Noted::from), client, way.clone());
            }
        }
        None
    }

    /// Takes one request of the stateless era, which comes from this client; its answer goes to `outlet`.
    pub(super) fn stateless(
        &mut self,
        id: Id,
        method: &str,
        params: Option<Part<'_>>,
        client: Arc<Client>,
        outlet: Outlet,
    ) -> Option<Started> {
        let way = Way::of_request(outlet, client.revision, client.log_level);
        match method {
            _ if !method::is_request_of(Era::Stateless, method) => {
                self.refuse(Some(&id), &stateless::unknown(method), &way);
            }
            method::SERVER_DISCOVER => {
                let about = self.router.now().introduction(&client);
                way.outlet.answer_now(&id, Ok(&stateless::discovery(&about)));
            }
            method::SUBSCRIPTIONS_LISTEN => match Wanted::parse(params.map(Part::text)) {
                Ok(wanted) => {
                    let (router, closing) = (self.router.clone(), self.closing.clone());
                    let (own, outlet) = (id.clone(), way.outlet.clone());
                    let work =
                        stateless::subscription(router, client, way.notify, own, wanted, closing);
                    return self.work.start(id, outlet, work);
                }
                Err(fault) => self.refuse(Some(&id), &fault.error(), &way),
            },
            _ => {
                let params = params.map(|params| match meta::without(params.text()) {
                    Cow::Borrowed(_) => Noted::from(params),
                    Cow::Owned(without) => Noted::from(Part::from(&*without)),
                });
                return self.serve(id, method, params, client, way);
            }
        }
        None
    }

    fn initialize(&mut self, id: &Id, params: Option<&str>, way: &Way) {
        let params = params.unwrap_or("{}");
        match serde_json::from_str::<ClientParams>(params) {
            Ok(read) => {
                let client = Arc::new(client::introduced(&read, params));
                self.agreed.get_or_init(|| client.revision);
                let about = self.router.now().introduction(&client);
                let result =
                    server_result(client.revision, &about.capabilities, &about.instructions);
                let Way { notify, asks, .. } = self.way(self.standing.clone());
                let lists =
                    Wanted { tools: true, prompts: true, resources: true, ..Wanted::default() };
                self.listening = Some(self.router.listen(&client, (notify, asks), lists));
                self.client = Some(client);
                way.outlet.answer_now(id, Ok(&result));
            }
            Err(error) => {
                let error = ErrorObject::new(INVALID_PARAMS, format!("`initialize`: {error}"));
                self.refuse(Some(id), &error, way);
            }
        }
    }

    fn serve(
        &mut self,
        id: Id,
        method: &str,
        params: Option<Noted>,
        client: Arc<Client>,
        way: Way,
    ) -> Option<Started> {
        let router = self.router.now();
        let method = match method {
            // What there is most of need not be copied.
            method::TOOLS_CALL => Cow::Borrowed(method::TOOLS_CALL),
            method => Cow::Owned(method.to_owned()),
        };
        let Way { outlet, notify, asks } = way;
        self.work.serve(id, outlet, Job { router, method, params, client, notify, asks })
    }

    fn notification(&self, method: &str, params: Option<&str>) {
        if method != method::CANCELLED {
            if let Some(client) = self.client.as_ref().filter(|_| method != method::INITIALIZED) {
                self.router.now().notified(method, params, client);
            }
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
        let hit = self.work.in_flight.withdraw(&id, reason);
        tracing::debug!("the client withdraws request {}, in flight: {hit}", id.as_json());
    }

    /// Refuses a message.
    pub(super) fn refuse(&self, id: Option<&Id>, error: &ErrorObject, way: &Way) {
        tracing::debug!("refused: {}", excerpt(error.to_string().as_bytes(), 400));
        // An id in flight belongs to another request, which would be taken for answered.
        let taken = |id: &Id| way.outlet.is_shared() && self.work.in_flight.lock().contains_key(id);
        match id.filter(|id| !taken(id)) {
            Some(id) => way.outlet.answer_now(id, Err(error)),
            None => way.outlet.refuse(error),
        }
    }
}
