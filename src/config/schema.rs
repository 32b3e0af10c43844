//! The JSON Schema of the configuration (draft 2020-12), for editors: which keys there are, what they hold, and what
//! counts without them. Names of choices, bounds and defaults are those that the sections read by, and a test compares
//! the keys of every object with those that its reader asks for.

use std::time::Duration;

use serde_json::{Map, Value, json};

use super::adaptive_promotion::AdaptivePromotion;
use super::compile::{CALL_FORMATS, Config};
use super::exposure::{MODES, OF_CLIENTS};
use super::http::Http;
use super::intent_routing::{EMBEDDINGS, IntentRouting};
use super::protection::{ACTIONS, PINNINGS};
use super::reader::LONGEST_MS;
use super::result_cache::ResultCache;
use super::retry::{CAUSES, Retry};
use super::schema_compression::SchemaCompression;
use super::server::TRUST;
use super::stdio::FRAMINGS;
use super::{auth, catalogs, transport};

/// The dialect in which the schemas are written.
pub(crate) const DIALECT: &str = "https://json-schema.org/draft/2020-12/schema";

/// What begins as URLs do that the bridge can call; a variable may be a whole one.
pub(crate) const URL: &str = r"^(\$\{[^}]+\}|[Hh][Tt][Tt][Pp][Ss]?://[^\s/?#:])\S*$";

/// The schema of `config.json`.
pub fn schema() -> Value {
    let servers = json!({
        "type": "object",
        "description": "The servers by the names that agents see",
        "additionalProperties": { "$ref": "#/$defs/server" },
    });
    let config = Config::default();
    let timeouts = &config.timeouts;
    let lifecycle = &config.lifecycle;
    let mut keys = members(json!({
        "$schema": { "type": "string", "description": "Where this schema is, for editors" },
        "servers": servers,
        "mcpServers": servers,
        "mode": choice(&MODES, config.exposure.mode.name(), "What clients see: one tool, `mcp`, every tool by itself, or what suits the client"),
        "clientModes": map(choices(&OF_CLIENTS), "Under `auto`: the mode by the name that a client gives itself"),
        "toolPrefix": { "enum": [true, false, "auto"], "default": true, "description": "Direct mode: whether tools carry the name of their server" },
        "callFormat": choice(&CALL_FORMATS, "content", "What answers to `call` look like"),
        "connectionTimeoutMs": time(1, timeouts.connection, "How long a call waits for a server to start"),
        "requestTimeoutMs": time(1, timeouts.request, "How long a call may be silent; progress restarts the clock"),
        "shutdownTimeoutMs": time(0, timeouts.shutdown, "How long ending a server may take"),
        "routerIdleTimeoutMs": time(0, lifecycle.idle_timeout.unwrap_or_default(), "A server unused for so long is closed; 0 is never"),
        "routerConnectErrorCooldownMs": time(0, lifecycle.connect_cool_down, "A failed start answers at once with its error for so long"),
        "routerMaxConcurrent": count(0, Some(lifecycle.max_connected.unwrap_or(0)), "More open servers than these: the least recently used is closed; 0 is no limit"),
        "maxBatchSize": count(1, Some(config.max_batch_size), "Calls in one batch at most"),
        "maxResultChars": count(1, None, "Longer results are cut, kept and read on with `read`"),
        "retry": { "$ref": "#/$defs/retry" },
        "catalog": switch(config.catalog, "Whether the catalog can be searched"),
        "catalogs": catalogs::schema(),
        "autoMerge": switch(config.auto_merge, "Whether installed recipes become servers by themselves"),
        "debug": switch(config.debug, "Whether answers carry what helps to find faults"),
        "agentAdmin": switch(config.agent_admin, "Whether agents may install and remove servers and change settings"),
        "validateArguments": switch(config.validate_arguments, "Whether arguments are checked against the schema of the tool before the call"),
    }));
    keys.extend(sections());
    keys.extend(protection());
    json!({
        "$schema": DIALECT,
        "title": "Configuration of the bridge",
        "description": "Which MCP servers the bridge stands in front of, and how",
        "type": "object",
        "properties": keys,
        "additionalProperties": false,
        "$defs": { "server": server(), "retry": retry(), "auth": auth::schema() },
    })
}

