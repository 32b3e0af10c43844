//! The arguments of the `mcp` tool, member by member.

use std::borrow::Cow;

use super::Error;
use crate::base::json::{Part, Strict, elements, is_object, string};
use crate::telemetry::logging::excerpt;

/// The arguments as JSON texts.
#[derive(Default)]
pub(super) struct Arguments<'a> {
    pub(super) server: Option<&'a str>,
    pub(super) action: Option<&'a str>,
    pub(super) tool: Option<&'a str>,
    pub(super) params: Option<&'a str>,
    pub(super) calls: Option<&'a str>,
    pub(super) select: Option<&'a str>,
    pub(super) intent: Option<&'a str>,
    pub(super) id: Option<&'a str>,
    pub(super) offset: Option<&'a str>,
    pub(super) unknown: Option<Cow<'a, str>>,
}

impl<'a> Arguments<'a> {
    pub(super) fn read(arguments: Part<'a>) -> Result<Self, Error> {
        if !is_object(arguments.text()) {
            let reason =
                format!("the arguments must be an object, not {}", short(arguments.text()));
            return Err(Error::invalid(reason));
        }
        let mut read = Self::default();
        for member in arguments.members() {
            let name = member.name();
            let place = match &*name {
                "server" => &mut read.server,
                "action" => &mut read.action,
                "tool" => &mut read.tool,
                // Models often use the protocol's own word.
                "params" | "arguments" => &mut read.params,
                "calls" => &mut read.calls,
                "select" => &mut read.select,
                "intent" => &mut read.intent,
                "id" => &mut read.id,
                "offset" => &mut read.offset,
                _ => {
                    read.unknown.get_or_insert(name);
                    continue;
                }
            };
            if member.value != "null" && place.replace(member.value).is_some() {
                return Err(Error::invalid("`params` and `arguments` mean the same; give one"));
            }
        }
        Ok(read)
    }
}

/// A member that must be a string; an empty one counts as absent.
pub(super) fn text<'a>(name: &str, value: Option<&'a str>) -> Result<Option<Cow<'a, str>>, Error> {
    let Some(value) = value.filter(|value| *value != "null") else { return Ok(None) };
    let text = string(value).ok_or_else(|| {
        Error::invalid(format!("`{name}` must be a string, not {}", short(value)))
    })?;
    Ok(Some(text).filter(|text| !text.is_empty()))
}

pub(super) fn short(value: &str) -> String {
    excerpt(value.as_bytes(), 40)
}

pub(super) fn offset(value: Option<&str>) -> Result<usize, Error> {
    let Some(value) = value else { return Ok(0) };
    let plain = string(value);
    plain.as_deref().unwrap_or(value).parse().map_err(|_| {
        let reason = format!("`offset` must be a whole number of characters, not {}", short(value));
        Error::invalid(reason)
    })
}

/// The tool's arguments as the text of a JSON object. Some models send the object as a string; that is read too.
pub(super) fn object<'a>(name: &str, params: Option<&'a str>) -> Result<Cow<'a, str>, Error> {
    let Some(value) = params.filter(|params| *params != "null") else {
        return Ok(Cow::Borrowed("{}"));
    };
    if is_object(value) {
        return Ok(Cow::Borrowed(value));
    }
    if string(value).is_some_and(|inner| inner.trim().is_empty()) {
        return Ok(Cow::Borrowed("{}"));
    }
    within(value).filter(|inner| is_object(inner)).map(Cow::Owned).ok_or_else(|| {
        Error::invalid(format!("`{name}` must be an object, not {}", short(value)))
            .with_hint("such as {\"params\": {\"name\": \"value\"}}")
    })
}

/// The calls of a batch as JSON texts; a list that was sent as a string is read too.
pub(super) fn array(calls: Option<&str>) -> Result<Vec<Cow<'_, str>>, Error> {
    const HINT: &str =
        "such as {\"calls\": [{\"server\": \"…\", \"tool\": \"…\", \"params\": {}}]}";
    let value = calls.ok_or_else(|| {
        Error::invalid("action `batch` needs `calls`, a list of calls").with_hint(HINT)
    })?;
    if value.trim_start().starts_with('[') {
        return Ok(elements(value).map(Cow::Borrowed).collect());
    }
    let inner = within(value).filter(|inner| inner.starts_with('[')).ok_or_else(|| {
        let reason = format!("`calls` must be a list, not {}", short(value));
        Error::invalid(reason).with_hint(HINT)
    })?;
    Ok(elements(&inner).map(|call| Cow::Owned(call.to_owned())).collect())
}

/// The JSON text inside a JSON string.
fn within(value: &str) -> Option<String> {
    let inner = string(value)?;
    let mut strict = Strict::new();
    strict.check(inner.as_bytes()).ok().map(|checked| checked.text.trim().to_owned())
}
