//! Recipes of version 1.

use serde_json::json;

use super::fixtures::check_text;
use crate::recipe::Bootstrap;

#[test]
fn version_one_becomes_version_two() {
    let legacy = "warning: this is a recipe of version 1, which still works; `bridge migrate-recipe` writes it anew";
    let recipe = check_text(
        r#"{"schemaVersion": 1, "name": "Google Maps", "description": "Maps", "transport": "stdio", "command": "npx",
            "args": ["-y", "@a/maps"], "env": {"K": "${MAPS_KEY}"}, "authRequired": true,
            "credentialsUrl": "https://example.com/keys", "homepage": "https://example.com"}"#,
        &[legacy],
    );
    let written = recipe.expect("no error").to_json();
    let expected = json!({
        "schemaVersion": 2, "id": "google-maps", "name": "Google Maps", "description": "Maps",
        "transports": [{"type": "stdio", "command": "npx", "args": ["-y", "@a/maps"], "env": {"K": "${MAPS_KEY}"}}],
        "install": {"method": "npx", "package": "@a/maps"},
        "auth": {"required": true, "type": "api-key", "envVars": ["MAPS_KEY"], "credentialsUrl": "https://example.com/keys"},
        "metadata": {"homepage": "https://example.com"},
    });
    assert_eq!(written, expected);
    let recipe = check_text(
        r#"{"name": "apify", "description": "d", "transport": "streamable-http", "url": "https://x/mcp", "homepage": "https://x"}"#,
        &[legacy],
    );
    let recipe = recipe.expect("no error");
    assert!(recipe.install.is_none() && !recipe.auth.required);
    assert_eq!(recipe.auth.bootstrap(), Bootstrap::EnvOnly);
    check_text(
        "{\"name\": \"日本\", \"description\": \"d\", \"url\": \"https://x\",\n\"comand\": \"x\", \"transport\": \"stdio\"}",
        &[
            "error: `command` is missing",
            "error: `homepage` is missing, which says where the server comes from",
            legacy,
            "error: `/name` (line 1): no id can be made of `日本`; let it have 2 to 64 letters, digits and `-`",
            "warning: `/url` (line 1): `url` has no effect on a stdio transport",
            "warning: `/comand` (line 2): unknown key `comand`; did you mean `command`?",
        ],
    );
}
