//! Stretches of a text in which several words were taken apart.

use std::ops::Range;

/// So many words taken apart are no accident, each so near to the one before.
const SPLIT_WORDS: usize = 3;
const STRETCH: usize = 48;

/// Places that lie near one another.
#[derive(Default)]
pub(super) struct Stretches {
    places: usize,
    last: Range<usize>,
    found: Vec<Range<usize>>,
}

impl Stretches {
    pub(super) fn add(&mut self, at: usize) {
        if self.places == 0 || at > self.last.end + STRETCH {
            self.flush();
            self.last = at..at;
        }
        self.places += 1;
        self.last.end = at;
    }

    fn flush(&mut self) {
        if std::mem::take(&mut self.places) >= SPLIT_WORDS {
            self.found.push(self.last.clone());
        }
    }

    /// Those in which enough places lie; in order.
    pub(super) fn end(mut self) -> Vec<Range<usize>> {
        self.flush();
        self.found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_near_one_another_are_one_stretch() {
        let check = |places: &[usize], expected: &[(usize, usize)]| {
            let mut stretches = Stretches::default();
            for place in places {
                stretches.add(*place);
            }
            let found = stretches.end().into_iter().map(|found| (found.start, found.end));
            assert_eq!(found.collect::<Vec<_>>(), expected, "{places:?}");
        };
        check(&[], &[]);
        check(&[3, 9], &[]);
        check(&[3, 9, 57], &[(3, 57)]);
        check(&[3, 9, 58], &[]);
        check(&[1, 2, 3, 100, 101, 102], &[(1, 3), (100, 102)]);
    }
}
