//! One server's calls: what is in its files, and what this bridge has not written yet.

use std::collections::BTreeMap;
use std::mem::take;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use super::calendar::Day;
use super::counts::Counts;
use super::error::{Error, Exceeded};
use super::files::{Files, Locked, Places};
use super::holder::{self, Holder};
use super::standing::{Standing, Warning};
use crate::config::{RateLimit, ServerName};

/// The ledger of one server.
#[derive(Debug)]
pub(super) struct Ledger {
    pub(super) server: ServerName,
    pub(super) files: Files,
    /// Held while the files are used, so that one thread waits for them and not many.
    pub(super) turn: Arc<tokio::sync::Mutex<()>>,
    /// Somebody is about to write.
    pub(super) scheduled: AtomicBool,
    limit: RateLimit,
    news: Arc<Mutex<News>>,
}

/// What only this bridge knows.
#[derive(Debug, Default)]
struct News {
    /// Calls under way that have a place.
    open: u64,
    /// Successful calls that no file has yet.
    uncounted: BTreeMap<Day, u64>,
    /// They could not be written when that was last tried.
    unwritable: bool,
}

impl Ledger {
    pub(super) fn new(folder: &Path, server: ServerName, limit: RateLimit) -> Self {
        let files = Files::new(folder, server.as_str());
        let (turn, scheduled, news) = Default::default();
        Self { server, files, turn, scheduled, limit, news }
    }

    /// The same ledger under another limit. Calls under way end under the one that they began with.
    pub(super) fn with_limit(&self, limit: RateLimit) -> Self {
        Self {
            server: self.server.clone(),
            files: self.files.clone(),
            turn: self.turn.clone(),
            scheduled: AtomicBool::default(),
            limit,
            news: self.news.clone(),
        }
    }

    pub(super) fn is_limited(&self) -> bool {
        self.limit != RateLimit::default()
    }

    pub(super) fn has_limit(&self, limit: &RateLimit) -> bool {
        self.limit == *limit
    }

    /// Counts a success. With a limit, the call's place becomes a count in the same moment: whoever looks sees one of the two.
    pub(super) fn succeed(&self, day: Day) {
        let mut news = self.news();
        let calls = news.uncounted.entry(day).or_default();
        *calls = calls.saturating_add(1);
        if self.is_limited() {
            news.open -= 1;
        }
    }

    /// Ends a call without success.
    pub(super) fn give_back(&self) {
        self.news().open -= 1;
    }

    pub(super) fn has_uncounted(&self) -> bool {
        !self.news().uncounted.is_empty()
    }

    /// Takes a place for a call if the limits leave one. Successes that are not written yet go on filling their places, so
    /// that many calls at once do not wait for the disk one after the other.
    pub(super) fn reserve(
        &self,
        holders: &Holders,
        now: SystemTime,
    ) -> Result<Result<(), Exceeded>, Error> {
        let locked = self.files.lock()?;
        let own = holders.own()?;
        // What cannot be written would be lost with this bridge, and the limit with it.
        if self.news().unwritable {
            self.count(&locked)?;
        }
        let standings = Standing::of(&locked.counts()?, &self.limit, now);
        let open = self.news().places();
        let mut places = holders.living(locked.places()?);
        let before = places.insert(own.clone(), open);
        let taken = sum(places.values());
        // A month that is used up matters for longer than a day.
        let full = standings.into_iter().rev().find(|standing| standing.is_full(taken));
        if let Some(Standing { period, calls: used, limit: Some(limit), resets }) = full {
            if before.unwrap_or(0) != open {
                locked.set_places(places)?;
            }
            let server = self.server.clone();
            return Ok(Err(Exceeded { server, period, limit, used, open: taken, resets }));
        }
        places.insert(own, open + 1);
        locked.set_places(places)?;
        self.news().open += 1;
        Ok(Ok(()))
    }

    /// Writes what is not written yet; where the server then stands.
    pub(super) fn settle(
        &self,
        holders: &Holders,
        now: SystemTime,
    ) -> Result<[Standing; 2], Error> {
        let locked = self.files.lock()?;
        let (counts, added, open) = self.count(&locked)?;
        if self.is_limited() {
            let own = holders.own()?;
            let written = locked.places()?;
            let mut places = holders.living(written.clone());
            if open == 0 {
                places.remove(&own);
            } else {
                places.insert(own, open);
            }
            if places != written {
                locked.set_places(places)?;
            }
        }
        let standings = Standing::of(&counts, &self.limit, now);
        if standings.iter().any(|standing| standing.has_crossed_a_step(added))
            && let Some(warning) = Warning::of(&self.server, standings)
        {
            tracing::warn!("{warning}");
        }
        Ok(standings)
    }

    /// Adds the uncounted calls to the file: the counts, how many calls are new in them, and how many places are taken
    /// beside exactly these counts. A call that succeeds later goes on filling its place until it is counted.
    fn count(&self, locked: &Locked<'_>) -> Result<(Counts, u64, u64), Error> {
        let mut counts = locked.counts()?;
        let (uncounted, open) = {
            let mut news = self.news();
            (take(&mut news.uncounted), news.open)
        };
        for (day, calls) in &uncounted {
            counts.add(*day, *calls);
        }
        if !uncounted.is_empty() {
            let written = locked.set_counts(&counts);
            let mut news = self.news();
            news.unwritable = written.is_err();
            if let Err(error) = written {
                for (day, calls) in uncounted {
                    let kept = news.uncounted.entry(day).or_default();
                    *kept = kept.saturating_add(calls);
                }
                return Err(error);
            }
        }
        Ok((counts, sum(uncounted.values()), open))
    }

    fn news(&self) -> MutexGuard<'_, News> {
        self.news.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl News {
    /// The places of calls under way and of those that no file has yet.
    fn places(&self) -> u64 {
        self.open.saturating_add(sum(self.uncounted.values()))
    }
}

fn sum<'a>(numbers: impl IntoIterator<Item = &'a u64>) -> u64 {
    numbers.into_iter().fold(0, |sum, number| sum.saturating_add(*number))
}

/// Who has places in this home folder: this bridge and others.
#[derive(Debug)]
pub(super) struct Holders {
    folder: PathBuf,
    own: Mutex<Option<Holder>>,
}

impl Holders {
    pub(super) fn new(folder: PathBuf) -> Self {
        Self { folder, own: Mutex::default() }
    }

    /// The name of this bridge. The folder must be there.
    fn own(&self) -> Result<String, Error> {
        let mut own = self.own.lock().unwrap_or_else(PoisonError::into_inner);
        match &*own {
            Some(holder) if holder.is_in_place() => Ok(holder.name().to_owned()),
            _ => {
                let holder = Holder::new(&self.folder)
                    .map_err(|source| Error::Io { path: self.folder.clone(), source })?;
                Ok(own.insert(holder).name().to_owned())
            }
        }
    }

    /// The places of bridges that still live.
    fn living(&self, mut places: Places) -> Places {
        places.retain(|name, _| holder::lives(&self.folder, name));
        places
    }
}
