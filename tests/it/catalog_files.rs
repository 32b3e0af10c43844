//! The recipes that are built in: valid, pinned, small, and with what `just check-catalog` found out about them.

use std::fs;
use std::path::Path;
use std::time::SystemTime;

use mcp_bridge::recipe::{self, AuthKind, Install, Method, Recipe, Transport};
use serde_json::Value;

const KNOWN: [&str; 14] = [
    "apify",
    "atlassian",
    "chrome-devtools",
    "github",
    "google-maps",
    "hetzner",
    "hostinger",
    "linear",
    "miro",
    "notion",
    "stripe",
    "tavily",
    "todoist",
    "wise",
];

/// They are all in the binary.
const MAX_BYTES: usize = 2048;
const MAX_BYTES_OF_ALL: usize = 80 * 1024;

/// One file: the id that its name is, what stands in it, and the recipe.
struct File {
    id: String,
    text: String,
    recipe: Recipe,
}

/// Every file, each valid without a finding. Ages are left to `just check-catalog`, so that a build does not fail because
/// time goes by.
fn files() -> Vec<File> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("catalog");
    let mut files = Vec::new();
    for entry in fs::read_dir(&folder).expect("the folder") {
        let path = entry.expect("an entry").path();
        if path.extension().is_none_or(|extension| extension != "json") {
            continue;
        }
        let id = path.file_stem().expect("a name").to_string_lossy().into_owned();
        let text = fs::read_to_string(&path).expect("text");
        let checked = recipe::check(text.as_bytes(), SystemTime::UNIX_EPOCH);
        assert!(checked.findings.is_empty(), "{id}: {:?}", checked.findings);
        files.push(File { id, text, recipe: checked.recipe.expect("a recipe without findings") });
    }
    files
}

/// What the check recorded, as it stands in the file.
fn metadata(file: &File) -> Value {
    serde_json::from_str::<Value>(&file.text).expect("JSON")["metadata"].clone()
}

fn package(install: &Install) -> Option<(&str, &str)> {
    let is_of_registry =
        matches!(install.method, Method::Npx | Method::Npm | Method::Uvx | Method::Pip);
    is_of_registry.then(|| {
        let package = install.package.as_deref().expect("a package");
        (package, install.version.as_deref().expect("a pinned version"))
    })
}

#[test]
fn the_known_servers_and_many_others_are_there() {
    let files = files();
    assert!(files.len() >= 40, "{} recipes", files.len());
    for id in KNOWN {
        assert!(files.iter().any(|file| file.id == id), "{id}");
    }
    for file in &files {
        assert_eq!(file.recipe.id, file.id);
        let metadata = &file.recipe.metadata;
        assert!(metadata.category.is_some() && !metadata.tags.is_empty(), "{}", file.id);
        assert!(metadata.profile.origin.is_some() && metadata.author.is_some(), "{}", file.id);
        assert!(metadata.profile.side_effects.is_some(), "{}", file.id);
    }
}

#[test]
fn files_are_small() {
    let files = files();
    for file in &files {
        assert!(file.text.len() <= MAX_BYTES, "{} has {} bytes", file.id, file.text.len());
    }
    let all: usize = files.iter().map(|file| file.text.len()).sum();
    assert!(all <= MAX_BYTES_OF_ALL, "all have {all} bytes");
}

#[test]
fn packages_run_in_the_version_that_was_checked() {
    let mut count = 0;
    for file in files() {
        let Some(install) = &file.recipe.install else { continue };
        let Some((package, version)) = package(install) else { continue };
        let Transport::Stdio(stdio) = file.recipe.preferred() else {
            panic!("{} installs a package and does not run it", file.id);
        };
        let pinned = |arg: &String| {
            arg.strip_prefix(package).is_some_and(|rest| {
                let extras = rest.starts_with('[').then(|| rest.find(']')).flatten();
                let rest = &rest[extras.map_or(0, |end| end + 1)..];
                rest.strip_prefix("==").or_else(|| rest.strip_prefix('@')) == Some(version)
            })
        };
        assert!(stdio.args.iter().any(pinned), "{}: {:?}", file.id, stdio.args);
        count += 1;
    }
    assert!(count >= 30, "{count} packages");
}

#[test]
fn whoever_needs_a_key_is_told_where_to_get_it() {
    for file in files() {
        let auth = &file.recipe.auth;
        let needs_key = auth.kind.is_some_and(|kind| kind != AuthKind::None);
        assert_eq!(auth.required, needs_key, "{}", file.id);
        if needs_key || !auth.env_vars.is_empty() {
            assert!(auth.instructions.is_some(), "{}", file.id);
        }
        if auth.kind.is_some_and(|kind| !matches!(kind, AuthKind::None | AuthKind::Custom)) {
            assert!(auth.credentials_url.is_some(), "{}", file.id);
        }
    }
}

#[test]
fn what_the_check_found_out_is_recorded() {
    let mut listed_without_key = 0;
    for file in files() {
        let metadata = metadata(&file);
        let steps = &metadata["verification"];
        let (found, started) = (steps["tier1"] == "pass", steps["tier2"] == "pass");
        assert!(found || !started, "{}: {steps}", file.id);
        assert_eq!(metadata["lastVerified"].is_string(), found, "{}", file.id);
        let count = metadata["toolCount"].as_u64();
        assert_eq!(count.is_some_and(|count| count > 0), started, "{}", file.id);
        assert_eq!(!file.recipe.metadata.tool_examples.is_empty(), started, "{}", file.id);
        let is_keyless = file.recipe.auth.kind == Some(AuthKind::None);
        // A pass without a word about it is a server that runs for everybody; for all else there is a reason.
        let reason = steps["note"].as_str();
        assert_eq!(reason.is_none(), started && is_keyless, "{}: {steps}", file.id);
        if file.recipe.install.as_ref().is_some_and(|install| package(install).is_some()) {
            assert!(found, "{}: its package was not found", file.id);
        }
        listed_without_key += u32::from(started && is_keyless);
    }
    assert!(listed_without_key >= 15, "{listed_without_key} servers that need no key");
}
