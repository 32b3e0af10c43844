//! The JSON Schema of recipes of version 2 (draft 2020-12), for editors. Lists, lengths and names are those that recipes
//! are read by. What only a look at several values can tell (variables that are not declared, options of Docker) is left
//! to the check.

use serde_json::{Map, Value, json};

use super::metadata::{
    AUDIENCES, CATEGORIES, MATURITIES, ORIGINS, OUTCOMES, PRICINGS, SIDE_EFFECTS,
};
use super::spec::{ID_LENGTHS, MAX_DESCRIPTION, MAX_NAME, VERSION};
use super::{auth, capabilities, install, metadata, path, spec};
use crate::config::auth::schema as auth_schema;
use crate::config::kind::Kind;
use crate::config::schema::{DIALECT, URL, choices, map, members, object, required, text, texts};
use crate::config::stdio::FRAMINGS;

/// A name that programs take for no option, without blanks.
const NAME: &str = r"^[^\s-]\S*$";

/// A URL that people open.
const WEB: &str = r"^[Hh][Tt][Tt][Pp][Ss]?://[^\s/?#:]\S*$";

/// What `git` clones: see the check of repositories.
const REPOSITORY: &str = r"^(([Hh][Tt][Tt][Pp][Ss]?|[Ss][Ss][Hh]|[Gg][Ii][Tt])://[^\s/?#:]\S*|[A-Za-z0-9._][A-Za-z0-9._-]*@[A-Za-z0-9._][A-Za-z0-9._-]*:[^\s:-]\S*)$";

/// The schema of `recipe.json`.
pub fn schema() -> Value {
    let short = |max: usize, description: &str| json!({ "type": "string", "pattern": r"\S", "maxLength": max, "description": description });
    let mut keys = members(json!({
        "$schema": text("Where this schema is, for editors"),
        "schemaVersion": { "const": VERSION, "description": "The version of the specification" },
        "id": {
            "type": "string",
            "pattern": "^[a-z0-9][a-z0-9-]*[a-z0-9]$",
            "minLength": ID_LENGTHS.start(),
            "maxLength": ID_LENGTHS.end(),
            "not": { "pattern": path::devices_pattern() },
            "description": "What it is installed by, and the name of its folder",
        },
        "name": short(MAX_NAME, "What people call it"),
        "description": short(MAX_DESCRIPTION, "What it is good for"),
        "repository": filled("Where its source is; `metadata.homepage` will do as well"),
        "transports": {
            "type": "array",
            "minItems": 1,
            "items": transport(),
            "description": "The ways to reach it, of which stdio is taken before streamable HTTP before SSE",
        },
        "install": install(),
        "auth": login(),
        "metadata": about(),
        "capabilities": object("What of the protocol it uses", Value::Object(plus_unused(members(json!({
            "tools": { "type": "boolean" },
            "resources": { "type": "boolean" },
            "prompts": { "type": "boolean" },
            "sampling": { "type": "boolean" },
        })), &capabilities::UNUSED))),
        "localOnly": {
            "anyOf": [{ "type": "boolean" }, { "type": "array", "items": { "type": "string" } }],
            "description": "Whether it, or these of its tools, are of use only on the user's own machine",
        },
    }));
    keys = plus_unused(keys, &spec::UNUSED);
    let mut schema = required(
        object("How an MCP server is got, started and logged in to", Value::Object(keys)),
        &["schemaVersion", "id", "name", "description", "transports"],
    );
    schema["$schema"] = DIALECT.into();
    schema["title"] = "Recipe of an MCP server, version 2".into();
    schema["anyOf"] = json!([
        { "required": ["repository"] },
        { "properties": { "metadata": { "required": ["homepage"] } }, "required": ["metadata"] },
    ]);
    schema["if"] = json!({ "properties": { "transports": {
        "type": "array",
        "contains": { "properties": { "type": { "const": Kind::Stdio.name() } }, "required": ["type"] },
    } } });
    schema["then"] = json!({ "required": ["install"] });
    schema["$defs"] = json!({ "auth": auth_schema() });
    schema
}

