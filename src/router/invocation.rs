//! One call of one tool from its resolved name to the server's answer: limits, the cache, tries.

use std::borrow::Cow;

use serde::Serialize;
use tokio::time::Instant;

use super::attempt::{Attempt, Tried};
use super::routing::Router;
use super::{Error, value};
use crate::base::json::Strict;
use crate::protocol::content::text_result;
use crate::protocol::error::INVALID_PARAMS;
use crate::tools::signature::signature;
use crate::upstream;

/// What the server answered, and what there is to say about how it came.
pub(super) struct Answered {
    pub(super) result: Box<str>,
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

impl Attempt<'_> {
    /// The server's answer, which may say that the tool failed.
    pub(super) async fn answered(&self, router: &Router) -> Result<Answered, Error> {
        let begun = router.settings.debug.then(Instant::now);
        let Tried { outcome, retries } = self.run(router, &self.found.settings.retry).await;
        let mut result = outcome.map_err(|source| self.failed(source, retries))?;
        if value::is_error(&result) {
            result = self.without_secrets(result);
        } else {
            router.remember(self.found.name);
            router.promotion.record(self.found.name, &self.tool.definition.name);
        }
        router.pool.make_room_for(&[]);
        let debug = begun.map(|begun| Debug {
            took_ms: begun.elapsed().as_millis().try_into().unwrap_or(u64::MAX),
            retries,
            cached: false,
            result_bytes: result.len(),
        });
        Ok(Answered { result, notes: Notes { retries, warning: None, debug } })
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

    fn failed(&self, source: upstream::Error, retries: u32) -> Error {
        // The server found fault with the arguments (JSON-RPC 2.0, section 5.1).
        let refused = matches!(&source, upstream::Error::Refused(e) if e.code == INVALID_PARAMS);
        Error::Upstream {
            signature: refused.then(|| signature(&self.tool.definition)),
            server: self.found.name.to_string(),
            source,
            retries,
        }
    }
}