fn sections() -> Map<String, Value> {
    let cache = ResultCache::default();
    let compression = SchemaCompression::default();
    let promotion = AdaptivePromotion::default();
    let intent = IntentRouting::default();
    let http = Http::default();
    members(json!({
        "schemaCompression": object("How short descriptions of tools are made", json!({
            "enabled": switch(compression.enabled, "Whether they are cut at all"),
            "maxDescriptionLength": count(1, Some(compression.max_description_length), "Characters that a description may keep"),
        })),
        "resultCache": object("How long results of calls are kept", json!({
            "enabled": switch(cache.enabled, "Whether results are kept at all"),
            "maxEntries": count(1, Some(cache.max_entries), "Results that are kept at most"),
            "defaultTtlMs": time(0, cache.default_ttl, "How long a result is good"),
            "cacheTtl": map(json!({ "type": "integer", "minimum": 0, "maximum": LONGEST_MS }), "How long results of single tools are good, by `server:tool`; 0 keeps none"),
        })),
        "intentRouting": object("How a tool is found from words that say what is wanted", json!({
            "embedding": choice(&EMBEDDINGS, "auto", "What intents are compared by"),
            "model": text("The model, by the name that its provider gives it"),
            "minScore": { "type": "number", "minimum": 0, "maximum": 1, "default": intent.min_score, "description": "Tools that are less likely are no matches" },
        })),
        "adaptivePromotion": object("When tools that are called often stand beside `mcp`", json!({
            "enabled": switch(promotion.enabled, "Whether tools are promoted at all"),
            "maxPromoted": count(0, Some(promotion.max_promoted), "Tools that are promoted at most"),
            "minCalls": count(1, Some(promotion.min_calls), "Calls within the window that promote a tool"),
            "windowMs": long_time(promotion.window, "The time in which calls are counted"),
            "decayMs": long_time(promotion.decay, "A promoted tool unused for so long is one no more"),
        })),
        "http": object("Serving over HTTP", json!({
            "allowedOrigins": texts("Origins of pages that may call, such as `https://app.example.com`"),
            "allowedHosts": texts("Hosts by which the bridge may be called, beside its own address"),
            "sessionIdleTimeoutMs": time(1, http.session_idle_timeout, "A session that is not used for so long ends"),
            "maxSessions": count(1, Some(http.max_sessions), "Sessions at a time at most"),
        })),
    }))
}

fn server() -> Value {
    let mut keys = members(json!({
        "description": text("One line about the server, shown to the agent"),
        "transport": or_variable(choices(&transport::KINDS), "How it is reached; without it, the other keys say so"),
        "type": or_variable(choices(&transport::KINDS), "What other programs call `transport`"),
        "command": text("The program that is the server"),
        "args": texts("Its arguments"),
        "env": map(json!({ "type": "string" }), "Variables that it gets beside those that every program needs"),
        "cwd": text("Its working folder; a relative one starts at the folder of this file"),
        "framing": or_variable(choices(&FRAMINGS), "How its messages are told apart, where that cannot be recognised"),
        "url": { "type": "string", "pattern": URL, "description": "Where a remote server is" },
        "headers": map(json!({ "type": "string" }), "Headers of every request"),
        "auth": { "$ref": "#/$defs/auth" },
        "oauth2EnvBinding": text("The variable in which a stdio server gets its access token"),
        "oauth2CredentialsFile": required(object("The file of credentials that is written for a stdio server", json!({
            "format": choices(&auth::CREDENTIALS_FORMATS),
        })), &["format"]),
        "trust": or_variable(choices(&TRUST), "`untrusted` marks what the server says, `sanitize` cleans it"),
        "toolFilter": object("Which of its tools are there: allow minus deny", json!({
            "allow": texts("The only tools that are there"),
            "deny": texts("Tools that are not there"),
        })),
        "maxResultChars": count(1, None, "Longer results are cut, kept and read on with `read`"),
        "retry": { "$ref": "#/$defs/retry" },
        "rateLimit": object("How many successful calls it may get", json!({
            "maxCallsPerDay": count(0, None, "In a day of UTC"),
            "maxCallsPerMonth": count(0, None, "In a month of UTC"),
        })),
        "disabled": switch(false, "Whether it is left out"),
        "enabled": switch(true, "Whether it is not left out"),
    }));
    keys.extend(protection());
    let mut server = object("One server", Value::Object(keys));
    server["anyOf"] = json!([{ "required": ["command"] }, { "required": ["url"] }]);
    server
}

