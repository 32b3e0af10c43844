//! The entry of the config that a recipe's transport becomes.

use indexmap::IndexMap;
use serde_json::{Map, Value, json};

use crate::config::interpolate;
use crate::recipe::{Recipe, Stdio, Transport};

/// As a recipe names this system.
pub(super) const SYSTEM: &str = if cfg!(windows) {
    "win32"
} else if cfg!(target_os = "macos") {
    "darwin"
} else {
    "linux"
};

/// How a server is started on this system.
pub(super) fn started(recipe: &Recipe, stdio: &Stdio) -> Stdio {
    let mut started = stdio.clone();
    let install = recipe.install.as_ref();
    let Some(platform) = install.and_then(|install| install.platforms.get(SYSTEM)) else {
        return started;
    };
    started.command = platform.command.clone().unwrap_or(started.command);
    started.args = platform.args.clone().unwrap_or(started.args);
    started.env.extend(platform.env.clone());
    started
}

/// The entry, as it stands in the file.
pub(super) fn entry(recipe: &Recipe, transport: &Transport) -> Map<String, Value> {
    let mut entry = Map::new();
    entry.insert("transport".to_owned(), transport.name().into());
    entry.insert("description".to_owned(), recipe.description.as_str().into());
    let auth = match transport {
        Transport::Stdio(stdio) => {
            entry.insert("command".to_owned(), stdio.command.as_str().into());
            put(&mut entry, "args", &stdio.args);
            put_map(&mut entry, "env", &stdio.env);
            if let Some(framing) = stdio.framing {
                entry.insert("framing".to_owned(), json!(framing));
            }
            &stdio.auth
        }
        Transport::Sse(remote) | Transport::StreamableHttp(remote) => {
            entry.insert("url".to_owned(), remote.url.as_str().into());
            put_map(&mut entry, "headers", &remote.headers);
            &remote.auth
        }
    };
    let Some(auth) = auth else { return entry };
    entry.insert("auth".to_owned(), Value::Object(auth.clone()));
    if let (Transport::Stdio(_), Some(oauth2)) = (transport, &recipe.auth.oauth2) {
        if let Some(binding) = &oauth2.env_binding {
            entry.insert("oauth2EnvBinding".to_owned(), binding.as_str().into());
        }
        if let Some(format) = &oauth2.credentials_file_type {
            entry.insert("oauth2CredentialsFile".to_owned(), json!({ "format": format }));
        }
    }
    entry
}

fn put(entry: &mut Map<String, Value>, key: &str, list: &[String]) {
    if !list.is_empty() {
        entry.insert(key.to_owned(), json!(list));
    }
}

fn put_map(entry: &mut Map<String, Value>, key: &str, map: &IndexMap<String, String>) {
    if !map.is_empty() {
        entry.insert(key.to_owned(), json!(map));
    }
}

/// Gives the variables in all strings below the value other names.
pub(super) fn rename(value: &mut Value, name: &impl Fn(&str) -> Option<String>) {
    match value {
        Value::String(text) => *text = interpolate::renamed(text, name),
        Value::Array(items) => items.iter_mut().for_each(|item| rename(item, name)),
        Value::Object(members) => members.values_mut().for_each(|member| rename(member, name)),
        _ => {}
    }
}
