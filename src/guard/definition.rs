//! Definitions of tools: everything in them reaches the model before any call.

use serde_json::value::RawValue;

use super::found::Kind;
use super::server::Guard;
use crate::protocol::tool::Definition;

/// A tool's name holds what must not reach the model. The name itself is not told for the same reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the name of a tool holds {}; the server's owner has to rename it", kind.as_str())]
pub struct UnusableName {
    /// What it holds.
    pub kind: Kind,
}

pub(super) fn treat(guard: &Guard, mut definition: Definition) -> Result<Definition, UnusableName> {
    let (_, found) = guard.text(&definition.name);
    if let Some(kind) = found.kinds.into_iter().next() {
        return Err(UnusableName { kind });
    }
    for text in [&mut definition.title, &mut definition.description] {
        if let Some(before) = text {
            let (treated, found) = guard.text(before);
            if !found.is_empty() {
                *text = Some(treated.into_owned());
            }
        }
    }
    let schemas =
        [&mut definition.input_schema, &mut definition.output_schema, &mut definition.annotations];
    for schema in schemas.into_iter().flatten() {
        let treated = guard.result(schema.get(), false);
        if !treated.found.is_empty()
            && let Ok(treated) = RawValue::from_string(treated.json.into_owned())
        {
            *schema = treated;
        }
    }
    Ok(definition)
}
