//! How a rule is written down.

use super::{disregard, languages, secrets, tools, turns};
use crate::guard::found::Kind;

/// One rule.
#[derive(Debug)]
pub(in crate::guard) struct Rule {
    /// What it finds.
    pub(in crate::guard) kind: Kind,
    /// Words of which at least one stands in every match, in small letters.
    pub(in crate::guard) triggers: &'static [&'static str],
    /// The expression: a blank stands for any white space, with a question mark behind it for none as well; `~` for up
    /// to forty, `~~` for up to a hundred bytes of the same sentence.
    pub(in crate::guard) expression: &'static str,
}

pub(super) const fn rule(
    kind: Kind,
    triggers: &'static [&'static str],
    expression: &'static str,
) -> Rule {
    Rule { kind, triggers, expression }
}

/// All rules.
pub(in crate::guard) fn all() -> impl Iterator<Item = &'static Rule> {
    [disregard::RULES, turns::RULES, secrets::RULES, tools::RULES, languages::RULES]
        .into_iter()
        .flatten()
}
