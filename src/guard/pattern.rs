//! Rules over folded text: each is one small expression that runs only around its trigger words.
//!
//! All triggers of all rules are looked for in one pass (Aho-Corasick). One large `RegexSet` instead would have a
//! state machine that no cache holds. Expressions are compiled when a trigger of theirs is first seen.

use std::ops::Range;
use std::sync::{LazyLock, OnceLock};

use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};
use regex::bytes::{Regex, RegexBuilder};

use super::found::Kind;
use super::rules::{Rule, all};

/// How far before and behind a trigger a rule looks; no expression spans more.
const REACH: usize = 320;

/// A rule that matched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Match {
    pub(super) kind: Kind,
    /// In the folded text.
    pub(super) span: Range<usize>,
}

struct Patterns {
    triggers: AhoCorasick,
    /// The rules of each trigger.
    rules_of: Vec<Vec<usize>>,
    rules: Vec<(&'static Rule, OnceLock<Regex>)>,
}

static PATTERNS: LazyLock<Patterns> = LazyLock::new(|| {
    let mut words: Vec<&str> = all().flat_map(|rule| rule.triggers).copied().collect();
    words.sort_unstable();
    words.dedup();
    let rules_of = words.iter().map(|word| {
        let having = |(at, rule): (usize, &Rule)| rule.triggers.contains(word).then_some(at);
        all().enumerate().filter_map(having).collect()
    });
    let rules_of = rules_of.collect();
    let triggers = AhoCorasick::builder()
        .match_kind(MatchKind::Standard)
        .kind(Some(AhoCorasickKind::ContiguousNFA))
        .build(&words)
        .expect("a few hundred short words are within its limits");
    let rules = all().map(|rule| (rule, OnceLock::new())).collect();
    Patterns { triggers, rules_of, rules }
});

/// All matches of all rules in a folded text, in no particular order.
pub(super) fn matches(folded: &[u8]) -> Vec<Match> {
    let mut found = Vec::new();
    let mut windows: Vec<Option<Range<usize>>> = vec![None; PATTERNS.rules.len()];
    for hit in PATTERNS.triggers.find_overlapping_iter(folded) {
        let window = hit.start().saturating_sub(REACH)..(hit.end() + REACH).min(folded.len());
        for &rule in &PATTERNS.rules_of[hit.pattern().as_usize()] {
            match &mut windows[rule] {
                Some(open) if open.end >= window.start => open.end = window.end,
                open => {
                    let closed = open.replace(window.clone());
                    run(rule, folded, closed, &mut found);
                }
            }
        }
    }
    for (rule, window) in windows.into_iter().enumerate() {
        run(rule, folded, window, &mut found);
    }
    found
}

fn run(rule: usize, folded: &[u8], window: Option<Range<usize>>, found: &mut Vec<Match>) {
    let Some(window) = window else { return };
    let (rule, expression) = &PATTERNS.rules[rule];
    let expression = expression.get_or_init(|| compile(rule.expression));
    let offset = window.start;
    found.extend(
        expression.find_iter(&folded[window]).map(|part| Match {
            kind: rule.kind,
            span: part.start() + offset..part.end() + offset,
        }),
    );
}

fn compile(expression: &str) -> Regex {
    let expanded = expression
        .replace("~~", r"(?:[^.!?]|\.[^\s]){0,100}?")
        .replace('~', r"(?:[^.!?]|\.[^\s]){0,40}?")
        .replace(" ?", r"\s*")
        .replace(' ', r"\s+");
    RegexBuilder::new(&expanded)
        .unicode(false)
        .dfa_size_limit(1 << 19)
        .build()
        .expect("every rule is compiled by a test")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_compiles_and_needs_its_triggers() {
        for rule in all() {
            compile(rule.expression);
            assert!(!rule.triggers.is_empty(), "{}", rule.expression);
            for trigger in rule.triggers {
                assert_eq!(*trigger, trigger.to_lowercase(), "folded text has small letters");
            }
        }
    }

    #[test]
    fn windows_that_touch_are_searched_once() {
        let text = "disregard previous orders ".repeat(50);
        let found = matches(text.as_bytes());
        let mut starts: Vec<_> = found.iter().map(|found| (found.span.start, found.kind)).collect();
        let all = starts.len();
        starts.sort_unstable();
        starts.dedup();
        assert_eq!(starts.len(), all);
        assert!(all >= 50);
    }
}
