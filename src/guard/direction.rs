//! Marks and isolates of the writing direction that stay.
//!
//! They do something only where directions meet. So they stay beside letters that are written from right to left, but
//! not between two of them, and no more of them than such letters ask for.

use super::letters::right_to_left;

/// So far from a letter a mark may stand: behind a name or number that is written the other way.
const REACH: usize = 16;

/// So many stay in any text with such letters, and one more for so many letters.
const FEW: usize = 8;
const LETTERS: usize = 4;

/// Which of the marks in `kept`, told by where they stand in it, have no business there; by their places in the list.
pub(super) fn idle(kept: &str, marks: &[usize]) -> Vec<usize> {
    if marks.is_empty() {
        return Vec::new();
    }
    let letters = kept.chars().filter(|letter| right_to_left(*letter)).count();
    let mut idle = Vec::new();
    for (nth, at) in marks.iter().enumerate() {
        let (before, after) = kept.split_at(*at);
        let before = || before.chars().rev().take(REACH);
        let after = || after.chars().skip(1).take(REACH);
        let between =
            before().next().is_some_and(right_to_left) && after().next().is_some_and(right_to_left);
        if between || !before().chain(after()).any(right_to_left) {
            idle.push(nth);
        }
    }
    if marks.len() - idle.len() > FEW + letters / LETTERS {
        return (0..marks.len()).collect();
    }
    idle
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guard::channel::close;

    fn marks(text: &str) -> usize {
        text.matches(['\u{200e}', '\u{200f}', '\u{61c}', '\u{2066}', '\u{2068}', '\u{2069}'])
            .count()
    }

    #[track_caller]
    fn check(text: &str, kept: usize) {
        let closed = close(text).text;
        assert_eq!(marks(&closed), kept, "{text:?}");
        assert_eq!(close(&closed).text, closed, "{text:?}");
    }

    #[test]
    fn marks_stay_where_directions_meet() {
        check("C++\u{200e} הוא שפה", 1);
        check("שם: \u{2068}Bob\u{2069}.", 2);
        check("The word \u{2068}עברית\u{2069} is Hebrew.", 2);
        check("(עברית)\u{200e} and 12\u{200e} more", 2);
        check(&"מחיר: 12\u{200f}, ".repeat(50), 50);
    }

    #[test]
    fn marks_stay_nowhere_else() {
        check("ע\u{200e}ב\u{200f}ר\u{61c}ית", 0);
        check(&format!("ש{}", "a\u{200e}b\u{2066}".repeat(100)), REACH / 2);
        check(&format!("ש{}", "a much longer text\u{200e}\u{200f}\u{2068}".repeat(9)), 0);
        check(&format!("שם {}", " and so on".repeat(10) + "\u{200e}"), 0);
        check(&"ש \u{200e}1\u{200f} ".repeat(100), 0);
    }

    #[test]
    fn the_few_are_counted_by_what_is_there() {
        assert_eq!(idle("", &[]), Vec::<usize>::new());
        assert_eq!(idle("a\u{200e}", &[1]), [0]);
        assert_eq!(idle("ש\u{200e}a\u{200e}", &[2, 6]), Vec::<usize>::new());
    }
}
