//! Recipes as they are written, and what is said about them.

use std::time::SystemTime;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{AuthKind, Bootstrap, CATEGORIES, Checked, MAX_BYTES, Method, Recipe, Transport, date};
use crate::config::{Finding, Severity};

fn today() -> SystemTime {
    date::moment("2026-11-21").expect("a day")
}

fn told(checked: &Checked) -> Vec<String> {
    let label = |finding: &Finding| match finding.severity {
        Severity::Error => format!("error: {finding}"),
        Severity::Warning => format!("warning: {finding}"),
    };
    checked.findings.iter().map(label).collect()
}

#[track_caller]
fn check_text(text: impl AsRef<[u8]>, expected: &[&str]) -> Option<Recipe> {
    let checked = super::check(text.as_ref(), today());
    assert_eq!(told(&checked), expected, "{}", String::from_utf8_lossy(text.as_ref()));
    let has_errors = checked.findings.iter().any(|found| found.severity == Severity::Error);
    assert_eq!(checked.recipe.is_none(), has_errors);
    if let Some(recipe) = &checked.recipe {
        let again = super::check(recipe.to_json().to_string().as_bytes(), today());
        assert_eq!(again.recipe.as_ref(), Some(recipe), "it reads the same: {}", recipe.to_json());
    }
    checked.recipe
}

/// The least recipe, with `change` made to it. It stands on one line.
#[track_caller]
fn check(change: impl FnOnce(&mut Value), expected: &[&str]) -> Option<Recipe> {
    let mut recipe = least();
    change(&mut recipe);
    check_text(recipe.to_string(), expected)
}

fn least() -> Value {
    json!({
        "schemaVersion": 2,
        "id": "todoist",
        "name": "Todoist",
        "description": "Tasks",
        "repository": "https://example.com/todoist",
        "transports": [{"type": "streamable-http", "url": "https://example.com/mcp"}],
    })
}

fn stdio() -> Value {
    json!({"type": "stdio", "command": "npx", "args": ["-y", "@a/b"], "env": {"T": "${TOKEN}"}})
}

const FULL: &str = r#"{
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

#[test]
fn reads_every_section() {
    let recipe = check_text(FULL, &[]).expect("no error");
    assert_eq!(recipe.transports.len(), 2);
    assert_eq!(recipe.preferred().name(), "stdio");
    let install = recipe.install.as_ref().expect("it is there");
    assert_eq!((install.method, install.config_files.len()), (Method::Uvx, 1));
    assert_eq!(recipe.auth.kind, Some(AuthKind::OAuth2));
    assert_eq!(recipe.metadata.profile.side_effects.as_deref(), Some("read-only"));
    assert_eq!(recipe.metadata.verification["tier2"], "skip");
    assert_eq!(recipe.capabilities.sampling, Some(false));
    let written = recipe.to_json();
    assert_eq!(written["schemaVersion"], 2);
    let original: Value = serde_json::from_str(FULL).expect("JSON");
    for key in [
        "id",
        "name",
        "description",
        "repository",
        "transports",
        "auth",
        "capabilities",
        "localOnly",
    ] {
        assert_eq!(written[key], original[key], "{key}");
    }
}

#[test]
fn the_best_transport_is_chosen() {
    let check = |kinds: &[&str], expected: &str| {
        let transport = |kind: &&str| match *kind {
            "stdio" => json!({"type": kind, "command": "x"}),
            _ => json!({"type": kind, "url": "https://example.com"}),
        };
        let recipe = check(
            |recipe| {
                recipe["transports"] = kinds.iter().map(transport).collect();
                recipe["install"] = json!({"method": "npm", "package": "x"});
            },
            &[],
        );
        assert_eq!(recipe.expect("no error").preferred().name(), expected, "{kinds:?}");
    };
    check(&["sse"], "sse");
    check(&["sse", "streamable-http"], "streamable-http");
    check(&["sse", "streamable-http", "stdio"], "stdio");
    let recipe = self::check(
        |recipe| {
            recipe["transports"] = json!([
                {"type": "sse", "url": "https://one.example"},
                {"type": "sse", "url": "https://two.example"},
            ]);
        },
        &[],
    );
    let recipe = recipe.expect("no error");
    assert!(matches!(recipe.preferred(), Transport::Sse(remote) if remote.url.contains("one")));
}

