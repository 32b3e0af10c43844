//! Where a call meets a client that is asked by results: what its server asks lies here until it is taken, and what the
//! call tells goes along the request that waits just now.
//!
//! While the client has the questions no request of it waits. What is told then is kept for the one that brings the
//! answers: of progress the last word, of everything else the latest few.

use std::collections::VecDeque;
use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, ready};
use tokio::sync::{Notify as Signal, oneshot};

use crate::base::json::{member, replace};
use crate::config::ServerName;
use crate::protocol::capabilities::ClientCapabilities;
use crate::protocol::error::{ErrorObject, INTERNAL_ERROR, METHOD_NOT_FOUND, TOO_MANY_REQUESTS};
use crate::protocol::method;
use crate::protocol::rounds::is_question;
use crate::router::caller::{Ask, Caller, Client, Notify};
use crate::router::request::progress_token;

/// Questions that wait to be taken.
const MAX_WAITING: usize = 64;
/// Bytes of the questions of one round, unless a single one has more: they are kept until the client answers.
const MAX_ASKED_BYTES: usize = 16 * 1024 * 1024;
/// Notifications that are kept for the next request, and bytes of them.
const MAX_KEPT: usize = 64;
const MAX_KEPT_BYTES: usize = 64 * 1024;

type Reply = Result<Box<str>, ErrorObject>;

/// That of one call.
#[derive(Debug)]
pub(super) struct Desk {
    /// As it was when it made the call.
    client: Arc<Client>,
    tray: Mutex<Tray>,
    /// Fired when something is there to be taken.
    news: Signal,
}

#[derive(Debug, Default)]
struct Tray {
    asked: Vec<Asked>,
    /// Bytes of what was asked since a request began to wait, and of what waited by then.
    bytes: usize,
    /// Nothing while the client has the questions.
    way: Option<Way>,
    kept: Kept,
}

/// The request that waits.
#[derive(Debug)]
struct Way {
    notify: Notify,
    /// Its token, as it is spelt.
    token: Option<Box<str>>,
}

/// What nobody was there to hear.
#[derive(Debug, Default)]
struct Kept {
    progress: Option<Box<str>>,
    others: VecDeque<(Box<str>, Box<str>)>,
    /// Of the others.
    bytes: usize,
}

/// What comes from a server.
#[derive(Debug)]
pub(super) enum Asked {
    /// A question, and where its answer goes.
    Question {
        method: Box<str>,
        params: Option<Box<str>>,
        server: Option<ServerName>,
        answer: oneshot::Sender<Reply>,
    },
    /// It needs a capability that the client does not declare: the JSON text of it.
    Missing(&'static str),
}

impl Asked {
    fn size(&self) -> usize {
        match self {
            Self::Question { params, .. } => params.as_ref().map_or(0, |params| params.len()),
            Self::Missing(_) => 0,
        }
    }
}

impl Way {
    fn new(params: &str, caller: &Caller) -> Self {
        let token = member(params, "_meta").and_then(progress_token).map(Box::from);
        Self { notify: caller.notify.clone(), token }
    }

    fn send(&self, method: &str, params: &str) {
        if method != method::PROGRESS {
            return self.notify.send(method, params);
        }
        // The token of an earlier round means nothing any more.
        match (member(params, "progressToken"), self.token.as_deref()) {
            (Some(told), Some(token)) if told == token => self.notify.send(method, params),
            (Some(told), Some(token)) => {
                if let Some(params) = replace(params, told, token) {
                    self.notify.send(method, &params);
                }
            }
            _ => {}
        }
    }
}

impl Kept {
    fn put(&mut self, method: &str, params: &str) {
        if method == method::PROGRESS {
            self.progress = Some(params.into()).filter(|_| params.len() <= MAX_KEPT_BYTES);
            return;
        }
        self.bytes += method.len() + params.len();
        self.others.push_back((method.into(), params.into()));
        while self.others.len() > MAX_KEPT || self.bytes > MAX_KEPT_BYTES {
            let Some((method, params)) = self.others.pop_front() else { break };
            self.bytes -= method.len() + params.len();
        }
    }

