//! How short the descriptions of tools are made.

use super::reader::Reader;

/// `schemaCompression`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SchemaCompression {
    /// Whether descriptions are cut at all.
    pub enabled: bool,
    /// Characters that a description may keep.
    pub max_description_length: usize,
}

impl Default for SchemaCompression {
    fn default() -> Self {
        Self { enabled: true, max_description_length: 80 }
    }
}

impl SchemaCompression {
    pub(super) fn read(reader: Option<Reader<'_>>) -> Self {
        let default = Self::default();
        let Some(mut reader) = reader else {
            return default;
        };
        let max_description_length = reader.count("maxDescriptionLength", 1);
        let section = Self {
            enabled: reader.bool("enabled").unwrap_or(default.enabled),
            max_description_length: max_description_length
                .unwrap_or(default.max_description_length),
        };
        reader.finish();
        section
    }
}
