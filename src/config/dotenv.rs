//! Reads one `.env` file into a map, never into the process environment.

use std::cell::Cell;
use std::collections::HashMap;
use std::io::{self, Read};
use std::ops::Range;
use std::path::Path;

use super::finding::{Finding, Lines, Report, Severity};
use super::load::LONGEST_FILE;
use crate::base::fs::{is_open_to_others, read_regular};

/// Characters that no text uses, one of which stands for `$` while the lines are parsed.
const STAND_INS: std::ops::RangeInclusive<char> = '\u{FDD0}'..='\u{FDEF}';

/// What is wrong with the file, whatever the configuration is like. One that is not there has nothing.
pub fn check_env_file(path: &Path) -> Vec<Finding> {
    let report = Report::top();
    read(path, &report);
    report.into_findings(&Lines::default())
}

/// The variables of the file; of a name that stands twice the last one counts. A file that does not
/// exist has none.
pub(super) fn read(path: &Path, report: &Report) -> HashMap<String, String> {
    let bytes = match read_regular(path, LONGEST_FILE) {
        Ok(bytes) => bytes,
        Err(fault) => {
            if fault.kind() != io::ErrorKind::NotFound {
                report.add(warning(report, path, None, format!("cannot be read: {fault}")));
            }
            return HashMap::new();
        }
    };
    report_mode(path, report);
    read_bytes(bytes, path, report)
}

/// The same of bytes that are to become the file.
pub(super) fn read_bytes(bytes: Vec<u8>, path: &Path, report: &Report) -> HashMap<String, String> {
    let Ok(text) = String::from_utf8(bytes) else {
        let message = "is not UTF-8, so none of its variables is used";
        report.add(warning(report, path, None, message.to_owned()));
        return HashMap::new();
    };
    parse(&text, path, report)
}

fn parse(text: &str, path: &Path, report: &Report) -> HashMap<String, String> {
    let mut variables = HashMap::new();
    for entry in entries(text) {
        match entry.variable {
            Ok((name, value)) => {
                variables.insert(name, value);
            }
            Err(dotenvy::Error::LineParse(faulty, _)) => {
                report.add(faulty_line(report, path, text, &faulty));
            }
            Err(fault) => {
                report.add(warning(report, path, None, format!("cannot be read: {fault}")));
            }
        }
    }
    variables
}

/// One assignment, or what should be one.
pub(super) struct Entry {
    /// The lines that the parser took for it, counted from 0: empty lines and comments before it, and its own.
    pub(super) lines: Range<usize>,
    /// Its name and its value.
    pub(super) variable: Result<(String, String), dotenvy::Error>,
}

/// What the parser makes of the text, in order.
pub(super) fn entries(text: &str) -> Vec<Entry> {
    let text = text.strip_prefix('\u{FEFF}').unwrap_or(text);
    let stand_in = STAND_INS.into_iter().find(|letter| !text.contains(*letter)).unwrap_or('$');
    // The parser takes a missing last line break for an open value where blanks stand before it.
    let plain = format!("{}\n", without_dollars(text, stand_in));
    let dollars = |text: String| text.replace(stand_in, "$");
    let taken = Cell::new(0);
    let mut before = 0;
    dotenvy::from_read_iter(LineByLine { rest: plain.as_bytes(), taken: &taken })
        .map(|item| {
            let lines = std::mem::replace(&mut before, taken.get())..taken.get();
            let variable = match item {
                Ok((name, value)) => Ok((name, dollars(value))),
                Err(dotenvy::Error::LineParse(faulty, at)) => {
                    Err(dotenvy::Error::LineParse(dollars(faulty), at))
                }
                Err(fault) => Err(fault),
            };
            Entry { lines, variable }
        })
        .collect()
}

/// Gives the parser no more than one line at a time, so that it is known which it has come to.
struct LineByLine<'a> {
    rest: &'a [u8],
    taken: &'a Cell<usize>,
}

impl Read for LineByLine<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let line = self.rest.split_inclusive(|byte| *byte == b'\n').next().unwrap_or_default();
        let length = line.len().min(buffer.len());
        buffer[..length].copy_from_slice(&line[..length]);
        if line[..length].ends_with(b"\n") {
            self.taken.set(self.taken.get() + 1);
        }
        self.rest = &self.rest[length..];
        Ok(length)
    }
}

