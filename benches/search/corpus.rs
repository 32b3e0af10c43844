//! Sentences with the tool that each means, and the tools among which it is to be found.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use indexmap::IndexMap;
use mcp_bridge::protocol::tool::Definition;
use mcp_bridge::search::{Document, ServerWords};
use serde::Deserialize;
use serde_json::json;
use serde_json::value::RawValue;

/// A server and one of its tools.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct Place {
    pub(crate) server: String,
    pub(crate) tool: String,
}

/// A sentence and what it needs: one tool of each group.
#[derive(Debug, Deserialize)]
pub(crate) struct Wish {
    pub(crate) id: String,
    pub(crate) query: String,
    pub(crate) source: String,
    gold: Vec<Place>,
    gold_groups: Option<Vec<Vec<Place>>>,
}

impl Wish {
    pub(crate) fn groups(&self) -> Vec<Vec<Place>> {
        let given = self.gold_groups.as_ref().filter(|groups| !groups.is_empty());
        given.cloned().unwrap_or_else(|| self.gold.iter().map(|one| vec![one.clone()]).collect())
    }
}

/// Tools by server, ready for an index.
pub(crate) type Tools = IndexMap<String, Vec<Document>>;

#[derive(Deserialize)]
struct Row {
    server: String,
    tool: String,
    description: Option<String>,
    input_schema: Option<Box<RawValue>>,
    annotations: Option<Box<RawValue>>,
}

#[derive(Deserialize)]
struct ServerRow {
    server: String,
    title: Option<String>,
}

/// The sentences of a file.
pub(crate) fn wishes(file: &Path) -> io::Result<Vec<Wish>> {
    rows(file)
}

/// The tools of these files, with what the servers say of themselves, if that is known.
pub(crate) fn tools(files: &[&Path], servers: &Path) -> io::Result<Tools> {
    let servers: Vec<ServerRow> = if servers.is_file() { rows(servers)? } else { Vec::new() };
    let words = |name: &str| {
        let known = servers.iter().find(|row| row.server == name);
        let title = known.and_then(|row| row.title.as_deref());
        ServerWords::new(name, title)
    };
    let mut tools = Tools::new();
    for file in files {
        for row in rows::<Row>(file)? {
            let document = Document::read(&words(&row.server), &row.definition()?);
            tools.entry(row.server).or_default().push(document);
        }
    }
    Ok(tools)
}

/// The definitions of the tools of these files.
pub(crate) fn definitions(files: &[PathBuf]) -> io::Result<Vec<Definition>> {
    let mut definitions = Vec::new();
    for file in files {
        for row in rows::<Row>(file)? {
            definitions.push(row.definition()?);
        }
    }
    Ok(definitions)
}

impl Row {
    fn definition(&self) -> io::Result<Definition> {
        let definition = json!({
            "name": self.tool,
            "description": self.description,
            "inputSchema": self.input_schema,
            "annotations": self.annotations,
        });
        let raw = RawValue::from_string(definition.to_string())?;
        Definition::parse(&raw).map_err(io::Error::other)
    }
}

fn rows<T: for<'a> Deserialize<'a>>(file: &Path) -> io::Result<Vec<T>> {
    let text = fs::read_to_string(file)?;
    let lines = text.lines().filter(|line| !line.trim().is_empty());
    lines.map(|line| serde_json::from_str(line).map_err(io::Error::other)).collect()
}
