//! The two eras of the protocol, told apart before anything else is read.
//!
//! Up to 2025-11-25 a connection opens with `initialize`; from 2026-07-28 on every request stands alone and names
//! its revision in `_meta`.

use super::meta;
use crate::base::json::Part;

/// How a peer opens a conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Era {
    /// With `initialize`, once per session.
    Session,
    /// Not at all: each request carries its revision.
    Stateless,
}

impl Era {
    /// The era of a request that comes before any `initialize`, by its parameters.
    pub fn of_request(params: Option<Part<'_>>) -> Self {
        let revision = params
            .and_then(|params| params.member("_meta"))
            .and_then(|meta| meta.member(meta::PROTOCOL_VERSION));
        if revision.is_some() { Self::Stateless } else { Self::Session }
    }

    /// The era of a revision by its date, known or not; dates compare as text.
    pub fn of_revision(date: &str) -> Self {
        if date >= "2026-07-28" { Self::Stateless } else { Self::Session }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_that_names_its_revision_is_stateless() {
        let check = |params: &str, expected| {
            assert_eq!(Era::of_request(Some(params.into())), expected, "{params}");
        };
        check(
            r#"{"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28"}}"#,
            Era::Stateless,
        );
        check(r#"{"_meta":{"progressToken":1}}"#, Era::Session);
        check("{}", Era::Session);
        check("[]", Era::Session);
        assert_eq!(Era::of_request(None), Era::Session);
    }
}
