//! The headers of a request that leaves for a server.

use std::borrow::Cow;

use super::annotation::Annotations;
use super::value::encode;
use crate::base::json::{member, members, string};
use crate::protocol::{meta, method};

/// Repeats the revision.
pub const PROTOCOL_VERSION: &str = "MCP-Protocol-Version";
/// Repeats the method.
pub const METHOD: &str = "Mcp-Method";
/// Repeats what the method is used on.
pub const NAME: &str = "Mcp-Name";
/// Begins the names of headers that repeat arguments.
pub const PARAM_PREFIX: &str = "Mcp-Param-";

/// The headers that a request of the stateless era has, as names and values: `params` with their `_meta`, `annotations`
/// those of the tool that is called. A value that no header may carry is left out, which a server refuses.
pub fn request_headers(
    method: &str,
    params: Option<&str>,
    annotations: Option<&Annotations>,
) -> Vec<(Cow<'static, str>, String)> {
    let params = params.unwrap_or("{}");
    let Repeated { version, name } = Repeated::of(method, params);
    let mut headers = Vec::with_capacity(4);
    // These two have no encoding: a value that would need one is none of the protocol.
    for (name, value) in [(PROTOCOL_VERSION, version), (METHOD, Some(Cow::Borrowed(method)))] {
        if let Some(value) = value.filter(|value| matches!(encode(value), Cow::Borrowed(_))) {
            headers.push((Cow::Borrowed(name), value.into_owned()));
        }
    }
    if let Some(name) = name {
        headers.push((Cow::Borrowed(NAME), encode(&name).into_owned()));
    }
    if let Some(annotations) = annotations.filter(|_| method == method::TOOLS_CALL) {
        let arguments = member(params, "arguments").unwrap_or("{}");
        for annotation in annotations.iter() {
            if let Some(value) = annotation.header_value(arguments) {
                let name = format!("{PARAM_PREFIX}{}", annotation.header);
                headers.push((name.into(), value));
            }
        }
    }
    headers
}

/// What a body says that headers repeat.
pub(super) struct Repeated<'a> {
    /// The revision.
    pub(super) version: Option<Cow<'a, str>>,
    /// What `Mcp-Name` repeats.
    pub(super) name: Option<Cow<'a, str>>,
}

impl<'a> Repeated<'a> {
    /// Looks both up in one go.
    pub(super) fn of(method: &str, params: &'a str) -> Self {
        let key = match method {
            method::TOOLS_CALL | method::PROMPTS_GET => Some("name"),
            method::RESOURCES_READ => Some("uri"),
            // Tasks extension, Routing Headers.
            method::TASKS_GET | method::TASKS_UPDATE | method::TASKS_CANCEL => Some("taskId"),
            _ => None,
        };
        let (mut version, mut name) = (None, None);
        for found in members(params) {
            let called = found.name();
            if called == "_meta" {
                version = member(found.value, meta::PROTOCOL_VERSION).and_then(string);
            } else if key.is_some_and(|key| key == called) {
                name = string(found.value);
            }
        }
        Self { version, name }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(method: &str, params: &str, schema: &str, expected: &[(&str, &str)]) {
        let annotations = Annotations::parse(schema).expect("a valid schema");
        let found = request_headers(method, Some(params), Some(&annotations));
        let found: Vec<_> = found.iter().map(|(name, value)| (&**name, value.as_str())).collect();
        assert_eq!(found, expected, "{method} {params}");
    }

    #[test]
    fn headers_repeat_the_body() {
        check("tools/list", "{}", "{}", &[("Mcp-Method", "tools/list")]);
        check(
            "resources/read",
            r#"{"uri":"file:///a","_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28"}}"#,
            "{}",
            &[
                ("MCP-Protocol-Version", "2026-07-28"),
                ("Mcp-Method", "resources/read"),
                ("Mcp-Name", "file:///a"),
            ],
        );
        check(
            "tasks/update",
            r#"{"taskId":"t"}"#,
            "{}",
            &[("Mcp-Method", "tasks/update"), ("Mcp-Name", "t")],
        );
        check(
            "prompts/get",
            r#"{"name":"é"}"#,
            "{}",
            &[("Mcp-Method", "prompts/get"), ("Mcp-Name", "=?base64?w6k=?=")],
        );
        check("a\nb", r#"{"name":"x"}"#, "{}", &[]);
    }

    #[test]
    fn annotated_arguments_are_repeated() {
        let schema = r#"{"properties":{"r":{"type":"string","x-mcp-header":"Region"},"n":{"type":"integer","x-mcp-header":"Count"}}}"#;
        let params = r#"{"name":"t","arguments":{"r":"a\nb","n":null}}"#;
        let expected = [
            ("Mcp-Method", "tools/call"),
            ("Mcp-Name", "t"),
            ("Mcp-Param-Region", "=?base64?YQpi?="),
        ];
        check("tools/call", params, schema, &expected);
        check("prompts/get", params, schema, &[("Mcp-Method", "prompts/get"), ("Mcp-Name", "t")]);
        check("tools/call", r#"{"name":"t"}"#, schema, &expected[..2]);
    }
}
