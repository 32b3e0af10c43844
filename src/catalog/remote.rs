//! One remote catalog: its copy where that is young enough, else what its server says, else an older copy.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use serde_json::value::RawValue;
use tokio::task::spawn_blocking;
use tokio::time::Instant;

use super::copies::{self, Copy};
use super::document::{self, Contents, Newest};
use super::fetch::{Fetched, fetch};
use super::note::Note;
use crate::config::RemoteCatalog;
use crate::wire::http::Client;

/// A younger copy is as good as the catalog.
const FRESH: Duration = Duration::from_hours(24);
/// An older one is not used: recipes may have been withdrawn since.
const LONGEST: Duration = Duration::from_hours(30 * 24);
/// A catalog that could not be had is not asked again for so long.
const REST: Duration = Duration::from_mins(5);

/// Whether a young copy will do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Freshness {
    /// It will.
    Usual,
    /// The catalogs themselves are to be asked.
    Now,
}

#[derive(Debug)]
pub(super) struct Remote {
    catalog: RemoteCatalog,
    copy: PathBuf,
    /// Why it could not be had, and when.
    failed: Mutex<Option<(Instant, String)>>,
}

impl Remote {
    pub(super) fn new(catalog: RemoteCatalog, folder: &Path) -> Self {
        let copy = copies::path(folder, &catalog);
        Self { catalog, copy, failed: Mutex::default() }
    }

    /// What it holds.
    pub(super) async fn contents(&self, client: &Client, freshness: Freshness) -> Contents {
        let now = SystemTime::now();
        let path = self.copy.clone();
        let copy = run(move || Copy::read(&path)).await;
        let is_fresh = |copy: &Copy| copy.age(now) < FRESH;
        if freshness == Freshness::Usual
            && let Some(copy) = copy.as_ref().filter(|copy| is_fresh(copy))
            && let Some(contents) = self.read(copy, now).await
        {
            return contents;
        }
        if freshness == Freshness::Usual
            && let Some(reason) = self.failure()
        {
            return self.fall_back(copy, reason, now).await;
        }
        let asked = self.ask(client, copy.clone(), now).await;
        let failure = asked.as_ref().err().map(|reason| (Instant::now(), reason.clone()));
        *self.failed.lock().unwrap_or_else(PoisonError::into_inner) = failure;
        match asked {
            Ok(contents) => contents,
            Err(reason) => self.fall_back(copy, reason, now).await,
        }
    }

    /// The copy, unless it is too old; and why it has to do.
    async fn fall_back(&self, copy: Option<Copy>, reason: String, now: SystemTime) -> Contents {
        let copy = copy.filter(|copy| copy.age(now) < LONGEST);
        let contents = match &copy {
            Some(copy) => self.read(copy, now).await,
            None => None,
        };
        let age = copy.filter(|_| contents.is_some()).map(|copy| copy.age(now));
        let mut contents = contents.unwrap_or_default();
        let catalog = self.catalog.name.clone();
        contents.notes.insert(0, Note::NotFetched { catalog, reason, age });
        contents
    }

    /// What its server says; and keeps it. The reason why not is for people.
    async fn ask(
        &self,
        client: &Client,
        copy: Option<Copy>,
        now: SystemTime,
    ) -> Result<Contents, String> {
        // The tag of a copy that is none would bring nothing.
        let readable = match &copy {
            Some(copy) => self.read(copy, now).await,
            None => None,
        };
        let etag =
            copy.as_ref().filter(|_| readable.is_some()).and_then(|copy| copy.etag.as_deref());
        let fetched =
            fetch(client, &self.catalog, etag).await.map_err(|fault| fault.to_string())?;
        let (mut contents, copy) = match (fetched, readable, copy) {
            (Fetched::Same, Some(contents), Some(copy)) => (contents, copy.confirmed(now)),
            (Fetched::Same, ..) => {
                return Err("it is said to be unchanged, and there is no copy".to_owned());
            }
            (Fetched::New { text, etag }, _, copy) => {
                let newest = copy.map(|copy| copy.newest).unwrap_or_default();
                self.take_in(text.to_vec(), etag, newest, now).await?
            }
        };
        let path = self.copy.clone();
        let written = run(move || copy.write(&path)).await;
        if let Err(error) = written {
            let (catalog, reason) = (self.catalog.name.clone(), error.to_string());
            contents.notes.push(Note::NotKept { catalog, reason });
        }
        Ok(contents)
    }

    async fn take_in(
        &self,
        text: Vec<u8>,
        etag: Option<String>,
        mut newest: Newest,
        now: SystemTime,
    ) -> Result<(Contents, Copy), String> {
        let catalog = self.catalog.clone();
        run(move || {
            let contents = document::read(&text, &catalog, &mut newest, now);
            let contents = contents.map_err(|fault| fault.to_string())?;
            let text = String::from_utf8(text).map_err(|fault| fault.to_string())?;
            let text = RawValue::from_string(text).map_err(|fault| fault.to_string())?;
            Ok((contents, Copy::new(text, etag, newest, now)))
        })
        .await
    }

    /// What a copy holds; nothing where it is no catalog.
    async fn read(&self, copy: &Copy, now: SystemTime) -> Option<Contents> {
        let (catalog, copy) = (self.catalog.clone(), copy.clone());
        run(move || {
            let mut newest = copy.newest;
            document::read(copy.catalog.get().as_bytes(), &catalog, &mut newest, now).ok()
        })
        .await
    }

    /// Why it could not be had, where that was a short while ago.
    fn failure(&self) -> Option<String> {
        let failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
        let (since, reason) = failed.as_ref()?;
        (since.elapsed() < REST).then(|| reason.clone())
    }
}

/// Reading and verifying a large catalog takes a while, for which nobody else should wait.
async fn run<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    spawn_blocking(work).await.expect("reading catalogs does not panic")
}
