//! Where a text holds instructions to a model.

use std::ops::Range;

use super::fold::fold;
use super::found::Kind;
use super::pattern::matches;
use super::quotation::is_of_attack;
use super::speech::{is_personal, is_prose, is_request};
use super::{encoded, fields, hidden, misspelt};

/// A sentence is followed this far in either direction from what was found in it.
const MAX_SENTENCE: usize = 400;

/// So many requests behind an instruction belong to it.
const MAX_FOLLOWING: usize = 4;

/// A part of a text that is, or carries, an instruction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Finding {
    /// In bytes of the text.
    pub(super) span: Range<usize>,
    /// What it is.
    pub(super) kind: Kind,
}

/// The findings of a text, in order and apart from one another.
pub(super) fn detect(text: &str) -> Vec<Finding> {
    let folded = fold(text);
    let mut findings = Vec::new();
    let mut matched = matches(&folded.bytes);
    matched.sort_unstable_by_key(|found| found.span.start);
    // Sentences that belong to one finding already are not read again for the next.
    let mut read = 0;
    for found in matched {
        let place = folded.origin(found.span);
        if found.kind == Kind::Exfiltration && is_of_attack(text, &place) {
            continue;
        }
        let mut span = sentence(text, place);
        let leads = matches!(found.kind, Kind::Override | Kind::Role | Kind::Address);
        if leads && span.end > read {
            span.end = with_requests(text, span.end);
            read = span.end;
        }
        findings.push(Finding { span, kind: found.kind });
    }
    for (span, kind) in &folded.dressed {
        findings.push(Finding { span: sentence(text, span.clone()), kind: *kind });
    }
    let mut add = |spans: Vec<Range<usize>>, kind| {
        findings.extend(spans.into_iter().map(|span| Finding { span, kind }));
    };
    add(hidden::find(text), Kind::HiddenHtml);
    add(encoded::find(text), Kind::Encoded);
    add(fields::find(text), Kind::Disguised);
    let misspelt = misspelt::find(text).into_iter();
    add(misspelt.map(|span| sentence(text, span)).collect(), Kind::Disguised);
    merge(findings)
}

/// What the strings of a JSON text say only together: the findings of the text as a whole.
pub(super) fn detect_across(json: &str) -> Vec<Finding> {
    let folded = fold(json);
    let mut findings = Vec::new();
    for found in matches(&folded.bytes) {
        findings.push(Finding { span: folded.origin(found.span), kind: found.kind });
    }
    for (span, kind) in folded.dressed {
        findings.push(Finding { span, kind });
    }
    let parts = fields::find(json).into_iter();
    findings.extend(parts.map(|span| Finding { span, kind: Kind::Disguised }));
    merge(findings)
}

/// Findings that overlap become one, of the kind that comes first.
pub(super) fn merge(mut findings: Vec<Finding>) -> Vec<Finding> {
    findings.sort_by_key(|finding| (finding.span.start, finding.span.end));
    let mut merged: Vec<Finding> = Vec::new();
    for finding in findings {
        match merged.last_mut() {
            Some(last) if finding.span.start < last.span.end => {
                last.span.end = last.span.end.max(finding.span.end);
                last.kind = last.kind.min(finding.kind);
            }
            _ => merged.push(finding),
        }
    }
    merged
}

/// The sentence or sentences that a part of `text` lies in.
pub(super) fn sentence(text: &str, part: Range<usize>) -> Range<usize> {
    let bytes = text.as_bytes();
    let mut start = part.start;
    while start > 0 && part.start - start < MAX_SENTENCE {
        let before = bytes[start - 1];
        let ended = matches!(before, b'.' | b'!' | b'?')
            && bytes.get(start).is_none_or(u8::is_ascii_whitespace);
        if ended || bounds(before) {
            break;
        }
        start -= 1;
    }
    while start < part.start
        && (bytes[start].is_ascii_whitespace() || !text.is_char_boundary(start))
    {
        start += 1;
    }
    let mut end = part.end;
    while end < bytes.len() && end - part.end < MAX_SENTENCE {
        let here = bytes[end];
        if bounds(here) {
            break;
        }
        end += 1;
        let next = bytes.get(end);
        if matches!(here, b'.' | b'!' | b'?') && next.is_none_or(u8::is_ascii_whitespace) {
            break;
        }
    }
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    while end > part.end && bytes[end - 1].is_ascii_whitespace() {
        end -= 1;
    }
    start..end.max(start)
}

/// Where the requests end that follow at `end`: what an instruction leads up to is part of it.
fn with_requests(text: &str, mut end: usize) -> usize {
    let mut requested = false;
    for _ in 0..MAX_FOLLOWING {
        let rest = &text[end..];
        let start = end + rest.len() - rest.trim_start().len();
        if text[end..start].contains("\n\n") && requested {
            break;
        }
        let next = sentence(text, start..start);
        let words = &text[next.clone()];
        let follows = is_request(words)
            || (requested && words.len() < 160 && is_personal(words) && is_prose(words));
        if next.is_empty() || !follows {
            break;
        }
        requested = true;
        end = next.end;
    }
    end
}

/// What no sentence goes beyond: ends of lines, of quotations, of markup.
fn bounds(byte: u8) -> bool {
    matches!(byte, b'\n' | b'<' | b'>' | b'"')
}
