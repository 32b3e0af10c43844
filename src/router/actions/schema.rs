//! `schema`: one tool in full.

use serde_json::value::RawValue;

use super::which::{self, Purpose, Which};
use crate::router::Error;
use crate::router::answer::{self, Schema};
use crate::router::routing::{Router, unknown_tool};

/// Everything that a server says about a tool.
pub(in crate::router) async fn show(
    router: &Router,
    server: Option<&str>,
    tool: &str,
) -> Result<Box<str>, Error> {
    let found = match which::server(router, server, tool, Purpose::Telling).await? {
        Which::Found(found) => found,
        Which::Ambiguous(question) => return Ok(answer::result(&question)),
    };
    let mut tools = router.known_tools_of(found).await?;
    if tools.is_remembered() && tools.get(tool).is_none() {
        tools = router.tools_of(found).await?;
    }
    let definition = match tools.get(tool) {
        Some(tool) => &tool.definition,
        None => return Err(unknown_tool(found.name, &tools, tool)),
    };
    let (title, description) = (definition.title(), definition.description());
    Ok(answer::result(&Schema {
        server: found.name.as_str(),
        action: "schema",
        tool: &definition.name,
        schema: raw(definition.input_schema()),
        description: description.as_deref().unwrap_or_default(),
        title: title.as_deref(),
        output_schema: raw(definition.output_schema()),
        annotations: raw(definition.annotations()),
    }))
}

fn raw(json: Option<&str>) -> Option<&RawValue> {
    serde_json::from_str(json?).ok()
}
