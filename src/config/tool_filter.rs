//! Which tools of a server are there for clients.

use super::reader::Reader;

/// `toolFilter` of one server: allow minus deny.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ToolFilter {
    /// The only tools that are there; none means all, an empty list means none at all.
    pub allow: Option<Vec<String>>,
    /// Tools that are not there, allowed or not.
    pub deny: Vec<String>,
}

impl ToolFilter {
    pub(super) fn read(reader: Option<Reader<'_>>) -> Self {
        let Some(mut reader) = reader else {
            return Self::default();
        };
        let section = Self {
            allow: reader.strings("allow"),
            deny: reader.strings("deny").unwrap_or_default(),
        };
        reader.finish();
        section
    }
}
