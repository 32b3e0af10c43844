//! One call of one tool from its resolved name to the server's answer: limits, the cache, tries.

use std::borrow::Cow;
use std::sync::Arc;

use serde::Serialize;
use tokio::time::Instant;

use super::Error;
use super::attempt::{Attempt, Tried};
use super::routing::{Router, unknown_tool};
use crate::access;
use crate::base::json::{Strict, member, members};
use crate::cache::{Joined, Key};
use crate::config::ServerName;
use crate::protocol::capabilities::wants_questions;
use crate::protocol::content::text_result;
use crate::protocol::outcome::{Facts, Outcome};
use crate::tools::Registry;
use crate::tools::arguments;
use crate::tools::signature::signature;
use crate::upstream;

/// What the server answered, and what there is to say about how it came.
pub(super) struct Answered {
    pub(super) result: Box<str>,
    pub(super) facts: Facts,
    pub(super) notes: Notes,
}

/// How an answer came about.
#[derive(Debug, Default)]
pub(super) struct Notes {
    /// Tries beyond the first.
    pub(super) retries: u32,
    /// A limit that is near.
    pub(super) warning: Option<String>,
    /// How it came, where the config asks for it.
    pub(super) debug: Option<Debug>,
}

/// What `debug` adds to answers.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Debug {
    /// From the resolved name to the answer.
    took_ms: u64,
    retries: u32,
    /// It was given before, or to somebody else at the same time.
    cached: bool,
    /// Bytes of the server's result.
    result_bytes: usize,
}

impl Notes {
    /// The number of tries beyond the first, if there were any.
    pub(super) fn retries(&self) -> Option<u32> {
        Some(self.retries).filter(|retries| *retries > 0)
    }
}

/// A call that reached the server and came back.
#[derive(Debug, Clone)]
pub(super) struct Made<Text> {
    result: Text,
    facts: Facts,
    retries: u32,
    warning: Option<String>,
}

/// A call that has no result.
#[derive(Debug, Clone)]
pub(super) enum Failure {
    /// It was not made: the server has had its calls.
    Refused(Arc<access::Refused>),
    /// It failed after so many further tries.
    Failed(upstream::Error, u32),
    /// It was not made: the tool is not what it was, and is withheld.
    Withheld,
}

/// The outcome of a call that several callers share.
pub(super) type Shared = Result<Made<Arc<str>>, Failure>;