/// Puts the stand-in in place of every `$` that is not escaped. The parser would otherwise fill in
/// variables of its own, and a password that holds a `$` would silently become another one.
fn without_dollars(text: &str, stand_in: char) -> String {
    let mut escaped = false;
    text.chars()
        .map(|letter| {
            let plain = letter == '$' && !escaped;
            escaped = letter == '\\' && !escaped;
            if plain { stand_in } else { letter }
        })
        .collect()
}

/// The parser hands back the text at fault: a line, or only its value, or all from an open quote
/// on.
fn faulty_line(report: &Report, path: &Path, text: &str, faulty: &str) -> Finding {
    let first = faulty.lines().next().unwrap_or_default().trim_end();
    let mut fitting = text.lines().enumerate().filter(|(_, line)| {
        let line = line.trim();
        !first.is_empty() && !line.starts_with('#') && line.ends_with(first)
    });
    // Better no line than a wrong one.
    let line = match (fitting.next(), fitting.next()) {
        (Some((index, _)), None) => Some(index + 1),
        _ => None,
    };
    let message = "is not `NAME=value` and is left out".to_owned();
    warning(report, path, line, message)
        .hint("put a value with blanks, `#` or quotes in single quotes")
}

fn report_mode(path: &Path, report: &Report) {
    if path.metadata().is_ok_and(|found| is_open_to_others(&found)) {
        let message = "other users of this machine may read its secrets".to_owned();
        let hint = format!("run `chmod 600 '{}'`", path.display());
        report.add(warning(report, path, None, message).hint(hint));
    }
}

fn warning(report: &Report, path: &Path, line: Option<usize>, message: String) -> Finding {
    let mut finding = report.finding(Severity::Warning, "", message);
    finding.file = Some(path.to_owned());
    finding.line = line;
    finding
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &[(&str, &str)], findings: &[&str]) {
        let report = Report::top();
        let variables = parse(text, Path::new(".env"), &report);
        let mut found: Vec<(&str, &str)> =
            variables.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        found.sort_unstable();
        assert_eq!(found, expected, "{text:?}");
        let told = report.into_findings(&Lines::default());
        let told: Vec<String> = told.iter().map(ToString::to_string).collect();
        assert_eq!(told, findings, "{text:?}");
    }

    const FAULT: &str = "is not `NAME=value` and is left out; put a value with blanks, `#` or quotes in single quotes";

    #[test]
    fn reads_variables() {
        check("", &[], &[]);
        check(
            "\u{FEFF}A=1\r\n# note\nexport B='two words' # note\n",
            &[("A", "1"), ("B", "two words")],
            &[],
        );
        check("A=1 ", &[("A", "1")], &[]);
        check("A=1\nA=2", &[("A", "2")], &[]);
        check("A=\"x\\ny\"", &[("A", "x\ny")], &[]);
        check("A=", &[("A", "")], &[]);
    }

    #[test]
    fn keeps_dollars() {
        check("A=1\nB=p$A$$x", &[("A", "1"), ("B", "p$A$$x")], &[]);
        check("B=\"${PATH}\"", &[("B", "${PATH}")], &[]);
        check("B=x\\$y", &[("B", "x$y")], &[]);
        check("B='x\\$y'", &[("B", "x\\$y")], &[]);
    }

    #[test]
    fn leaves_out_faulty_lines_without_showing_them() {
        let told = |line: usize| format!("`.env` (line {line}): {FAULT}");
        check("A=1\nsecret words\nB=2\n", &[("A", "1"), ("B", "2")], &[&told(2)]);
        check("# two words\nB=two words", &[], &[&told(2)]);
        check(
            "two words\nB=two words",
            &[],
            &[&format!("`.env`: {FAULT}"), &format!("`.env`: {FAULT}")],
        );
        check("A=1\nB=two words", &[("A", "1")], &[&told(2)]);
        check("A=1\nB='open\nC=3\n", &[("A", "1")], &[&told(2)]);
    }

    #[cfg(unix)]
    #[test]
    fn warns_of_a_file_that_others_may_read() {
        use crate::base::fs::write_atomically;
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join(".env");
        for (mode, expected) in [(0o600, 0), (0o640, 1), (0o644, 1)] {
            write_atomically(&path, b"A=1", mode).expect("written");
            let report = Report::top();
            assert_eq!(read(&path, &report).len(), 1);
            let findings = report.into_findings(&Lines::default());
            assert_eq!(findings.len(), expected, "{mode:o}");
        }
    }
}
