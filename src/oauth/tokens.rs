//! The token of one login: as it is while it is good, else renewed, by one request however many wait for it.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Shared};
use tokio::task::spawn_blocking;
use tokio::time::{Instant, sleep};

use super::account::Account;
use super::challenge::Challenge;
use super::clock::Clock;
use super::error::{LoginError, Reason};
use super::fetcher::Fetcher;
use super::record::Record;
use super::renewal::Renewed;
use super::store::{PATIENCE, Store, StoreError};
use crate::base::lock::Lock;
use crate::base::secret::Secret;

/// How often it is looked whether another process is done, which takes as long as a request.
const PAUSE: Duration = Duration::from_millis(20);

/// A server that refuses even a token that has just been renewed gets no other one for this long, in seconds.
const REST: u64 = 5 * 60;

/// The token of one login, for everybody who calls its server.
#[derive(Clone)]
pub struct Tokens(Arc<Inner>);

pub(super) struct Inner {
    pub(super) account: Account,
    pub(super) fetcher: Fetcher,
    pub(super) store: Store,
    pub(super) clock: Clock,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    current: Option<Renewed>,
    /// What the store was like when that was read.
    stamp: Option<SystemTime>,
    flight: Option<Flight>,
    /// The last token that was renewed in vain, and since when that is known.
    vain: Option<(Secret, u64)>,
}

/// A renewal that everybody who needs it waits for. It is a task of its own: whoever gave it up would lose the token that the
/// old one was traded in for.
type Flight = Shared<BoxFuture<'static, Result<Renewed, LoginError>>>;

/// What is known of a login, without a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Status {
    /// Nobody has logged in.
    LoggedOut,
    /// The system's keychain has the tokens, and does not give them.
    Locked {
        /// What it is, and what helps.
        reason: String,
    },
    /// There is a token.
    LoggedIn {
        /// The authorization server.
        issuer: String,
        /// Where its tokens are fetched.
        token_url: String,
        /// Who the bridge is there.
        client: String,
        /// What the token is good for.
        scopes: Vec<String>,
        /// When it ends, in seconds since 1970; nothing where nobody said.
        expires_at: Option<u64>,
        /// Whether it is renewed without the user.
        is_renewable: bool,
        /// Whether it has ended.
        is_expired: bool,
        /// Whether it lies in the system's keychain, and not in a file.
        in_keychain: bool,
    },
}

impl Tokens {
    /// The tokens of a login, kept in a store.
    pub fn new(account: Account, store: Store) -> Self {
        let fetcher = Fetcher::new(account.policy());
        Self::with(account, store, fetcher, Clock::system())
    }

    /// The same by another clock, and with another way to the network.
    pub fn with(account: Account, store: Store, fetcher: Fetcher, clock: Clock) -> Self {
        let state = Mutex::default();
        Self(Arc::new(Inner { account, fetcher, store, clock, state }))
    }

    /// Whose they are.
    pub fn account(&self) -> &Account {
        &self.0.account
    }

    /// A token that is good for a minute at least, or for half of its life. It is fetched or renewed where there is none.
    pub async fn bearer(&self) -> Result<Secret, LoginError> {
        self.other_than(None).await
    }

    /// Another token than the one with which the server said 401; renewed unless somebody has done so since. `challenge` is
    /// its `WWW-Authenticate`.
    pub async fn refused(
        &self,
        used: &Secret,
        challenge: Option<&str>,
    ) -> Result<Secret, LoginError> {
        let challenge = challenge.map(Challenge::parse).unwrap_or_default();
        if challenge.is_insufficient_scope() {
            return self.widen(used, &challenge.scopes).await;
        }
        if self.is_vain(used) {
            return Err(self.0.needed(Reason::Refused, Vec::new()));
        }
        self.other_than(Some(used)).await
    }

    /// The server has refused a token that was renewed for it: renewing it again with each call would help nobody.
    pub fn was_in_vain(&self, renewed: &Secret) {
        let now = self.0.clock.now();
        self.0.state().vain = Some((renewed.clone(), now));
    }

    /// The server has taken this token: refused later, it may be worth another one.
    pub fn was_taken(&self, token: &Secret) {
        self.0.state().vain.take_if(|(vain, _)| vain == token);
    }

    /// A token that is good for more, after the server said 403 with `insufficient_scope` in its `WWW-Authenticate`: one for
    /// the bridge itself can be had at once; else the user has to log in, who is then asked for it.
    pub async fn insufficient(
        &self,
        used: &Secret,
        challenge: Option<&str>,
    ) -> Result<Secret, LoginError> {
        let challenge = challenge.map(Challenge::parse).unwrap_or_default();
        self.widen(used, &challenge.scopes).await
    }

