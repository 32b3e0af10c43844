//! Stretches of dressed-up letters: how many are more than ornament or accident.

use std::ops::Range;

/// Letters in a row that are dressed up, from which on it is no ornament.
const STYLED_LETTERS: usize = 16;
const STYLED_WORDS: usize = 4;

/// Words mixed from several scripts, from which on it is no accident.
const MIXED_WORDS: usize = 3;

/// A stretch of dressed-up letters.
#[derive(Default)]
pub(super) struct Run {
    start: usize,
    end: usize,
    pub(super) letters: usize,
    words: usize,
}

impl Run {
    /// Takes in a stretch; one that lies further off than `gap` begins anew, and the one before is given back.
    pub(super) fn extend(&mut self, part: Range<usize>, gap: usize) -> Option<Self> {
        let near = self.letters > 0 && part.start <= self.end + gap;
        let adjoins = part.start == self.end;
        let before = if near { None } else { Some(std::mem::take(self)) };
        if !near {
            self.start = part.start;
        }
        self.words += usize::from(!near || !adjoins);
        self.letters += 1;
        self.end = part.end;
        before
    }

    /// The stretch, if its letters are of another alphabet on purpose.
    pub(super) fn styled(&self) -> Option<Range<usize>> {
        (self.letters >= STYLED_LETTERS && self.words >= STYLED_WORDS)
            .then_some(self.start..self.end)
    }

    /// The stretch, if its words mix scripts on purpose.
    pub(super) fn mixed(&self) -> Option<Range<usize>> {
        (self.letters >= MIXED_WORDS).then_some(self.start..self.end)
    }
}
