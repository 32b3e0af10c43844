//! What is done about what servers say beyond their `trust`: `sanitizeAction` and `pinning`.

use super::reader::Reader;

pub(super) const ACTIONS: [(&str, SanitizeAction); 2] =
    [("replace", SanitizeAction::Replace), ("annotate", SanitizeAction::Annotate)];

pub(super) const PINNINGS: [(&str, Pinning); 3] =
    [("off", Pinning::Off), ("warn", Pinning::Warn), ("enforce", Pinning::Enforce)];

/// The two keys, which stand at the top for all servers and in an entry for one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Protection {
    /// What `trust: sanitize` does with an instruction to the model.
    pub sanitize_action: SanitizeAction,
    /// What happens when a tool is no longer what it was.
    pub pinning: Pinning,
}

/// `sanitizeAction`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum SanitizeAction {
    /// A short marker stands in its place.
    #[default]
    Replace,
    /// It stays, between marks.
    Annotate,
}

/// `pinning`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Pinning {
    /// Nothing is remembered.
    Off,
    /// It is told.
    #[default]
    Warn,
    /// The tool is withheld until its owner approves.
    Enforce,
}

impl Protection {
    /// Reads what differs from `base`: the defaults, or for a server what counts for all.
    pub(super) fn read(reader: &mut Reader<'_>, base: Self) -> Self {
        Self {
            sanitize_action: reader
                .choice("sanitizeAction", &ACTIONS)
                .unwrap_or(base.sanitize_action),
            pinning: reader.choice("pinning", &PINNINGS).unwrap_or(base.pinning),
        }
    }
}
