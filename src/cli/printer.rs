//! The one mouth of the command line: data to stdout, talk to stderr.

use std::borrow::Cow;
use std::io::{self, BufRead, IsTerminal, Read, Write};
use std::sync::atomic::{AtomicBool, Ordering};

use console::Term;
use serde::Serialize;

use super::exit::Failure;
use super::{progress, table};
use crate::base::unicode;

/// Data was lost; the process must not end as if it were not.
static LOST: AtomicBool = AtomicBool::new(false);

/// Columns that everybody has.
const USUAL_WIDTH: usize = 80;

/// Bytes of an answer that are read.
const LONGEST_ANSWER: u64 = 1024;

/// Prints as the user asked for it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Printer {
    /// stdout carries JSON.
    pub(super) json: bool,
    /// stderr may carry colours.
    pub(super) colour: bool,
}

impl Printer {
    pub(super) fn new(json: bool, colour: bool) -> Self {
        Self { json, colour: colour && has_colours() }
    }

    /// Data for people or programs. A reader that has gone is no failure. A terminal gets no control
    /// characters: the text may be that of a server, and they can do more there than be shown.
    pub(super) fn data(self, text: &str) {
        let mut stdout = io::stdout().lock();
        let text = text.trim_end_matches('\n');
        let text = if stdout.is_terminal() { harmless(text, is_layout) } else { text.into() };
        let written = progress::aside(|| writeln!(stdout, "{text}").and_then(|()| stdout.flush()));
        if let Err(error) = written
            && error.kind() != io::ErrorKind::BrokenPipe
            // What is said of the first line is true of all after it.
            && !LOST.swap(true, Ordering::Relaxed)
        {
            self.tell("31", "error:", &format!("cannot write to stdout: {error}"));
        }
    }

    /// Whether some data could not be written.
    pub(super) fn has_lost_data() -> bool {
        LOST.load(Ordering::Relaxed)
    }

    /// Data in one line, whatever stands in it.
    pub(super) fn line(self, text: &str) {
        self.data(&line(text));
    }

    /// Data for programs.
    pub(super) fn json(self, value: &impl Serialize) {
        self.data(&serde_json::to_string_pretty(value).expect("answers always serialise"));
    }

    /// Something that is said on the way, in one line.
    pub(super) fn talk(self, text: &str) {
        let _ = progress::aside(|| writeln!(io::stderr().lock(), "{}", line(text)));
    }

    /// Something of several lines that is shown to people on the way. A program that reads stderr has no use for it.
    pub(super) fn picture(self, picture: &str) {
        let mut stderr = io::stderr().lock();
        if stderr.is_terminal() {
            let _ = writeln!(stderr, "{}", harmless(picture, is_layout));
        }
    }

    /// Whether somebody sees what is printed and can answer.
    pub(super) fn can_ask(self) -> bool {
        io::stdin().is_terminal() && io::stdout().is_terminal() && io::stderr().is_terminal()
    }

    /// Asks whoever sits at the terminal; all but yes is no.
    pub(super) fn ask(self, question: &str) -> bool {
        let mut answer = String::new();
        let (asked, read) = progress::aside(|| {
            let mut stderr = io::stderr().lock();
            let asked = write!(stderr, "{} [y/N] ", line(question)).and_then(|()| stderr.flush());
            (asked, io::stdin().lock().take(LONGEST_ANSWER).read_line(&mut answer))
        });
        let answer = answer.trim().to_ascii_lowercase();
        asked.is_ok() && read.is_ok() && matches!(answer.as_str(), "y" | "yes")
    }

    /// Something that may be wrong.
    pub(super) fn warn(self, text: &str) {
        self.tell("33", "warning:", text);
    }

    /// What went wrong, and what to do about it.
    pub(super) fn failure(self, failure: &Failure) {
        self.tell("31", "error:", &failure.message);
        if let Some(hint) = &failure.hint {
            self.tell("36", "hint:", hint);
        }
    }

    fn tell(self, colour: &str, label: &str, text: &str) {
        let text = line(text);
        let _ = progress::aside(|| {
            let mut stderr = io::stderr().lock();
            if self.colour {
                writeln!(stderr, "\x1b[1;{colour}m{label}\x1b[0m {text}")
            } else {
                writeln!(stderr, "{label} {text}")
            }
        });
    }

    /// Rows with their columns aligned, a line each; the last column is as long as it is.
    pub(super) fn table(self, rows: &[Vec<String>]) {
        self.rows(rows, &[], None);
    }

    /// The same in no more columns than the terminal has, or 80: the last column is cut, and what stands `under` a row is
    /// broken into lines.
    pub(super) fn fitted(self, rows: &[Vec<String>], under: &[Option<String>]) {
        self.rows(rows, under, Some(width()));
    }

    fn rows(self, rows: &[Vec<String>], under: &[Option<String>], width: Option<usize>) {
        let cells = |row: &Vec<String>| row.iter().map(|cell| line(cell).into_owned()).collect();
        let rows: Vec<Vec<String>> = rows.iter().map(cells).collect();
        let under: Vec<_> =
            under.iter().map(|note| note.as_deref().map(|note| line(note).into_owned())).collect();
        for line in table::lines(&rows, &under, width) {
            self.data(&line);
        }
    }
}

/// Whether stderr shows colours. A console of Windows does once it is told to, which asking for it does.
fn has_colours() -> bool {
    io::stderr().is_terminal() && (cfg!(unix) || Term::stderr().features().colors_supported())
}

/// Columns of the terminal; what is no terminal has those that all have.
fn width() -> usize {
    let size = Term::stdout().size_checked();
    size.map_or(USUAL_WIDTH, |(_, columns)| usize::from(columns))
}

/// So many of `what`, in words.
pub(super) fn counted(count: usize, what: &str) -> String {
    match count {
        0 => format!("no {what}"),
        1 => format!("1 {what}"),
        _ => format!("{count} {what}s"),
    }
}

/// What may stand in a text of several lines.
fn is_layout(letter: char) -> bool {
    matches!(letter, '\n' | '\t')
}

/// The text in one line, so that whoever wrote it can add neither rows nor messages of his own.
fn line(text: &str) -> Cow<'_, str> {
    harmless(text, |_| false)
}

/// The text with its control characters escaped, but for those that are `kept`.
fn harmless(text: &str, kept: impl Fn(char) -> bool) -> Cow<'_, str> {
    let harmful = |letter: char| unicode::harmful(letter) && !kept(letter);
    if !text.contains(harmful) {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(text.len());
    for letter in text.chars() {
        if harmful(letter) {
            safe.extend(letter.escape_default());
        } else {
            safe.push(letter);
        }
    }
    Cow::Owned(safe)
}

#[cfg(test)]
mod tests {
    use super::{counted, harmless, is_layout, line};

    #[test]
    fn counts_read_as_words() {
        let check = |count, expected: &str| assert_eq!(counted(count, "problem"), expected);
        check(0, "no problem");
        check(1, "1 problem");
        check(2, "2 problems");
    }

    #[test]
    fn control_characters_are_shown_and_not_done() {
        let check = |text: &str, expected: &str, in_one_line: &str| {
            assert_eq!(harmless(text, is_layout), expected);
            assert_eq!(line(text), in_one_line);
        };
        check("a\tb\nc", "a\tb\nc", "a\\tb\\nc");
        check("\x1b[2Jx\r\u{9b}", "\\u{1b}[2Jx\\r\\u{9b}", "\\u{1b}[2Jx\\r\\u{9b}");
        check("x\u{2028}error: y", "x\\u{2028}error: y", "x\\u{2028}error: y");
    }
}
