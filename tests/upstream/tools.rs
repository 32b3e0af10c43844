//! What can be called, and how the list is paged.

use std::fs;
use std::path::Path;

use serde::Deserialize;
use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Value, json};

use crate::options::Options;
use crate::{marks, rich};

/// The tools in order, each as the exact text that is sent.
pub(crate) struct Tools(Vec<Box<RawValue>>);

#[derive(Deserialize)]
struct PageRequest {
    cursor: Option<String>,
}

impl Tools {
    pub(crate) fn new(options: &Options) -> Self {
        let fixed = serde_json::from_str(include_str!("tools.json"));
        let mut tools = Self(fixed.expect("the file is an array of objects"));
        for (name, description) in rich::TOOLS.iter().filter(|_| options.rich) {
            tools.add(name, description);
        }
        for (name, hints) in marks::TOOLS.iter().filter(|_| options.record.is_some()) {
            let tool = format!(
                r#"{{"name":"{name}","inputSchema":{{"type":"object"}},"annotations":{hints}}}"#
            );
            tools.0.push(RawValue::from_string(tool).expect("it is JSON"));
        }
        if let Some(file) = &options.list_file {
            tools.0 = recorded(file);
        }
        for number in 1..=options.extra_tools {
            let description = format!(
                "Extra tool number {number}. It returns its name and takes up room in the list."
            );
            tools.add(&format!("tool_{number:04}"), &description);
        }
        tools
    }

    /// Adds a tool without parameters at the end.
    pub(crate) fn add(&mut self, name: &str, description: &str) {
        let tool = json!({
            "name": name,
            "description": description,
            "inputSchema": {"type": "object", "properties": {"value": {"type": "string"}}},
        });
        self.0.push(to_raw_value(&tool).expect("a value is JSON"));
    }

    /// Whether there is a tool of this name.
    pub(crate) fn has(&self, tool: &str) -> bool {
        self.0.iter().any(|other| name(other) == tool)
    }

    /// Takes tools over from the file, if it can be read.
    pub(crate) fn take_over(&mut self, file: &Path) {
        let text = fs::read_to_string(file).unwrap_or_default();
        let tools: Vec<Box<RawValue>> = serde_json::from_str(&text).unwrap_or_default();
        for tool in tools {
            let place = self.0.iter().position(|other| name(other) == name(&tool));
            match place {
                Some(place) => self.0[place] = tool,
                None => self.0.push(tool),
            }
        }
    }

    /// The result of `tools/list` for these parameters.
    pub(crate) fn page(&self, options: &Options, params: Option<&RawValue>) -> String {
        let page = params
            .and_then(|params| serde_json::from_str::<PageRequest>(params.get()).ok()?.cursor)
            .and_then(|cursor| cursor.strip_prefix("page-")?.parse().ok())
            .unwrap_or(0usize);
        let size = self.0.len().div_ceil(options.pages.max(1));
        let from = self.0.len().min(page * size);
        let to = self.0.len().min(from + size);
        let cursor = if options.repeat_cursor {
            Some(0)
        } else if options.endless_pages || to < self.0.len() {
            Some(page + 1)
        } else {
            None
        };
        let mut text = String::from(r#"{"tools":["#);
        for (index, tool) in self.0[from..to].iter().enumerate() {
            text.push_str(if index == 0 { "" } else { "," });
            text.push_str(tool.get());
        }
        text.push(']');
        if let Some(page) = cursor {
            text.extend([r#","nextCursor":"page-"#, &page.to_string(), "\""]);
        }
        text.push('}');
        text
    }
}

/// The tools of a recorded list, each as it stands there but for line breaks, of which strings hold none.
fn recorded(file: &Path) -> Vec<Box<RawValue>> {
    #[derive(Deserialize)]
    struct List {
        tools: Vec<Box<RawValue>>,
    }
    let text = fs::read_to_string(file).unwrap_or_default().replace(['\n', '\r'], " ");
    let list: List = serde_json::from_str(&text).expect("the file holds a list of tools");
    list.tools
}

fn name(tool: &RawValue) -> Value {
    let tool: Value = serde_json::from_str(tool.get()).unwrap_or_default();
    tool["name"].clone()
}