/// Keys of catalogs that the bridge makes nothing of.
fn plus_unused(mut keys: Map<String, Value>, unused: &[&str]) -> Map<String, Value> {
    for key in unused.iter().filter(|key| **key != "$schema") {
        keys.insert((*key).to_owned(), json!({ "description": "Not used by the bridge" }));
    }
    keys
}

fn filled(description: &str) -> Value {
    json!({ "type": "string", "pattern": r"\S", "description": description })
}

fn transport() -> Value {
    let is = |kind: Kind| json!({ "properties": { "type": { "const": kind.name() } }, "required": ["type"] });
    let auth = json!({ "$ref": "#/$defs/auth" });
    json!({
        "type": "object",
        "properties": { "type": choices(&Kind::NAMED) },
        "required": ["type"],
        "if": is(Kind::Stdio),
        "then": required(object("A child process", json!({
            "type": true,
            "command": filled("The program"),
            "args": arguments(),
            "env": env(),
            "framing": choices(&FRAMINGS),
            "auth": auth,
        })), &["command"]),
        "else": required(object("A server that is reached by URL", json!({
            "type": true,
            "url": { "type": "string", "pattern": URL, "description": "Its endpoint" },
            "headers": {
                "type": "object",
                "propertyNames": { "pattern": "^[A-Za-z0-9!#$%&'*+.^_`|~-]+$" },
                "additionalProperties": { "type": "string", "pattern": r"^[^\u0000-\u0008\u000a-\u001f\u007f-\u009f]*$" },
                "description": "Headers of every request",
            },
            "auth": auth,
        })), &["url"]),
    })
}

fn arguments() -> Value {
    json!({ "type": "array", "items": { "type": "string", "pattern": r"^[^\u0000]*$" }, "description": "Its arguments" })
}

fn env() -> Value {
    json!({
        "type": "object",
        "propertyNames": { "pattern": r"^[^=\u0000]+$" },
        "additionalProperties": { "type": "string", "pattern": r"^[^\u0000]*$" },
        "description": "Variables that it gets",
    })
}

fn install() -> Value {
    let name = |description: &str| json!({ "type": "string", "pattern": NAME, "description": description });
    let steps = |description: &str| texts(description);
    let file = required(
        object(
            "A file in the server's own folder",
            json!({
                "name": {
                    "type": "string",
                    "maxLength": path::MAX_LENGTH,
                    "pattern": path::inside_pattern(),
                    "not": { "pattern": path::devices_pattern() },
                    "description": path::RULE,
                },
                "content": text("What stands in it"),
            }),
        ),
        &["name", "content"],
    );
    let platform = object(
        "What is otherwise on one system",
        json!({
            "command": filled("The program"),
            "args": arguments(),
            "env": env(),
        }),
    );
    let keys = members(json!({
        "method": choices(&install::METHODS),
        "package": name("The package, by the name that its registry has for it"),
        "version": name("Which version of it"),
        "image": name("The image, for `docker`"),
        "repository": { "type": "string", "pattern": REPOSITORY, "description": "Where the source is cloned from, for `git`" },
        "buildCommand": filled("What builds it, for `git`; it is shown and asked for"),
        "binary": name("Where the program is downloaded, for `binary`"),
        "preInstall": steps("Shell commands before it; they are shown and asked for"),
        "postInstall": steps("Shell commands after it; they are shown and asked for"),
        "platforms": map(platform, "What is otherwise on `linux`, `darwin` or `win32`"),
        "configFiles": { "type": "array", "items": file, "description": "Files that are written into `${CONFIG_DIR}`" },
    }));
    let keys = plus_unused(keys, &install::UNUSED);
    required(object("How a server that runs here is got", Value::Object(keys)), &["method"])
}

