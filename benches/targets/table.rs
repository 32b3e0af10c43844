//! Figures beside their targets, as Markdown.

use std::io::{self, Write};

/// Whether targets were missed.
#[derive(Debug, Default)]
pub(crate) struct Verdicts {
    missed: bool,
}

impl Verdicts {
    /// Whether one was missed since the last time.
    pub(crate) fn end(&mut self) -> bool {
        std::mem::take(&mut self.missed)
    }

    /// How a figure that must be at least so large stands to its target.
    pub(crate) fn at_least(&mut self, figure: f64, target: Option<f64>) -> String {
        self.judge(target.is_none_or(|target| figure >= target), target, "≥")
    }

    /// How a figure that must be at most so large stands to its target.
    pub(crate) fn at_most(&mut self, figure: f64, target: Option<f64>) -> String {
        self.judge(target.is_none_or(|target| figure <= target), target, "≤")
    }

    fn judge(&mut self, within: bool, target: Option<f64>, sign: &str) -> String {
        self.missed |= !within;
        match target {
            Some(target) if within => format!("{sign} {target}"),
            Some(target) => format!("**missed**: {sign} {target}"),
            None => "–".to_owned(),
        }
    }
}

/// Writes the head of a table, below its heading.
pub(crate) fn head(out: &mut impl Write, heading: &str, columns: &[&str]) -> io::Result<()> {
    let rule: String = columns.iter().skip(1).map(|_| "---:|").collect();
    writeln!(out, "\n{heading}\n\n| {} |\n|---|{rule}", columns.join(" | "))
}

/// Writes a line of it.
pub(crate) fn line(out: &mut impl Write, cells: &[String]) -> io::Result<()> {
    writeln!(out, "| {} |", cells.join(" | "))
}
