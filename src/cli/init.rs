//! `bridge init`: a first config. Never touches what is there.

use std::io;
use std::path::Path;

use serde_json::{Value, json};

use super::arguments::Init;
use super::exit::{Exit, Failure};
use super::setup::Setup;
use crate::base::fs::{create_new, create_private_folder};

const EXAMPLE: &str = include_str!("../../config.example.json");
const ENV: &str =
    "# Values for ${NAME} in config.json, one NAME=value a line. Keep this file to yourself.\n";

pub(super) fn run(init: &Init, setup: &Setup) -> Result<Exit, Failure> {
    let (paths, printer) = (&setup.paths, setup.printer);
    create_private_folder(paths.home()).map_err(|error| failed(paths.home(), &error))?;
    let mut config = if init.example {
        serde_json::from_str(EXAMPLE).expect("a test loads the example")
    } else {
        json!({ "mode": init.mode, "servers": {} })
    };
    config["mode"] = Value::from(init.mode.as_str());
    let text = serde_json::to_string_pretty(&config).expect("plain JSON always serialises") + "\n";
    let files = [
        (paths.config_file(), write_new(&paths.config_file(), &text)?),
        (paths.env_file(), write_new(&paths.env_file(), ENV)?),
    ];
    if printer.json {
        let list = files
            .iter()
            .map(|(path, new)| json!({ "path": path, "created": new }));
        printer.json(&json!({ "files": list.collect::<Vec<_>>() }));
        return Ok(Exit::Done);
    }
    for (path, new) in &files {
        let what = if *new { "wrote" } else { "kept " };
        printer.talk(&format!("{what} {}", path.display()));
    }
    let program = std::env::current_exe().unwrap_or_else(|_| "bridge".into());
    let entry = json!({ "mcpServers": { "bridge": { "command": program } } });
    printer.talk("\nTell your client about the bridge (Claude Desktop: claude_desktop_config.json, Cursor: ~/.cursor/mcp.json):");
    printer.data(&serde_json::to_string_pretty(&entry).expect("plain JSON always serialises"));
    printer.talk("\nThen try: bridge servers");
    Ok(Exit::Done)
}

/// Whether the file was written; one that is there already stays.
fn write_new(path: &Path, text: &str) -> Result<bool, Failure> {
    match create_new(path, text.as_bytes(), 0o600) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(failed(path, &error)),
    }
}

fn failed(path: &Path, error: &io::Error) -> Failure {
    Failure::new(
        Exit::Failed,
        format!("cannot write `{}`: {error}", path.display()),
    )
    .hint(Some(
        "set BRIDGE_HOME to a folder that can be written".to_owned(),
    ))
}
