//! Which session a request gets: the one that all share, one of its client's own, or one that it has to itself for as
//! long as it runs.
//!
//! A server that asks back has to be told in `initialize` what it may ask, and its questions name no request. So a
//! client of the session era that can be asked has sessions of its own, and a call of a stateless one borrows a session
//! with a server of the older era, which was opened with equal capabilities. As long as nobody knows of which era the
//! server is, the first such call opens a session that will do in either case.

use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::ops::Deref;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{sleep, timeout};

use super::attribution::AFTERMATH;
use super::error::LastWords;
use super::spares::Spares;
use super::terms::Tenant;
use super::{Error, Identity, Pool, Session, Supervisor, Terms};
use crate::protocol::era::Era;

/// Sessions of one server are not lent to more calls at a time, further ones wait; and those that rest are counted too
/// where another one is to be opened.
const MAX_LENT: usize = 16;
/// As many of the clients that left last are remembered: calls of theirs may still be under way.
const MAX_LEFT: usize = 4096;

/// A session for as long as a request needs it.
#[derive(Debug)]
pub struct Lease {
    session: Arc<Session>,
    _loan: Option<Loan>,
}

/// Supervisors beside those that the config names: same servers, other terms.
#[derive(Debug, Default)]
pub(super) struct Others(Mutex<Table>);

/// By the number of the server.
#[derive(Debug, Default)]
struct Table {
    /// What stateless clients share.
    stateless: HashMap<u64, Arc<Supervisor>>,
    /// One per server and client.
    private: HashMap<(u64, u64), Arc<Supervisor>>,
    /// Those by which it turns out of which era a server is, for clients that can be asked something.
    scouts: HashMap<u64, Arc<Supervisor>>,
    /// Those that can be borrowed.
    spares: HashMap<u64, Spares>,
    /// Those that are borrowed.
    lent: Vec<Arc<Supervisor>>,
    /// How many more of a server may be.
    turns: HashMap<u64, Arc<Semaphore>>,
    /// Clients that are gone.
    left: BTreeSet<u64>,
}

/// Gives a borrowed session back when it is dropped.
struct Loan {
    supervisor: Arc<Supervisor>,
    others: Arc<Others>,
    borrower: Identity,
    /// In the terms of a session.
    capabilities: Box<str>,
    /// Given back last.
    _turn: OwnedSemaphorePermit,
}

impl fmt::Debug for Loan {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Loan").field(&self.supervisor.blueprint.name).finish()
    }
}

impl Deref for Lease {
    type Target = Arc<Session>;

    fn deref(&self) -> &Arc<Session> {
        &self.session
    }
}

impl Drop for Loan {
    fn drop(&mut self) {
        self.others.give_back(self);
    }
}

impl Table {
    fn spares(&mut self, server: u64) -> &mut Spares {
        self.spares.entry(server).or_default()
    }

    /// Gives sessions of clients that can be asked something the place that the era of the server assigns to them: to be
    /// shared, or to be lent.
    fn settle(&mut self, server: u64) {
        let era = |known: Option<&Arc<Supervisor>>| Some(known?.open_session()?.era());
        if era(self.scouts.get(&server)) == Some(Era::Stateless)
            && era(self.stateless.get(&server)).is_none()
            && let Some(scout) = self.scouts.remove(&server)
        {
            self.stateless.insert(server, scout);
        }
        for place in [&mut self.scouts, &mut self.stateless] {
            let known = place.get(&server);
            if era(known) == Some(Era::Session)
                && known.is_some_and(|known| known.terms.want_questions())
                && let Some(known) = place.remove(&server)
            {
                let capabilities = known.terms.declared(Era::Session).into();
                self.spares.entry(server).or_default().put(known, capabilities, None);
            }
        }
    }
}

impl Others {
    fn table(&self) -> MutexGuard<'_, Table> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// All of them.
    pub(super) fn all(&self) -> Vec<Arc<Supervisor>> {
        let table = self.table();
        let spare = table.spares.values().flat_map(Spares::all);
        let others = table.stateless.values().chain(table.scouts.values());
        others.chain(table.private.values()).chain(&table.lent).chain(spare).cloned().collect()
    }

    /// All of one server.
    pub(super) fn of(&self, leader: &Supervisor) -> Vec<Arc<Supervisor>> {
        let mut all = self.all();
        all.retain(|supervisor| supervisor.number() == leader.number());
        all
    }

