//! What is done to the tools of one server before anybody sees them: which of them are there, and how their words are treated.

use crate::config::ToolFilter;
use crate::guard::Guard;
use crate::protocol::tool::Definition;

/// What is done to the tools of one server before anybody sees them.
#[derive(Debug)]
pub struct Rules {
    /// Which of them are there.
    pub filter: ToolFilter,
    /// How their words are treated.
    pub guard: Guard,
}

/// Names in the filter that no tool has: names are compared letter by letter, so `get-*` means nothing.
pub(super) fn strangers<'a>(filter: &'a ToolFilter, definitions: &[Definition]) -> Vec<&'a str> {
    let named = filter.allow.iter().flatten().chain(&filter.deny);
    let unknown = |name: &&String| definitions.iter().all(|tool| tool.name != **name);
    named.filter(unknown).map(String::as_str).collect()
}

/// Allow minus deny.
pub(super) fn permits(filter: &ToolFilter, tool: &str) -> bool {
    let named = |list: &[String]| list.iter().any(|name| name == tool);
    filter.allow.as_ref().is_none_or(|allow| named(allow)) && !named(&filter.deny)
}
