//! What the answer of `list` costs, in tokens of `o200k_base`, for the tools of published servers.
//!
//! `cargo bench --bench tokens` prints a table; with `-- --check` the exit code is 1 when the lists cost more than plain ones
//! of name, 80-character description and required parameters, or when a schema cannot be read back from its
//! signature. `-- --show NAME` prints one server's list.

mod readback;
mod signature;

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use indexmap::IndexMap;
use mcp_bridge::base::text::shorten;
use mcp_bridge::config::{SanitizeAction, SchemaCompression, ServerName, ToolFilter, Trust};
use mcp_bridge::guard::Guard;
use mcp_bridge::guard::pin::Pins;
use mcp_bridge::protocol::tool::Definition;
use mcp_bridge::router;
use mcp_bridge::tools::{Registry, Remembered, Rules, ServerTools, Shown};
use serde_json::value::RawValue;
use serde_json::{Value, json};
use tiktoken_rs::CoreBPE;

use crate::readback::Readback;

const DATA: &str = "../shared/data/real-tools";
/// What a plain list keeps of a description.
const PLAIN_DESCRIPTION: usize = 80;

fn main() -> io::Result<ExitCode> {
    let arguments: Vec<String> = std::env::args().collect();
    let check = arguments.iter().any(|argument| argument == "--check");
    let show = arguments.iter().position(|argument| argument == "--show");
    let show = show.and_then(|at| arguments.get(at + 1));
    let mut out = io::stdout().lock();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(DATA);
    let Some(files) = json_files(&folder) else {
        writeln!(out, "tokens: skipped, there is no {DATA}")?;
        return Ok(ExitCode::SUCCESS);
    };
    let tokenizer = tiktoken_rs::o200k_base().map_err(io::Error::other)?;
    let mut total = Row::default();
    let mut readback = Readback::default();
    let mut above = Vec::new();
    if show.is_none() {
        writeln!(out, "| server | tools | `tools/list` | plain list | `list` | ratio |")?;
        writeln!(out, "|---|---:|---:|---:|---:|---:|")?;
    }
    for file in files {
        let name = file.file_stem().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
        let listed: Value = serde_json::from_str(&fs::read_to_string(&file)?)?;
        let tools = load(&name, &listed)?;
        let text = text_of(&router::listed(&name, &tools))?;
        if let Some(wanted) = show {
            if *wanted == name {
                writeln!(out, "{text}")?;
            }
            continue;
        }
        readback.read(&name, &text, &tools);
        let row = Row {
            tools: tools.len(),
            full: count(&tokenizer, &listed.to_string()),
            plain: count(&tokenizer, &plain(&name, &tools)),
            list: count(&tokenizer, &text),
        };
        row.write(&mut out, &name)?;
        if row.list > row.plain {
            above.push(name);
        }
        total.add(&row);
    }
    if show.is_some() {
        return Ok(ExitCode::SUCCESS);
    }
    total.write(&mut out, "**all**")?;
    writeln!(out, "\nabove the plain list: {}", above.join(", "))?;
    readback.write(&mut out)?;
    let good = total.list < total.plain && readback.is_complete();
    Ok(if check && !good { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// One line of the table.
#[derive(Default)]
struct Row {
    tools: usize,
    full: usize,
    plain: usize,
    list: usize,
}

impl Row {
    fn add(&mut self, other: &Self) {
        self.tools += other.tools;
        self.full += other.full;
        self.plain += other.plain;
        self.list += other.list;
    }

    fn write(&self, out: &mut impl Write, name: &str) -> io::Result<()> {
        let Self { tools, full, plain, list } = self;
        let percent = list * 100 / plain.max(&1);
        let ratio = format!("{}.{:02}", percent / 100, percent % 100);
        writeln!(out, "| {name} | {tools} | {full} | {plain} | {list} | {ratio} |")
    }
}

fn json_files(folder: &Path) -> Option<Vec<PathBuf>> {
    let entries = fs::read_dir(folder).ok()?;
    let mut files: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    files.retain(|file| file.extension().is_some_and(|ending| ending == "json"));
    files.sort();
    Some(files)
}

/// The tools as the bridge holds them after a server has listed them.
fn load(name: &str, listed: &Value) -> io::Result<Arc<ServerTools>> {
    let server = ServerName::parse(name).map_err(io::Error::other)?;
    let mut definitions = Vec::new();
    for tool in listed["tools"].as_array().into_iter().flatten() {
        let raw = RawValue::from_string(tool.to_string())?;
        definitions.push(Definition::parse(&raw).map_err(io::Error::other)?);
    }
    let guard = Guard::new(&server, Trust::Trusted, SanitizeAction::Replace);
    let rules = Rules { filter: ToolFilter::default(), guard };
    let rules = IndexMap::from([(server.clone(), rules)]);
    let registry =
        Registry::new(rules, SchemaCompression::default(), Pins::default(), Remembered::default());
    registry.replace(&server, Shown::new(definitions, None));
    Ok(registry.snapshot().get(name).cloned().unwrap_or_default())
}

/// The list as it was before it had signatures.
fn plain(server: &str, tools: &ServerTools) -> String {
    let tool = |tool: &mcp_bridge::tools::Tool| {
        let description = tool.definition.description().unwrap_or_default();
        json!({
            "name": tool.definition.name,
            "description": shorten(&description, PLAIN_DESCRIPTION),
            "requiredParams": tool.parameters().required,
        })
    };
    let tools: Vec<Value> = tools.iter().map(tool).collect();
    json!({ "server": server, "action": "list", "tools": tools }).to_string()
}

/// The text that the model reads.
fn text_of(result: &str) -> io::Result<String> {
    let result: Value = serde_json::from_str(result)?;
    Ok(result["content"][0]["text"].as_str().unwrap_or_default().to_owned())
}

fn count(tokenizer: &CoreBPE, text: &str) -> usize {
    tokenizer.encode_ordinary(text).len()
}
