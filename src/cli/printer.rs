//! The one mouth of the command line: data to stdout, talk to stderr.

use std::io::{self, IsTerminal, Write};

use serde::Serialize;

use super::exit::Failure;

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
        Self {
            json,
            colour: colour && io::stderr().is_terminal(),
        }
    }

    /// Data for people or programs. A reader that has gone is no failure.
    pub(super) fn data(self, text: &str) {
        let mut stdout = io::stdout().lock();
        let _ = writeln!(stdout, "{}", text.trim_end_matches('\n'));
    }

    /// Data for programs.
    pub(super) fn json(self, value: &impl Serialize) {
        self.data(&serde_json::to_string_pretty(value).expect("answers always serialise"));
    }

    /// Something that is said on the way.
    pub(super) fn talk(self, text: &str) {
        let _ = writeln!(io::stderr().lock(), "{text}");
    }

    /// Something that may be wrong.
    pub(super) fn warn(self, text: &str) {
        self.talk(&format!("{} {text}", self.paint("33", "warning:")));
    }

    /// What went wrong, and what to do about it.
    pub(super) fn failure(self, failure: &Failure) {
        self.talk(&format!(
            "{} {}",
            self.paint("31", "error:"),
            failure.message
        ));
        if let Some(hint) = &failure.hint {
            self.talk(&format!("{} {hint}", self.paint("36", "hint:")));
        }
    }

    fn paint(self, code: &str, text: &str) -> String {
        if self.colour {
            format!("\x1b[1;{code}m{text}\x1b[0m")
        } else {
            text.to_owned()
        }
    }

    /// Rows with their columns aligned; the last column is as long as it is.
    pub(super) fn table(self, rows: &[Vec<String>]) {
        let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
        let width = |column: usize| {
            rows.iter()
                .filter_map(|row| row.get(column))
                .map(|cell| cell.chars().count())
                .max()
        };
        let widths: Vec<usize> = (0..columns)
            .map(|column| width(column).unwrap_or(0))
            .collect();
        for row in rows {
            let cells = row
                .iter()
                .zip(&widths)
                .map(|(cell, width)| format!("{cell:<width$}"));
            self.data(cells.collect::<Vec<_>>().join("  ").trim_end());
        }
    }
}
