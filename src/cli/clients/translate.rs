//! A server as a client has it, made an entry of the bridge.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

use super::client::Client;
use super::reference::{Places, translated};
use super::vault::Vault;
use crate::base::paths::expand;
use crate::config::edit::read_env_file;
use crate::config::remote::is_http;

/// One server of a client.
#[derive(Debug, Clone, Copy)]
pub(super) struct Server<'a> {
    pub(super) client: Client,
    /// Its name as variables are called after it.
    pub(super) name: &'a str,
    pub(super) entry: &'a Value,
    pub(super) places: Places<'a>,
}

/// The entry that it becomes.
#[derive(Debug, PartialEq)]
pub(super) struct Translated {
    pub(super) entry: Map<String, Value>,
    /// What its owner should know of it.
    pub(super) notes: Vec<String>,
}

/// Keys by which a client's own login or a helper of its own makes the requests.
const LOGINS: [&str; 4] = ["oauth", "auth", "authProviderType", "scopes"];
const TIMEOUTS: [&str; 5] =
    ["timeout", "networkTimeout", "startup_timeout_sec", "startup_timeout_ms", "tool_timeout_sec"];
const ALLOWED: [&str; 3] = ["includeTools", "enabledTools", "enabled_tools"];
const DENIED: [&str; 3] = ["excludeTools", "disabledTools", "disabled_tools"];

/// The entry, its secrets in the vault; fails with why it cannot be one.
pub(super) fn translate(server: Server<'_>, vault: &mut Vault) -> Result<Translated, String> {
    let flat = flat(server.entry).ok_or("its entry is no object")?;
    let mut work = Work { server, flat: &flat, vault, entry: Map::new(), notes: Vec::new() };
    if flat.contains_key("headersHelper") {
        return Err("a program of its own makes its headers (`headersHelper`)".to_owned());
    }
    match (flat.get("command"), flat.get("url")) {
        (Some(command), None) => work.stdio(command)?,
        (None, Some(url)) => work.remote(url)?,
        (Some(_), Some(_)) => return Err("it has both a command and a URL".to_owned()),
        (None, None) if server.client == Client::Zed => {
            return Err("an extension of Zed starts it".to_owned());
        }
        (None, None) => return Err("it has neither a command nor a URL".to_owned()),
    }
    work.rest();
    Ok(Translated { entry: work.entry, notes: work.notes })
}

/// The members of an entry on one level, under the names that most clients have for them.
fn flat(entry: &Value) -> Option<Map<String, Value>> {
    let mut flat = entry.as_object()?.clone();
    for (key, inner) in [("transport", "type"), ("command", "command")] {
        if let Some(Value::Object(nested)) = flat.get(key).cloned() {
            flat.shift_remove(key);
            for (name, value) in nested {
                let name = if key == "command" && name == "path" { inner.to_owned() } else { name };
                flat.entry(name).or_insert(value);
            }
        }
    }
    for (theirs, ours) in [("serverUrl", "url"), ("httpUrl", "url"), ("http_headers", "headers")] {
        if let Some(value) = flat.shift_remove(theirs) {
            if theirs == "httpUrl" {
                flat.insert("type".to_owned(), json!("http"));
            }
            flat.insert(ours.to_owned(), value);
        }
    }
    Some(flat)
}

struct Work<'a> {
    server: Server<'a>,
    flat: &'a Map<String, Value>,
    vault: &'a mut Vault,
    entry: Map<String, Value>,
    notes: Vec<String>,
}