    fn send(self, way: &Way) {
        for (method, params) in &self.others {
            way.send(method, params);
        }
        if let Some(params) = &self.progress {
            way.send(method::PROGRESS, params);
        }
    }
}

impl Desk {
    /// That of a call of this client, of which no request waits yet.
    pub(super) fn new(client: Arc<Client>) -> Arc<Self> {
        Arc::new(Self { client, tray: Mutex::default(), news: Signal::new() })
    }

    fn tray(&self) -> MutexGuard<'_, Tray> {
        self.tray.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Where the call is to send its notifications.
    pub(super) fn notify(self: &Arc<Self>) -> Notify {
        let desk = self.clone();
        Notify::new(move |method, params| {
            let mut tray = desk.tray();
            match &tray.way {
                Some(way) => way.send(method, params),
                None => tray.kept.put(method, params),
            }
        })
    }

    /// The client has the questions: no request of it waits from here on.
    pub(super) fn rest(&self) {
        self.tray().way = None;
    }

    /// This request waits from here on; it hears first what was told meanwhile.
    pub(super) fn go_on(&self, params: &str, caller: &Caller) {
        let way = Way::new(params, caller);
        let mut tray = self.tray();
        mem::take(&mut tray.kept).send(&way);
        tray.way = Some(way);
        tray.bytes = tray.asked.iter().map(Asked::size).sum();
    }

    /// Waits until there is something, and takes all of it.
    pub(super) async fn asked(&self) -> Vec<Asked> {
        loop {
            let asked = mem::take(&mut self.tray().asked);
            if !asked.is_empty() {
                return asked;
            }
            // What is fired before it is waited for is not lost.
            self.news.notified().await;
        }
    }

    /// Waits until something is asked that the client does not offer; the JSON text of the capability for it.
    pub(super) async fn missing(&self) -> &'static str {
        loop {
            for asked in self.asked().await {
                if let Asked::Missing(required) = asked {
                    return required;
                }
            }
        }
    }

    /// Puts something there; whether there was room.
    fn put(&self, asked: Asked) -> bool {
        let mut tray = self.tray();
        let bytes = tray.bytes + asked.size();
        let is_large = tray.bytes > 0 && bytes > MAX_ASKED_BYTES;
        let has_room = tray.asked.len() < MAX_WAITING && !is_large;
        if has_room {
            tray.bytes = bytes;
            tray.asked.push(asked);
            drop(tray);
            self.news.notify_one();
        }
        has_room
    }
}

impl Desk {
    fn answer(
        &self,
        server: Option<&ServerName>,
        method: &str,
        params: Option<&str>,
    ) -> BoxFuture<'static, Reply> {
        let refuse = |code, message: &str| ready(Err(ErrorObject::new(code, message))).boxed();
        if !is_question(method) {
            return refuse(METHOD_NOT_FOUND, "no client can be asked this");
        }
        let known = ClientCapabilities::parse(&self.client.capabilities);
        if let Some(required) = known.missing(method, params) {
            self.put(Asked::Missing(required));
            return refuse(METHOD_NOT_FOUND, "this client does not offer it");
        }
        let (answer, reply) = oneshot::channel();
        let (method, params) = (method.into(), params.map(Box::from));
        if !self.put(Asked::Question { method, params, server: server.cloned(), answer }) {
            let message = format!(
                "the client has as much to answer as it may: {MAX_WAITING} questions, or {MAX_ASKED_BYTES} bytes of them"
            );
            return refuse(TOO_MANY_REQUESTS, &message);
        }
        let gone = || ErrorObject::new(INTERNAL_ERROR, "the client gave no answer");
        reply.map(move |reply| reply.unwrap_or_else(|_| Err(gone()))).boxed()
    }
}

