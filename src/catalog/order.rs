//! The order of versions, as npm and `PyPI` write them, as far as it can be told without knowing which of both it is.

use std::cmp::Ordering;

/// Words of what comes before a version.
const BEFORE: [&str; 8] = ["a", "alpha", "b", "beta", "c", "rc", "pre", "dev"];

/// What follows the numbers of a version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Stage {
    Before,
    Itself,
    After,
}

/// How the first version stands to the second; nothing where they differ and cannot be ordered, such as names of branches.
pub fn order(one: &str, other: &str) -> Option<Ordering> {
    if one == other {
        return Some(Ordering::Equal);
    }
    let ((numbers, rest), (others, other_rest)) = (parts(one)?, parts(other)?);
    let length = numbers.len().max(others.len());
    let padded = |numbers: &[u64]| {
        let zeros = std::iter::repeat_n(0, length - numbers.len());
        numbers.iter().copied().chain(zeros).collect::<Vec<u64>>()
    };
    let by_numbers = padded(&numbers).cmp(&padded(&others));
    if rest == other_rest {
        return Some(by_numbers);
    }
    let (stage, other_stage) = (stage(rest)?, stage(other_rest)?);
    match by_numbers.then(stage.cmp(&other_stage)) {
        Ordering::Equal => by_words(rest, other_rest),
        unequal => Some(unequal),
    }
}

/// The numbers at the beginning, and what follows them. What stands behind `+` says nothing of the order.
fn parts(version: &str) -> Option<(Vec<u64>, &str)> {
    let version = version.strip_prefix('v').unwrap_or(version);
    let version = version.split('+').next().unwrap_or_default();
    let end = version.find(|letter: char| !letter.is_ascii_digit() && letter != '.');
    let (numbers, _) = version.split_at(end.unwrap_or(version.len()));
    let numbers = numbers.trim_end_matches('.');
    let rest = &version[numbers.len()..];
    let numbers: Option<Vec<u64>> = numbers.split('.').map(|number| number.parse().ok()).collect();
    Some((numbers?, rest))
}

fn stage(rest: &str) -> Option<Stage> {
    let words = rest.trim_start_matches(['-', '.', '_']).to_ascii_lowercase();
    let end = words.find(|letter: char| !letter.is_ascii_alphabetic());
    let first = &words[..end.unwrap_or(words.len())];
    match first {
        "" if rest.is_empty() => Some(Stage::Itself),
        "" => None,
        "post" => Some(Stage::After),
        // npm takes any word for one.
        _ if rest.starts_with('-') || BEFORE.contains(&first) => Some(Stage::Before),
        _ => None,
    }
}

/// Compares `rc1` and `rc2`, `beta.2` and `beta.10`. `dev` comes before `a`, and is left to those who know.
fn by_words(one: &str, other: &str) -> Option<Ordering> {
    let (one, other) = (words(one), words(other));
    for (one, other) in one.iter().zip(&other) {
        let ordering = match (one.parse::<u64>(), other.parse::<u64>()) {
            (Ok(one), Ok(other)) => one.cmp(&other),
            (Err(_), Err(_)) if one != other && (one == "dev" || other == "dev") => return None,
            (Err(_), Err(_)) => one.cmp(other),
            _ => return None,
        };
        if ordering != Ordering::Equal {
            return Some(ordering);
        }
    }
    Some(one.len().cmp(&other.len()))
}

fn words(text: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut last = None;
    for letter in text.to_ascii_lowercase().chars() {
        let kind = letter.is_ascii_alphanumeric().then(|| letter.is_ascii_digit());
        match (kind, words.last_mut()) {
            (Some(_), Some(word)) if kind == last => word.push(letter),
            (Some(_), _) => words.push(letter.to_string()),
            (None, _) => {}
        }
        last = kind;
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_ordered() {
        let check = |one: &str, other: &str, expected: Option<Ordering>| {
            assert_eq!(order(one, other), expected, "{one} {other}");
            assert_eq!(order(other, one), expected.map(Ordering::reverse), "{other} {one}");
        };
        let less = Some(Ordering::Less);
        check("1.2.3", "1.2.3", Some(Ordering::Equal));
        check("1.2", "1.2.0", Some(Ordering::Equal));
        check("1.9.0", "1.10.0", less);
        check("2025.4.25", "2025.11.18", less);
        check("v1.2", "1.3", less);
        check("1.0.0-rc.1", "1.0.0", less);
        check("1.0.0-canary.2", "1.0.0-canary.10", less);
        check("1.0.0-beta", "1.0.0-beta.1", less);
        check("1.0rc1", "1.0", less);
        check("1.0a2", "1.0b1", less);
        check("1.0", "1.0.post1", less);
        check("1.0", "1.1rc1", less);
        check("1.0+local", "1.0.1", less);
        check("1.2-alpine", "1.3-alpine", less);
        check("1.0.dev1", "1.0a1", None);
        check("main", "1.0", None);
        check("latest", "next", None);
        check("1.0-1", "1.0", None);
    }
}