#[test]
fn everything_is_told_at_once_with_its_line() {
    check_text(
        r#"{
  "schemaVersion": 2,
  "id": "-Bad",
  "descriptions": "x",
  "name": "",
  "transports": [
    {"type": "stdio", "url": "https://x"},
    {"type": "websocket", "url": "x"},
    {"type": "sse", "url": "example.com"},
    7
  ],
  "metadata": {"category": "serch"},
  "localOnly": "yes"
}"#,
        &[
            "error: `description` is missing",
            "error: neither `repository` nor `metadata.homepage` says where it comes from",
            "error: `/id` (line 3): `id` must be 2 to 64 small letters, digits and `-`, the first and the last no `-`",
            "warning: `/descriptions` (line 4): unknown key `descriptions`; did you mean `description`?",
            "error: `/name` (line 5): `name` is empty",
            "warning: `/transports/0/url` (line 7): `url` has no effect on a stdio transport",
            "error: `/transports/0` (line 7): `command` is missing",
            "error: `/transports/1/type` (line 8): `type` must be one of `stdio`, `sse`, `streamable-http`, not `websocket`",
            "error: `/transports/2/url` (line 9): `url` does not begin with `https://` or `http://` and a host",
            "error: `/transports/3` (line 10): item 3 of `transports` must be an object",
            "warning: `/metadata/category` (line 12): `serch` is no known `category`; did you mean `search`?",
            "error: `/localOnly` (line 13): `localOnly` must be `true`, `false` or a list of tools, not a string",
        ],
    );
}

#[test]
fn sources_and_installs_are_required() {
    let no_source = "error: neither `repository` nor `metadata.homepage` says where it comes from";
    check(|recipe| recipe["repository"] = Value::Null, &[no_source]);
    check(
        |recipe| {
            recipe["repository"] = Value::Null;
            recipe["metadata"] = json!({"homepage": "https://example.com"});
        },
        &[],
    );
    let stdio_of = |recipe: &mut Value| {
        recipe["transports"] = json!([stdio()]);
        recipe["auth"] = json!({"required": true, "type": "api-key", "envVars": ["TOKEN"]});
    };
    check(stdio_of, &["error: `install` is missing, which a stdio transport needs"]);
    let install = |install: Value, expected: &[&str]| {
        let change = |recipe: &mut Value| {
            stdio_of(recipe);
            recipe["install"] = install;
        };
        check(change, expected)
    };
    install(json!({"method": "npx", "package": "@a/b"}), &[]);
    install(json!({"method": "git", "repository": "https://x", "buildCommand": "make"}), &[]);
    install(
        json!({"method": "npx"}),
        &["warning: `/install` (line 1): `package` is missing, on which `npx` would work"],
    );
    install(
        json!({"method": "nxp"}),
        &[
            "error: `/install/method` (line 1): `method` must be one of `npx`, `npm`, `pip`, `uvx`, `docker`, `binary`, `go`, `git`, not `nxp`; did you mean `npx`?",
        ],
    );
    install(
        json!({"method": "npx", "package": "b", "preInstall": ["make"], "configFiles": [{"name": "../x", "content": ""}]}),
        &[
            "warning: `/install/preInstall` (line 1): `preInstall` runs shell commands on the machine of whoever installs it; read them; they are run only after they were asked for",
            "error: `/install/configFiles/0/name` (line 1): `name` must be a path below the server's own folder; leave out `..`, a leading `/`, `\\` and `:`",
        ],
    );
}

