//! How long a result may be used again, and by whom (revision 2026-07-28, Caching).

use super::method;
use crate::base::json::{member, string};

/// What a server says of one result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Freshness {
    /// For how many milliseconds the result holds; 0 means that it is stale at once.
    pub ttl_ms: u64,
    /// Who may use it.
    pub scope: Scope,
}

/// Who may use a result again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Everybody.
    Public,
    /// Only who has the authorization that it was got with.
    Private,
}

impl Scope {
    /// As it travels.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Private => "private",
        }
    }
}

impl Freshness {
    /// What is said where nothing is known: nothing may be used again.
    pub const NONE: Self = Self { ttl_ms: 0, scope: Scope::Private };

    /// Reads the two members of a result. What is missing or malformed counts as [`Self::NONE`] has it.
    pub fn of(result: &str) -> Self {
        let ttl = member(result, "ttlMs").and_then(|ttl| ttl.parse().ok());
        let scope = member(result, "cacheScope").and_then(string);
        Self {
            ttl_ms: ttl.unwrap_or(Self::NONE.ttl_ms),
            scope: if scope.as_deref() == Some("public") { Scope::Public } else { Scope::Private },
        }
    }
}

/// Whether results of the method carry the two members.
pub fn is_cacheable(method: &str) -> bool {
    matches!(
        method,
        method::SERVER_DISCOVER
            | method::TOOLS_LIST
            | method::PROMPTS_LIST
            | method::RESOURCES_LIST
            | method::RESOURCES_TEMPLATES_LIST
            | method::RESOURCES_READ
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn freshness_is_read_with_care() {
        let check = |result: &str, ttl_ms, scope| {
            assert_eq!(Freshness::of(result), Freshness { ttl_ms, scope }, "{result}");
        };
        check(r#"{"ttlMs":5000,"cacheScope":"public"}"#, 5000, Scope::Public);
        check(r#"{"ttlMs":-1,"cacheScope":"private"}"#, 0, Scope::Private);
        check(r#"{"ttlMs":"5","cacheScope":"everyone"}"#, 0, Scope::Private);
        check("{}", 0, Scope::Private);
    }
}
