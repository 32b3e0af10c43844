//! Results on their way from a server to a client, with what has to be known of them on it: found out when one comes in,
//! since results can be long.

use std::ops::Deref;

use super::era::Era;
use super::version::Revision;
use super::{lower, method};
use crate::base::json::Part;

/// What there is to know of a result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Facts {
    /// The tool says that it failed.
    pub is_error: bool,
    /// There may be a member `_meta`.
    pub has_meta: bool,
    /// It is an object without a member that may have to be another one for a client with a session.
    is_plain: bool,
}

/// The JSON text of a result, with what there is to know of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// As the server wrote it.
    pub json: Box<str>,
    /// What was found out about it.
    pub facts: Facts,
}

impl Facts {
    /// Of a result that was not looked at, and is not known to say that something failed.
    pub const UNKNOWN: Self = Self { is_error: false, has_meta: true, is_plain: false };

    /// Looks at the members of a result.
    pub fn of<'a>(result: impl Into<Part<'a>>) -> Self {
        let result = result.into();
        let is_plain = result.text().as_bytes().first() == Some(&b'{');
        let mut facts = Self { is_error: false, has_meta: false, is_plain };
        for member in result.members() {
            match &*member.name() {
                "isError" => facts.is_error = member.value == "true",
                "_meta" => (facts.has_meta, facts.is_plain) = (true, false),
                "resultType" | "ttlMs" | "cacheScope" | "structuredContent" => {
                    facts.is_plain = false;
                }
                _ => {}
            }
        }
        facts
    }

    /// What is known of the result once it was changed.
    #[must_use]
    pub fn after_change(self) -> Self {
        Self { has_meta: true, is_plain: false, ..self }
    }

    /// Whether [`super::translate::result_for`] changes nothing of a result of this method.
    pub fn needs_no_change(self, revision: Revision, method: &str) -> bool {
        self.is_plain
            && revision.era() == Era::Session
            && method == method::TOOLS_CALL
            && !lower::looks_into_blocks(revision)
    }
}

impl Deref for Outcome {
    type Target = str;

    fn deref(&self) -> &str {
        &self.json
    }
}

impl From<Part<'_>> for Outcome {
    fn from(result: Part<'_>) -> Self {
        Self { json: result.text().into(), facts: Facts::of(result) }
    }
}

/// A result of the bridge's own, of which nobody asks whether it is an error.
impl From<Box<str>> for Outcome {
    fn from(json: Box<str>) -> Self {
        Self { json, facts: Facts::UNKNOWN }
    }
}