    /// Forgets those of a server, which end with their leader.
    pub(super) fn retire(&self, leader: &Supervisor) {
        let (mut table, number) = (self.table(), leader.number());
        table.stateless.remove(&number);
        table.scouts.remove(&number);
        table.spares.remove(&number);
        table.turns.remove(&number);
        table.private.retain(|(server, _), _| *server != number);
    }

    /// Those of one client.
    pub(super) fn private(&self, client: u64) -> Vec<Arc<Supervisor>> {
        let table = self.table();
        let own = table.private.iter().filter(|((_, owner), _)| *owner == client);
        own.map(|(_, supervisor)| supervisor.clone()).collect()
    }

    /// The one with which a stateless client reaches the server of `leader`. A server that speaks one era only needs no
    /// second session for the other one.
    fn stateless(&self, leader: &Arc<Supervisor>, tenant: &Tenant) -> Arc<Supervisor> {
        let mut table = self.table();
        let server = leader.number();
        table.settle(server);
        let known = table.stateless.get(&server);
        let suffices = leader.eras.lacks(Era::Session)
            || (leader.eras.lacks(Era::Stateless)
                && (leader.is_open()
                    || (leader.eras.rules_out(Era::Stateless)
                        && !known.is_some_and(|known| known.is_open()))));
        if suffices {
            return leader.clone();
        }
        let is_unknown = !leader.eras.speaks(Era::Stateless);
        let starting = table.scouts.get(&server).filter(|scout| scout.is_starting());
        if let (false, Some(scout)) = (is_unknown, starting) {
            // It has shown the era already, and only reads the tools.
            return scout.clone();
        }
        if tenant.can_be_asked() && is_unknown && known.is_none_or(|known| known.would_start()) {
            let terms = Terms {
                era: Era::Stateless,
                capabilities: tenant.capabilities.clone(),
                owner: None,
            };
            let open = || leader.sibling(terms);
            return table.scouts.entry(server).or_insert_with(open).clone();
        }
        let open = || leader.sibling(Terms::shared(Era::Stateless));
        table.stateless.entry(server).or_insert_with(open).clone()
    }

    /// Nothing once the client is gone.
    fn private_of(&self, leader: &Arc<Supervisor>, tenant: &Tenant) -> Option<Arc<Supervisor>> {
        let Tenant { client, era, capabilities, owner, .. } = tenant;
        let open = || {
            let (capabilities, owner) = (capabilities.clone(), owner.clone());
            leader.sibling(Terms { era: *era, capabilities, owner })
        };
        let key = (leader.number(), *client);
        let mut table = self.table();
        if table.left.contains(client) {
            return None;
        }
        Some(table.private.entry(key).or_insert_with(open).clone())
    }

    /// Decides how many sessions of the server are lent.
    fn turns(&self, server: u64) -> Arc<Semaphore> {
        let new = || Arc::new(Semaphore::new(MAX_LENT));
        self.table().turns.entry(server).or_insert_with(new).clone()
    }

    fn borrow(
        self: &Arc<Self>,
        leader: &Arc<Supervisor>,
        tenant: &Tenant,
        turn: OwnedSemaphorePermit,
    ) -> Loan {
        let borrower = tenant.identity();
        let Tenant { era, capabilities, .. } = tenant;
        // The session is opened as one of a client of the era that it turns out to be of.
        let terms = Terms { era: *era, capabilities: capabilities.clone(), owner: None };
        let capabilities: Box<str> = terms.declared(Era::Session).into();
        let server = leader.number();
        let mut table = self.table();
        table.settle(server);
        let lent = table.lent.iter().filter(|lent| lent.number() == server).count();
        let spares = table.spares(server);
        let mut superfluous = spares.trim();
        let is_full = lent + spares.len() >= MAX_LENT;
        let supervisor = spares.take(&capabilities, &borrower, is_full).unwrap_or_else(|| {
            superfluous.extend(is_full.then(|| spares.make_room()).flatten());
            leader.sibling(terms)
        });
        table.lent.push(supervisor.clone());
        drop(table);
        close(superfluous);
        Loan { supervisor, others: self.clone(), borrower, capabilities, _turn: turn }
    }