#[test]
fn variables_are_declared() {
    let used = |key: &str, value: Value, vars: Value, expected: &[&str]| {
        check(
            |recipe| {
                recipe["transports"][0][key] = value;
                recipe["auth"] = json!({"envVars": vars});
            },
            expected,
        )
    };
    used("url", json!("https://x/${KEY}"), json!(["KEY"]), &[]);
    used("url", json!("https://x/${KEY:-none}${CONFIG_DIR}"), json!([]), &[]);
    used(
        "headers",
        json!({"A/B": "${KEY} ${KEY}"}),
        json!(["KEYS"]),
        &[
            "error: `/transports/0/headers/A~1B` (line 1): `A/B` is no header name",
            "error: `/transports/0/headers/A~1B` (line 1): variable `KEY` does not stand in `auth.envVars`; did you mean `KEYS`? Else add `KEY` there",
        ],
    );
    used(
        "auth",
        json!({"type": "bearer", "token": "${KEY}"}),
        json!([]),
        &[
            "warning: `/transports/0/auth/token` (line 1): variable `KEY` does not stand in `auth.envVars`; add `KEY` there",
        ],
    );
    used(
        "auth",
        json!({"type": "baerer"}),
        json!(["9X"]),
        &[
            "error: `/transports/0/auth/type` (line 1): `type` must be one of `bearer`, `header`, `oauth2`, not `baerer`; did you mean `bearer`?",
            "error: `/auth/envVars/0` (line 1): `9X` is no name of a variable; it consists of letters, digits and `_`, the first no digit",
        ],
    );
    check(
        |recipe| {
            recipe["transports"] = json!([stdio()]);
            recipe["install"] = json!({"method": "npx", "package": "x", "platforms": {"win32": {"args": ["${OTHER}"]}}});
        },
        &[
            "error: `/transports/0/env/T` (line 1): variable `TOKEN` does not stand in `auth.envVars`; add `TOKEN` there",
            "error: `/install/platforms/win32/args/0` (line 1): variable `OTHER` does not stand in `auth.envVars`; add `OTHER` there",
        ],
    );
}

#[test]
fn what_ages_or_is_new_is_only_warned_about() {
    let metadata = |metadata: Value, expected: &[&str]| {
        assert!(check(|recipe| recipe["metadata"] = metadata, expected).is_some());
    };
    for category in CATEGORIES {
        metadata(json!({"category": category}), &[]);
    }
    metadata(
        json!({"category": "serch"}),
        &[
            "warning: `/metadata/category` (line 1): `serch` is no known `category`; did you mean `search`?",
        ],
    );
    metadata(json!({"lastVerified": "2026-08-23"}), &[]);
    metadata(
        json!({"lastVerified": "2026-08-22"}),
        &[
            "warning: `/metadata/lastVerified` (line 1): `lastVerified` is 91 days ago; try whether the recipe still works, and set it to that day",
        ],
    );
    metadata(
        json!({"lastVerified": "yesterday"}),
        &[
            "warning: `/metadata/lastVerified` (line 1): `lastVerified` is no day such as `2026-11-20`",
        ],
    );
    let outcome = "the outcome of a verification is `pass` or `skip`";
    metadata(
        json!({"verification": {"tier1": "fail", "tier2": 1, "tier2Tools": 4}}),
        &[
            &format!("warning: `/metadata/verification/tier1` (line 1): {outcome}"),
            &format!("warning: `/metadata/verification/tier2` (line 1): {outcome}"),
        ],
    );
    metadata(
        json!({"verification": "fail"}),
        &[&format!("warning: `/metadata/verification` (line 1): {outcome}")],
    );
    metadata(
        json!({"maturity": "deprecated", "pricng": "free"}),
        &[
            "warning: `/metadata/maturity` (line 1): the recipe is `deprecated`; look for another one",
            "warning: `/metadata/pricng` (line 1): unknown key `pricng`; did you mean `pricing`?",
        ],
    );
}

