//! What the checks found, and the list in which they collect it.

use std::cell::RefCell;
use std::collections::HashSet;
use std::fmt;
use std::path::PathBuf;

use crate::base::locate;

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Everything runs, but perhaps not as it was meant.
    Warning,
    /// The server that it is about is left out; one that is about no server stops the start.
    Error,
}

/// One thing that is wrong, or looks wrong, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// The file, where it is another one than the configuration.
    pub file: Option<PathBuf>,
    /// JSON pointer to the value; empty for the whole file.
    pub pointer: String,
    /// Line of the value, counted from 1.
    pub line: Option<usize>,
    /// The server whose entry it stands in, by the name that it runs under.
    pub server: Option<String>,
    /// What is wrong, as a fragment; never a value that came from a variable.
    pub message: String,
    /// What would set it right.
    pub hint: Option<String>,
}

impl Finding {
    /// Adds what would set it right.
    #[must_use]
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = match &self.file {
            Some(file) => file.display().to_string(),
            None => self.pointer.clone(),
        };
        match (place.as_str(), self.line) {
            ("", None) => {}
            ("", Some(line)) => write!(formatter, "line {line}: ")?,
            (place, None) => write!(formatter, "`{place}`: ")?,
            (place, Some(line)) => write!(formatter, "`{place}` (line {line}): ")?,
        }
        formatter.write_str(&self.message)?;
        match &self.hint {
            Some(hint) => write!(formatter, "; {hint}"),
            None => Ok(()),
        }
    }
}

/// Collects the findings about one server entry, or about all the rest.
#[derive(Default)]
pub(crate) struct Report {
    server: Option<String>,
    /// Pointers of values that a variable had a part in. They are never shown.
    filled: HashSet<String>,
    /// Pointers of values that lack a variable. That was said, and what else is wrong with them
    /// only follows from it.
    lacking: HashSet<String>,
    findings: RefCell<Vec<Finding>>,
}

impl Report {
    /// A list for the values that belong to no server.
    pub(crate) fn top() -> Self {
        Self::default()
    }

    /// A list for one server entry.
    pub(crate) fn of_server(name: &str) -> Self {
        Self { server: Some(name.to_owned()), ..Self::default() }
    }

    /// Keeps the values at these pointers out of every message.
    pub(crate) fn conceal(&mut self, filled: HashSet<String>) {
        self.filled = filled;
    }

    /// Takes no more findings about the values at these pointers.
    pub(crate) fn hush(&mut self, lacking: HashSet<String>) {
        self.lacking = lacking;
    }

    /// Whether the value at this pointer may stand in a message.
    pub(crate) fn may_show(&self, pointer: &str) -> bool {
        !self.filled.contains(pointer)
    }

    pub(crate) fn is_of_server(&self) -> bool {
        self.server.is_some()
    }

    /// A finding at this place, not yet part of the list.
    pub(crate) fn finding(
        &self,
        severity: Severity,
        pointer: &str,
        message: impl Into<String>,
    ) -> Finding {
        Finding {
            severity,
            file: None,
            pointer: pointer.to_owned(),
            line: None,
            server: self.server.clone(),
            message: message.into(),
            hint: None,
        }
    }

    pub(crate) fn add(&self, finding: Finding) {
        if !self.lacking.contains(&finding.pointer) {
            self.findings.borrow_mut().push(finding);
        }
    }

    pub(crate) fn error(&self, pointer: &str, message: impl Into<String>) {
        self.add(self.finding(Severity::Error, pointer, message));
    }

    pub(crate) fn warning(&self, pointer: &str, message: impl Into<String>) {
        self.add(self.finding(Severity::Warning, pointer, message));
    }

    /// Whether anything was found that is more than a warning.
    pub(crate) fn has_errors(&self) -> bool {
        self.findings.borrow().iter().any(|finding| finding.severity == Severity::Error)
    }

    /// The findings in the order in which they were made, with their lines filled in.
    pub(crate) fn into_findings(self, lines: &Lines) -> Vec<Finding> {
        let mut findings = self.findings.into_inner();
        for finding in findings.iter_mut().filter(|finding| finding.file.is_none()) {
            finding.line = lines.line(&finding.pointer);
        }
        findings
    }
}

/// The lines on which the values of the file stand.
#[derive(Default)]
pub(crate) struct Lines(locate::Positions);

impl Lines {
    pub(crate) fn of(text: &str) -> Self {
        Self(locate::Positions::of(text))
    }

    /// The line of a value; for the file as a whole there is none.
    fn line(&self, pointer: &str) -> Option<usize> {
        if pointer.is_empty() { None } else { self.0.line(pointer) }
    }

    /// Pointers of the keys that stand twice in one object.
    pub(crate) fn repeated(&self) -> &[String] {
        self.0.repeated()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_as_one_line() {
        let check =
            |pointer: &str, line, file: Option<&str>, hint: Option<&str>, expected: &str| {
                let mut finding =
                    Report::top().finding(Severity::Error, pointer, "unknown key `comand`");
                finding.line = line;
                finding.file = file.map(PathBuf::from);
                finding.hint = hint.map(str::to_owned);
                assert_eq!(finding.to_string(), expected);
            };
        let hint = Some("did you mean `command`?");
        check("", None, None, None, "unknown key `comand`");
        check("", Some(7), None, None, "line 7: unknown key `comand`");
        check(
            "/servers/git/comand",
            Some(7),
            None,
            hint,
            "`/servers/git/comand` (line 7): unknown key `comand`; did you mean `command`?",
        );
        check("", Some(2), Some("/b/.env"), None, "`/b/.env` (line 2): unknown key `comand`");
    }
}
