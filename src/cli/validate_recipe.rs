//! `bridge validate-recipe PATH…`: what is wrong with recipes. Needs neither a config nor a home folder.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use clap::Args;
use serde_json::{Value, json};

use super::exit::{Exit, Failure};
use super::printer::{Printer, counted};
use crate::config::Severity;
use crate::recipe::{self, Checked, Recipe};

pub(super) const EXAMPLES: &str = "\
Examples:
  bridge validate-recipe recipes/todoist
  bridge validate-recipe recipes/*/recipe.json --json

Everything that is wrong is printed, with its JSON pointer and line. Recipes of version 1 (`config.json`) are read, too.
Exit code 1 says that a recipe has errors, 4 that one is not there; warnings are none.";

/// What `bridge validate-recipe` takes.
#[derive(Debug, Args)]
pub(super) struct ValidateRecipe {
    /// The recipes
    #[arg(value_name = "PATH", required = true)]
    pub(super) paths: Vec<PathBuf>,
}

/// Checks every recipe, whatever is wrong with those before it.
pub(super) fn run(arguments: &ValidateRecipe, printer: Printer) -> Exit {
    let now = SystemTime::now();
    let mut list = Vec::new();
    let (mut are_missing, mut have_failed) = (false, false);
    for path in &arguments.paths {
        match recipe::read(path, now) {
            Ok(checked) => {
                have_failed |= checked.recipe.is_none();
                if printer.json {
                    list.push(in_json(path, &checked));
                } else {
                    print(printer, path, &checked);
                }
            }
            Err(error) => {
                let is_missing = error.is_missing();
                are_missing |= is_missing;
                have_failed |= !is_missing;
                let exit = if is_missing { Exit::NotFound } else { Exit::Failed };
                printer.failure(&Failure::new(exit, error.to_string()));
                list.push(json!({
                    "path": path.to_string_lossy(),
                    "valid": false,
                    "error": error.to_string(),
                    "findings": [],
                }));
            }
        }
    }
    if printer.json {
        printer.json(&json!({ "recipes": list }));
    }
    match (have_failed, are_missing) {
        (true, _) => Exit::Failed,
        (false, true) => Exit::NotFound,
        (false, false) => Exit::Done,
    }
}

fn print(printer: Printer, path: &Path, checked: &Checked) {
    let path = path.display();
    for finding in &checked.findings {
        printer.line(&format!("{path}: {}: {finding}", label(finding.severity)));
    }
    let count =
        |severity| checked.findings.iter().filter(|found| found.severity == severity).count();
    let verdict = match &checked.recipe {
        Some(recipe) => format!("valid, {}", about(recipe)),
        None => counted(count(Severity::Error), "error"),
    };
    let warnings = match count(Severity::Warning) {
        0 => String::new(),
        warnings => format!(", {}", counted(warnings, "warning")),
    };
    printer.line(&format!("{path}: {verdict}{warnings}"));
}

/// The recipe in a few words: its id, the transport that would be chosen and how it is got.
pub(super) fn about(recipe: &Recipe) -> String {
    let transport = recipe.preferred().name();
    match &recipe.install {
        Some(install) => format!("`{}` by {transport} and {}", recipe.id, install.method.name()),
        None => format!("`{}` by {transport}", recipe.id),
    }
}

fn in_json(path: &Path, checked: &Checked) -> Value {
    let findings = checked.findings.iter().map(|finding| {
        json!({
            "severity": label(finding.severity),
            "pointer": finding.pointer,
            "line": finding.line,
            "message": finding.message,
            "hint": finding.hint,
        })
    });
    json!({
        "path": path.to_string_lossy(),
        "valid": checked.recipe.is_some(),
        "id": checked.recipe.as_ref().map(|recipe| &recipe.id),
        "transport": checked.recipe.as_ref().map(|recipe| recipe.preferred().name()),
        "findings": findings.collect::<Vec<_>>(),
    })
}

fn label(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    }
}
