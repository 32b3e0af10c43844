//! Whole recipes: every section of them, the transport that is chosen, all findings at once.

use serde_json::{Value, json};

use super::fixtures::{FULL, check, check_text};
use crate::recipe::{AuthKind, Method, Transport};

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