    /// What is known of the login.
    pub async fn status(&self) -> Result<Status, LoginError> {
        let record = match self.0.record().await {
            Err(error @ StoreError::Locked { .. }) => {
                return Ok(Status::Locked { reason: error.to_string() });
            }
            record => record?,
        };
        let now = self.0.clock.now();
        let record = record.filter(Record::has_token);
        Ok(record.map_or(Status::LoggedOut, |record| Status::LoggedIn {
            expires_at: record.expires_at(),
            is_renewable: record.is_renewable() || self.0.account.is_unattended(),
            is_expired: record.expires_at().is_some_and(|at| at <= now),
            in_keychain: record.in_keychain,
            client: record.client_id().to_owned(),
            token_url: record.token_url,
            issuer: record.issuer,
            scopes: record.scopes,
        }))
    }

    pub(super) fn inner(&self) -> &Arc<Inner> {
        &self.0
    }

    /// Uses nothing any more that was there before.
    pub(super) fn drop_current(&self) {
        self.0.state().current = None;
    }

    /// Uses what a login has brought from now on.
    pub(super) fn put(&self, renewed: Renewed) {
        let stamp = self.0.store.stamp();
        let mut state = self.0.state();
        (state.current, state.stamp) = (Some(renewed), stamp);
    }

    async fn other_than(&self, refused: Option<&Secret>) -> Result<Secret, LoginError> {
        loop {
            let flight = {
                let mut state = self.0.state();
                let now = self.0.clock.now();
                // Somebody else may have logged in or out since.
                let is_as_read = state.stamp == self.0.store.stamp();
                let current = state.current.as_ref().filter(|_| is_as_read);
                if let Some(good) = current.filter(|current| current.is_good(refused, now)) {
                    return Ok(good.token.clone());
                }
                state.flight.get_or_insert_with(|| self.start(refused.cloned())).clone()
            };
            let renewed = flight.await?;
            // A flight that began before the server refused this token may have brought it.
            if Some(&renewed.token) != refused {
                return Ok(renewed.token);
            }
        }
    }

    /// Starts a renewal, which ends by the limits of requests and locks. Who calls this holds the state, so that it is
    /// entered before it can be over.
    fn start(&self, refused: Option<Secret>) -> Flight {
        let inner = self.0.clone();
        let server = self.0.account.server.clone();
        let task = tokio::spawn(async move {
            // Before it is read: what changes then is read once more.
            let stamp = inner.store.stamp();
            let renewed = inner.renew(refused).await;
            let mut state = inner.state();
            state.stamp = stamp;
            state.flight = None;
            state.current = renewed.as_ref().ok().cloned();
            renewed
        });
        task.map(|done| done.unwrap_or(Err(LoginError::Interrupted { server }))).boxed().shared()
    }

    fn is_vain(&self, used: &Secret) -> bool {
        let now = self.0.clock.now();
        let state = self.0.state();
        state.vain.as_ref().is_some_and(|(token, since)| token == used && now < since + REST)
    }

    async fn widen(&self, used: &Secret, scopes: &[String]) -> Result<Secret, LoginError> {
        // Before it is read: who logs out right after it is heard of with the next call.
        let stamp = self.0.store.stamp();
        let renewed = self.0.widen(used, scopes).await?;
        let token = renewed.token.clone();
        let mut state = self.0.state();
        (state.current, state.stamp) = (Some(renewed), stamp);
        Ok(token)
    }
}

impl Inner {
    pub(super) fn needed(&self, reason: Reason, scopes: Vec<String>) -> LoginError {
        let (server, command) = (self.account.server.clone(), self.account.command());
        LoginError::LoginNeeded { server, reason, command, scopes }
    }

    pub(super) async fn record(self: &Arc<Self>) -> Result<Option<Record>, StoreError> {
        let inner = self.clone();
        run(move || inner.store.load(&inner.account)).await
    }

    pub(super) async fn save(self: &Arc<Self>, record: Record) -> Result<(), StoreError> {
        let inner = self.clone();
        run(move || inner.store.save(&inner.account, &record)).await
    }

    /// Waits until no other process changes what is kept. No thread is held for it, which could keep the bridge from ending.
    pub(super) async fn lock(self: &Arc<Self>) -> Result<Lock, StoreError> {
        let begun = Instant::now();
        loop {
            let inner = self.clone();
            match run(move || inner.store.lock(&inner.account)).await {
                Err(StoreError::Busy { .. }) if begun.elapsed() < PATIENCE => sleep(PAUSE).await,
                done => return done,
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Tokens {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Tokens")
            .field("server", &self.0.account.server)
            .finish_non_exhaustive()
    }
}

/// Files and locks block the thread.
pub(super) async fn run<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    spawn_blocking(work).await.expect("reading and writing tokens does not panic")
}
