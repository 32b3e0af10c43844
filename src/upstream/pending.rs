//! Requests that wait for their answer, and the clock that gives them up.
//!
//! One sleeping task watches all requests of a session. A timer for each request would cost the
//! runtime a system call each time, since nearly every one ends before the next timer that is set.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, oneshot};
use tokio::time::{Instant, sleep_until};

use super::attribution::Past;
use super::waiting::{Answer, OnProgress, Use, Waiting};
use super::{Error, Follower};
use crate::protocol::era::Era;

/// The table of one session.
#[derive(Debug)]
pub(super) struct Requests {
    table: Mutex<Table>,
    /// A request has to be looked at earlier than was planned.
    earlier: Notify,
    /// Whether the table says why the session is over, for those who ask all the time.
    is_ended: AtomicBool,
}

#[derive(Debug)]
struct Table {
    waiting: BTreeMap<u64, Waiting>,
    next_id: u64,
    next_look: Option<Instant>,
    last_used: Instant,
    ended: Option<Error>,
    past: Past,
}

/// A request that waits.
#[derive(Debug)]
pub(super) struct Entered {
    pub(super) id: u64,
    /// Where its answer will come.
    pub(super) answer: oneshot::Receiver<Answer>,
    /// No other request waits.
    pub(super) alone: bool,
}

/// Whom an answer found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Delivery {
    /// The one who waits for it.
    Delivered,
    /// Nobody any more.
    TooLate,
    /// Nobody ever asked.
    NeverAsked,
}

