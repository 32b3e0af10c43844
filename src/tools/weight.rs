//! About how many tokens a text costs. The figure is never exact; it serves to compare one spelling with another.

/// Letters of one word that share a token, as a rule.
const LETTERS: usize = 8;
/// Digits that share a token.
const DIGITS: usize = 3;
/// Marks in a row that share a token, as a rule.
const MARKS: usize = 3;

/// A word is a token or two; so are marks in a row. A blank belongs to the word behind it, and so do `_` and `-`.
pub(super) fn weight(text: &str) -> usize {
    let mut sum = 0;
    let mut letters = text.chars().peekable();
    while let Some(first) = letters.next() {
        let mut length = 1_usize;
        if is_joint(first) && letters.peek().is_some_and(|next| next.is_alphabetic()) {
            continue;
        }
        if first.is_alphabetic() {
            while letters.next_if(|next| next.is_lowercase()).is_some() {
                length += 1;
            }
            if length == 1 {
                while letters.next_if(|next| next.is_uppercase()).is_some() {
                    length += 1;
                }
            }
            sum += length.div_ceil(LETTERS);
        } else if first.is_numeric() {
            while letters.next_if(|next| next.is_numeric()).is_some() {
                length += 1;
            }
            sum += length.div_ceil(DIGITS);
        } else {
            let is_mark = |next: &char| !next.is_alphanumeric() && !is_joint(*next);
            while letters.next_if(is_mark).is_some() {
                length += 1;
            }
            sum += length.div_ceil(MARKS);
        }
    }
    sum
}

fn is_joint(letter: char) -> bool {
    matches!(letter, ' ' | '_' | '-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_marks_are_counted() {
        fn check(text: &str, expected: usize) {
            assert_eq!(weight(text), expected, "{text}");
        }
        check("", 0);
        check("list", 1);
        check("list issues", 2);
        check("list_issues", 2);
        check("listIssues", 2);
        check("(owner,repo,page?:number)", 9);
        check("'asc'|'desc'", 5);
        check("1048576", 3);
        check("JSON", 1);
    }
}
