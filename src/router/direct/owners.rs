//! Whose a resource is: of the servers that list it the first that is trusted, else the first of all; else of those with
//! a template that may stand for it, the trusted before the others, and of these the most literal first; else
//! whoever has it.

use std::cmp::Reverse;
use std::collections::HashSet;

use super::errors::{self, is_unknown};
use super::gather::Kind;
use super::pass::Request;
use crate::base::sorting;
use crate::config::{ServerName, Trust};
use crate::protocol::error::ErrorObject;
use crate::protocol::outcome::Outcome;
use crate::router::caller::Caller;
use crate::router::routing::{Found, Router};
use crate::upstream;

/// How likely a server has a resource, the likeliest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    Lists { is_untrusted: bool },
    Fits { is_untrusted: bool, literal: Reverse<usize> },
    Unknown { is_untrusted: bool },
}

/// Servers that may have a resource, the likeliest first.
#[derive(Clone)]
pub(super) struct Owners<'a> {
    pub(super) servers: Vec<Found<'a>>,
    /// They are those that listed it, or have a template for it.
    are_likely: bool,
    /// What they have was asked for just now.
    is_fresh: bool,
}

impl Router {
    /// Servers that may have a resource: the one that lists it, else those with a template that may stand for it, else
    /// all that are there.
    pub(super) async fn owners(&self, uri: &str, caller: &Caller) -> Owners<'_> {
        let unknown: HashSet<ServerName> = {
            let known = self.direct.known();
            let is_listed = self.pool.iter().any(|(server, _)| known.lists(server, uri));
            let servers = self.pool.iter().map(|(server, _)| server);
            let unknown = servers.filter(|server| !is_listed && !known.has_resources(server));
            unknown.cloned().collect()
        };
        let is_fresh = unknown.len() == self.pool.len();
        // Who is alone is asked whatever it lists.
        if self.pool.len() > 1 && !unknown.is_empty() {
            // A server that is not done with listing what it has shall not be waited for by every read.
            let wanted = |kind| {
                let unknown = &unknown;
                move |server: &ServerName| {
                    unknown.contains(server) && !self.is_awaited(server, kind, caller)
                }
            };
            let (resources, templates) = (Kind::Resources, Kind::Templates);
            let _ = tokio::join!(
                self.gather(resources, caller, wanted(resources)),
                self.gather(templates, caller, wanted(templates)),
            );
        }
        Owners { is_fresh, ..self.ranked(uri) }
    }

    fn ranked(&self, uri: &str) -> Owners<'_> {
        let known = self.direct.known();
        let rank = |found: &Found<'_>| {
            let is_untrusted = is_untrusted(*found);
            match known.fits(found.name, uri) {
                _ if known.lists(found.name, uri) => Rank::Lists { is_untrusted },
                Some(literal) => Rank::Fits { is_untrusted, literal: Reverse(literal) },
                None => Rank::Unknown { is_untrusted },
            }
        };
        let servers = self.pool.iter().filter_map(|(server, _)| self.find(server.as_str()).ok());
        let mut ranked: Vec<(Rank, Found<'_>)> = servers.map(|it| (rank(&it), it)).collect();
        // In the order of the config otherwise.
        sorting::sort_by_key(&mut ranked, |(rank, _)| *rank);
        match ranked.first() {
            Some((Rank::Lists { .. }, _)) => ranked.truncate(1),
            Some((Rank::Fits { .. }, _)) => {
                ranked.retain(|(rank, _)| matches!(rank, Rank::Fits { .. }));
            }
            Some((Rank::Unknown { .. }, _)) | None => {}
        }
        let are_likely = !matches!(ranked.first(), Some((Rank::Unknown { .. }, _)));
        let servers = ranked.into_iter().map(|(_, found)| found).collect();
        Owners { servers, are_likely, is_fresh: false }
    }

    /// Those that may have the resource after all, where the first ones do not know it: what servers have may have
    /// changed without anybody having heard of it.
    pub(super) async fn other_owners(
        &self,
        first: &Owners<'_>,
        uri: &str,
        caller: &Caller,
    ) -> Owners<'_> {
        if first.is_fresh || first.servers.len() == self.pool.len() {
            return Owners { servers: Vec::new(), are_likely: false, is_fresh: true };
        }
        self.direct.known().forget_all_resources();
        let mut owners = self.owners(uri, caller).await;
        let is_new = |found: &Found<'_>| first.servers.iter().all(|it| it.name != found.name);
        owners.servers.retain(is_new);
        owners
    }

    /// The answer of whoever has the resource.
    pub(super) async fn ask_owners(
        &self,
        request: Request<'_>,
        uri: &str,
    ) -> Result<(Found<'_>, Outcome), ErrorObject> {
        let owners = self.owners(uri, request.caller).await;
        let error = match self.first_to_answer(&owners, request, uri).await {
            Err(error) if is_unknown(&error) => error,
            outcome => return outcome,
        };
        let others = self.other_owners(&owners, uri, request.caller).await;
        match self.first_to_answer(&others, request, uri).await {
            Err(other) if is_unknown(&other) => Err(error),
            outcome => outcome,
        }
    }

    /// The answer of the first of these servers that has one. The error of a single one is its own; of several, one
    /// that knows the resource and fails counts more than those that do not know it.
    async fn first_to_answer<'a>(
        &self,
        owners: &Owners<'a>,
        request: Request<'_>,
        uri: &str,
    ) -> Result<(Found<'a>, Outcome), ErrorObject> {
        let mut failures = Failures::new(owners);
        for found in &owners.servers {
            if failures.excludes(*found) {
                continue;
            }
            match self.pass(*found, request).await {
                Ok(result) => return Ok((*found, result)),
                Err(error) => failures.add(*found, error),
            }
        }
        Err(failures.into_error(uri))
    }
}

/// What those have said that were asked so far.
pub(super) struct Failures {
    is_single: bool,
    are_likely: bool,
    error: Option<ErrorObject>,
    /// Somebody trusted, whose the resource seems to be, has failed otherwise than by not knowing it.
    is_barred: bool,
}

impl Failures {
    pub(super) fn new(owners: &Owners<'_>) -> Self {
        let (is_single, are_likely) = (owners.servers.len() == 1, owners.are_likely);
        Self { is_single, are_likely, error: None, is_barred: false }
    }

    /// Whether the server must not speak in the place of those that were asked before.
    pub(super) fn excludes(&self, found: Found<'_>) -> bool {
        self.is_barred && is_untrusted(found)
    }

    pub(super) fn add(&mut self, found: Found<'_>, error: upstream::Error) {
        let is_refusal = matches!(&error, upstream::Error::Refused(_));
        let is_unknown = matches!(&error, upstream::Error::Refused(error) if is_unknown(error));
        let bars = self.are_likely && !is_unknown && !is_untrusted(found);
        self.is_barred |= bars;
        // One that cannot be reached shall not speak for those that can.
        let counts = bars || (is_refusal && !is_unknown);
        if self.is_single || counts {
            self.error.get_or_insert_with(|| errors::of(found, error));
        }
    }

    pub(super) fn into_error(self, uri: &str) -> ErrorObject {
        self.error.unwrap_or_else(|| errors::no_resource(uri))
    }
}

pub(super) fn is_untrusted(found: Found<'_>) -> bool {
    found.settings.guard.trust() != Trust::Trusted
}
