//! Single keys: what is required, declared, too long, or only warned about.

use serde_json::{Value, json};

use super::fixtures::{check, least, stdio, today};
use crate::recipe::{self, CATEGORIES};

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
    install(
        json!({"method": "git", "repository": "https://x", "buildCommand": "make"}),
        &[
            "warning: `/transports/0/command` (line 1): `npx` is not what a server by `git` is started with",
            "warning: `/install/buildCommand` (line 1): `make` is run by a shell on this machine",
        ],
    );
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
        json!({"method": "npx", "package": "@a/b", "preInstall": ["make"], "configFiles": [{"name": "../x", "content": ""}]}),
        &[
            "error: `/install/configFiles/0/name` (line 1): `name` must be a path below the server's own folder; use letters, digits, `.`, `_`, `-`, `+`, `@` and blanks, with `/` between folders, and no `..`",
            "warning: `/install/preInstall/0` (line 1): `make` is run by a shell on this machine",
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
            recipe["install"] = json!({"method": "npx", "package": "@a/b", "platforms": {"win32": {"args": ["@a/b", "${OTHER}"]}}});
        },
        &[
            "error: `/transports/0/env/T` (line 1): variable `TOKEN` does not stand in `auth.envVars`; add `TOKEN` there",
            "error: `/install/platforms/win32/args/1` (line 1): variable `OTHER` does not stand in `auth.envVars`; add `OTHER` there",
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
        recipe::check(
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
        let checked = recipe::check(recipe.to_string().as_bytes(), today());
        assert_eq!(checked.recipe.is_some(), expected, "{id}");
    };
    id("a1", true);
    id("my-server-2", true);
    id(&"a".repeat(64), true);
    for bad in ["", "a", "a-", "-a", "My-Server", "a_b", "é1", &"a".repeat(65)] {
        id(bad, false);
    }
}