impl Attempt<'_> {
    /// The server's answer, which may say that the tool failed.
    pub(super) async fn answered(&self, router: &Router) -> Result<Answered, Error> {
        self.check_arguments(router).await?;
        let begun = router.settings.debug.then(Instant::now);
        let (made, cached) = match self.key(router) {
            Some(key) => Box::pin(self.shared(router, key)).await,
            None => (self.made(router).await, false),
        };
        let Made { result, facts, retries, warning } = made.map_err(|failure| match failure {
            Failure::Refused(refused) => Error::RateLimited(refused),
            Failure::Failed(source, retries) => self.failed(source, retries),
            Failure::Withheld => {
                let tools = self.registry(router).snapshot();
                let tools = tools.get(self.found.name.as_str()).cloned();
                let tools = tools.unwrap_or_default();
                unknown_tool(self.found.name, &tools, &self.tool.definition.name)
            }
        })?;
        if !facts.is_error {
            router.remember(self.found.name);
            if self.whole.is_none() {
                router.promotion.record(self.found.name, &self.tool.definition.name);
            }
        }
        let debug = begun.map(|begun| Debug {
            took_ms: begun.elapsed().as_millis().try_into().unwrap_or(u64::MAX),
            retries,
            cached,
            result_bytes: result.len(),
        });
        Ok(Answered { result, facts, notes: Notes { retries, warning, debug } })
    }

    /// Arguments that the tool's schema does not permit are not sent, unless they are to travel as they are: then the
    /// server says itself what is wrong with them.
    async fn check_arguments(&self, router: &Router) -> Result<(), Error> {
        if !router.settings.validate_arguments || self.whole.is_some() {
            return Ok(());
        }
        arguments::check(self.tool, self.params).await.map_err(|faults| {
            let reasons: Vec<String> = faults.into_iter().map(|fault| fault.message).collect();
            let reasons = router.fit(self.found.name, &reasons.join("; "));
            let hint = format!("the tool is called as {}", signature(&self.tool.definition));
            Error::invalid(reasons).with_hint(hint)
        })
    }

    /// The call's key in the cache, if the config and the tool let its result be given again. A tool that says that it
    /// writes is called each time unless `cacheTtl` names it.
    fn key(&self, router: &Router) -> Option<Key> {
        if self.whole.is_some_and(|whole| !is_plain(whole)) || self.may_be_asked() {
            return None;
        }
        let (server, tool) = (self.found.name.as_str(), self.tool.definition.name.as_str());
        let results = &router.results;
        let may = results.keeps(server, tool) && !self.may_write(router);
        may.then(|| Key::new(server, tool, self.params).of(self.found.supervisor.number()))
    }

    /// Where the tool was looked up.
    pub(super) fn registry<'a>(&self, router: &'a Router) -> &'a Arc<Registry> {
        if self.whole.is_some() {
            router.registry_for(self.found.name, &self.caller.client)
        } else {
            &router.registry
        }
    }

    /// Whether the server may put questions to the client, whose answers are nobody else's.
    fn may_be_asked(&self) -> bool {
        self.whole.is_some() && wants_questions(&self.caller.client.capabilities)
    }

    /// A kept result, or one that somebody waits for already, or a new one; whether it was not made for this caller.
    async fn shared(&self, router: &Router, key: Key) -> (Result<Made<Box<str>>, Failure>, bool) {
        if let Some(result) = router.results.get(&key) {
            let (facts, result) = (Facts::of(&*result), (*result).into());
            return (Ok(Made { result, facts, retries: 0, warning: None }), true);
        }
        let (shared, joined) = if self.tool.hints.is_read_only() {
            let made = async || self.made_and_kept(router, key.clone()).await;
            router.flights.join(key.clone(), made).await
        } else {
            (self.made_and_kept(router, key).await, Joined::Led)
        };
        let made = shared.map(|made| Made {
            result: (*made.result).into(),
            facts: made.facts,
            retries: made.retries,
            warning: made.warning,
        });
        (made, joined == Joined::Followed)
    }

    async fn made_and_kept(&self, router: &Router, key: Key) -> Shared {
        let since = router.results.begin(key.server());
        let Made { result, facts, retries, warning } = self.made(router).await?;
        let result: Arc<str> = result.into();
        if !facts.is_error && is_final(&result) {
            router.results.put(key, result.clone(), since);
        }
        Ok(Made { result, facts, retries, warning })
    }

    /// Makes the call, within the server's limits.
    async fn made(&self, router: &Router) -> Result<Made<Box<str>>, Failure> {
        let admission = router.usage.admit(self.found.name).await;
        let admission = admission.map_err(|refused| Failure::Refused(Arc::new(refused)))?;
        // Whether it succeeds, fails or is withdrawn: what was read before may not hold any more.
        let forgetting =
            self.may_write(router).then(|| Forgetting { router, server: self.found.name });
        let Tried { outcome, retries } = self.run(router, &self.found.settings.retry).await;
        drop(forgetting);
        router.pool.make_room_for(&[]);
        let result = outcome.map_err(|source| Failure::Failed(source, retries))?;
        let Outcome { json: mut result, facts } = result.ok_or(Failure::Withheld)?;
        let mut warning = None;
        if facts.is_error {
            result = self.without_secrets(result);
        } else {
            warning = admission.succeeded().await.map(|warning| warning.to_string());
        }
        Ok(Made { result, facts, retries, warning })
    }

    /// Whether the tool says that it writes, and the config does not say that its results may be given again.
    fn may_write(&self, router: &Router) -> bool {
        let (server, tool) = (self.found.name.as_str(), &*self.tool.definition.name);
        self.tool.hints.is_write() && !router.results.is_named(server, tool)
    }

    /// What a tool says when it fails may repeat what it was given to log in with.
    fn without_secrets(&self, result: Box<str>) -> Box<str> {
        let clean = match self.found.supervisor.blot(&result) {
            Cow::Borrowed(_) => return result,
            Cow::Owned(clean) => clean,
        };
        match Strict::new().check(clean.as_bytes()) {
            Ok(checked) if checked.is_object() => clean.into(),
            // The secret looked like a part of the JSON itself.
            _ => text_result("the tool failed and said so in words that hold a secret", true),
        }
    }
}

/// Whether a call has nothing beyond what every call has, such as a wish for a task.
fn is_plain(whole: &str) -> bool {
    members(whole).all(|member| matches!(&*member.name(), "name" | "arguments" | "_meta"))
}

/// Whether a result is the last word of a call (revision 2026-07-28, Base Protocol, Results).
fn is_final(result: &str) -> bool {
    member(result, "resultType").is_none_or(|kind| kind == "\"complete\"")
}

/// Forgets the results of a server, at the latest when it is dropped.
struct Forgetting<'a> {
    router: &'a Router,
    server: &'a ServerName,
}

impl Drop for Forgetting<'_> {
    fn drop(&mut self) {
        self.router.results.clear_server(self.server.as_str());
        self.router.flights.close_server(self.server.as_str());
    }
}
