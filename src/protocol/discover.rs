//! `server/discover`: what a stateless server is and can do (revision 2026-07-28, Discovery).

use super::era::Era;
use super::freshness::Freshness;
use super::meta::{IDENTITY, SERVER_INFO};
use super::version::Revision;
use crate::base::json::{elements, is_object, member, string};

/// The result that the bridge gives: `capabilities` is the JSON text of an object, empty `instructions` are left out.
pub fn result(capabilities: &str, instructions: &str, freshness: Freshness) -> String {
    let versions: Vec<String> =
        Revision::ALL.iter().rev().map(|revision| format!("\"{}\"", revision.as_str())).collect();
    let instructions = if instructions.is_empty() {
        String::new()
    } else {
        let text = serde_json::to_string(instructions).expect("a text always serialises");
        format!(r#","instructions":{text}"#)
    };
    format!(
        r#"{{"resultType":"complete","supportedVersions":[{}],"capabilities":{capabilities}{instructions},"ttlMs":{},"cacheScope":"{}","_meta":{{"{SERVER_INFO}":{IDENTITY}}}}}"#,
        versions.join(","),
        freshness.ttl_ms,
        freshness.scope.as_str(),
    )
}

/// What a server answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Discovery {
    /// The dates of the revisions that it speaks, known or not.
    pub supported: Vec<String>,
    /// The JSON text of an object.
    pub capabilities: Box<str>,
    /// The JSON text of an object with its name and version.
    pub server_info: Option<Box<str>>,
    /// How to use it, for the model.
    pub instructions: Option<String>,
    /// How long this holds.
    pub freshness: Freshness,
}

/// Why an answer to `server/discover` cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the answer to `server/discover` has no {member}")]
pub struct DiscoveryFault {
    member: &'static str,
}

impl Discovery {
    /// Reads the result.
    pub fn parse(result: &str) -> Result<Self, DiscoveryFault> {
        let supported: Vec<String> = member(result, "supportedVersions")
            .map(|versions| elements(versions).filter_map(string).map(Into::into).collect())
            .filter(|versions: &Vec<String>| !versions.is_empty())
            .ok_or(DiscoveryFault { member: "`supportedVersions`" })?;
        let capabilities = member(result, "capabilities")
            .filter(|capabilities| is_object(capabilities))
            .ok_or(DiscoveryFault { member: "`capabilities` object" })?;
        // Drafts of the revision had it beside the capabilities.
        let server_info = member(result, "_meta")
            .and_then(|meta| member(meta, SERVER_INFO))
            .or_else(|| member(result, "serverInfo"))
            .filter(|info| is_object(info));
        Ok(Self {
            supported,
            capabilities: capabilities.into(),
            server_info: server_info.map(Into::into),
            instructions: member(result, "instructions").and_then(string).map(Into::into),
            freshness: Freshness::of(result),
        })
    }

    /// The newest revision without sessions that both sides speak.
    pub fn revision(&self) -> Option<Revision> {
        newest_common(&self.supported)
    }
}

/// The newest revision without sessions among these dates that is spoken here.
pub fn newest_common(supported: &[String]) -> Option<Revision> {
    Revision::ALL.into_iter().rev().find(|revision| {
        revision.era() == Era::Stateless
            && supported.iter().any(|date| date.as_str() == revision.as_str())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::freshness::Scope;

    #[test]
    fn what_is_written_is_read() {
        let freshness = Freshness { ttl_ms: 60_000, scope: Scope::Public };
        let text = result(r#"{"tools":{}}"#, "Use it \"well\".", freshness);
        serde_json::from_str::<serde_json::Value>(&text).expect("it is JSON");
        let found = Discovery::parse(&text).expect("well formed");
        assert_eq!(found.supported.first().map(String::as_str), Some("2026-07-28"));
        assert_eq!(found.supported.len(), Revision::ALL.len());
        assert_eq!(&*found.capabilities, r#"{"tools":{}}"#);
        assert_eq!(found.server_info.as_deref(), Some(IDENTITY));
        assert_eq!(found.instructions.as_deref(), Some("Use it \"well\"."));
        assert_eq!(found.freshness, freshness);
        assert_eq!(found.revision(), Some(Revision::V2026_07_28));
        assert!(!result("{}", "", freshness).contains("instructions"));
    }

    #[test]
    fn answers_of_others_are_read() {
        let check = |result: &str, expected: Result<Option<Revision>, &str>| {
            let found = Discovery::parse(result);
            let found = found.map(|it| it.revision()).map_err(|fault| fault.to_string());
            assert_eq!(found, expected.map_err(str::to_owned), "{result}");
        };
        let versions = |dates: &str| {
            format!(
                r#"{{"supportedVersions":{dates},"capabilities":{{}},"serverInfo":{{"name":"x"}}}}"#
            )
        };
        check(&versions(r#"["2026-07-28"]"#), Ok(Some(Revision::V2026_07_28)));
        check(&versions(r#"["2027-05-01","2025-11-25"]"#), Ok(None));
        let no_versions = "the answer to `server/discover` has no `supportedVersions`";
        check(&versions("[]"), Err(no_versions));
        check(r#"{"capabilities":{}}"#, Err(no_versions));
        check(
            r#"{"supportedVersions":["2026-07-28"],"capabilities":[]}"#,
            Err("the answer to `server/discover` has no `capabilities` object"),
        );
        let found = Discovery::parse(&versions(r#"["a"]"#)).expect("well formed");
        assert_eq!(found.server_info.as_deref(), Some(r#"{"name":"x"}"#));
        assert_eq!(found.freshness, Freshness::NONE);
    }
}
