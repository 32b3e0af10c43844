//! `bridge schema`, and the schemas below `schema/`, by which editors check and complete the files that people write.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use jsonschema::Validator;
use serde_json::Value;

use crate::support::Bridge;

/// Recipes whose faults a schema cannot express: it sees one value at a time, and no text that is not JSON.
const BEYOND_A_SCHEMA: [&str; 19] = [
    // What several values say together.
    "file-twice",
    "key-twice",
    "variable-undeclared-in-args",
    "variable-undeclared-in-env",
    "variable-undeclared-in-headers",
    "variable-undeclared-in-platform",
    "variable-undeclared-in-url",
    // What programs make of their arguments.
    "docker-all-capabilities",
    "docker-bind-root",
    "docker-mount-root",
    "docker-mount-root-by-dots",
    "docker-mount-root-combined",
    "docker-privileged",
    "docker-privileged-true",
    "podman-privileged-behind-switch",
    "sudo",
    // Characters that are not seen may stand in words of every language.
    "hidden-argument",
    "hidden-in-url",
    "hidden-shell-step",
];

fn root(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn printed(kind: &str) -> String {
    Bridge::new().without_config().run(&["schema", kind]).expect(0).stdout
}

fn validator(kind: &str) -> Validator {
    let schema: Value = serde_json::from_str(&printed(kind)).expect("JSON");
    assert!(jsonschema::meta::is_valid(&schema), "the schema of {kind} is one of draft 2020-12");
    jsonschema::validator_for(&schema).expect("the schema compiles")
}

#[track_caller]
fn accept(validator: &Validator, name: &str, value: &Value) {
    let faults: Vec<String> = validator
        .iter_errors(value)
        .map(|fault| format!("{name}: {}: {fault}", fault.instance_path()))
        .collect();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// The recipes of a folder of the corpus that are JSON, by name.
fn corpus(kind: &str) -> Vec<(String, Value)> {
    let entries = fs::read_dir(root("tests/fixtures/recipes").join(kind)).expect("the corpus");
    let paths = entries.map(|entry| entry.expect("it can be listed").path());
    let recipes = paths.filter(|path| path.extension().is_some_and(|ending| ending == "json"));
    let read = |path: PathBuf| {
        let name = path.file_stem()?.to_str()?.to_owned();
        Some((name, serde_json::from_slice(&fs::read(&path).expect("it can be read")).ok()?))
    };
    recipes.filter_map(read).collect()
}

#[test]
fn the_files_are_what_the_command_prints() {
    for kind in ["config", "recipe"] {
        let path = format!("schema/{kind}.schema.json");
        let file = fs::read_to_string(root(&path)).unwrap_or_default();
        assert!(file == printed(kind), "`{path}` is not what is printed; run `just schema`");
    }
}

#[test]
fn there_are_schemas_of_two_kinds_of_files() {
    let bridge = Bridge::new().without_config();
    let output = bridge.run(&["schema", "server"]).expect(2);
    assert!(output.stderr.contains("recipe"), "{}", output.stderr);
    bridge.run(&["schema"]).expect(2);
}

#[test]
fn valid_recipes_fit_the_schema() {
    let validator = validator("recipe");
    let recipes = corpus("valid");
    assert!(recipes.len() > 20);
    for (name, recipe) in &recipes {
        accept(&validator, name, recipe);
    }
    let valid = Bridge::new().without_config();
    let sample = root("tests/fixtures/recipes/valid/dollar-schema.json");
    valid.run(&["validate-recipe", sample.to_str().expect("UTF-8")]).expect(0);
}

#[test]
fn invalid_recipes_are_refused_as_far_as_a_schema_can_tell() {
    let validator = validator("recipe");
    let recipes = corpus("invalid");
    let accepted = recipes.iter().filter(|(_, recipe)| validator.is_valid(recipe));
    let accepted: BTreeSet<&str> = accepted.map(|(name, _)| name.as_str()).collect();
    assert_eq!(accepted, BEYOND_A_SCHEMA.into_iter().collect());
}

#[test]
fn configs_of_the_documents_fit_the_schema() {
    let validator = validator("config");
    let example = fs::read(root("config.example.json")).expect("it is part of the repository");
    accept(&validator, "config.example.json", &serde_json::from_slice(&example).expect("JSON"));
    let mut count = 0;
    for document in ["README.md", "docs/DIRECT.md", "docs/SEARCH.md", "docs/TOOL.md"] {
        let text = fs::read_to_string(root(document)).expect("it is part of the repository");
        for block in text.split("```json\n").skip(1).filter_map(|rest| rest.split("```").next()) {
            let Ok(value) = serde_json::from_str::<Value>(block) else { continue };
            if value.get("servers").is_some() {
                accept(&validator, document, &value);
                count += 1;
            }
        }
    }
    assert!(count > 0, "the documents show configs");
}

#[test]
fn the_readme_has_the_defaults_of_the_schema() {
    let schema = fs::read(root("schema/config.schema.json")).expect("it is part of the repository");
    let schema: Value = serde_json::from_slice(&schema).expect("JSON");
    let readme = fs::read_to_string(root("README.md")).expect("it is part of the repository");
    let mut count = 0;
    for row in readme.lines().filter(|line| line.starts_with("| `")) {
        let mut cells = row.trim_start_matches("| `").split(" | ");
        let (Some(keys), Some(defaults)) = (cells.next(), cells.next()) else { continue };
        let keys = keys.split('`').next().expect("there is a first part");
        // `group.{one,two}` has a default for each, one after the other.
        let (group, names) = keys.split_once(".{").unwrap_or(("", keys));
        for (name, told) in names.trim_end_matches('}').split(',').zip(defaults.split(", ")) {
            let parts = [group, name].into_iter().filter(|part| !part.is_empty());
            let parts: Vec<&str> = parts.flat_map(|part| part.split('.')).collect();
            let pointer = format!("/properties/{}/default", parts.join("/properties/"));
            // What people read better in words is left to them.
            let told = told.split(" (").next().expect("there is a first part");
            let value = match (told.trim_matches('`'), told.starts_with('`')) {
                (text, true) => serde_json::from_str(text).unwrap_or_else(|_| text.into()),
                (text, false) => serde_json::from_str(text).unwrap_or(Value::Null),
            };
            let default = schema.pointer(&pointer).unwrap_or(&Value::Null);
            if !default.is_null() && !value.is_null() {
                assert_eq!(value, *default, "{pointer}");
                count += 1;
            }
        }
    }
    assert!(count > 20, "the README has a table of defaults: {count}");
}

#[test]
fn faulty_configs_are_refused() {
    let validator = validator("config");
    let check = |json: &str, expected: bool| {
        let value: Value = serde_json::from_str(json).expect("JSON");
        assert_eq!(validator.is_valid(&value), expected, "{json}");
    };
    let bridge = Bridge::new().set("$schema", "./config.schema.json");
    let said = bridge.run(&["servers"]).expect(0).stderr;
    assert!(!said.contains("schema") && !said.contains("warning"), "{said}");
    check("{}", true);
    check(r#"{"$schema": "x", "mode": "auto", "clientModes": {"a": "direct"}}"#, true);
    check(r#"{"servers": {"a": {"command": "x", "trust": "${TRUST}"}}}"#, true);
    check(r#"{"mcpServers": {"a": {"type": "http", "url": "${URL}"}}}"#, true);
    check(r#"{"servers": {"a": {"url": "https://x", "auth": {"type": "oauth2"}}}}"#, true);
    check(r#"{"modes": "auto"}"#, false);
    check(r#"{"mode": "Auto"}"#, false);
    check(r#"{"requestTimeoutMs": 0}"#, false);
    check(r#"{"servers": {"a": {}}}"#, false);
    check(r#"{"servers": {"a": {"comand": "x", "url": "https://x"}}}"#, false);
    check(r#"{"servers": {"a": {"url": "ftp://x"}}}"#, false);
    check(r#"{"servers": {"a": {"url": "https://x", "auth": {"type": "bearer"}}}}"#, false);
    check(
        r#"{"servers": {"a": {"url": "https://x", "auth": {"type": "bearer", "tokn": "x"}}}}"#,
        false,
    );
    check(r#"{"servers": {"a": {"command": "x", "toolFilter": {"allowed": []}}}}"#, false);
}
