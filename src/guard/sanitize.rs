//! The text that is left when channels are closed and instructions are replaced or marked.

use std::borrow::Cow;

use super::channel;
use super::detect::{Finding, detect};
use super::found::{Found, Kind};
use crate::config::SanitizeAction;

/// What is left is looked at again, since removing something can bring together what was apart. A text that does not
/// come to rest is made for that.
const MAX_ROUNDS: usize = 4;

/// Before the kind in a mark.
const MARK: &str = "[instruction to the model (";
/// Between the kind and the words.
const MARKED: &str = "): ";

/// Cleans `text`.
pub(super) fn sanitize(text: &str, action: SanitizeAction) -> (Cow<'_, str>, Found) {
    let (closed, mut found) = channel::close(text);
    let findings = detect(&closed);
    if findings.is_empty() {
        return (closed, found);
    }
    for finding in &findings {
        found.add(finding.kind);
    }
    let mut text = apply(&closed, &findings, action);
    for _ in 1..MAX_ROUNDS {
        let (closed, more) = channel::close(&text);
        found.merge(more);
        let findings = detect(&closed);
        let next = apply(&closed, &findings, action);
        if next == text {
            return (Cow::Owned(text), found);
        }
        for finding in &findings {
            found.add(finding.kind);
        }
        text = next;
    }
    (Cow::Owned(removed(Kind::Disguised)), found)
}

fn apply(text: &str, findings: &[Finding], action: SanitizeAction) -> String {
    let mut left = String::with_capacity(text.len());
    let mut at = 0;
    for Finding { span, kind } in findings {
        left.push_str(&text[at..span.start]);
        match action {
            SanitizeAction::Replace => left.push_str(&removed(*kind)),
            SanitizeAction::Annotate => annotate(&mut left, text, finding_words(text, span), *kind),
        }
        at = span.end;
    }
    left.push_str(&text[at..]);
    left
}

fn finding_words<'a>(text: &'a str, span: &std::ops::Range<usize>) -> &'a str {
    &text[span.clone()]
}

fn annotate(left: &mut String, _text: &str, words: &str, kind: Kind) {
    // What is marked already stays as it is.
    if left.ends_with(MARKED) || words.contains(MARK) {
        left.push_str(words);
        return;
    }
    left.push_str(MARK);
    left.push_str(kind.as_str());
    left.push_str(MARKED);
    left.push_str(words);
    left.push(']');
}

/// What stands in the place of an instruction.
fn removed(kind: Kind) -> String {
    format!("[removed: instruction to the model ({})]", kind.as_str())
}
