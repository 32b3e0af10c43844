//! Recipes of the scripted server.

use serde_json::{Value, json};

use super::{Bridge, UPSTREAM};

/// A recipe that starts the scripted server with these flags.
pub(crate) fn recipe(id: &str, flags: &[&str]) -> Value {
    json!({
        "schemaVersion": 2, "id": id, "name": id, "description": format!("Does {id}"),
        "repository": "https://example.com",
        "transports": [{"type": "stdio", "command": UPSTREAM, "args": flags}],
        "install": {"method": "binary", "binary": "https://example.com/test-upstream"},
    })
}

/// The same as if a package of npm had it, in a version that can be chosen. That it is not started by `npx` has to be agreed
/// to.
pub(crate) fn packaged(id: &str, flags: &[&str]) -> Value {
    let mut recipe = recipe(id, &[&["--name", "some-pkg"], flags].concat());
    recipe["install"] = json!({"method": "npx", "package": "some-pkg"});
    recipe
}

/// Puts a recipe into the home folder.
pub(crate) fn with_recipe(bridge: Bridge, recipe: &Value) -> Bridge {
    let id = recipe["id"].as_str().expect("an id");
    bridge.file(&format!("recipes/{id}/recipe.json"), &recipe.to_string())
}