impl Ask for Desk {
    fn ask(&self, method: &str, params: Option<&str>) -> BoxFuture<'static, Reply> {
        self.answer(None, method, params)
    }

    fn ask_for(
        &self,
        server: &ServerName,
        method: &str,
        params: Option<&str>,
    ) -> BoxFuture<'static, Reply> {
        self.answer(Some(server), method, params)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::protocol::version::Revision;

    /// A caller, and what it has heard.
    fn caller() -> (Caller, Arc<Mutex<Vec<String>>>) {
        let heard = Arc::new(Mutex::new(Vec::new()));
        let hears = heard.clone();
        let notify = Notify::new(move |method, params| {
            hears.lock().expect("no panic").push(format!("{method} {params}"));
        });
        let client = Arc::new(Client::new(Revision::LATEST));
        (Caller { notify, ..Caller::alone(client) }, heard)
    }

    fn with_token(token: &str) -> String {
        json!({"_meta": {"progressToken": token}}).to_string()
    }

    fn step(token: &str, step: u32) -> String {
        json!({"progressToken": token, "progress": step}).to_string()
    }

    #[test]
    fn what_nobody_waits_for_is_kept_for_who_comes_next() {
        let (first, heard) = caller();
        let desk = Desk::new(first.client.clone());
        desk.go_on(&with_token("a"), &first);
        let notify = desk.notify();
        notify.send(method::PROGRESS, &step("a", 1));
        desk.rest();
        notify.send(method::PROGRESS, &step("a", 2));
        notify.send(method::MESSAGE, "{}");
        notify.send(method::PROGRESS, &step("a", 3));
        let told = |step: &str| format!("{} {step}", method::PROGRESS);
        assert_eq!(*heard.lock().expect("no panic"), [told(&step("a", 1))]);

        let (next, heard) = caller();
        desk.go_on(&with_token("b"), &next);
        notify.send(method::PROGRESS, &step("a", 4));
        let message = format!("{} {{}}", method::MESSAGE);
        let expected = [message, told(&step("b", 3)), told(&step("b", 4))];
        assert_eq!(*heard.lock().expect("no panic"), expected);

        let (silent, heard) = caller();
        desk.rest();
        notify.send(method::PROGRESS, &step("a", 5));
        desk.go_on("{}", &silent);
        assert!(heard.lock().expect("no panic").is_empty(), "it has no token");
    }

    #[test]
    fn questions_of_one_round_are_bounded() {
        let client =
            Client { capabilities: r#"{"roots":{}}"#.into(), ..Client::new(Revision::LATEST) };
        let caller = Caller::alone(Arc::new(client));
        let desk = Desk::new(caller.client.clone());
        let is_taken = |size: usize| {
            let params = "x".repeat(size);
            desk.ask(method::ROOTS_LIST, Some(&params)).now_or_never().is_none()
        };
        desk.go_on("{}", &caller);
        assert!(is_taken(MAX_ASKED_BYTES + 1), "one question may be as large as messages are");
        assert!(!is_taken(1));
        assert_eq!(desk.asked().now_or_never().map(|asked| asked.len()), Some(1));
        assert!(!is_taken(1), "the client has not answered yet");
        desk.go_on("{}", &caller);
        assert!(is_taken(MAX_ASKED_BYTES - 1) && is_taken(1) && !is_taken(1));
        desk.go_on("{}", &caller);
        assert!(!is_taken(1), "they wait still");
    }

    #[test]
    fn no_more_is_kept_than_fits() {
        let text = |number: usize, size: usize| format!("{number}{}", "x".repeat(size));
        let check = |size: usize, sent: usize, expected: usize| {
            let mut kept = Kept::default();
            for number in 0..sent {
                kept.put("m", &text(number, size));
            }
            assert_eq!(kept.others.len(), expected, "{size}");
            let bytes: usize = kept.others.iter().map(|(m, params)| m.len() + params.len()).sum();
            assert_eq!(kept.bytes, bytes);
            let newest = text(sent - 1, size);
            assert_eq!(kept.others.back().is_some_and(|(_, it)| **it == *newest), expected > 0);
        };
        check(1, 10, 10);
        check(3, 200, MAX_KEPT);
        check(MAX_KEPT_BYTES / 2, 5, 1);
        check(MAX_KEPT_BYTES, 2, 0);
    }
}
