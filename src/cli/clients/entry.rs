//! The entry of the bridge itself, as each client writes it.

use std::path::Path;

use serde_json::{Map, Value, json};

use super::client::Client;
use crate::cli::setup::Setup;

/// What programs of the bridge are called.
const PROGRAMS: [&str; 2] = ["bridge", "mcp-bridge"];

/// What starts this bridge with this config, for most clients.
pub(in crate::cli) fn in_json(setup: &Setup) -> Value {
    let (command, args, env) = parts(setup);
    let mut entry = json!({ "command": command });
    if !args.is_empty() {
        entry["args"] = json!(args);
    }
    if !env.is_empty() {
        entry["env"] = Value::Object(env);
    }
    entry
}

/// The same for one of them.
pub(super) fn of(client: Client, setup: &Setup) -> Value {
    match client {
        Client::VsCode | Client::ClaudeCode => with_first("type", "stdio", in_json(setup)),
        Client::Zed => {
            // Zed takes an entry without arguments for that of an extension.
            let (command, args, env) = parts(setup);
            json!({ "source": "custom", "command": command, "args": args, "env": env })
        }
        _ => in_json(setup),
    }
}

/// Whether an entry starts a bridge, be it this program or another copy.
pub(super) fn is_bridge(entry: &Value) -> bool {
    command(entry).is_some_and(|command| {
        // Both kinds of separators, since files are carried from one system to another.
        let name = command.rsplit(['/', '\\']).next().unwrap_or_default();
        let stem = name.strip_suffix(".exe").unwrap_or(name);
        PROGRAMS.contains(&stem) || Path::new(command) == program()
    })
}

/// The program that an entry starts, wherever the client has it.
pub(super) fn command(entry: &Value) -> Option<&str> {
    let command = &entry["command"];
    let command = command.as_str().or_else(|| command["path"].as_str());
    command.or_else(|| entry["transport"]["command"].as_str())
}

/// The entry with the bridge's own keys as they should be, and the others as they are: clients note there which tools
/// may run and whether the server is switched on.
pub(super) fn updated(old: &Value, new: &Value) -> Value {
    let (Value::Object(old), Value::Object(new)) = (old, new) else { return new.clone() };
    let mut entry = old.clone();
    for key in ["command", "args", "env", "type", "source"] {
        match new.get(key) {
            Some(value) => {
                entry.insert(key.to_owned(), value.clone());
            }
            // Nothing to pass on may be written as nothing at all.
            None if entry.get(key).is_some_and(is_empty) || !matches!(key, "args" | "env") => {}
            None => {
                entry.shift_remove(key);
            }
        }
    }
    Value::Object(entry)
}

fn is_empty(value: &Value) -> bool {
    *value == json!([]) || *value == json!({})
}

fn parts(setup: &Setup) -> (String, Vec<String>, Map<String, Value>) {
    let mut args = Vec::new();
    if setup.source.config != setup.paths.config_file() {
        args = vec!["--config".to_owned(), setup.source.config.display().to_string()];
    }
    let mut env = Map::new();
    if !setup.paths.is_default() {
        env.insert("BRIDGE_HOME".to_owned(), json!(setup.paths.home()));
    }
    (program().display().to_string(), args, env)
}

fn program() -> std::path::PathBuf {
    std::env::current_exe().unwrap_or_else(|_| "bridge".into())
}

fn with_first(key: &str, value: &str, entry: Value) -> Value {
    let mut members = Map::from_iter([(key.to_owned(), Value::from(value))]);
    if let Value::Object(entry) = entry {
        members.extend(entry);
    }
    Value::Object(members)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bridges_are_known_by_their_program() {
        let check = |entry: Value, expected| assert_eq!(is_bridge(&entry), expected, "{entry}");
        check(json!({"command": "bridge"}), true);
        check(json!({"command": "/usr/local/bin/bridge", "args": []}), true);
        check(json!({"command": "C:\\Tools\\bridge.exe"}), true);
        check(json!({"command": {"path": "/opt/mcp-bridge"}}), true);
        check(json!({"transport": {"type": "stdio", "command": "bridge"}}), true);
        check(json!({"command": program()}), true);
        check(json!({"command": "npx", "args": ["bridge"]}), false);
        check(json!({"command": "/opt/bridge/server"}), false);
        check(json!({"url": "https://bridge"}), false);
        check(json!(null), false);
    }

    #[test]
    fn what_the_client_has_noted_stays() {
        let check = |old: Value, new: Value, expected: Value| {
            assert_eq!(updated(&old, &new), expected, "{old}");
        };
        check(
            json!({"command": "/old", "args": ["x"], "disabled": true, "autoApprove": ["mcp"]}),
            json!({"command": "/new"}),
            json!({"command": "/new", "disabled": true, "autoApprove": ["mcp"]}),
        );
        check(
            json!({"type": "stdio", "command": "/a", "args": [], "env": {}}),
            json!({"command": "/a"}),
            json!({"type": "stdio", "command": "/a", "args": [], "env": {}}),
        );
    }
}
