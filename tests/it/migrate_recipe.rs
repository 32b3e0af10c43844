//! `bridge migrate-recipe`: version 1 becomes version 2, and nothing of it is lost without a word.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};

use serde_json::{Value, json};

use crate::support::{Bridge, assert_words};

const OLD: &str = r#"{
  "name": "Google Maps",
  "description": "Finds places",
  "transport": "stdio",
  "command": "npx",
  "args": ["-y", "@example/maps"],
  "env": {"MAPS_KEY": "${MAPS_KEY}"},
  "homepage": "https://example.com",
  "icon": "maps.png"
}
"#;

fn bridge() -> Bridge {
    let current = include_str!("../fixtures/recipes/valid/sse.json");
    Bridge::new()
        .without_config()
        .file("old/config.json", OLD)
        .file("named.json", OLD)
        .file("current/recipe.json", current)
        .file("bad/config.json", "{\"name\": \"x\", \"transport\": \"sse\"}")
        .file("empty/readme", "")
}

fn json_at(bridge: &Bridge, name: &str) -> Value {
    serde_json::from_slice(&fs::read(bridge.path(name)).expect("it is there")).expect("JSON")
}

#[test]
fn a_recipe_is_printed_as_version_two() {
    let bridge = bridge();
    let output = bridge.run(&["migrate-recipe", "old"]).expect(0);
    let expected = json!({
        "schemaVersion": 2,
        "id": "google-maps",
        "name": "Google Maps",
        "description": "Finds places",
        "transports": [{"type": "stdio", "command": "npx", "args": ["-y", "@example/maps"], "env": {"MAPS_KEY": "${MAPS_KEY}"}}],
        "install": {"method": "npx", "package": "@example/maps"},
        "auth": {"required": true, "type": "api-key", "envVars": ["MAPS_KEY"]},
        "metadata": {"homepage": "https://example.com"},
    });
    assert_eq!(serde_json::from_str::<Value>(&output.stdout).expect("JSON"), expected);
    assert_words(&output.stderr, &["warning: old: `/icon` (line 9)", "no place in version 2"]);
    assert_eq!(fs::read_to_string(bridge.path("old/config.json")).expect("it stays"), OLD);
    let listed = bridge.run(&["migrate-recipe", "old", "current", "--json"]).expect(0).json();
    assert_eq!(listed["recipes"][0]["recipe"], expected);
    assert_eq!(listed["recipes"][0]["leftOut"][0]["pointer"], "/icon");
    assert_eq!(listed["recipes"][1], json!({"path": "current", "migrated": false, "version": 2}));
}

#[test]
fn a_recipe_is_written_with_a_copy_of_the_old_one() {
    let bridge = bridge();
    let output = bridge.run(&["migrate-recipe", "old", "named.json", "current", "--write"]);
    let output = output.expect(0);
    assert_eq!(output.stdout, "");
    assert_words(&output.stderr, &["recipe.json", "config.json.bak", "version 2 already"]);
    assert_eq!(json_at(&bridge, "old/recipe.json")["id"], "google-maps");
    assert_eq!(json_at(&bridge, "named.json")["schemaVersion"], 2);
    for copy in ["old/config.json.bak", "named.json.bak"] {
        assert_eq!(fs::read_to_string(bridge.path(copy)).expect("a copy"), OLD);
    }
    assert!(!bridge.path("old/config.json").exists());
    bridge.run(&["validate-recipe", "old", "named.json"]).expect(0);
    // A further copy does not take the place of the first.
    fs::write(bridge.path("named.json"), OLD).expect("it can be written");
    bridge.run(&["migrate-recipe", "named.json", "--write"]).expect(0);
    assert!(bridge.path("named.json.bak1").exists());
}

#[test]
fn what_cannot_be_migrated_stays() {
    let bridge = bridge().file("both/old/config.json", OLD).file("both/old/recipe.json", "{}");
    let output = bridge.run(&["migrate-recipe", "bad", "old", "--write"]).expect(1);
    assert_words(&output.stderr, &["bad: error:", "`description` is missing", "stays as it is"]);
    assert!(bridge.path("bad/config.json").exists() && !bridge.path("bad/recipe.json").exists());
    assert!(bridge.path("old/recipe.json").exists(), "those after it are migrated");
    let output = bridge.run(&["migrate-recipe", "both/old/config.json", "--write"]).expect(1);
    assert_words(&output.stderr, &["recipe.json` already", "take one of the two away"]);
    assert!(!bridge.path("both/old/config.json.bak").exists());
    for path in ["nowhere", "empty"] {
        let output = bridge.run(&["migrate-recipe", path]).expect(4);
        assert_words(&output.stderr, &["error:", path]);
    }
    bridge.run(&["migrate-recipe", "nowhere", "bad"]).expect(1);
    bridge.run(&["migrate-recipe"]).expect(2);
    let listed = bridge.run(&["migrate-recipe", "bad", "--json"]).expect(1).json();
    assert_eq!(listed["recipes"][0]["migrated"], false, "{listed}");
    assert_words(&listed["recipes"][0]["findings"].to_string(), &["`url` is missing"]);
}

#[test]
fn links_are_not_followed_and_modes_stay() {
    let bridge = bridge();
    fs::create_dir(bridge.path("linked")).expect("it can be made");
    symlink("../old/config.json", bridge.path("linked/config.json")).expect("it can be linked");
    let output = bridge.run(&["migrate-recipe", "linked/config.json", "--write"]).expect(1);
    assert_words(&output.stderr, &["linked/config.json", "is a link", "name the file itself"]);
    assert_eq!(fs::read_to_string(bridge.path("old/config.json")).expect("it stays"), OLD);
    assert!(!bridge.path("old/recipe.json").exists());
    assert_eq!(fs::read_dir(bridge.path("linked")).expect("a folder").count(), 1);

    for name in ["old/config.json", "named.json"] {
        let private = fs::Permissions::from_mode(0o600);
        fs::set_permissions(bridge.path(name), private).expect("it can be set");
    }
    bridge.run(&["migrate-recipe", "old", "named.json", "--write"]).expect(0);
    for name in ["old/recipe.json", "old/config.json.bak", "named.json", "named.json.bak"] {
        let mode = bridge.path(name).metadata().expect("it is there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
}
