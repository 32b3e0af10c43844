//! The lines of a checkup, how they are printed, and the exit code that they come to.

use serde::Serialize;
use serde_json::json;

use crate::cli::exit::Exit;
use crate::cli::printer::{Printer, counted};
use crate::config::{Finding, Severity};

/// How something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Status {
    /// As it should be.
    Ok,
    /// It works, but perhaps not as it was meant.
    Warning,
    /// It does not work.
    Problem,
}

/// What a line is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Part {
    Config,
    File,
    Recipe,
    Catalog,
    Command,
    Server,
    Tool,
    Pin,
    Model,
    Intent,
    Client,
    Port,
}

/// One line.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Line {
    pub(super) status: Status,
    pub(super) part: Part,
    /// The file, the folder of the recipe, the command, the server, `server/tool`, the client, or the port.
    pub(super) name: String,
    pub(super) message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) remedy: Option<String>,
}

/// What was looked at so far.
#[derive(Debug, Default)]
pub(super) struct Checkup {
    lines: Vec<Line>,
}

impl Checkup {
    pub(super) fn ok(&mut self, part: Part, name: impl Into<String>, message: impl Into<String>) {
        self.add(Status::Ok, part, name.into(), message.into(), None);
    }

    pub(super) fn warning(
        &mut self,
        part: Part,
        name: impl Into<String>,
        message: impl Into<String>,
        remedy: impl Into<String>,
    ) {
        self.add(Status::Warning, part, name.into(), message.into(), Some(remedy.into()));
    }

    pub(super) fn problem(
        &mut self,
        part: Part,
        name: impl Into<String>,
        message: impl Into<String>,
        remedy: impl Into<String>,
    ) {
        self.add(Status::Problem, part, name.into(), message.into(), Some(remedy.into()));
    }

    fn add(
        &mut self,
        status: Status,
        part: Part,
        name: String,
        message: String,
        remedy: Option<String>,
    ) {
        self.lines.push(Line { status, part, name, message, remedy });
    }

    /// Adds what a check of the file `name` found, which needs not be named again; `remedy` is that of findings without a hint.
    pub(super) fn finding(&mut self, part: Part, name: &str, finding: &Finding, remedy: &str) {
        let status = match finding.severity {
            Severity::Error => Status::Problem,
            Severity::Warning => Status::Warning,
        };
        let bare = Finding { file: None, hint: None, ..finding.clone() };
        let message = match &finding.server {
            Some(server) if status == Status::Problem => {
                format!("server `{server}` is left out: {bare}")
            }
            _ => bare.to_string(),
        };
        let remedy = Some(finding.hint.clone().unwrap_or_else(|| remedy.to_owned()));
        self.add(status, part, name.to_owned(), message, remedy);
    }

    /// Whether anything was found about this part.
    pub(super) fn has_findings(&self, part: Part) -> bool {
        self.lines.iter().any(|line| line.part == part && line.status != Status::Ok)
    }

    fn count(&self, status: Status) -> usize {
        self.lines.iter().filter(|line| line.status == status).count()
    }

    pub(super) fn print(&self, printer: Printer) {
        let (warnings, problems) = (self.count(Status::Warning), self.count(Status::Problem));
        if printer.json {
            printer.json(&json!({
                "checks": self.lines,
                "warnings": warnings,
                "problems": problems,
            }));
            return;
        }
        let row = |line: &Line| {
            let about = match line.part {
                Part::Config | Part::File | Part::Catalog | Part::Intent => line.name.clone(),
                Part::Command => format!("command {}", line.name),
                Part::Client => format!("client {}", line.name),
                Part::Port => format!("port {}", line.name),
                Part::Recipe => format!("recipe {}", line.name),
                Part::Server => format!("server {}", line.name),
                Part::Tool => format!("tool {}", line.name),
                Part::Pin => format!("pin {}", line.name),
                Part::Model => format!("model {}", line.name),
            };
            let said = match &line.remedy {
                Some(remedy) => format!("{}; {remedy}", line.message),
                None => line.message.clone(),
            };
            vec![label(line.status).to_owned(), about, said]
        };
        printer.table(&self.lines.iter().map(row).collect::<Vec<_>>());
        printer.talk(&match (problems, warnings) {
            (0, 0) => "all is well".to_owned(),
            _ => format!("{}, {}", counted(problems, "problem"), counted(warnings, "warning")),
        });
    }

    /// The config before servers before the rest: what is wrong there is often why the others fail.
    pub(super) fn exit(&self) -> Exit {
        let mut problems = self.lines.iter().filter(|line| line.status == Status::Problem);
        let exit = |part: Part| match part {
            Part::Config => Exit::Config,
            Part::Command | Part::Server => Exit::Upstream,
            Part::File
            | Part::Recipe
            | Part::Catalog
            | Part::Tool
            | Part::Pin
            | Part::Model
            | Part::Intent
            | Part::Client
            | Part::Port => Exit::Failed,
        };
        let rank = |exit: &Exit| match exit {
            Exit::Config => 0,
            Exit::Upstream => 1,
            _ => 2,
        };
        let first = problems.next().map(|line| exit(line.part));
        let worst = problems.map(|line| exit(line.part)).chain(first).min_by_key(rank);
        worst.unwrap_or(Exit::Done)
    }
}

fn label(status: Status) -> &'static str {
    match status {
        Status::Ok => "ok",
        Status::Warning => "warning",
        Status::Problem => "problem",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exit_code_is_that_of_the_first_cause() {
        let check = |problems: &[Part], expected: Exit| {
            let mut checkup = Checkup::default();
            checkup.ok(Part::Config, "c", "fine");
            checkup.warning(Part::Server, "s", "slow", "wait");
            for part in problems {
                checkup.problem(*part, "x", "broken", "mend it");
            }
            assert_eq!(checkup.exit(), expected, "{problems:?}");
        };
        check(&[], Exit::Done);
        check(&[Part::File], Exit::Failed);
        check(&[Part::File, Part::Server], Exit::Upstream);
        check(&[Part::Server, Part::Config, Part::File], Exit::Config);
    }
}
