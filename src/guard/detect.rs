//! Where a text holds instructions to a model.

use std::ops::Range;

use super::fold::fold;
use super::found::Kind;
use super::pattern::matches;

/// A sentence is followed this far in either direction from what was found in it.
const MAX_SENTENCE: usize = 400;

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
    let mut findings: Vec<Finding> = matches(&folded.bytes)
        .into_iter()
        .map(|found| Finding { span: folded.origin(found.span), kind: found.kind })
        .collect();
    findings.extend(
        folded.dressed.iter().map(|span| Finding { span: span.clone(), kind: Kind::Disguised }),
    );
    for finding in &mut findings {
        finding.span = sentence(text, finding.span.clone());
    }
    merge(findings)
}

/// Findings that overlap become one, of the kind that comes first.
fn merge(mut findings: Vec<Finding>) -> Vec<Finding> {
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
fn sentence(text: &str, part: Range<usize>) -> Range<usize> {
    let bytes = text.as_bytes();
    let mut start = part.start;
    while start > 0 && part.start - start < MAX_SENTENCE {
        let before = bytes[start - 1];
        let ended = matches!(before, b'.' | b'!' | b'?') && bytes[start].is_ascii_whitespace();
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

/// What no sentence goes beyond: ends of lines, of quotations, of markup.
fn bounds(byte: u8) -> bool {
    matches!(byte, b'\n' | b'<' | b'>' | b'"')
}