fn login() -> Value {
    let variable = json!({ "type": "string", "pattern": "^[A-Za-z_][A-Za-z0-9_]*$" });
    let keys = members(json!({
        "required": { "type": "boolean", "default": false, "description": "Whether the server is of no use without" },
        "type": choices(&auth::KINDS),
        "envVars": { "type": "array", "items": variable, "description": "The variables that the user is asked for" },
        "credentialsUrl": { "type": "string", "pattern": WEB, "description": "Where keys are made" },
        "instructions": text("How keys are made"),
        "scopes": texts("What the login shall be good for"),
        "bootstrap": choices(&auth::BOOTSTRAPS),
        "oauth2": object("How a stdio server gets the token", json!({
            "envBinding": variable,
            "credentialsFileType": { "enum": auth::CREDENTIALS_FILES },
        })),
    }));
    let mut schema =
        object("What it takes to log in", Value::Object(plus_unused(keys, &auth::UNUSED)));
    schema["not"] = json!({
        "properties": { "required": { "const": true }, "type": { "const": "none" } },
        "required": ["required", "type"],
    });
    schema
}

/// Lists that may grow are offered, and others are no fault.
fn open(known: &[&str], description: &str) -> Value {
    json!({ "anyOf": [{ "enum": known }, { "type": "string" }], "description": description })
}

fn about() -> Value {
    let example = required(
        object(
            "A tool",
            json!({ "name": filled("Its name"), "description": text("What it does") }),
        ),
        &["name"],
    );
    let keys = members(json!({
        "homepage": { "type": "string", "pattern": WEB, "description": "Where people read about it" },
        "author": text("Who wrote it"),
        "license": text("The terms of its use"),
        "category": open(&CATEGORIES, "What it is about"),
        "subcategory": filled("What it is about, more exactly"),
        "tags": texts("Words to find it by"),
        "origin": open(&ORIGINS, "Who made it"),
        "countries": texts("Where it is of use: country codes, or `global`"),
        "audience": open(&AUDIENCES, "Whom it is for"),
        "sideEffects": open(&SIDE_EFFECTS, "What it may do"),
        "pricing": open(&PRICINGS, "What it costs; `byok`: bring your own key"),
        "maturity": open(&MATURITIES, "How far it has come"),
        "toolExamples": { "type": "array", "items": example, "description": "Some of its tools" },
        "lastVerified": text("The day on which the recipe was last tried, such as `2026-11-20`"),
        "verification": {
            "description": "What trying it showed, by step (`tier1`, `tier2`)",
            "anyOf": [{ "enum": OUTCOMES }, { "type": "object", "patternProperties": { "^(all|tier[0-9]+)$": { "enum": OUTCOMES } } }],
        },
    }));
    object("What helps to find it", Value::Object(plus_unused(keys, &metadata::UNUSED)))
}

#[cfg(test)]
mod tests {
    use crate::config::schema::tests::check_keys;
    use crate::recipe::tests::fixtures::{FULL, check_text, today};

    #[test]
    fn the_schema_has_the_keys_that_are_read() {
        check_text(FULL, &[]);
        // Each kind of login has keys of its own, and they stand at the same places.
        for login in [
            r#"{"type": "bearer", "token": "x"}"#,
            r#"{"type": "header", "headers": {}}"#,
            r#"{"type": "oauth2"}"#,
        ] {
            let transport = format!(r#"{{"type": "sse", "url": "https://x", "auth": {login}}}"#);
            let text =
                format!(r#"{{"schemaVersion": 2, "transports": [{transport}, {transport}]}}"#);
            crate::recipe::check(text.as_bytes(), today());
        }
        check_keys(
            &super::schema(),
            &[
                "",
                "/install",
                "/install/configFiles/0",
                "/install/platforms/win32",
                "/auth",
                "/auth/oauth2",
                "/metadata",
                "/metadata/toolExamples/0",
                "/capabilities",
                "/transports/0",
                "/transports/1",
                "/transports/1/auth",
            ],
        );
    }
}
