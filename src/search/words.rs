//! Words of a text: folded (case, accents, forms of width), split where names are joined, and reduced to their stems,
//! so that `listIssues`, "list issues" and "Listing an issue" have words in common.

use rust_stemmers::{Algorithm, Stemmer};
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

use crate::base::unicode::zero_width;

/// Longer runs without a break are no words; what is beyond is left out.
const LONGEST_WORD: usize = 40;

/// Words that say nothing about which tool is meant, sorted. Pronouns, articles, prepositions, forms of "to be" and the
/// phrases around a wish ("could you please").
const STOP_WORDS: [&str; 127] = [
    "a", "about", "after", "all", "also", "am", "an", "and", "any", "are", "as", "at", "be",
    "been", "before", "being", "both", "but", "by", "can", "could", "d", "did", "do", "does",
    "doing", "don", "each", "either", "etc", "every", "for", "from", "had", "has", "have",
    "having", "he", "hello", "help", "her", "hey", "hi", "him", "his", "how", "i", "if", "in",
    "into", "is", "it", "its", "just", "kindly", "let", "like", "ll", "m", "may", "me", "might",
    "more", "most", "must", "my", "myself", "need", "needs", "no", "nor", "of", "off", "on",
    "once", "only", "or", "other", "our", "out", "over", "own", "please", "re", "s", "same", "she",
    "should", "so", "some", "such", "t", "than", "thanks", "that", "the", "their", "them", "then",
    "there", "these", "they", "this", "those", "through", "to", "too", "us", "ve", "very", "via",
    "want", "was", "we", "were", "what", "when", "where", "which", "while", "who", "will", "with",
    "within", "would", "you", "your",
];

/// How a word stands in its text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// By itself, or as one part of a name such as `listIssues`.
    Part,
    /// So many parts before it, whose only borders are capitals, written as one: `github` for `GitHub`.
    Joined(usize),
}

/// Gives every word of a text in its order, folded and in lower case but not reduced to its stem.
pub fn each_word(text: &str, mut take: impl FnMut(&str, Form)) {
    let folded = fold(text);
    let mut rest = folded.as_str();
    while let Some(start) = rest.find(char::is_alphanumeric) {
        let run = &rest[start..];
        let end = run.find(|letter: char| !letter.is_alphanumeric()).unwrap_or(run.len());
        each_part(&run[..end], &mut take);
        rest = after_possessive(&run[end..]);
    }
}

/// The stem of a folded word in lower case. Words with digits or of other scripts are their own.
pub fn stem(word: &str) -> String {
    if word.len() < 3 || !word.bytes().all(|byte| byte.is_ascii_lowercase()) {
        return word.to_owned();
    }
    Stemmer::create(Algorithm::English).stem(word).into_owned()
}

/// Whether a folded word in lower case says nothing about what is wanted.
pub fn is_stop_word(word: &str) -> bool {
    STOP_WORDS.binary_search(&word).is_ok()
}

/// Scripts that are written without blanks between words.
pub(super) fn is_unspaced(letter: char) -> bool {
    matches!(letter,
        '\u{e00}'..='\u{eff}' | '\u{1000}'..='\u{109f}' | '\u{1780}'..='\u{17ff}' | '\u{3040}'..='\u{30ff}'
        | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{ac00}'..='\u{d7af}' | '\u{f900}'..='\u{faff}'
        | '\u{20000}'..='\u{3ffff}')
}

/// The text without accents, with letters of full width as plain ones. Case is kept: it shows where names are joined.
fn fold(text: &str) -> String {
    if text.is_ascii() {
        return text.to_owned();
    }
    let mut folded = String::with_capacity(text.len());
    for letter in text.chars() {
        if letter.is_ascii() || is_unspaced(letter) {
            folded.push(letter);
        } else if !zero_width(letter) {
            folded.extend(std::iter::once(letter).nfkd().filter(|part| !is_combining_mark(*part)));
        }
    }
    folded
}

/// What follows a word, without the ending behind an apostrophe: "server's", "don't", "I'll".
fn after_possessive(rest: &str) -> &str {
    let Some(ending) = rest.strip_prefix(['\'', '’']) else { return rest };
    let end = ending.find(|letter: char| !letter.is_alphanumeric()).unwrap_or(ending.len());
    match &ending[..end] {
        "s" | "t" | "re" | "ve" | "ll" | "d" | "m" => &ending[end..],
        _ => ending,
    }
}

