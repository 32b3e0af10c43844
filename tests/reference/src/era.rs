//! The two eras of the protocol: sessions that begin with `initialize`, and requests that stand alone.

use std::str::FromStr;

use rmcp::RoleServer;
use rmcp::model::ProtocolVersion;
use rmcp::service::RequestContext;

/// Which revisions the server speaks.
#[derive(Clone, Copy)]
pub enum Era {
    /// 2024-11-05 to 2025-11-25.
    Session,
    /// 2026-07-28.
    Stateless,
    /// All of them.
    Both,
}

impl Era {
    /// The revisions, oldest first.
    pub fn versions(self) -> Vec<ProtocolVersion> {
        let known = ProtocolVersion::KNOWN_VERSIONS.iter();
        match self {
            Self::Both => known.cloned().collect(),
            Self::Session => known.filter(|version| version.has_initialize()).cloned().collect(),
            Self::Stateless => known.filter(|version| !version.has_initialize()).cloned().collect(),
        }
    }
}

impl FromStr for Era {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "session" => Ok(Self::Session),
            "stateless" => Ok(Self::Stateless),
            "both" => Ok(Self::Both),
            other => Err(format!("--era {other}: session, stateless or both")),
        }
    }
}

/// Whether this request stands alone, so that the client cannot be asked while it runs.
pub fn stands_alone(context: &RequestContext<RoleServer>) -> bool {
    context.protocol_version().is_some_and(|version| !version.has_initialize())
}
