//! The JSON that the actions answer with, member by member as the contract has it.

use serde::Serialize;
use serde_json::value::RawValue;

use super::Overview;
use crate::protocol::content::json_result;

/// The tool result that holds an answer.
pub(super) fn result(answer: &impl Serialize) -> Box<str> {
    json_result(answer, false)
}

/// `list` with a server.
#[derive(Serialize)]
pub(super) struct Tools<'a> {
    pub(super) server: &'a str,
    pub(super) action: &'static str,
    pub(super) tools: Vec<ListedTool<'a>>,
}

/// One tool in [`Tools`].
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ListedTool<'a> {
    pub(super) name: &'a str,
    pub(super) description: &'a str,
    pub(super) required_params: &'a [String],
}

/// `list` without a server, and `refresh`.
#[derive(Serialize)]
pub(super) struct Servers {
    pub(super) action: &'static str,
    pub(super) servers: Vec<Overview>,
}

/// `schema`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Schema<'a> {
    pub(super) server: &'a str,
    pub(super) action: &'static str,
    pub(super) tool: &'a str,
    pub(super) schema: Option<&'a RawValue>,
    pub(super) description: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) title: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) output_schema: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) annotations: Option<&'a RawValue>,
}

/// `call` where `callFormat` is `envelope`.
#[derive(Serialize)]
pub(super) struct Envelope<'a> {
    pub(super) server: &'a str,
    pub(super) action: &'static str,
    pub(super) tool: &'a str,
    pub(super) result: &'a RawValue,
}

/// A tool name that several servers have.
#[derive(Serialize)]
pub(super) struct Ambiguous<'a> {
    pub(super) ambiguous: bool,
    pub(super) message: String,
    pub(super) candidates: Vec<Candidate<'a>>,
}

/// One of them.
#[derive(Serialize)]
pub(super) struct Candidate<'a> {
    pub(super) server: &'a str,
    pub(super) tool: &'a str,
    pub(super) score: f64,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(super) suggested: bool,
}

/// `status`.
#[derive(Serialize)]
pub(super) struct Status<'a> {
    pub(super) action: &'static str,
    pub(super) mode: &'static str,
    pub(super) servers: Vec<ServerStatus<'a>>,
}

/// One server in [`Status`].
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ServerStatus<'a> {
    pub(super) name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) transport: Option<&'static str>,
    pub(super) status: &'static str,
    pub(super) tools: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) last_used: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) error: Option<String>,
}