/// The words of one run of letters and digits.
fn each_part(run: &str, take: &mut impl FnMut(&str, Form)) {
    if run.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit()) {
        return take(&run[..run.len().min(LONGEST_WORD)], Form::Part);
    }
    let letters: Vec<char> = run.chars().collect();
    let (mut start, mut parts) = (0, 0);
    for at in 1..=letters.len() {
        let script_changes = |at: usize| is_unspaced(letters[at]) != is_unspaced(letters[at - 1]);
        if at < letters.len() && !begins_part(&letters, at) && !script_changes(at) {
            continue;
        }
        let part = &letters[start..at];
        if is_unspaced(part[0]) {
            each_pair(part, take);
        } else {
            take(&lowercase(part), Form::Part);
            parts += 1;
        }
        start = at;
    }
    if parts > 1 && !letters.iter().any(|letter| is_unspaced(*letter)) {
        take(&lowercase(&letters), Form::Joined(parts));
    }
}

/// Whether a capital begins a new part: `listIssues`, and `HTTPServer` before its `S`.
fn begins_part(letters: &[char], at: usize) -> bool {
    let is_lower = |letter: char| letter.is_lowercase() || letter.is_numeric();
    if !letters[at].is_uppercase() {
        return false;
    }
    // The `s` of `URLs` is the plural of what is before it, no beginning of a word.
    let is_plural = letters.get(at + 1) == Some(&'s')
        && letters.get(at + 2).is_none_or(|letter| !letter.is_lowercase());
    let begins_lower = letters.get(at + 1).is_some_and(|next| next.is_lowercase()) && !is_plural;
    is_lower(letters[at - 1]) || begins_lower
}

/// Scripts without blanks are compared by pairs of neighbours, since finding their words takes a dictionary.
fn each_pair(run: &[char], take: &mut impl FnMut(&str, Form)) {
    if run.len() == 1 {
        take(&run[0].to_string(), Form::Part);
    }
    for pair in run.windows(2) {
        take(&String::from_iter(pair), Form::Part);
    }
}

fn lowercase(letters: &[char]) -> String {
    letters
        .iter()
        .take(LONGEST_WORD)
        .flat_map(|letter| letter.to_lowercase())
        .filter(|letter| !is_combining_mark(*letter))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_cut_and_folded() {
        fn check(text: &str, expected: &str) {
            let mut words = Vec::new();
            each_word(text, |word, form| match form {
                Form::Part => words.push(word.to_owned()),
                Form::Joined(parts) => words.push(format!("{word}={parts}")),
            });
            assert_eq!(words.join(" "), expected, "{text}");
        }
        check("list_issues", "list issues");
        check("list-issues.all", "list issues all");
        check("listIssues", "list issues listissues=2");
        check("HTTPServer", "http server httpserver=2");
        check("get URLs, IDs", "get urls ids");
        check("sha256 k8s S3", "sha256 k8s s3");
        check("the server's, don't, Ann’s", "the server don ann");
        check("it's 'quoted'", "it quoted");
        check("Crème BRÛLÉE", "creme brulee");
        check("ＡＢＣ ﬁle", "abc file");
        check("zero\u{200b}width", "zerowidth");
        check("天気予報", "天気 気予 予報");
        check("東 API", "東 api");
        check("ToolでGitを", "tool で git を");
        check("🙂 ?! … _-", "");
        check("", "");
        check(&"a".repeat(100), &"a".repeat(LONGEST_WORD));
        check(&"É".repeat(100), &"e".repeat(LONGEST_WORD));
    }

    #[test]
    fn stems_are_english() {
        fn check(word: &str, expected: &str) {
            assert_eq!(stem(word), expected, "{word}");
        }
        check("tickets", "ticket");
        check("registries", "registri");
        check("registry", "registri");
        check("sending", "send");
        check("sender", "sender");
        check("id", "id");
        check("k8s", "k8s");
        check("天気", "天気");
        check("", "");
    }

    #[test]
    fn stop_words_can_be_searched() {
        assert!(STOP_WORDS.is_sorted());
        assert!(STOP_WORDS.iter().all(|word| is_stop_word(word)));
        assert!(!is_stop_word("list") && !is_stop_word(""));
    }
}
