//! The recipes that the tests change, and what is said about one.

use std::time::SystemTime;

use serde_json::{Value, json};

use crate::config::{Finding, Severity};
use crate::recipe::{self, Checked, Recipe, date};

pub(in crate::recipe) fn today() -> SystemTime {
    date::moment("2026-11-21").expect("a day")
}

pub(in crate::recipe) fn told(checked: &Checked) -> Vec<String> {
    let label = |finding: &Finding| match finding.severity {
        Severity::Error => format!("error: {finding}"),
        Severity::Warning => format!("warning: {finding}"),
    };
    checked.findings.iter().map(label).collect()
}

#[track_caller]
pub(in crate::recipe) fn check_text(text: impl AsRef<[u8]>, expected: &[&str]) -> Option<Recipe> {
    let checked = recipe::check(text.as_ref(), today());
    assert_eq!(told(&checked), expected, "{}", String::from_utf8_lossy(text.as_ref()));
    let has_errors = checked.findings.iter().any(|found| found.severity == Severity::Error);
    assert_eq!(checked.recipe.is_none(), has_errors);
    if let Some(recipe) = &checked.recipe {
        let again = recipe::check(recipe.to_json().to_string().as_bytes(), today());
        assert_eq!(again.recipe.as_ref(), Some(recipe), "it reads the same: {}", recipe.to_json());
    }
    checked.recipe
}

/// The least recipe, with `change` made to it. It stands on one line.
#[track_caller]
pub(in crate::recipe) fn check(
    change: impl FnOnce(&mut Value),
    expected: &[&str],
) -> Option<Recipe> {
    let mut recipe = least();
    change(&mut recipe);
    check_text(recipe.to_string(), expected)
}

pub(in crate::recipe) fn least() -> Value {
    json!({
        "schemaVersion": 2,
        "id": "todoist",
        "name": "Todoist",
        "description": "Tasks",
        "repository": "https://example.com/todoist",
        "transports": [{"type": "streamable-http", "url": "https://example.com/mcp"}],
    })
}

pub(in crate::recipe) fn stdio() -> Value {
    json!({"type": "stdio", "command": "npx", "args": ["-y", "@a/b"], "env": {"T": "${TOKEN}"}})
}

pub(in crate::recipe) const FULL: &str = r#"{
  "schemaVersion": 2, "id": "a1", "name": "A", "description": "B", "repository": "https://example.com",
  "transports": [
    {"type": "sse", "url": "https://${HOST}/sse", "headers": {"X-Key": "${TOKEN}"}},
    {"type": "stdio", "command": "uvx", "args": ["x", "${CONFIG_DIR}/k", "${PORT:-80}"], "env": {"T": "${ACCESS}"}, "framing": "lsp",
     "auth": {"type": "oauth2", "clientId": "${ID}", "clientSecret": "${SECRET}", "tokenUrl": "${URL}/token"}}
  ],
  "install": {"method": "uvx", "package": "x", "version": "1.0", "postInstall": [],
    "platforms": {"win32": {"command": "uvx.exe", "env": {"T": "${TOKEN}"}}},
    "configFiles": [{"name": "k", "content": "{}"}]},
  "auth": {"required": true, "type": "oauth2", "envVars": ["HOST", "TOKEN", "ID", "SECRET", "URL"],
    "credentialsUrl": "https://example.com/keys", "instructions": "Go there.", "scopes": ["read"], "bootstrap": "interactive",
    "oauth2": {"envBinding": "ACCESS", "credentialsFileType": "google-workspace"}},
  "metadata": {"homepage": "https://example.com", "author": "C", "license": "MIT", "category": "search", "subcategory": "ai-search",
    "tags": ["x"], "origin": "official", "countries": ["global"], "audience": "general", "sideEffects": "read-only",
    "pricing": "byok", "maturity": "stable", "lastVerified": "2026-11-01", "toolCount": 3,
    "toolExamples": [{"name": "t", "description": "u"}],
    "verification": {"tier1": "pass", "tier2": "skip", "tier2Reason": "auth-required", "tier2Tools": 3}},
  "capabilities": {"tools": true, "sampling": false},
  "localOnly": ["t"]
}"#;
