//! How long results of calls are kept.

use std::time::Duration;

use indexmap::IndexMap;

use super::reader::Reader;

/// `resultCache`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResultCache {
    /// Whether results are kept at all.
    pub enabled: bool,
    /// Results that are kept at most.
    pub max_entries: usize,
    /// How long a result is good.
    pub default_ttl: Duration,
    /// How long results of single tools are good, by `server:tool`; zero keeps none.
    pub ttl: IndexMap<String, Duration>,
}

impl Default for ResultCache {
    fn default() -> Self {
        Self {
            enabled: false,
            max_entries: 100,
            default_ttl: Duration::from_mins(5),
            ttl: IndexMap::new(),
        }
    }
}

impl ResultCache {
    pub(super) fn read(reader: Option<Reader<'_>>) -> Self {
        let default = Self::default();
        let Some(mut reader) = reader else {
            return default;
        };
        let default_ttl = reader.duration_ms("defaultTtlMs", 0);
        let section = Self {
            enabled: reader.bool("enabled").unwrap_or(default.enabled),
            max_entries: reader.count("maxEntries", 1).unwrap_or(default.max_entries),
            default_ttl: default_ttl.unwrap_or(default.default_ttl),
            ttl: reader.duration_map_ms("cacheTtl").unwrap_or_default(),
        };
        for key in section.ttl.keys() {
            let whole = key
                .split_once(':')
                .is_some_and(|(server, tool)| !server.is_empty() && !tool.is_empty());
            if !whole {
                let place = crate::base::locate::child(&reader.at("cacheTtl"), key);
                reader
                    .report()
                    .warning(&place, format!("`{key}` is not `server:tool` and fits no tool"));
            }
        }
        reader.finish();
        section
    }
}
