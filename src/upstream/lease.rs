//! Which session a request gets: the one that all share, one of its client's own, or one that it has to itself for as
//! long as it runs.
//!
//! A server that asks back has to be told in `initialize` what it may ask, and its questions name no request. So a
//! client of the session era that can be asked has sessions of its own, and a call of a stateless one borrows a session
//! with a server of the older era, which was opened with equal capabilities.

use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::ops::Deref;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use super::error::LastWords;
use super::terms::Tenant;
use super::{Error, Pool, Session, Supervisor, Terms};
use crate::config::ServerName;
use crate::protocol::capabilities::in_terms_of;
use crate::protocol::era::Era;

/// Sessions of one server that wait to be borrowed again are not more, whatever they were opened with: each may be a
/// process of its own, and clients may declare what they like.
const MAX_SPARE: usize = 4;

/// Sessions of one server are not lent to more calls at a time; further ones wait.
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

#[derive(Debug, Default)]
struct Table {
    /// What stateless clients share.
    stateless: HashMap<ServerName, Arc<Supervisor>>,
    /// One per server and client.
    private: HashMap<(ServerName, u64), Arc<Supervisor>>,
    /// Those that can be borrowed, by server and capabilities.
    spare: HashMap<(ServerName, Box<str>), Vec<Arc<Supervisor>>>,
    /// Those that are borrowed.
    lent: Vec<Arc<Supervisor>>,
    /// How many more of a server may be.
    turns: HashMap<ServerName, Arc<Semaphore>>,
    /// Clients that are gone.
    left: BTreeSet<u64>,
}

/// Gives a borrowed session back when it is dropped.
struct Loan {
    supervisor: Arc<Supervisor>,
    others: Arc<Others>,
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
        self.others.give_back(&self.supervisor);
    }
}

impl Table {
    /// Takes one of the spare sessions with the server out, if there are as many as there may be.
    fn make_room(&mut self, server: &ServerName) -> Option<Arc<Supervisor>> {
        let of_server = self.spare.iter_mut().filter(|((name, _), _)| name == server);
        let mut lists: Vec<_> = of_server.map(|(_, spare)| spare).collect();
        if lists.iter().map(|spare| spare.len()).sum::<usize>() < MAX_SPARE {
            return None;
        }
        let longest = lists.iter_mut().max_by_key(|spare| spare.len())?;
        Some(longest.remove(0))
    }
}

impl Others {
    fn table(&self) -> MutexGuard<'_, Table> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// All of them.
    pub(super) fn all(&self) -> Vec<Arc<Supervisor>> {
        let table = self.table();
        let spare = table.spare.values().flatten();
        let others = table.stateless.values().chain(table.private.values()).chain(&table.lent);
        others.chain(spare).cloned().collect()
    }

    /// All of one server.
    pub(super) fn of(&self, server: &ServerName) -> Vec<Arc<Supervisor>> {
        let mut all = self.all();
        all.retain(|supervisor| supervisor.blueprint.name == *server);
        all
    }

    /// Those of one client.
    pub(super) fn private(&self, client: u64) -> Vec<Arc<Supervisor>> {
        let table = self.table();
        let own = table.private.iter().filter(|((_, owner), _)| *owner == client);
        own.map(|(_, supervisor)| supervisor.clone()).collect()
    }

    /// The one with which stateless clients reach the server of `leader`. A server that speaks one era only needs no
    /// second session for the other one.
    fn stateless(&self, leader: &Arc<Supervisor>) -> Arc<Supervisor> {
        let mut table = self.table();
        let known = table.stateless.get(&leader.blueprint.name);
        let suffices = leader.eras.lacks(Era::Session)
            || (leader.eras.lacks(Era::Stateless)
                && (leader.is_open() || !known.is_some_and(|known| known.is_open())));
        if suffices {
            return leader.clone();
        }
        let open = || leader.sibling(Terms::shared(Era::Stateless));
        table.stateless.entry(leader.blueprint.name.clone()).or_insert_with(open).clone()
    }

    /// Nothing once the client is gone.
    fn private_of(&self, leader: &Arc<Supervisor>, tenant: &Tenant) -> Option<Arc<Supervisor>> {
        let Tenant { client, era, capabilities, owner, .. } = tenant;
        let open = || {
            let (capabilities, owner) = (capabilities.clone(), owner.clone());
            leader.sibling(Terms { era: *era, capabilities, owner })
        };
        let key = (leader.blueprint.name.clone(), *client);
        let mut table = self.table();
        if table.left.contains(client) {
            return None;
        }
        Some(table.private.entry(key).or_insert_with(open).clone())
    }

    /// Decides how many sessions of the server are lent.
    fn turns(&self, server: &ServerName) -> Arc<Semaphore> {
        let new = || Arc::new(Semaphore::new(MAX_LENT));
        self.table().turns.entry(server.clone()).or_insert_with(new).clone()
    }

    fn borrow(
        self: &Arc<Self>,
        leader: &Arc<Supervisor>,
        capabilities: &str,
        turn: OwnedSemaphorePermit,
    ) -> Loan {
        let mut table = self.table();
        let key = (leader.blueprint.name.clone(), capabilities.into());
        let spare = table.spare.get_mut(&key).and_then(Vec::pop);
        let supervisor = spare.unwrap_or_else(|| {
            let terms = Terms { era: Era::Session, capabilities: key.1, owner: None };
            leader.sibling(terms)
        });
        table.lent.push(supervisor.clone());
        drop(table);
        Loan { supervisor, others: self.clone(), _turn: turn }
    }

    /// What is under way in it, after a call that was withdrawn, must not meet the next borrower: such a session is
    /// closed instead.
    fn give_back(&self, supervisor: &Arc<Supervisor>) {
        let clean = supervisor.is_unused();
        let mut table = self.table();
        table.lent.retain(|lent| !Arc::ptr_eq(lent, supervisor));
        for spare in table.spare.values_mut() {
            spare.retain(|spare| spare.is_open());
        }
        table.spare.retain(|_, spare| !spare.is_empty());
        let superfluous = if clean {
            let superfluous = table.make_room(&supervisor.blueprint.name);
            let key = (supervisor.blueprint.name.clone(), supervisor.terms.capabilities.clone());
            table.spare.entry(key).or_default().push(supervisor.clone());
            superfluous
        } else {
            Some(supervisor.clone())
        };
        drop(table);
        if let Some(superfluous) = superfluous {
            superfluous.close();
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
                return self.borrow(supervisor, tenant).await;
            }
            Era::Stateless => self.others.stateless(supervisor),
        };
        let session = self.session(&found).await?;
        if asked && tenant.era == Era::Stateless && session.era() == Era::Session {
            return self.borrow(supervisor, tenant).await;
        }
        Ok(Lease { session, _loan: None })
    }

    async fn borrow(&self, leader: &Arc<Supervisor>, tenant: &Tenant) -> Result<Lease, Error> {
        // The session is opened as one of a client of its own era.
        let capabilities = in_terms_of(Era::Session, tenant.era, &tenant.capabilities);
        let limit = leader.request_timeout();
        let turn = timeout(limit, self.others.turns(&leader.blueprint.name).acquire_owned()).await;
        let turn = match turn {
            Ok(turn) => turn.expect("it is never closed"),
            Err(_) => return Err(Error::Busy { after: limit }),
        };
        let loan = self.others.borrow(leader, &capabilities, turn);
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
