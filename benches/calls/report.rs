//! What a suite has to say, as Markdown: tables, and the targets that it holds the bridge to.

use std::fs;
use std::io::{self, Error, Write};

use crate::targets::{Verdicts, head, line};

const DOCUMENT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/BENCHMARKS.md");

/// Gathers the tables of one suite.
pub(crate) struct Report {
    suite: &'static str,
    text: Vec<u8>,
    verdicts: Verdicts,
    targets: Vec<[String; 3]>,
}

impl Report {
    pub(crate) fn new(suite: &'static str) -> Self {
        Self { suite, text: Vec::new(), verdicts: Verdicts::default(), targets: Vec::new() }
    }

    /// Begins a table. Its heading is below that of the suite in the document, where no two are equal.
    pub(crate) fn head(&mut self, title: &str, columns: &[&str]) -> io::Result<()> {
        head(&mut self.text, &format!("#### {title} ({})", self.suite), columns)
    }

    pub(crate) fn line(&mut self, cells: &[String]) -> io::Result<()> {
        line(&mut self.text, cells)
    }

    pub(crate) fn remark(&mut self, text: &str) -> io::Result<()> {
        writeln!(self.text, "\n{text}")
    }

    /// A figure that must be at most so large.
    pub(crate) fn at_most(&mut self, what: &str, figure: f64, limit: f64) {
        let verdict = self.verdicts.at_most(figure, Some(limit));
        self.targets.push([what.to_owned(), shown(figure), verdict]);
    }

    /// A figure that must be at least so large.
    pub(crate) fn at_least(&mut self, what: &str, figure: f64, limit: f64) {
        let verdict = self.verdicts.at_least(figure, Some(limit.round()));
        self.targets.push([what.to_owned(), shown(figure), verdict]);
    }

    /// The whole of it, and whether a target was missed.
    pub(crate) fn end(mut self) -> io::Result<(String, bool)> {
        if !self.targets.is_empty() {
            self.head("Targets", &["figure", "measured", "target"])?;
            for target in std::mem::take(&mut self.targets) {
                self.line(&target)?;
            }
        }
        let text = String::from_utf8(self.text).map_err(Error::other)?;
        Ok((text.trim_start().to_owned(), self.verdicts.end()))
    }
}

/// With as many digits as say something.
pub(crate) fn shown(figure: f64) -> String {
    match figure.abs() {
        figure if figure >= 1000.0 => format!("{figure:.0}"),
        figure if figure >= 100.0 => format!("{figure:.1}"),
        _ => format!("{figure:.2}"),
    }
}

/// Puts the text of a suite into the document, between the marks that are there for it.
pub(crate) fn write(suite: &str, text: &str) -> io::Result<()> {
    let document = fs::read_to_string(DOCUMENT)?;
    let (begin, end) = (format!("<!-- calls: {suite} -->\n"), "<!-- calls: end -->");
    let missing = || Error::other(format!("{DOCUMENT} has no marks for {suite}"));
    let (before, rest) = document.split_once(&begin).ok_or_else(missing)?;
    let (_, after) = rest.split_once(end).ok_or_else(missing)?;
    fs::write(DOCUMENT, format!("{before}{begin}\n{text}\n{end}{after}"))
}
