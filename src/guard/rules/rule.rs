//! How a rule is written down.

use super::{claims, disregard, languages, leaks, machine, secrecy, secrets, tools, turns};
use crate::guard::found::Kind;

/// One rule.
#[derive(Debug)]
pub(in crate::guard) struct Rule {
    /// What it finds.
    pub(in crate::guard) kind: Kind,
    /// Beginnings of words of which at least one stands in every match, in small letters; up to three letters are
    /// a word by themselves.
    pub(in crate::guard) triggers: &'static [&'static str],
    /// More such words, of which one stands in every match too; none if the triggers are rare enough.
    pub(in crate::guard) companions: &'static [&'static str],
    /// The expression: a blank stands for any white space, with a question mark behind it for none as well; `~` for up
    /// to forty, `~~` for up to a hundred bytes of the same sentence; `\\.` for a full stop inside of a word as well.
    pub(in crate::guard) expression: &'static str,
}

pub(super) const fn rule(
    kind: Kind,
    triggers: &'static [&'static str],
    companions: &'static [&'static str],
    expression: &'static str,
) -> Rule {
    Rule { kind, triggers, companions, expression }
}

/// All rules.
pub(in crate::guard) fn all() -> impl Iterator<Item = &'static Rule> {
    let families = [
        disregard::RULES,
        turns::RULES,
        machine::RULES,
        claims::RULES,
        secrecy::RULES,
        secrets::RULES,
        leaks::RULES,
        tools::RULES,
        languages::RULES,
    ];
    families.into_iter().flatten()
}
