//! `bridge validate-recipe`: real files, all that is wrong with them, and exit codes.

use serde_json::{Value, json};

use crate::support::{Bridge, assert_words};

fn valid() -> Value {
    json!({
        "schemaVersion": 2,
        "id": "tavily",
        "name": "Tavily",
        "description": "Searches the web",
        "repository": "https://example.com/tavily",
        "transports": [{"type": "stdio", "command": "npx", "args": ["-y", "tavily-mcp"], "env": {"KEY": "${TAVILY_KEY}"}}],
        "install": {"method": "npx", "package": "tavily-mcp"},
        "auth": {"required": true, "type": "api-key", "envVars": ["TAVILY_KEY"]},
    })
}

fn bridge() -> Bridge {
    let mut faulty = valid();
    faulty["auth"]["envVars"] = json!([]);
    faulty["metadata"] = json!({"category": "serch"});
    let old = json!({"name": "old", "description": "d", "transport": "sse", "url": "https://x/sse", "homepage": "https://x"});
    Bridge::new()
        .without_config()
        .file("good/recipe.json", &valid().to_string())
        .file("bad/recipe.json", &format!("{faulty:#}"))
        .file("old/config.json", &old.to_string())
        .file("empty/readme", "")
        .file("broken.json", "{\"id\": \"\u{1b}[2J\n")
}

#[test]
fn a_recipe_is_valid_as_a_file_and_in_its_folder() {
    let bridge = bridge();
    for path in ["good", "good/recipe.json"] {
        let output = bridge.run(&["validate-recipe", path]).expect(0);
        assert_eq!(output.stdout, format!("{path}: valid, `tavily` by stdio and npx\n"));
    }
    let output = bridge.run(&["validate-recipe", "old"]).expect(0);
    assert_words(&output.stdout, &["old: warning:", "version 1", "valid, `old` by sse, 1 warning"]);
}

#[test]
fn everything_that_is_wrong_is_told_with_its_place() {
    let bridge = bridge();
    let output = bridge.run(&["validate-recipe", "good", "bad", "broken.json"]).expect(1);
    assert_words(
        &output.stdout,
        &[
            "good: valid",
            "bad: error: `/transports/0/env/KEY` (line 16): variable `TAVILY_KEY` does not stand in `auth.envVars`",
            "bad: warning: `/metadata/category` (line 30): `serch` is no known `category`; did you mean `search`?",
            "bad: 1 error, 1 warning",
            "broken.json: error: line 1",
        ],
    );
    let listed = bridge.run(&["validate-recipe", "good", "bad", "--json"]).expect(1).json();
    assert_eq!(listed["recipes"][0]["valid"], true, "{listed}");
    assert_eq!(listed["recipes"][0]["transport"], "stdio", "{listed}");
    let bad = &listed["recipes"][1];
    assert_eq!((&bad["valid"], &bad["id"]), (&json!(false), &Value::Null), "{listed}");
    assert_eq!(bad["findings"][0]["pointer"], "/transports/0/env/KEY", "{listed}");
    assert_eq!(bad["findings"][0]["severity"], "error", "{listed}");
    assert_eq!(bad["findings"][1]["line"], 30, "{listed}");
}

#[test]
fn what_is_not_there_has_a_code_of_its_own() {
    let bridge = bridge();
    for path in ["nowhere", "empty"] {
        let output = bridge.run(&["validate-recipe", path, "good"]).expect(4);
        assert_words(&output.stderr, &["error:", path]);
        assert_words(&output.stdout, &["good: valid"]);
    }
    bridge.run(&["validate-recipe", "nowhere", "bad"]).expect(1);
    bridge.run(&["validate-recipe"]).expect(2);
    let listed = bridge.run(&["validate-recipe", "nowhere", "--json"]).expect(4).json();
    assert_words(&listed["recipes"][0]["error"].to_string(), &["nowhere"]);
}

#[cfg(unix)]
#[test]
fn a_recipe_that_is_a_link_out_of_its_folder_is_not_read() {
    use std::os::unix::fs::symlink;
    let bridge = bridge().file("out/readme", "").file("in/real.json", &valid().to_string());
    let path = |name: &str| bridge.path(name);
    symlink(path("good/recipe.json"), path("out/recipe.json")).expect("a link");
    symlink("real.json", path("in/recipe.json")).expect("a link");
    symlink(path("good"), path("whole")).expect("a link");
    let output = bridge.run(&["validate-recipe", "out"]).expect(1);
    assert_words(&output.stderr, &["error:", "out/recipe.json", "leads out of its folder"]);
    assert_eq!(output.stdout, "");
    // A link within the folder, a folder that is one, and a file that somebody names are what they are.
    for path in ["in", "whole", "out/recipe.json"] {
        bridge.run(&["validate-recipe", path]).expect(0);
    }
}