    /// What is under way in it, after a call that was withdrawn, must not meet the next borrower: such a session is
    /// closed instead.
    fn give_back(self: &Arc<Self>, loan: &Loan) {
        let Loan { supervisor, borrower, capabilities, .. } = loan;
        let clean = supervisor.is_unused();
        let mut table = self.table();
        table.lent.retain(|lent| !Arc::ptr_eq(lent, supervisor));
        let spares = table.spares(supervisor.number());
        let mut superfluous = spares.trim();
        if clean {
            spares.put(supervisor.clone(), capabilities.clone(), Some(borrower.clone()));
        } else {
            superfluous.push(supervisor.clone());
        }
        // Without a runtime everything ends.
        let runtime = Handle::try_current();
        if spares.are_many()
            && !spares.is_trimmed
            && let Ok(runtime) = runtime
        {
            spares.is_trimmed = true;
            let trim = self.clone().trim(supervisor.clone());
            supervisor.shared().tasks.spawn_on(trim, &runtime);
        }
        drop(table);
        close(superfluous);
    }

    /// Closes what is kept only until it has rested, for as long as there is some.
    async fn trim(self: Arc<Self>, of: Arc<Supervisor>) {
        let closing = of.shared().closing.clone();
        loop {
            tokio::select! {
                () = closing.cancelled() => return,
                () = sleep(AFTERMATH) => {}
            }
            let mut table = self.table();
            let spares = table.spares(of.number());
            let superfluous = spares.trim();
            spares.is_trimmed = spares.are_many();
            let is_done = !spares.is_trimmed;
            drop(table);
            close(superfluous);
            if is_done {
                return;
            }
        }
    }

    /// Ends those of one client.
    fn release(&self, client: u64) {
        let mut table = self.table();
        let own: Vec<_> = table.private.extract_if(|(_, owner), _| *owner == client).collect();
        table.left.insert(client);
        if table.left.len() > MAX_LEFT {
            // Numbers only rise.
            table.left.pop_first();
        }
        drop(table);
        for (_, supervisor) in own {
            supervisor.close();
        }
    }
}

fn close(superfluous: Vec<Arc<Supervisor>>) {
    for supervisor in superfluous {
        supervisor.close();
    }
}

impl Pool {
    /// A session with the server of `supervisor`, one of the config's, on the terms of `tenant`; opened if need be, as
    /// by [`Supervisor::session`].
    pub async fn lease(
        &self,
        supervisor: &Arc<Supervisor>,
        tenant: &Tenant,
    ) -> Result<Lease, Error> {
        let asked = tenant.can_be_asked();
        let eras = &supervisor.eras;
        let found = match tenant.era {
            // A stateless server is told with each request whom it may ask.
            Era::Session if (asked || tenant.private) && !eras.lacks(Era::Session) => {
                let gone = || Error::Closed { last: Box::new(LastWords::closed_by_us()) };
                self.others.private_of(supervisor, tenant).ok_or_else(gone)?
            }
            Era::Session => supervisor.clone(),
            Era::Stateless if asked && eras.lacks(Era::Stateless) => {
                return Box::pin(self.borrow(supervisor, tenant)).await;
            }
            Era::Stateless => self.others.stateless(supervisor, tenant),
        };
        let mut session = self.session(&found).await?;
        if tenant.era == Era::Stateless && session.era() == Era::Session {
            if asked {
                // Boxed, to keep the futures of calls that borrow nothing small.
                return Box::pin(self.borrow(supervisor, tenant)).await;
            }
            if found.terms.want_questions() {
                // It was opened for one that can be asked something, and is lent now.
                session = self.session(supervisor).await?;
            }
        }
        Ok(Lease { session, _loan: None })
    }

    async fn borrow(&self, leader: &Arc<Supervisor>, tenant: &Tenant) -> Result<Lease, Error> {
        let limit = leader.request_timeout();
        let turn = timeout(limit, self.others.turns(leader.number()).acquire_owned()).await;
        let turn = match turn {
            Ok(turn) => turn.expect("it is never closed"),
            Err(_) => return Err(Error::Busy { after: limit }),
        };
        let loan = self.others.borrow(leader, tenant, turn);
        let session = self.session(&loan.supervisor).await?;
        Ok(Lease { session, _loan: Some(loan) })
    }

    /// The client is gone: sessions of its own end.
    pub fn release(&self, client: u64) {
        self.others.release(client);
    }

    /// Sends a notification of the client, such as `notifications/roots/list_changed`, to the servers that it has
    /// sessions of its own with.
    pub fn notify(&self, client: u64, method: &str, params: &str) {
        for supervisor in self.others.private(client) {
            if let Some(session) = supervisor.open_session()
                && session.era() == Era::Session
            {
                session.notify(method, params);
            }
        }
    }
}
