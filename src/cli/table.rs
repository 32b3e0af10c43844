//! Rows as lines of a terminal.

use std::fmt::Write as _;

use crate::base::text::shorten;

/// What stands between columns.
const GAP: usize = 2;
/// The last column keeps this much of itself, however narrow the terminal is.
const LEAST: usize = 12;

/// A line for each row, with aligned columns. In a `width`, the last column is cut so that the line fits, and what stands
/// `under` a row is broken into lines that do; without one, all is as long as it is.
pub(super) fn lines(
    rows: &[Vec<String>],
    under: &[Option<String>],
    width: Option<usize>,
) -> Vec<String> {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let longest = |column: usize| {
        rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max()
    };
    let widths: Vec<usize> = (0..columns).map(|column| longest(column).unwrap_or(0)).collect();
    let before: usize =
        widths.iter().take(columns.saturating_sub(1)).map(|width| width + GAP).sum();
    let left = width.map(|width| width.saturating_sub(before).max(LEAST));
    let mut lines = Vec::new();
    for (index, row) in rows.iter().enumerate() {
        let mut line = String::new();
        for (column, (cell, width)) in row.iter().zip(&widths).enumerate() {
            match left {
                Some(left) if column + 1 == columns => line.push_str(&shorten(cell, left)),
                _ => drop(write!(line, "{cell:<width$}")),
            }
            line.push_str(&" ".repeat(GAP));
        }
        lines.push(line.trim_end().to_owned());
        if let Some(note) = under.get(index).and_then(Option::as_deref) {
            wrap(note, width.unwrap_or(usize::MAX), &mut lines);
        }
    }
    lines
}

/// The text in lines of at most this many characters, indented; a word that is longer is broken.
fn wrap(text: &str, width: usize, lines: &mut Vec<String>) {
    let indent = " ".repeat(GAP);
    let room = width.saturating_sub(GAP).max(LEAST);
    let mut line = String::new();
    let mut end = |line: &mut String| {
        if !line.is_empty() {
            lines.push(format!("{indent}{line}"));
            line.clear();
        }
    };
    for word in text.split_whitespace() {
        if line.chars().count() + 1 + word.chars().count() > room {
            end(&mut line);
        }
        if !line.is_empty() {
            line.push(' ');
        }
        for letter in word.chars() {
            if line.chars().count() == room {
                end(&mut line);
            }
            line.push(letter);
        }
    }
    end(&mut line);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_fit() {
        let check = |rows: &[&[&str]], under: Option<&str>, width, expected: &[&str]| {
            let rows: Vec<Vec<String>> =
                rows.iter().map(|row| row.iter().map(|&cell| cell.to_owned()).collect()).collect();
            assert_eq!(lines(&rows, &[under.map(str::to_owned)], width), expected, "{rows:?}");
        };
        check(&[&["a", "b"], &["long", ""]], None, None, &["a     b", "long"]);
        let long = "a text that is longer than there is room";
        check(&[&["one", long]], None, Some(20), &["one  a text that is…"]);
        check(&[&["one", long]], None, None, &[&format!("one  {long}")]);
        check(
            &[&["one"]],
            Some("it ended with code 9: 0123456789abcdef0"),
            Some(18),
            &["one", "  it ended with", "  code 9:", "  0123456789abcdef", "  0"],
        );
        check(&[], None, Some(80), &[]);
    }
}
