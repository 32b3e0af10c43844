//! `bridge migrate-recipe`: recipes of version 1 as recipes of version 2.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use clap::Args;
use serde_json::{Value, json};

use super::exit::{Exit, Failure};
use super::printer::{Printer, counted};
use crate::base::fs::{create_new, mode_of, write_atomically};
use crate::config::{Finding, Severity};
use crate::recipe::{self, Recipe};

pub(super) const EXAMPLES: &str = "\
Examples:
  bridge migrate-recipe recipes/todoist               print it as version 2
  bridge migrate-recipe recipes/* --write             write all that are of version 1 anew

`config.json` becomes `recipe.json`; what was there is kept as `NAME.bak`. What has no place in version 2 is told.
Exit code 1 says that a recipe has errors or cannot be written, 4 that one is not there.";

/// The old names of files that have another one in version 2.
const OLD_NAME: &str = "config.json";
const NEW_NAME: &str = "recipe.json";

/// Copies of one file that are kept at most.
const MAX_COPIES: usize = 99;

#[derive(Debug, Args)]
pub(super) struct MigrateRecipe {
    /// The recipes: files, or folders that hold one
    #[arg(value_name = "PATH", required = true)]
    paths: Vec<PathBuf>,
    /// Write them in place instead of printing them, and keep what was there
    #[arg(long)]
    write: bool,
}

/// What became of one recipe.
enum Outcome {
    /// It is of version 2 already.
    Current,
    /// It was of version 1.
    Migrated { recipe: Box<Recipe>, left_out: Vec<Finding>, written: Option<Written> },
    /// It has errors.
    Invalid(Vec<Finding>),
}

/// The files after a recipe was written.
struct Written {
    file: PathBuf,
    copy: PathBuf,
}

/// Migrates every recipe, whatever is wrong with those before it.
pub(super) fn run(arguments: &MigrateRecipe, printer: Printer) -> Exit {
    let mut list = Vec::new();
    let mut worst = Exit::Done;
    for path in &arguments.paths {
        let outcome = migrate(path, arguments.write);
        let exit = match &outcome {
            Ok(Outcome::Invalid(_)) => Exit::Failed,
            Ok(_) => Exit::Done,
            Err(failure) => failure.exit,
        };
        if worst != Exit::Failed && exit != Exit::Done {
            worst = exit;
        }
        match &outcome {
            Ok(outcome) => tell(path, outcome, printer),
            Err(failure) => printer.failure(failure),
        }
        list.push(in_json(path, &outcome));
    }
    if printer.json {
        printer.json(&json!({ "recipes": list }));
    }
    worst
}

fn migrate(path: &Path, write: bool) -> Result<Outcome, Failure> {
    let recipe::Text { file, bytes } = recipe::open(path).map_err(|error| {
        let exit = if error.is_missing() { Exit::NotFound } else { Exit::Failed };
        Failure::new(exit, error.to_string())
    })?;
    let checked = recipe::check(&bytes, SystemTime::now());
    let Some(recipe) = checked.recipe else { return Ok(Outcome::Invalid(checked.findings)) };
    if checked.version != 1 {
        return Ok(Outcome::Current);
    }
    let left_out = recipe::left_out(&bytes, &recipe);
    let written = write.then(|| write_anew(&file, &bytes, &recipe)).transpose()?;
    Ok(Outcome::Migrated { recipe: Box::new(recipe), left_out, written })
}

/// The copy is there before the recipe is touched, and the old name goes last.
fn write_anew(file: &Path, old: &[u8], recipe: &Recipe) -> Result<Written, Failure> {
    let failed = |place: &Path, error: &io::Error| {
        Failure::new(Exit::Failed, format!("cannot write `{}`: {error}", place.display()))
    };
    // The file and its copy would be written, and the old one removed, in a folder that nobody named.
    if file.is_symlink() {
        let message = format!("`{}` is a link, so it stays as it is", file.display());
        let hint = file.canonicalize().ok();
        let hint = hint.map(|real| format!("name the file itself: `{}`", real.display()));
        return Err(Failure::new(Exit::Failed, message).hint(hint));
    }
    let file = file.to_owned();
    // Whoever may read the recipe now may do so afterwards, and nobody else.
    let mode = file.metadata().map_err(|error| failed(&file, &error))?;
    let mode = mode_of(&mode);
    let is_renamed = file.file_name().is_some_and(|name| name == OLD_NAME);
    let new = if is_renamed { file.with_file_name(NEW_NAME) } else { file.clone() };
    let text = pretty(recipe);
    if is_renamed && new.exists() {
        let message = format!("there is a `{}` already", new.display());
        let hint =
            format!("`{}` has no effect beside it; take one of the two away", file.display());
        return Err(Failure::new(Exit::Failed, message).hint(Some(hint)));
    }
    let copy =
        keep(&file, old, mode).map_err(|error| failed(&file.with_extension("json.bak"), &error))?;
    if is_renamed {
        create_new(&new, text.as_bytes(), mode).map_err(|error| failed(&new, &error))?;
        fs::remove_file(&file).map_err(|error| failed(&file, &error))?;
    } else {
        write_atomically(&new, text.as_bytes(), mode).map_err(|error| failed(&new, &error))?;
    }
    Ok(Written { file: new, copy })
}

/// A copy beside the file, under the first name that is free.
fn keep(file: &Path, bytes: &[u8], mode: u32) -> io::Result<PathBuf> {
    let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let mut last = io::Error::from(io::ErrorKind::AlreadyExists);
    for number in 0..MAX_COPIES {
        let ending = if number == 0 { String::new() } else { number.to_string() };
        let copy = file.with_file_name(format!("{name}.bak{ending}"));
        match create_new(&copy, bytes, mode) {
            Ok(()) => return Ok(copy),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => last = error,
            Err(error) => return Err(error),
        }
    }
    Err(last)
}

fn pretty(recipe: &Recipe) -> String {
    format!("{:#}\n", recipe.to_json())
}

fn tell(path: &Path, outcome: &Outcome, printer: Printer) {
    let path = path.display();
    match outcome {
        Outcome::Current => printer.talk(&format!("{path}: is of version 2 already")),
        Outcome::Invalid(findings) => {
            let errors = findings.iter().filter(|finding| finding.severity == Severity::Error);
            let count = errors.clone().count();
            for finding in errors {
                printer.talk(&format!("{path}: error: {finding}"));
            }
            let message = format!("{path}: {}, so it stays as it is", counted(count, "error"));
            printer.failure(&Failure::new(Exit::Failed, message));
        }
        Outcome::Migrated { recipe, left_out, written } => {
            for finding in left_out {
                printer.warn(&format!("{path}: {finding}"));
            }
            match written {
                Some(written) => printer.talk(&format!(
                    "{path}: written as `{}`; what was there is `{}`",
                    written.file.display(),
                    written.copy.display()
                )),
                None if !printer.json => printer.data(&pretty(recipe)),
                None => {}
            }
        }
    }
}

fn in_json(path: &Path, outcome: &Result<Outcome, Failure>) -> Value {
    let path = path.to_string_lossy();
    let told = |findings: &[Finding]| -> Vec<Value> {
        let told = findings.iter().map(|finding| {
            json!({ "pointer": finding.pointer, "line": finding.line, "message": finding.message })
        });
        told.collect()
    };
    match outcome {
        Err(failure) => json!({ "path": path, "migrated": false, "error": failure.message }),
        Ok(Outcome::Current) => json!({ "path": path, "migrated": false, "version": 2 }),
        Ok(Outcome::Invalid(findings)) => {
            let errors = findings.iter().filter(|finding| finding.severity == Severity::Error);
            let errors: Vec<Finding> = errors.cloned().collect();
            json!({ "path": path, "migrated": false, "findings": told(&errors) })
        }
        Ok(Outcome::Migrated { recipe, left_out, written }) => json!({
            "path": path,
            "migrated": true,
            "recipe": recipe.to_json(),
            "leftOut": told(left_out),
            "file": written.as_ref().map(|written| written.file.to_string_lossy()),
            "copy": written.as_ref().map(|written| written.copy.to_string_lossy()),
        }),
    }
}
