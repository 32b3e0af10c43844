//! What was found in a text.

use std::collections::BTreeSet;

use serde::Serialize;

/// The ways in which something reaches a model that should not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Unicode tag characters outside flags.
    Tags,
    /// Variation selectors where nothing can vary.
    VariationSelectors,
    /// Characters without width where no script needs them.
    ZeroWidth,
    /// Overrides of the writing direction.
    Bidi,
    /// Terminal control sequences.
    Ansi,
    /// Other control characters.
    Control,
    /// "Ignore the previous instructions" and its kin.
    Override,
    /// Turns, roles and modes that the text has no right to set.
    Role,
    /// Words to whoever reads by machine.
    Address,
    /// What the user must not learn.
    Secrecy,
    /// Secrets asked for, or sent away.
    Exfiltration,
    /// What a tool wants done with other tools.
    CrossTool,
    /// Instructions where a reader of the rendered page would not see them.
    HiddenHtml,
    /// Instructions that have to be decoded first.
    Encoded,
    /// Letters arranged so that only a model reads words in them.
    Disguised,
}

impl Kind {
    /// As it is written in results and markers.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Tags => "tags",
            Self::VariationSelectors => "variation_selectors",
            Self::ZeroWidth => "zero_width",
            Self::Bidi => "bidi",
            Self::Ansi => "ansi",
            Self::Control => "control",
            Self::Override => "override",
            Self::Role => "role",
            Self::Address => "address",
            Self::Secrecy => "secrecy",
            Self::Exfiltration => "exfiltration",
            Self::CrossTool => "cross_tool",
            Self::HiddenHtml => "hidden_html",
            Self::Encoded => "encoded",
            Self::Disguised => "disguised",
        }
    }

    /// The instruction that is written `name`.
    pub(super) fn instruction(name: &str) -> Option<Self> {
        let all = [
            Self::Override,
            Self::Role,
            Self::Address,
            Self::Secrecy,
            Self::Exfiltration,
            Self::CrossTool,
            Self::HiddenHtml,
            Self::Encoded,
            Self::Disguised,
        ];
        all.into_iter().find(|kind| kind.as_str() == name)
    }

    /// Whether it is a channel, which is closed, and no instruction, which is replaced.
    pub fn is_channel(self) -> bool {
        self <= Self::Control
    }
}

/// How much was found, and of which kinds.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Found {
    /// Places.
    pub count: usize,
    /// What was there.
    pub kinds: BTreeSet<Kind>,
}

impl Found {
    /// Whether nothing was found.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Counts one place.
    pub(super) fn add(&mut self, kind: Kind) {
        self.count += 1;
        self.kinds.insert(kind);
    }

    /// Takes over what was found elsewhere.
    pub fn merge(&mut self, other: Self) {
        self.count += other.count;
        self.kinds.extend(other.kinds);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_written_as_they_are_named() {
        let mut found = Found::default();
        for kind in [Kind::Role, Kind::Tags, Kind::VariationSelectors, Kind::Role] {
            found.add(kind);
            assert_eq!(serde_json::json!(kind), kind.as_str());
            let instruction = (!kind.is_channel()).then_some(kind);
            assert_eq!(Kind::instruction(kind.as_str()), instruction);
        }
        let text = serde_json::json!(found).to_string();
        assert_eq!(text, r#"{"count":4,"kinds":["tags","variation_selectors","role"]}"#);
    }

    #[test]
    fn channels_are_told_from_instructions() {
        assert!(Kind::Tags.is_channel() && Kind::Control.is_channel());
        assert!(!Kind::Override.is_channel() && !Kind::Disguised.is_channel());
    }
}
