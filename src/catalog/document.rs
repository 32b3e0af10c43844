//! The document of a remote catalog: `{"catalogVersion": 1, "name"?, "recipes": [{…, "signature"?}]}`.
//!
//! A recipe is checked in its canonical form, the very bytes that were signed, so that nothing can be read otherwise than
//! it was signed.

use std::collections::{BTreeMap, HashMap};
use std::time::SystemTime;

use super::entry::{Entry, Origin};
use super::note::{Note, Reason};
use super::signature;
use crate::base::json::{Strict, canonical, elements, is_object, member, string, without};
use crate::config::{RemoteCatalog, Severity};
use crate::recipe::{self, moment};
use crate::telemetry::logging::excerpt;

/// The one version of the format that there is.
const VERSION: &str = "1";
/// Recipes that are read of one catalog.
const MOST_RECIPES: usize = 2000;
/// Notes about single recipes of one catalog; nobody reads more.
const MOST_NOTES: usize = 20;
/// Characters of an id that messages show.
const LONGEST_ID: usize = 64;

/// Characters of a day such as `2026-11-20`.
const DAY: usize = 10;

/// What a catalog holds.
#[derive(Debug, Default)]
pub(super) struct Contents {
    /// Recipes without errors whose signatures are as the config wants them.
    pub(super) entries: Vec<Entry>,
    /// Those that are left out.
    pub(super) notes: Vec<Note>,
}

/// Why a text is no catalog.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Fault {
    #[error("it is no JSON: {0}")]
    NotJson(String),
    #[error("it is no catalog: {0}")]
    NotACatalog(&'static str),
    #[error(
        "it is a catalog of version {0}, of which this version of the bridge knows nothing; update the bridge"
    )]
    Version(String),
}

/// The newest day of `metadata.lastVerified` that a signed recipe of each id has had.
pub(super) type Newest = BTreeMap<String, String>;

/// Reads what came from `catalog`. Signed recipes older than `newest` has them are left out; those that are newer are
/// noted there.
pub(super) fn read(
    text: &[u8],
    catalog: &RemoteCatalog,
    newest: &mut Newest,
    now: SystemTime,
) -> Result<Contents, Fault> {
    let mut strict = Strict::new();
    let checked = strict.check(text).map_err(|fault| Fault::NotJson(fault.to_string()))?;
    let document = checked.text.trim();
    if !is_object(document) {
        return Err(Fault::NotACatalog("it is no object"));
    }
    match member(document, "catalogVersion") {
        Some(VERSION) => {}
        Some(other) => return Err(Fault::Version(excerpt(other.as_bytes(), 16))),
        None => return Err(Fault::NotACatalog("`catalogVersion` is missing")),
    }
    let recipes = member(document, "recipes").filter(|recipes| recipes.starts_with('['));
    let recipes = recipes.ok_or(Fault::NotACatalog("`recipes` is no list"))?;
    let mut contents = Contents::default();
    let (mut ids, mut recipes) = (HashMap::new(), elements(recipes).enumerate());
    for (index, text) in recipes.by_ref().take(MOST_RECIPES) {
        let admit = |entry| contents.admit(entry, &mut ids, newest);
        match entry(text, catalog, now).and_then(admit) {
            Ok(()) => {}
            Err(_) if contents.notes.len() == MOST_NOTES => {}
            Err(reason) => {
                let id = member(text, "id").and_then(string);
                let id =
                    id.map_or_else(|| index.to_string(), |id| excerpt(id.as_bytes(), LONGEST_ID));
                contents.notes.push(Note::LeftOut { catalog: catalog.name.clone(), id, reason });
            }
        }
    }
    let beyond = recipes.count();
    if beyond > 0 {
        let catalog = catalog.name.clone();
        contents.notes.push(Note::TooMany { catalog, read: MOST_RECIPES, beyond });
    }
    Ok(contents)
}

impl Contents {
    /// Of those with one id the first counts, but a signed one before any that is not, and of signed ones the newest.
    /// `ids` says where each stands.
    fn admit(
        &mut self,
        entry: Entry,
        ids: &mut HashMap<String, usize>,
        newest: &mut Newest,
    ) -> Result<(), Reason> {
        let id = &entry.recipe.id;
        let place = ids.get(id).copied();
        if place.is_some_and(|place| rank(&entry) <= rank(&self.entries[place])) {
            return Err(Reason::Hidden);
        }
        if is_signed(&entry) {
            let before = newest.get(id).filter(|day| moment(day).is_some());
            let (now, then) = (verified(&entry), before.and_then(|day| moment(day)));
            if let Some(before) = before.filter(|_| now < then) {
                return Err(Reason::Older { before: before.clone() });
            }
            let day = entry.recipe.metadata.last_verified.as_deref();
            if let Some(day) = day.and_then(|day| day.get(..DAY)).filter(|_| now > then) {
                newest.insert(id.clone(), day.to_owned());
            }
        }
        if let Some(place) = place {
            self.entries[place] = entry;
            return Err(Reason::Hidden);
        }
        ids.insert(id.clone(), self.entries.len());
        self.entries.push(entry);
        Ok(())
    }
}

/// Of two recipes of one id the greater one counts. What is not signed proves no day.
fn rank(entry: &Entry) -> (bool, Option<SystemTime>) {
    let is_signed = is_signed(entry);
    (is_signed, verified(entry).filter(|_| is_signed))
}

fn verified(entry: &Entry) -> Option<SystemTime> {
    entry.recipe.metadata.last_verified.as_deref().and_then(moment)
}

fn is_signed(entry: &Entry) -> bool {
    matches!(&entry.origin, Origin::Remote { signed_by: Some(_), .. })
}

fn entry(text: &str, catalog: &RemoteCatalog, now: SystemTime) -> Result<Entry, Reason> {
    let body = without(text, |name| name == signature::MEMBER);
    let body = canonical(&body).filter(|_| is_object(text));
    let body =
        body.ok_or_else(|| Reason::Faulty("it is no object that can be signed".to_owned()))?;
    let signed_by = match (&catalog.public_key, member(text, signature::MEMBER)) {
        (Some(key), Some(found)) if signature::is_valid(found, key, &body) => {
            Some(signature::fingerprint(key))
        }
        (Some(_), Some(_)) => return Err(Reason::BadSignature),
        (Some(_), None) if catalog.require_signature => return Err(Reason::Unsigned),
        // Nobody can tell what a signature without a key is worth.
        (Some(_) | None, _) => None,
    };
    let is_signed = signed_by.is_some();
    let origin = Origin::Remote { catalog: catalog.name.clone(), signed_by };
    let mut checked = recipe::check(body.as_bytes(), now);
    // The canonical form has one line only.
    checked.findings.iter_mut().for_each(|finding| finding.line = None);
    let entry = Entry::new(checked, body.as_bytes(), origin).map_err(|findings| {
        let error = findings.iter().find(|finding| finding.severity == Severity::Error);
        Reason::Faulty(error.map_or_else(|| "it has errors".to_owned(), ToString::to_string))
    })?;
    let day = member(&body, "metadata").and_then(|metadata| member(metadata, "lastVerified"));
    if is_signed && day.is_some() && verified(&entry).is_none() {
        return Err(Reason::NoDay);
    }
    Ok(entry)
}