impl Requests {
    pub(super) fn new() -> Self {
        let table = Table {
            waiting: BTreeMap::new(),
            next_id: 1,
            next_look: None,
            last_used: Instant::now(),
            ended: None,
            past: Past::default(),
        };
        let (earlier, is_ended) = (Notify::new(), AtomicBool::new(false));
        Self { table: Mutex::new(table), earlier, is_ended }
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Enters a request, which counts as use of the server or does not. Fails once the session has
    /// ended; nothing was sent then.
    pub(super) fn enter(
        &self,
        timeout: Duration,
        usage: Use,
        on_progress: Option<OnProgress>,
        follower: Option<Arc<dyn Follower>>,
    ) -> Result<Entered, Error> {
        let (reply, answer) = oneshot::channel();
        let heard = Instant::now();
        let mut table = self.table();
        if let Some(error) = &table.ended {
            return Err(Error::Unsent { error: Arc::new(error.clone()) });
        }
        let alone = table.is_quiet();
        let id = table.next_id;
        table.next_id += 1;
        if usage == Use::Call {
            table.last_used = heard;
        }
        let begun = heard;
        let sent = true;
        let listening = on_progress.map(|on_progress| Arc::new(Mutex::new(Some(on_progress))));
        let waiting =
            Waiting { reply, listening, follower, timeout, begun, heard, usage, sent, asked: 0 };
        table.waiting.insert(id, waiting);
        self.look_at(&mut table, heard + timeout);
        Ok(Entered { id, answer, alone })
    }

    /// The id that the next request gets.
    pub(super) fn next_id(&self) -> u64 {
        self.table().next_id
    }

    fn look_at(&self, table: &mut Table, deadline: Instant) {
        if table.next_look.is_none_or(|planned| deadline < planned) {
            table.next_look = Some(deadline);
            self.earlier.notify_one();
        }
    }

    /// Stops the clocks of the requests that may wait for an answer of their client: of the one on whose stream the
    /// question came, or else of all that are followed for this client. Returns which they are.
    pub(super) fn hold(&self, of: Option<u64>, client: u64) -> Vec<u64> {
        let mut held = Vec::new();
        for (id, waiting) in &mut self.table().waiting {
            let may_wait = match of {
                Some(of) => of == *id,
                None => waiting.follower.as_ref().is_some_and(|it| it.client() == client),
            };
            if may_wait {
                waiting.asked += 1;
                held.push(*id);
            }
        }
        held
    }

    /// Lets those clocks go on, from the beginning.
    pub(super) fn release(&self, held: &[u64]) {
        let now = Instant::now();
        let mut table = self.table();
        for id in held {
            if let Some(waiting) = table.waiting.get_mut(id) {
                waiting.asked -= 1;
                waiting.heard = now;
                let deadline = waiting.deadline();
                self.look_at(&mut table, deadline);
            }
        }
    }

    /// Hands an answer to the one who waits for it.
    pub(super) fn answer(&self, id: u64, answer: Answer) -> Delivery {
        let now = Instant::now();
        let mut table = self.table();
        let Some(waiting) = table.waiting.remove(&id) else {
            table.past.answered_late(id, now);
            let asked = id > 0 && id < table.next_id;
            return if asked { Delivery::TooLate } else { Delivery::NeverAsked };
        };
        if waiting.usage == Use::Call {
            table.last_used = now;
        }
        if waiting.is_of_client() {
            table.past.ended(waiting.whose(), now);
        }
        drop(table);
        waiting.end(answer);
        Delivery::Delivered
    }

    /// Restarts a request's clock and tells its caller.
    pub(super) fn progress(&self, id: u64, params: &str, token: &str) {
        let listening = self.table().waiting.get_mut(&id).and_then(|waiting| {
            waiting.heard = Instant::now();
            waiting.listening.clone()
        });
        if let Some(listening) = listening
            && let Some(on_progress) =
                &mut *listening.lock().unwrap_or_else(PoisonError::into_inner)
        {
            on_progress(params, token);
        }
    }

    /// Who follows a request.
    pub(super) fn follower(&self, id: u64) -> Option<Arc<dyn Follower>> {
        self.table().waiting.get(&id)?.follower.clone()
    }

    /// Who follows the newest request, if what the server says without naming a request can only be meant for that one:
    /// all others in flight are of the same client, and so is all that the server may still be speaking of. A server
    /// without sessions has said all about a request when it answers it (revision 2026-07-28, Logging).
    pub(super) fn sole_follower(&self, era: Era) -> Option<Arc<dyn Follower>> {
        let table = self.table();
        let mut of_clients = table.waiting.values().rev().filter(|waiting| waiting.is_of_client());
        let newest = of_clients.next()?.follower.as_ref()?;
        let is_same = |other: &Waiting| {
            other.follower.as_ref().is_some_and(|other| other.client() == newest.client())
        };
        let alone = of_clients.all(is_same)
            && !table.past.has_others(&newest.identity(), Instant::now(), era);
        alone.then(|| newest.clone())
    }

    /// Whether somebody still waits for the answer to this request.
    pub(super) fn waits(&self, id: u64) -> bool {
        self.table().waiting.contains_key(&id)
    }

    /// Notes whether a request was written, or waits for room.
    pub(super) fn mark_sent(&self, id: u64, sent: bool) {
        if let Some(waiting) = self.table().waiting.get_mut(&id) {
            waiting.sent = sent;
        }
    }

    /// Takes a request out that came to nothing, so that no answer follows.
    pub(super) fn forget(&self, id: u64) {
        let forgotten = self.table().take(id);
        if let Some(mut forgotten) = forgotten {
            forgotten.close();
        }
    }

    /// Takes a request out that nobody waits for any more; whether it was still there, and the server
    /// knows of it.
    pub(super) fn give_up(&self, id: u64) -> bool {
        let mut table = self.table();
        let Some(mut given_up) = table.take(id) else { return false };
        table.note_given_up(id, &given_up);
        drop(table);
        given_up.close();
        given_up.sent
    }

    /// Ends the session: what waits fails with `error`, and so does everything later.
    pub(super) fn end(&self, error: &Error) {
        let mut table = self.table();
        table.ended.get_or_insert_with(|| error.clone());
        self.is_ended.store(true, Ordering::Release);
        let waiting = std::mem::take(&mut table.waiting);
        drop(table);
        for (_, waiting) in waiting {
            waiting.end(Err(error.clone()));
        }
    }

    /// Ends the session with `error` if nothing waits and `wanted` agrees with when it was last used.
    /// A request that comes later was not sent; none is caught in between.
    pub(super) fn end_if_idle(&self, error: &Error, wanted: impl FnOnce(Instant) -> bool) -> bool {
        let mut table = self.table();
        let idle = table.ended.is_none() && table.is_quiet() && wanted(table.last_used);
        if idle {
            table.ended = Some(error.clone());
            self.is_ended.store(true, Ordering::Release);
        }
        idle
    }

    /// Why the session is over, once it is.
    pub(super) fn ended(&self) -> Option<Error> {
        self.table().ended.clone()
    }

    pub(super) fn is_ended(&self) -> bool {
        self.is_ended.load(Ordering::Acquire)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.table().is_quiet()
    }

    /// When a request last began or ended.
    pub(super) fn last_used(&self) -> Instant {
        self.table().last_used
    }

    pub(super) fn touch(&self) {
        let now = Instant::now();
        self.table().last_used = now;
    }

    /// Gives up requests that were silent for too long, for as long as it is polled; `given_up`
    /// hears of those that the server knows of.
    pub(super) async fn watch(&self, given_up: impl Fn(u64)) {
        loop {
            let (silent, next_look) = self.table().take_silent(Instant::now());
            for (id, waiting) in silent {
                if waiting.sent {
                    given_up(id);
                }
                let after = waiting.timeout;
                waiting.end(Err(Error::TimedOut { after }));
            }
            let sleep = async {
                match next_look {
                    Some(at) => sleep_until(at).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = sleep => {}
                () = self.earlier.notified() => {}
            }
        }
    }
}

impl Table {
    /// Whether nothing is under way.
    fn is_quiet(&self) -> bool {
        self.waiting.values().all(|waiting| waiting.usage == Use::Standing)
    }

    /// Takes a request out whose use of the server is over.
    fn take(&mut self, id: u64) -> Option<Waiting> {
        let taken = self.waiting.remove(&id)?;
        if taken.usage == Use::Call {
            self.last_used = Instant::now();
        }
        Some(taken)
    }

    fn note_given_up(&mut self, id: u64, given_up: &Waiting) {
        if given_up.sent && given_up.is_of_client() {
            self.past.given_up(id, given_up.whose());
        }
    }

    /// Requests whose time is up at `now`, and when to look again.
    fn take_silent(&mut self, now: Instant) -> (BTreeMap<u64, Waiting>, Option<Instant>) {
        let silent: BTreeMap<u64, Waiting> =
            self.waiting.extract_if(.., |_, waiting| waiting.deadline() <= now).collect();
        if silent.values().any(|waiting| waiting.usage == Use::Call) {
            self.last_used = now;
        }
        for (id, waiting) in &silent {
            self.note_given_up(*id, waiting);
        }
        self.next_look = self.waiting.values().map(Waiting::deadline).min();
        (silent, self.next_look)
    }
}

#[cfg(test)]
mod tests {
    use futures_util::future::BoxFuture;

    use super::*;
    use crate::base::json::Part;
    use crate::protocol::outcome::Outcome;

    fn empty() -> Outcome {
        Part::from("{}").into()
    }
    use crate::upstream::attribution::AFTERMATH;
    use crate::upstream::follower::Reply;

    #[tokio::test(start_paused = true)]
    async fn silence_ends_a_request_and_progress_prolongs_it() {
        let requests = Arc::new(Requests::new());
        let watched = requests.clone();
        let watch = tokio::spawn(async move { watched.watch(|_| ()).await });
        let long = requests.enter(Duration::from_secs(10), Use::Call, None, None).expect("open");
        let short = requests.enter(Duration::from_secs(1), Use::Call, None, None).expect("open");
        let start = Instant::now();
        let short = short.answer.await.expect("an answer");
        assert!(matches!(short, Err(Error::TimedOut { .. })), "{short:?}");
        assert_eq!(start.elapsed().as_secs(), 1);

        tokio::time::sleep(Duration::from_secs(8)).await;
        requests.progress(long.id, "{}", "1");
        let long = long.answer.await.expect("an answer");
        assert!(matches!(long, Err(Error::TimedOut { .. })), "{long:?}");
        assert_eq!(start.elapsed().as_secs(), 19);
        watch.abort();
    }

    #[derive(Debug)]
    struct Client(u64);

    impl Follower for Client {
        fn client(&self) -> u64 {
            self.0
        }

        fn notified(&self, _: &str, _: &str) {}

        fn asked(&self, _: &str, _: Option<&str>) -> BoxFuture<'static, Reply> {
            Box::pin(std::future::pending())
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_clock_stands_while_the_client_is_asked() {
        let requests = Arc::new(Requests::new());
        let watched = requests.clone();
        let watch = tokio::spawn(async move { watched.watch(|_| ()).await });
        let enter = |client| {
            let follower: Arc<dyn Follower> = Arc::new(Client(client));
            let limit = Duration::from_secs(10);
            requests.enter(limit, Use::Call, None, Some(follower)).expect("open")
        };
        let (asked, other) = (enter(1), enter(2));
        let start = Instant::now();
        assert_eq!(requests.hold(Some(other.id), 2), [other.id]);
        requests.release(&[other.id]);
        let held = requests.hold(None, 1);
        assert_eq!(held, [asked.id]);
        assert!(matches!(other.answer.await, Ok(Err(Error::TimedOut { .. }))));
        assert_eq!(start.elapsed().as_secs(), 10);
        tokio::time::sleep(Duration::from_mins(10)).await;
        requests.release(&held);
        assert!(matches!(asked.answer.await, Ok(Err(Error::TimedOut { .. }))));
        assert_eq!(start.elapsed().as_secs(), 620);
        watch.abort();
    }

    #[tokio::test(start_paused = true)]
    async fn what_names_no_request_is_for_one_client_for_certain_or_for_nobody() {
        let requests = Requests::new();
        let limit = Duration::from_mins(1);
        let enter = |client: Option<u64>| {
            let follower = client.map(|client| -> Arc<dyn Follower> { Arc::new(Client(client)) });
            requests.enter(limit, Use::Call, None, follower).expect("open").id
        };
        let sole = || requests.sole_follower(Era::Session).map(|follower| follower.client());
        let [first, again] = [1, 1].map(|client| enter(Some(client)));
        assert_eq!(sole(), Some(1));
        let other = enter(Some(2));
        assert_eq!(sole(), None);
        requests.answer(other, Ok(empty()));
        assert_eq!(sole(), None, "it may be late");
        tokio::time::advance(AFTERMATH).await;
        assert_eq!(sole(), Some(1));
        let unknown = enter(None);
        assert_eq!(sole(), None, "somebody nobody follows may have called");
        requests.answer(unknown, Ok(empty()));
        tokio::time::advance(AFTERMATH).await;
        requests.answer(first, Ok(empty()));
        assert_eq!(sole(), Some(1), "its own calls may be late");
        let upkeep = requests.enter(limit, Use::Upkeep, None, None).expect("open").id;
        assert_eq!(sole(), Some(1), "the bridge asks for nobody");
        requests.answer(upkeep, Ok(empty()));
        let given_up = enter(Some(2));
        assert!(requests.give_up(given_up));
        tokio::time::advance(AFTERMATH * 4).await;
        assert_eq!(sole(), None, "the server may work on it for long");
        assert_eq!(requests.answer(given_up, Ok(empty())), Delivery::TooLate);
        tokio::time::advance(AFTERMATH).await;
        assert_eq!(sole(), Some(1));
        requests.answer(again, Ok(empty()));
        assert_eq!(sole(), None);
    }

    #[tokio::test]
    async fn who_hears_of_progress_holds_nobody_else_up_and_hears_nothing_after_the_answer() {
        let requests = Arc::new(Requests::new());
        let heard = Arc::new(Mutex::new(Vec::new()));
        let (hears, table) = (heard.clone(), requests.clone());
        let on_progress: OnProgress = Box::new(move |params, _| {
            // It would wait for ever if the table were locked meanwhile.
            hears.lock().expect("no panic").push(format!("{params} {}", table.next_id()));
        });
        let limit = Duration::from_mins(1);
        let Entered { id, mut answer, .. } =
            requests.enter(limit, Use::Call, Some(on_progress), None).expect("open");
        requests.progress(id, "1", "t");
        requests.progress(id, "2", "t");
        assert!(answer.try_recv().is_err());
        assert_eq!(requests.answer(id, Ok(empty())), Delivery::Delivered);
        requests.progress(id, "3", "t");
        assert_eq!(*heard.lock().expect("no panic"), ["1 2", "2 2"]);
        assert!(answer.try_recv().is_ok());
    }

    #[tokio::test]
    async fn answers_find_those_who_asked() {
        let requests = Requests::new();
        let Entered { id, answer, alone } =
            requests.enter(Duration::from_secs(10), Use::Call, None, None).expect("open");
        assert!(alone);
        assert_eq!(requests.answer(id + 1, Ok(empty())), Delivery::NeverAsked);
        assert_eq!(requests.answer(0, Ok(empty())), Delivery::NeverAsked);
        assert_eq!(requests.answer(id, Ok(empty())), Delivery::Delivered);
        assert_eq!(requests.answer(id, Ok(empty())), Delivery::TooLate);
        assert_eq!(answer.await.expect("an answer").expect("a result"), empty());
        let Entered { answer, .. } =
            requests.enter(Duration::from_secs(10), Use::Call, None, None).expect("open");
        requests.end(&Error::ShuttingDown);
        assert!(matches!(answer.await, Ok(Err(Error::ShuttingDown))));
        assert!(requests.enter(Duration::from_secs(10), Use::Call, None, None).is_err());
    }
}