#[test]
fn lengths_are_those_of_the_specification() {
    let length = |key: &'static str, length: usize| {
        let text = "ä".repeat(length);
        super::check(
            {
                let mut recipe = least();
                recipe[key] = text.into();
                recipe.to_string()
            }
            .as_bytes(),
            today(),
        )
        .recipe
        .is_some()
    };
    assert!(length("name", 128) && !length("name", 129));
    assert!(length("description", 512) && !length("description", 513));
    let id = |id: &str, expected: bool| {
        let mut recipe = least();
        recipe["id"] = id.into();
        let checked = super::check(recipe.to_string().as_bytes(), today());
        assert_eq!(checked.recipe.is_some(), expected, "{id}");
    };
    id("a1", true);
    id("my-server-2", true);
    id(&"a".repeat(64), true);
    for bad in ["", "a", "a-", "-a", "My-Server", "a_b", "é1", &"a".repeat(65)] {
        id(bad, false);
    }
}

#[test]
fn version_one_becomes_version_two() {
    let legacy = "warning: this is a recipe of version 1, which still works; write it anew as `recipe.json` with `\"schemaVersion\": 2`";
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

#[test]
fn what_is_no_recipe_is_a_finding() {
    check_text("", &["error: the file is empty"]);
    check_text("[]", &["error: the file holds a list where an object `{…}` belongs"]);
    check_text(
        "{\n\"a\": 1,}",
        &[
            "error: line 2: this is no JSON: a comma before `}` or `]` has nothing to separate; remove it (column 8)",
        ],
    );
    check_text(
        b"{\n\"\xFF\"}",
        &[
            "error: line 2: this is no JSON: the file is not UTF-8; save it in that encoding (column 2)",
        ],
    );
    check_text(
        format!("{{\"a\": {}", "[".repeat(200)),
        &[
            "error: line 1: this is no JSON: objects and lists are nested more than 127 levels deep (column 133)",
        ],
    );
    check_text(
        vec![b' '; MAX_BYTES + 1],
        &["error: the file has 262145 bytes, of which a recipe may have 262144"],
    );
    let least = least().to_string();
    check_text(
        format!("{},\n\"id\": \"other\"}}", &least[..least.len() - 1]),
        &["error: `/id` (line 2): this key stands twice in its object; keep one"],
    );
    check_text(
        least.replace("\"schemaVersion\":2", "\"schemaVersion\":3"),
        &[
            "error: `/schemaVersion` (line 1): `schemaVersion` must be a whole number from 1 to 2, not `3`",
        ],
    );
}

#[test]
fn endless_findings_have_an_end() {
    let mut recipe = least();
    recipe["auth"] = json!({"envVars": vec![1; 10_000]});
    let checked = super::check(recipe.to_string().as_bytes(), today());
    let told = told(&checked);
    assert_eq!(told.len(), 201);
    assert_eq!(told.last().map(String::as_str), Some("error: 9800 more findings are not shown"));
}

proptest! {
    /// Whatever stands in place of a value: no panic, and what passes reads the same again.
    #[test]
    fn one_value_of_many(at in 0_usize..200, with in 0_usize..9, key in "[a-z]{0,3}") {
        let values = [json!(null), json!(true), json!(1), json!(-1.5e300), json!(""), json!("${A"), json!([]), json!({}), json!({key: [1.5]})];
        let mut recipe: Value = serde_json::from_str(FULL).expect("JSON");
        replace(&mut recipe, &mut { at }, &values[with]);
        let checked = super::check(recipe.to_string().as_bytes(), today());
        if let Some(recipe) = checked.recipe {
            let again = super::check(recipe.to_json().to_string().as_bytes(), today());
            prop_assert_eq!(again.recipe, Some(recipe));
        }
    }
}

/// Puts `with` in the place of the value that is the `left`th, counted with all that hold others.
fn replace(value: &mut Value, left: &mut usize, with: &Value) {
    if *left == 0 {
        *value = with.clone();
    }
    let Some(rest) = left.checked_sub(1) else {
        *left = usize::MAX;
        return;
    };
    *left = rest;
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| replace(item, left, with)),
        Value::Object(members) => {
            members.values_mut().for_each(|member| replace(member, left, with));
        }
        _ => {}
    }
}
