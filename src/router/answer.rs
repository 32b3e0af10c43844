//! The JSON that the actions answer with, member by member as the contract has it.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};

use super::invocation::{Debug, Notes};
use super::item::Item;
use super::{Error, Overview, Pending};
use crate::guard;
use crate::protocol::content::json_result;
use crate::tools::{Listing, ServerTools};

/// The tool result that holds an answer.
pub(super) fn result(answer: &impl Serialize) -> Box<str> {
    json_result(answer, false)
}

/// The answer of `list` for one server.
pub fn listed(server: &str, tools: &ServerTools) -> Box<str> {
    result(&Tools { server, action: "list", listing: tools.listing() })
}

/// The same with blocks of content behind it.
pub(super) fn result_with(answer: &impl Serialize, blocks: &[String]) -> Box<str> {
    let result = result(answer);
    match result.strip_suffix("]}") {
        Some(open) if !blocks.is_empty() => format!("{open},{}]}}", blocks.join(",")).into(),
        _ => result,
    }
}

/// `list` with a server.
#[derive(Serialize)]
struct Tools<'a> {
    server: &'a str,
    action: &'static str,
    #[serde(flatten)]
    listing: &'a Listing,
}

/// `list` without a server, and `refresh`.
#[derive(Serialize)]
pub(super) struct Servers {
    pub(super) action: &'static str,
    pub(super) servers: Vec<Overview>,
}

/// `intent`.
#[derive(Serialize)]
pub(super) struct Intent<'a> {
    pub(super) action: &'static str,
    pub(super) intent: &'a str,
    #[serde(rename = "match")]
    pub(super) best: Option<Match<'a>>,
    pub(super) alternatives: Vec<Alternative<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) hint: Option<&'static str>,
    /// Servers of whose tools nothing is known, so that none of them took part.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) unreachable: Vec<String>,
}

/// The tool that suits an [`Intent`] best.
#[derive(Serialize)]
pub(super) struct Match<'a> {
    pub(super) server: &'a str,
    pub(super) tool: &'a str,
    pub(super) score: f64,
    pub(super) signature: String,
}

/// Another tool that suits it.
#[derive(Serialize)]
pub(super) struct Alternative<'a> {
    pub(super) server: &'a str,
    pub(super) tool: &'a str,
    pub(super) score: f64,
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
    pub(super) result: Box<RawValue>,
    #[serde(flatten)]
    pub(super) about: About,
}

/// What an answer says about how it came.
#[derive(Debug, Default, Serialize)]
pub(super) struct About {
    #[serde(skip_serializing_if = "Option::is_none")]
    retries: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    warning: Option<String>,
    #[serde(rename = "_debug", skip_serializing_if = "Option::is_none")]
    debug: Option<Debug>,
}

impl From<Notes> for About {
    fn from(notes: Notes) -> Self {
        Self { retries: notes.retries(), warning: notes.warning, debug: notes.debug }
    }
}

/// `batch`.
#[derive(Serialize)]
pub(super) struct Batch {
    pub(super) action: &'static str,
    pub(super) results: Vec<Slot>,
}

/// One call of a [`Batch`]: its result, its error, or the question which server is meant.
#[derive(Serialize)]
pub(super) struct Slot {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) server: Option<String>,
    tool: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    result: Option<Box<RawValue>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<Box<RawValue>>,
    #[serde(flatten)]
    question: Option<Ambiguous>,
    #[serde(flatten)]
    about: About,
}

impl Slot {
    /// The slot of a call that has not ended yet.
    pub(super) fn new(item: &Item<'_>) -> Self {
        Self {
            id: item.id.as_deref().map(str::to_owned),
            server: item.server.as_deref().map(str::to_owned),
            tool: item.tool.to_string(),
            result: None,
            error: None,
            question: None,
            about: About::default(),
        }
    }

    pub(super) fn fill(&mut self, (result, notes): (Box<RawValue>, Notes)) {
        self.result = Some(result);
        self.about = notes.into();
    }

    pub(super) fn fail(&mut self, error: &Error) {
        self.error = to_raw_value(&error.answer()).ok();
    }

    pub(super) fn ask(&mut self, question: Ambiguous) {
        self.question = Some(question);
    }
}

/// A tool name that several servers have.
#[derive(Serialize)]
pub(super) struct Ambiguous {
    pub(super) ambiguous: bool,
    pub(super) message: String,
    pub(super) candidates: Vec<Candidate>,
}

/// One of them.
#[derive(Serialize)]
pub(super) struct Candidate {
    pub(super) server: String,
    pub(super) tool: String,
    pub(super) score: f64,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(super) suggested: bool,
}

/// `status`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Status<'a> {
    pub(super) action: &'static str,
    pub(super) mode: &'static str,
    /// What intents are compared by.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) intent_search: Option<String>,
    pub(super) servers: Vec<ServerStatus<'a>>,
    /// What of the config on the disk is not in force.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) config: Option<Pending>,
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
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) changed_tools: Vec<ChangedTool>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) findings: Vec<Finding>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) hint: Option<String>,
}

/// Something in the definition of a tool in [`ServerStatus`] that should not be there. The words themselves stay out:
/// they are what must not reach the model.
#[derive(Serialize)]
pub(super) struct Finding {
    pub(super) tool: String,
    pub(super) pointer: String,
    pub(super) kind: guard::Kind,
}

/// A tool in [`ServerStatus`] that is not as it was pinned.
#[derive(Serialize)]
pub(super) struct ChangedTool {
    pub(super) tool: String,
    pub(super) withheld: bool,
    pub(super) difference: String,
}

/// `read`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Read<'a> {
    pub(super) action: &'static str,
    pub(super) id: &'a str,
    /// Where the part begins, in characters; nothing where a filter picked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) offset: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) next_offset: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) original_length: Option<usize>,
    pub(super) result: Box<RawValue>,
}

/// `search`, and `catalog` with a category.
#[derive(Serialize)]
pub(super) struct Recipes {
    pub(super) action: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) query: Option<String>,
    pub(super) recipes: Vec<Recipe>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) notes: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) hint: Option<&'static str>,
}

/// A server that could be installed.
#[derive(Serialize)]
pub(super) struct Recipe {
    pub(super) id: String,
    pub(super) about: String,
    /// Variables that have to be set first, or what else has to be done.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) needs: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) tools: Vec<String>,
}

/// `catalog`: ids by category.
#[derive(Serialize)]
pub(super) struct Categories<'a> {
    pub(super) action: &'static str,
    pub(super) categories: BTreeMap<&'a str, Vec<&'a str>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) notes: Vec<String>,
}

/// `remove`, `set-env` and `set-mode`.
#[derive(Serialize)]
pub(super) struct Changed {
    pub(super) action: &'static str,
    pub(super) file: String,
    pub(super) changed: bool,
    pub(super) note: &'static str,
}

/// `install`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Installed<'a> {
    pub(super) action: &'static str,
    pub(super) server: &'a str,
    pub(super) runs: String,
    pub(super) file: String,
    pub(super) changed: bool,
    /// Their names; nobody but the owner sets them.
    pub(super) missing_variables: Vec<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) credentials_url: Option<&'a str>,
    pub(super) note: &'static str,
}

/// `promotions`.
#[derive(Serialize)]
pub(super) struct Promotions {
    pub(super) action: &'static str,
    pub(super) promoted: Vec<CountedTool>,
    pub(super) stats: Vec<CountedTool>,
}

/// One tool in [`Promotions`], with its calls within `windowMs`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct CountedTool {
    pub(super) server: String,
    pub(super) tool: String,
    pub(super) call_count: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) last_call: Option<String>,
}