impl Work<'_> {
    fn stdio(&mut self, command: &Value) -> Result<(), String> {
        let command = command.as_str().ok_or("its `command` is no string")?;
        let command = self.path(command)?;
        self.set("command", json!(command));
        let args = match self.flat.get("args") {
            None | Some(Value::Null) => Vec::new(),
            Some(Value::Array(args)) => args
                .iter()
                .map(|arg| self.string("args", arg))
                .collect::<Result<Vec<String>, String>>()?,
            Some(_) => return Err("its `args` are no list".to_owned()),
        };
        if !args.is_empty() {
            let args = self.vault.arguments(self.server.name, &args);
            self.set("args", json!(args));
        }
        let env = self.env()?;
        if !env.is_empty() {
            self.set("env", Value::Object(env));
        }
        match self.flat.get("cwd").and_then(Value::as_str) {
            Some(cwd) => {
                let cwd = self.path(cwd)?;
                self.set("cwd", json!(cwd));
            }
            // Relative arguments mean the folder in which the client would have started it.
            None => {
                if let Some(project) = self.server.places.project {
                    self.set("cwd", json!(project));
                }
            }
        }
        Ok(())
    }

    /// A file's variables first, since those of the entry win over them.
    fn env(&mut self) -> Result<Map<String, Value>, String> {
        let mut env = Map::new();
        if let Some(file) = self.flat.get("envFile").and_then(Value::as_str) {
            let file = self.path(file)?;
            let read = read_env_file(Path::new(&file));
            let read = read.map_err(|fault| format!("its `envFile` cannot be read: {fault}"))?;
            for (name, value) in read {
                let value = self.vault.setting(self.server.name, &name, value.expose());
                env.insert(name, json!(value));
            }
        }
        for (name, value) in self.strings("env")? {
            let value = self.vault.setting(self.server.name, &name, &value);
            env.insert(name, json!(value));
        }
        let passed = self.flat.get("env_vars").and_then(Value::as_array);
        for name in passed.into_iter().flatten() {
            let name = name.as_str().or_else(|| name["name"].as_str());
            let name = name.ok_or("its `env_vars` are no list of names")?;
            env.entry(name).or_insert_with(|| json!(format!("${{{name}}}")));
        }
        Ok(env)
    }

    fn remote(&mut self, url: &Value) -> Result<(), String> {
        let url = self.string("url", url)?;
        if !url.contains("${") && !is_http(&url) {
            return Err("its URL begins with neither `http://` nor `https://`".to_owned());
        }
        let kind = self.flat.get("type").and_then(Value::as_str).map(str::to_ascii_lowercase);
        let transport = match kind.as_deref() {
            Some("sse") => Some("sse"),
            Some("http" | "streamablehttp" | "streamable-http" | "streamable_http") => {
                Some("streamable-http")
            }
            Some(other) => return Err(format!("its type `{other}` is not known")),
            // Gemini CLI has another key for the present transport.
            None if self.server.client == Client::Gemini => Some("sse"),
            None if self.server.client == Client::Codex => Some("streamable-http"),
            None => None,
        };
        if let Some(transport) = transport {
            self.set("transport", json!(transport));
        }
        let url = self.vault.url(self.server.name, &url);
        self.set("url", json!(url));
        let mut headers = Map::new();
        for (name, value) in self.strings("headers")? {
            let value = self.vault.header(self.server.name, &name, &value);
            headers.insert(name, json!(value));
        }
        for (name, variable) in self.strings("env_http_headers")? {
            headers.insert(name, json!(format!("${{{variable}}}")));
        }
        if let Some(variable) = self.flat.get("bearer_token_env_var").and_then(Value::as_str) {
            headers.insert("Authorization".to_owned(), json!(format!("Bearer ${{{variable}}}")));
        }
        if !headers.is_empty() {
            self.set("headers", Value::Object(headers));
        }
        Ok(())
    }

    /// What servers of both kinds have.
    fn rest(&mut self) {
        if let Some(Value::String(text)) = self.flat.get("description") {
            self.set("description", json!(text));
        }
        let mut filter = Map::new();
        for (keys, ours) in [(&ALLOWED, "allow"), (&DENIED, "deny")] {
            let tools = keys.iter().find_map(|key| self.flat.get(*key)?.as_array());
            let names = tools.into_iter().flatten().filter_map(Value::as_str);
            // Gemini CLI lets arguments stand behind a name.
            let names = names.map(|name| name.split('(').next().unwrap_or(name));
            let names: Vec<&str> = names.collect();
            if tools.is_some() && !(names.is_empty() && ours == "deny") {
                filter.insert(ours.to_owned(), json!(names));
            }
        }
        if !filter.is_empty() {
            self.set("toolFilter", Value::Object(filter));
        }
        let is = |key: &str, value: bool| self.flat.get(key) == Some(&Value::Bool(value));
        if is("disabled", true) || is("enabled", false) {
            self.set("disabled", json!(true));
            self.notes.push("it is switched off and stays so".to_owned());
        }
        if TIMEOUTS.iter().any(|key| self.flat.contains_key(*key)) {
            let note =
                "its time limits are not taken over; `requestTimeoutMs` holds for all servers";
            self.notes.push(note.to_owned());
        }
        if LOGINS.iter().any(|key| self.flat.contains_key(*key)) {
            self.notes.push("its login is not taken over".to_owned());
        }
    }

    fn set(&mut self, key: &str, value: Value) {
        self.entry.insert(key.to_owned(), value);
    }

    fn text(&self, text: &str) -> Result<String, String> {
        translated(self.server.client, text, self.server.places)
    }

    /// A path, which in the file of a project may begin at its folder.
    fn path(&self, text: &str) -> Result<String, String> {
        let text = self.text(text)?;
        let is_relative = text.starts_with("./") || text.starts_with("../") || text == ".";
        Ok(match self.server.places.project {
            Some(project) if is_relative => {
                let path: PathBuf = project.join(&text).components().collect();
                path.display().to_string()
            }
            _ if text.starts_with('~') => {
                expand(&text, self.server.places.user_home).display().to_string()
            }
            _ => text,
        })
    }

    fn string(&self, what: &str, value: &Value) -> Result<String, String> {
        match value {
            Value::String(text) => self.text(text),
            Value::Number(_) | Value::Bool(_) => Ok(value.to_string()),
            _ => Err(format!("`{what}` holds something that is no string")),
        }
    }

    fn strings(&self, key: &str) -> Result<Vec<(String, String)>, String> {
        match self.flat.get(key) {
            None | Some(Value::Null) => Ok(Vec::new()),
            Some(Value::Object(members)) => members
                .iter()
                // `null` takes a variable away that nobody has set here.
                .filter(|(_, value)| !value.is_null())
                .map(|(name, value)| Ok((name.clone(), self.string(key, value)?)))
                .collect(),
            Some(_) => Err(format!("its `{key}` are no object")),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    fn of(client: Client, entry: &Value, project: Option<&Path>) -> Result<Translated, String> {
        let mut vault = Vault::new([], HashSet::new());
        let places = Places { user_home: Some(Path::new("/h")), project };
        translate(Server { client, name: "web", entry, places }, &mut vault)
    }

    #[track_caller]
    fn check(client: Client, entry: &Value, expected: &Value) -> Vec<String> {
        let found = of(client, entry, None).expect("it can be translated");
        assert_eq!(&Value::Object(found.entry), expected, "{entry}");
        found.notes
    }

    #[test]
    fn commands_of_all_clients() {
        let plain = json!({"command": "npx", "args": ["-y", "x"], "env": {"API_KEY": "${API_KEY}", "N": "1"}});
        let env = json!({"API_KEY": "hunter2", "N": 1});
        for (client, entry) in [
            (Client::ClaudeDesktop, json!({"command": "npx", "args": ["-y", "x"], "env": env})),
            (
                Client::VsCode,
                json!({"type": "stdio", "command": "npx", "args": ["-y", "x"], "env": env}),
            ),
            (
                Client::Zed,
                json!({"source": "custom", "command": "npx", "args": ["-y", "x"], "env": env}),
            ),
            (
                Client::Zed,
                json!({"command": {"path": "npx", "args": ["-y", "x"], "env": env}, "settings": {}}),
            ),
            (
                Client::Cline,
                json!({"transport": {"type": "stdio", "command": "npx", "args": ["-y", "x"], "env": env}, "autoApprove": ["a"], "disabled": false}),
            ),
            (
                Client::Codex,
                json!({"command": "npx", "args": ["-y", "x"], "env": env, "enabled": true}),
            ),
        ] {
            assert_eq!(check(client, &entry, &plain), [""; 0]);
        }
        check(
            Client::Codex,
            &json!({"command": "x", "env_vars": ["A", {"name": "B", "source": "local"}], "enabled_tools": ["t"], "disabled_tools": []}),
            &json!({"command": "x", "env": {"A": "${A}", "B": "${B}"}, "toolFilter": {"allow": ["t"]}}),
        );
        let notes = check(
            Client::Gemini,
            &json!({"command": "x", "env": {"T": "$TOKEN"}, "timeout": 5, "trust": true, "excludeTools": ["rm(all)"]}),
            &json!({"command": "x", "env": {"T": "${TOKEN}"}, "toolFilter": {"deny": ["rm"]}}),
        );
        assert!(notes[0].contains("requestTimeoutMs"), "{notes:?}");
        let notes = check(
            Client::Cline,
            &json!({"command": "~/bin/x", "disabled": true}),
            &json!({"command": Path::new("/h").join("bin/x"), "disabled": true}),
        );
        assert!(notes[0].contains("switched off"), "{notes:?}");
    }

    #[test]
    fn urls_of_all_clients() {
        const URL: &str = "https://h/mcp";
        let http = json!({"transport": "streamable-http", "url": URL});
        check(Client::ClaudeCode, &json!({"type": "http", "url": URL}), &http);
        check(Client::VsCode, &json!({"type": "http", "url": URL}), &http);
        check(Client::Cline, &json!({"type": "streamableHttp", "url": URL}), &http);
        check(Client::Gemini, &json!({"httpUrl": URL}), &http);
        check(Client::Codex, &json!({"url": URL}), &http);
        check(Client::Gemini, &json!({"url": URL}), &json!({"transport": "sse", "url": URL}));
        check(Client::Windsurf, &json!({"serverUrl": URL}), &json!({"url": URL}));
        check(
            Client::Cursor,
            &json!({"url": URL, "headers": {"Authorization": "Bearer hunter2"}}),
            &json!({"url": URL, "headers": {"Authorization": "Bearer ${WEB_TOKEN}"}}),
        );
        check(
            Client::Codex,
            &json!({"url": URL, "bearer_token_env_var": "T", "http_headers": {"X-A": "b"}, "env_http_headers": {"X-B": "B"}}),
            &json!({"transport": "streamable-http", "url": URL, "headers": {"X-A": "b", "X-B": "${B}", "Authorization": "Bearer ${T}"}}),
        );
    }

    #[test]
    fn what_cannot_be_translated_says_why() {
        let check = |client, entry: Value, words: &str| {
            let reason = of(client, &entry, None).expect_err("it cannot");
            assert!(reason.contains(words), "{reason}");
        };
        check(Client::Zed, json!({"source": "extension", "settings": {}}), "extension");
        check(Client::Cursor, json!({}), "neither");
        check(Client::Cursor, json!({"command": "x", "url": "https://h"}), "both");
        check(Client::Cursor, json!(7), "no object");
        check(Client::Cursor, json!({"command": "${workspaceFolder}/x"}), "workspaceFolder");
        check(Client::VsCode, json!({"type": "http", "url": "unix:///tmp/s"}), "neither `http");
        check(Client::VsCode, json!({"type": "ws", "url": "https://h"}), "`ws`");
        check(
            Client::ClaudeCode,
            json!({"url": "https://h", "headersHelper": "x"}),
            "headersHelper",
        );
        check(Client::VsCode, json!({"command": "x", "envFile": "/none/.env"}), "envFile");
        check(Client::Cursor, json!({"command": "x", "args": [[]]}), "args");
    }

    #[test]
    fn projects_and_files_of_variables() {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join(".env"), "TOKEN=hunter2\nREGION=eu\n").expect("written");
        let entry = json!({"command": "./run", "envFile": "${workspaceFolder}/.env", "env": {"REGION": "us"}});
        let found = of(Client::VsCode, &entry, Some(folder.path())).expect("translated").entry;
        let expected = json!({"command": folder.path().join("run"), "env": {"TOKEN": "${TOKEN}", "REGION": "us"}, "cwd": folder.path()});
        assert_eq!(Value::Object(found), expected);
    }
}