fn protection() -> Map<String, Value> {
    members(json!({
        "sanitizeAction": or_variable(choices(&ACTIONS), "What `trust: sanitize` does with an instruction to the model"),
        "pinning": or_variable(choices(&PINNINGS), "What happens when a tool is no longer what it was"),
    }))
}

fn retry() -> Value {
    let base = Retry::default();
    object(
        "How often a failed call is tried again, where that is safe",
        json!({
            "maxAttempts": { "type": "integer", "minimum": 1, "maximum": 100, "default": base.max_attempts, "description": "Tries in all, the first one included" },
            "delayMs": time(0, base.delay, "Wait before the second try"),
            "backoffMultiplier": { "type": "number", "minimum": 1, "maximum": 100, "default": base.backoff_multiplier, "description": "What each further wait is multiplied by" },
            "retryOn": { "type": "array", "items": choices(&CAUSES), "description": "What is worth another try" },
        }),
    )
}

/// An object with these keys and no others.
#[expect(
    clippy::needless_pass_by_value,
    reason = "a schema becomes a part of the one that is made of it"
)]
pub(crate) fn object(description: &str, keys: Value) -> Value {
    json!({ "type": "object", "description": description, "properties": keys, "additionalProperties": false })
}

/// The object, with keys that it has to have.
pub(crate) fn required(mut object: Value, keys: &[&str]) -> Value {
    object["required"] = json!(keys);
    object
}

/// An object whose keys are the user's own.
#[expect(
    clippy::needless_pass_by_value,
    reason = "a schema becomes a part of the one that is made of it"
)]
pub(crate) fn map(values: Value, description: &str) -> Value {
    json!({ "type": "object", "description": description, "additionalProperties": values })
}

pub(crate) fn text(description: &str) -> Value {
    json!({ "type": "string", "description": description })
}

pub(crate) fn texts(description: &str) -> Value {
    json!({ "type": "array", "items": { "type": "string" }, "description": description })
}

/// One of the names by which a section reads.
pub(crate) fn choices<T>(choices: &[(&str, T)]) -> Value {
    json!({ "enum": choices.iter().map(|(name, _)| name).collect::<Vec<_>>() })
}

pub(crate) fn members(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(members) => members,
        _ => Map::new(),
    }
}

fn choice<T>(names: &[(&str, T)], default: &str, description: &str) -> Value {
    let mut schema = choices(names);
    schema["default"] = default.into();
    schema["description"] = description.into();
    schema
}

/// Strings of a server's entry may be filled in later.
#[expect(
    clippy::needless_pass_by_value,
    reason = "a schema becomes a part of the one that is made of it"
)]
fn or_variable(choices: Value, description: &str) -> Value {
    json!({ "description": description, "anyOf": [choices, { "type": "string", "pattern": r"\$\{" }] })
}

pub(super) fn switch(default: bool, description: &str) -> Value {
    json!({ "type": "boolean", "default": default, "description": description })
}

fn count(from: u64, default: Option<usize>, description: &str) -> Value {
    let mut schema = json!({ "type": "integer", "minimum": from, "description": description });
    if let Some(default) = default {
        schema["default"] = default.into();
    }
    schema
}

fn time(from: u64, default: Duration, description: &str) -> Value {
    let default = u64::try_from(default.as_millis()).unwrap_or(LONGEST_MS);
    json!({ "type": "integer", "minimum": from, "maximum": LONGEST_MS, "default": default, "description": description })
}

fn long_time(default: Duration, description: &str) -> Value {
    let mut schema = time(1, default, description);
    schema["maximum"] = super::reader::LONGEST_LONG_MS.into();
    schema
}

#[cfg(test)]
pub(crate) mod tests {
    use std::collections::{BTreeMap, BTreeSet};
    use std::path::Path;

