//! The copy of a text that rules are applied to, which knows of each byte where it came from.

use std::ops::Range;

use super::found::Kind;

/// The folded copy.
#[derive(Default)]
pub(super) struct Folded {
    /// Mostly ASCII; letters of other scripts stay.
    pub(super) bytes: Vec<u8>,
    /// Where each byte begins in the text.
    pub(super) from: Vec<u32>,
    /// Where the text ends.
    pub(super) end: usize,
    /// Stretches of the text in which letters are dressed up as others, or needlessly escaped.
    pub(super) dressed: Vec<(Range<usize>, Kind)>,
}

impl Folded {
    /// The part of the text that a part of the copy stands for.
    pub(super) fn origin(&self, part: Range<usize>) -> Range<usize> {
        let start = self.from.get(part.start).map_or(self.end, |at| *at as usize);
        let end = self.from.get(part.end).map_or(self.end, |at| *at as usize);
        start..end.max(start)
    }
}
