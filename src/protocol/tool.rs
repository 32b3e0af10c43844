//! One tool of a `tools/list` answer (specification, Tools, Data Types).

use serde::Deserialize;
use serde_json::value::RawValue;

/// The members of a tool that the bridge reads. [`Definition::parse`] reads one at a time, so that one faulty
/// tool never costs the rest of its list.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Definition {
    /// Unique among the tools of its server.
    pub name: String,
    /// For people.
    #[serde(default)]
    pub title: Option<String>,
    /// For the model.
    #[serde(default)]
    pub description: Option<String>,
    /// JSON Schema of the arguments.
    #[serde(default)]
    pub input_schema: Option<Box<RawValue>>,
    /// JSON Schema of the structured result.
    #[serde(default)]
    pub output_schema: Option<Box<RawValue>>,
    /// Hints such as `readOnlyHint`.
    #[serde(default)]
    pub annotations: Option<Box<RawValue>>,
}

impl Definition {
    /// Reads one element of `tools`.
    pub fn parse(raw: &RawValue) -> Result<Self, serde_json::Error> {
        serde_json::from_str(raw.get())
    }
}

/// One page of a `tools/list` answer, its tools unread.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Page<'a> {
    /// The tools of this page.
    #[serde(borrow)]
    pub tools: Vec<&'a RawValue>,
    /// Where the next page begins, if there is one.
    #[serde(default)]
    pub next_cursor: Option<String>,
}
