//! The recipes below `tests/fixtures/recipes`: what `bridge validate-recipe --json` says of each is what stands beside it.
//!
//! Beside `NAME.json` stands `NAME.findings` with a line for each finding: how bad it is, its JSON pointer (`-` for the
//! whole file), its line (`-` for none), and how its message begins. Valid recipes have none.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::support::Bridge;

/// The least that the corpus has to hold; a folder that went missing must not pass for one without faults.
const LEAST: [(&str, usize); 3] = [("valid", 25), ("warned", 40), ("invalid", 100)];

fn folder(kind: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/recipes").join(kind)
}

/// The files of a folder that end so, by their names without the ending.
fn files(kind: &str, ending: &str) -> BTreeMap<String, PathBuf> {
    let entries = fs::read_dir(folder(kind)).expect("the corpus is part of the repository");
    let paths = entries.map(|entry| entry.expect("it can be listed").path());
    let with_ending = paths.filter(|path| path.extension().is_some_and(|found| found == ending));
    let name =
        |path: &Path| path.file_stem().expect("it has a name").to_string_lossy().into_owned();
    with_ending.map(|path| (name(&path), path)).collect()
}

/// What the program says of every recipe of a folder, in the order of their names.
fn validated(recipes: &BTreeMap<String, PathBuf>, exit: i32) -> Vec<Value> {
    let mut arguments = vec!["validate-recipe", "--json"];
    arguments.extend(recipes.values().map(|path| path.to_str().expect("UTF-8")));
    let listed = Bridge::new().without_config().run(&arguments).expect(exit).json();
    listed["recipes"].as_array().expect("a list").clone()
}

/// A finding as it stands beside its recipe.
fn line(finding: &Value) -> String {
    let text = |key: &str| match &finding[key] {
        Value::String(text) if text.is_empty() => "-".to_owned(),
        Value::String(text) => text.clone(),
        Value::Null => "-".to_owned(),
        other => other.to_string(),
    };
    format!("{} {} {} {}", text("severity"), text("pointer"), text("line"), text("message"))
}

/// The complaints about what is said and what was expected.
fn differences(name: &str, said: &[String], expected: &[&str]) -> Vec<String> {
    let mut complaints = Vec::new();
    for (index, said) in said.iter().enumerate() {
        let fits = expected.get(index).is_some_and(|expected| said.starts_with(expected));
        if !fits {
            complaints.push(format!("{name}: said `{said}`, expected {:?}", expected.get(index)));
        }
    }
    let missing = expected.iter().skip(said.len());
    complaints.extend(missing.map(|missing| format!("{name}: `{missing}` is not said")));
    complaints
}

fn check(kind: &str, exit: i32, is_valid: bool) {
    let recipes = files(kind, "json");
    let (_, least) = LEAST.iter().find(|(known, _)| *known == kind).expect("a known folder");
    assert!(recipes.len() >= *least, "{} recipes in {kind}", recipes.len());
    let mut findings = files(kind, "findings");
    let mut complaints = Vec::new();
    for ((name, path), found) in recipes.iter().zip(validated(&recipes, exit)) {
        assert_eq!(found["path"].as_str(), path.to_str(), "in the order of the arguments");
        if found["valid"] != is_valid {
            complaints.push(format!("{name}: `valid` is {}", found["valid"]));
        }
        let expected = findings.remove(name).map(|path| fs::read_to_string(path).expect("text"));
        if expected.is_none() && kind != "valid" {
            complaints.push(format!("{name}: nothing is expected of it"));
        }
        let expected = expected.unwrap_or_default();
        let said: Vec<String> =
            found["findings"].as_array().expect("a list").iter().map(line).collect();
        complaints.extend(differences(name, &said, &expected.lines().collect::<Vec<_>>()));
    }
    complaints.extend(findings.keys().map(|name| format!("{name}: there is no such recipe")));
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}

#[test]
fn valid_recipes_have_no_findings() {
    check("valid", 0, true);
}

#[test]
fn warned_recipes_are_valid() {
    check("warned", 0, true);
}

#[test]
fn invalid_recipes_have_the_findings_beside_them() {
    check("invalid", 1, false);
}

#[test]
fn differences_are_seen() {
    let said = ["error /id 3 `id` is".to_owned(), "warning - - new".to_owned()];
    assert!(differences("x", &said, &["error /id 3 `id`", "warning - - new"]).is_empty());
    assert_eq!(differences("x", &said, &["error /id 4 `id`", "warning - - new"]).len(), 1);
    assert_eq!(differences("x", &said, &["error /id 3 `id`"]).len(), 1);
    assert_eq!(differences("x", &said[..1], &["error /id 3 `id`", "warning - - new"]).len(), 1);
}
