//! `bridge init`: a first config. Never touches what somebody wrote.

use std::fs::create_dir_all;
use std::io;
use std::path::Path;

use clap::Args;
use serde_json::{Map, Value, json};

use super::clients;
use super::exit::{Exit, Failure};
use super::setup::Setup;
use crate::base::fs::{PRIVATE, create_new, create_private_folder, read_regular, write_atomically};

pub(super) const EXAMPLES: &str = "\
Examples:
  bridge init                  an empty config, to be filled by hand
  bridge init --example        with servers that need no account and no key (Node.js starts them)
  bridge --config F init       a config elsewhere
  bridge init --register claude-desktop cursor

Files that are already there stay as they are, but for a config without servers. BRIDGE_HOME names another home folder.";

/// What `bridge init` takes.
#[derive(Debug, Args)]
pub(super) struct Init {
    /// How tools are offered to clients: `router` is the one tool `mcp`, `direct` every tool by itself, `auto` what suits
    /// the client
    #[arg(long, value_name = "MODE", default_value = "router", value_parser = ["router", "direct", "auto"])]
    pub(super) mode: String,
    /// Put servers in that need no account and no key
    #[arg(long)]
    pub(super) example: bool,
    /// Put the bridge into the files of these clients, as `bridge register` does
    #[arg(long, value_name = "CLIENT", num_args = 1..)]
    pub(super) register: Vec<clients::Client>,
}

/// Bytes of a file that is there already; what it would be replaced for has but some hundreds.
const LONGEST_FILE: u64 = 1024 * 1024;
const EXAMPLE: &str = include_str!("../../config.example.json");
const ENV: &str =
    "# Values for ${NAME} in config.json, one NAME=value a line. Keep this file to yourself.\n";

pub(super) fn run(init: &Init, setup: &Setup) -> Result<Exit, Failure> {
    let (source, printer) = (&setup.source, setup.printer);
    let folder = source.folder();
    let at_home = source.config == setup.paths.config_file();
    let made = if at_home { create_private_folder(folder) } else { create_dir_all(folder) };
    made.map_err(|error| failed(folder, &error))?;
    let mut files = vec![(source.config.clone(), write(&source.config, &config(init), is_empty)?)];
    if at_home {
        let env_file = setup.paths.env_file();
        let new = write(&env_file, ENV, |_| false)?;
        files.push((env_file, new));
    }
    let entry = json!({ "mcpServers": { "bridge": clients::entry(setup) } });
    if !printer.json {
        for (path, new) in &files {
            let what = if *new { "wrote" } else { "kept " };
            printer.talk(&format!("{what} {}", path.display()));
        }
    }
    if init.example && !files[0].1 {
        printer.warn("the config was there already, so the example servers were not put into it");
    }
    let list = files.iter().map(|(path, new)| json!({ "path": path, "created": new }));
    let mut told = Map::from_iter([("files".to_owned(), list.collect())]);
    if !init.register.is_empty() {
        let outcome = clients::usual(&init.register, told, setup);
        if !printer.json {
            printer.talk("next: `bridge install NAME` for servers, `bridge model install` to find tools by meaning");
        }
        return outcome;
    }
    if printer.json {
        told.insert("client".to_owned(), entry);
        printer.json(&told);
        return Ok(Exit::Done);
    }
    printer.talk("");
    printer.talk("Next:");
    printer.talk("  bridge install NAME      put a server in; `bridge search WORDS` finds one");
    printer.talk("  bridge register CLIENT   tell your client, such as claude-desktop or cursor");
    printer.talk("  bridge model install     find tools by meaning, not by words alone");
    printer.talk("");
    printer.talk("Clients that `bridge register` does not know take this:");
    printer.data(&pretty(&entry));
    Ok(Exit::Done)
}

fn config(init: &Init) -> String {
    let mut config = json!({ "mode": init.mode, "servers": {} });
    if init.example {
        let example: Map<String, Value> =
            serde_json::from_str(EXAMPLE).expect("a test loads the example");
        for (key, value) in example.into_iter().filter(|(key, _)| key != "mode") {
            config[key] = value;
        }
    }
    pretty(&config) + "\n"
}

/// Whether a config says nothing yet, as the one that `init` wrote before.
fn is_empty(config: &str) -> bool {
    let Ok(Value::Object(config)) = serde_json::from_str(config) else {
        return false;
    };
    config.iter().all(|(key, value)| key == "mode" || (key == "servers" && *value == json!({})))
}

/// Whether the file was written; one that is there already stays unless `may_replace` its text.
fn write(path: &Path, text: &str, may_replace: fn(&str) -> bool) -> Result<bool, Failure> {
    match create_new(path, text.as_bytes(), PRIVATE) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            let old = read_regular(path, LONGEST_FILE).unwrap_or_default();
            let old = String::from_utf8(old).unwrap_or_default();
            if old == text || !may_replace(&old) {
                return Ok(false);
            }
            write_atomically(path, text.as_bytes(), PRIVATE)
                .map_err(|error| failed(path, &error))?;
            Ok(true)
        }
        Err(error) => Err(failed(path, &error)),
    }
}

fn pretty(value: &Value) -> String {
    serde_json::to_string_pretty(value).expect("plain JSON always serialises")
}

fn failed(path: &Path, error: &io::Error) -> Failure {
    Failure::new(Exit::Failed, format!("cannot write `{}`: {error}", path.display()))
        .hint(Some("set BRIDGE_HOME to a folder that can be written".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::is_empty;

    #[test]
    fn only_what_says_nothing_is_replaced() {
        assert!(is_empty(r#"{"mode": "router", "servers": {}}"#));
        assert!(is_empty("{}"));
        assert!(!is_empty(r#"{"servers": {"a": {"command": "x"}}}"#));
        assert!(!is_empty(r#"{"servers": {}, "debug": true}"#));
        assert!(!is_empty("not JSON") && !is_empty("[]"));
    }
}