    use super::*;
    use crate::base::locate;
    use crate::config::finding::Report;
    use crate::config::protection::Protection;
    use crate::config::reader::{Reader, known_keys};
    use crate::config::server::{Scene, Server};

    /// The keys that the schema has for the object at this place, whatever else stands there.
    fn keys_at(schema: &Value, pointer: &str) -> BTreeSet<String> {
        let mut nodes = vec![schema];
        for token in pointer.split('/').skip(1) {
            let next = nodes.iter().flat_map(|node| alternatives(schema, node));
            nodes = next.filter_map(|node| below(node, token)).collect();
        }
        let all = nodes.iter().flat_map(|node| alternatives(schema, node));
        let properties = all.filter_map(|node| node.get("properties")?.as_object());
        properties.flat_map(|properties| properties.keys().cloned()).collect()
    }

    /// The node with what it refers to and all its branches.
    fn alternatives<'a>(schema: &'a Value, node: &'a Value) -> Vec<&'a Value> {
        let mut found = vec![node];
        if let Some(name) = node.get("$ref").and_then(Value::as_str) {
            let pointer = name.strip_prefix('#').expect("references stay in the schema");
            found.extend(alternatives(schema, schema.pointer(pointer).expect("it leads there")));
        }
        for key in ["then", "else"] {
            found.extend(node.get(key).into_iter().flat_map(|branch| alternatives(schema, branch)));
        }
        for branch in node.get("allOf").and_then(Value::as_array).into_iter().flatten() {
            found.extend(alternatives(schema, branch));
        }
        found
    }

    fn below<'a>(node: &'a Value, token: &str) -> Option<&'a Value> {
        let named = node.get("properties").and_then(|properties| properties.get(token));
        let is_index = token.parse::<usize>().is_ok();
        let item = node.get("items").filter(|_| is_index);
        let other = node.get("additionalProperties").filter(|other| other.is_object());
        named.or(item).or(other)
    }

    /// Compares the keys that readers have asked for in this test with those of the schema, object by object.
    pub(crate) fn check_keys(schema: &Value, places: &[&str]) {
        let mut read: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for (pointer, keys) in known_keys() {
            read.entry(pointer).or_default().extend(keys.iter().map(|key| (*key).to_owned()));
        }
        for place in places {
            assert!(read.contains_key(*place), "nothing was read at `{place}`");
        }
        for (pointer, keys) in read {
            assert_eq!(keys_at(schema, &pointer), keys, "the keys at `{pointer}`");
        }
    }

    #[test]
    fn the_schema_has_the_keys_that_are_read() {
        let report = Report::top();
        let sections = [
            "schemaCompression",
            "resultCache",
            "intentRouting",
            "adaptivePromotion",
            "http",
            "retry",
        ];
        let mut object: Map<String, Value> =
            sections.iter().map(|key| ((*key).to_owned(), json!({}))).collect();
        object.insert("catalogs".to_owned(), json!([{}]));
        let mut top = Reader::new(&object, "", &report);
        Config::read(&mut top);
        top.finish();
        let retry = Retry::default();
        let scene = Scene {
            folder: Path::new("/"),
            user_home: None,
            retry: &retry,
            protection: Protection::default(),
        };
        for entry in [
            json!({"command": "x", "oauth2CredentialsFile": {}, "toolFilter": {}, "rateLimit": {}, "retry": {}}),
            json!({"url": "https://x", "auth": {"type": "bearer", "token": "x"}}),
            json!({"url": "https://x", "auth": {"type": "header", "headers": {}}}),
            json!({"url": "https://x", "auth": {"type": "oauth2"}}),
        ] {
            let entry = members(entry);
            let reader = Reader::new(&entry, "/servers/a", &report);
            Server::read(reader, &scene, Vec::new());
        }
        let places: Vec<String> = sections.iter().map(|key| locate::child("", key)).collect();
        let mut places: Vec<&str> = places.iter().map(String::as_str).collect();
        places.extend([
            "",
            "/catalogs/0",
            "/servers/a",
            "/servers/a/auth",
            "/servers/a/toolFilter",
            "/servers/a/oauth2CredentialsFile",
        ]);
        check_keys(&schema(), &places);
    }
}
