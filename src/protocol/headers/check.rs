//! Whether the headers of a request that comes in say what its body says (revision 2026-07-28, Streamable HTTP, Server
//! Validation).

use std::borrow::Cow;

use super::annotation::Annotations;
use super::value::decode;
use super::write::{METHOD, NAME, PARAM_PREFIX, PROTOCOL_VERSION, Repeated};
use crate::base::json::member;
use crate::protocol::error::{ErrorObject, HEADER_MISMATCH};
use crate::protocol::method;

/// What is wrong with a header. The values stay unsaid: arguments may be secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Mismatch {
    /// It has to be there.
    #[error("the header `{0}` is missing")]
    Missing(String),
    /// It stands there more than once.
    #[error("the header `{0}` is given twice")]
    Twice(String),
    /// It holds characters that it may not hold, or its base64 is none.
    #[error("the header `{0}` is malformed")]
    Malformed(String),
    /// It says something else.
    #[error("the header `{0}` does not match the body")]
    Differs(String),
}

impl Mismatch {
    /// As it travels, with the HTTP status 400.
    pub fn error(&self) -> ErrorObject {
        ErrorObject::new(HEADER_MISMATCH, self.to_string())
    }
}

/// Compares the headers of a request, as names in any case and values, with its body: `params` with their `_meta`,
/// `annotations` those of the tool that is called, where they are known. A body that names no revision, tool, prompt or
/// resource has nothing to compare and is refused for other reasons.
pub fn check_headers(
    method: &str,
    params: Option<&str>,
    headers: &[(&str, &[u8])],
    annotations: Option<&Annotations>,
) -> Result<(), Mismatch> {
    let params = params.unwrap_or("{}");
    let Repeated { version, name } = Repeated::of(method, params);
    if let Some(version) = version {
        require(headers, PROTOCOL_VERSION, &version)?;
    }
    require(headers, METHOD, method)?;
    if let Some(name) = name {
        // What the base protocol says of its own methods cannot be held against those of an extension.
        if method::may_ask_back(method) || value_of(headers, NAME)?.is_some() {
            require(headers, NAME, &name)?;
        }
    }
    let Some(annotations) = annotations.filter(|_| method == method::TOOLS_CALL) else {
        return Ok(());
    };
    let arguments = member(params, "arguments").unwrap_or("{}");
    for annotation in annotations.iter() {
        let name = format!("{PARAM_PREFIX}{}", annotation.header);
        match (value_of(headers, &name)?, annotation.value(arguments)) {
            (None, None) => {}
            (None, Some(_)) => return Err(Mismatch::Missing(name)),
            (Some(header), Some(value)) if annotation.is_same(&header, &value) => {}
            (Some(_), _) => return Err(Mismatch::Differs(name)),
        }
    }
    Ok(())
}

fn require(headers: &[(&str, &[u8])], name: &str, expected: &str) -> Result<(), Mismatch> {
    match value_of(headers, name)? {
        None => Err(Mismatch::Missing(name.to_owned())),
        Some(value) if value == expected => Ok(()),
        Some(_) => Err(Mismatch::Differs(name.to_owned())),
    }
}

fn value_of<'a>(
    headers: &[(&str, &'a [u8])],
    name: &str,
) -> Result<Option<Cow<'a, str>>, Mismatch> {
    let mut values = headers.iter().filter(|(known, _)| known.eq_ignore_ascii_case(name));
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(_), Some(_)) => Err(Mismatch::Twice(name.to_owned())),
        (Some((_, value)), None) => {
            decode(value).map(Some).ok_or_else(|| Mismatch::Malformed(name.to_owned()))
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::protocol::headers::request_headers;

    const SCHEMA: &str = r#"{"properties":{"r":{"type":"string","x-mcp-header":"Region"},"n":{"type":"integer","x-mcp-header":"Count"}}}"#;
    const CALL: &str = r#"{"name":"t","arguments":{"r":"Hello"},"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28"}}"#;

    /// `headers` one per line, as `name: value`; the outcome as the fault's text, empty if there is none.
    fn check(method: &str, params: &str, headers: &str, expected: &str) {
        let annotations = Annotations::parse(SCHEMA).expect("a valid schema");
        let headers: Vec<_> = headers
            .lines()
            .filter_map(|line| line.split_once(": "))
            .map(|(name, value)| (name, value.as_bytes()))
            .collect();
        let found = check_headers(method, Some(params), &headers, Some(&annotations));
        let found = found.map_or_else(|fault| fault.to_string(), |()| String::new());
        assert_eq!(found, expected, "{headers:?}");
    }

    #[test]
    fn headers_that_say_the_same_pass() {
        let base = "mcp-protocol-version: 2026-07-28\nMCP-METHOD: tools/call\nMcp-Name:  t \n";
        check("tools/call", CALL, &format!("{base}Mcp-Param-Region: Hello"), "");
        check("tools/call", CALL, &format!("{base}mcp-param-region: =?base64?SGVsbG8=?="), "");
        check(
            "tools/call",
            CALL,
            &format!("{base}Mcp-Param-Region: Hello\nMcp-Param-Other: x"),
            "",
        );
        check("tools/list", "{}", "Mcp-Method: tools/list", "");
        check("tasks/get", r#"{"taskId":"7"}"#, "Mcp-Method: tasks/get", "");
        let counted = r#"{"name":"t","arguments":{"n":42}}"#;
        let headers = "Mcp-Method: tools/call\nMcp-Name: t\nMcp-Param-Count: 42.0";
        check("tools/call", counted, headers, "");
    }

    #[test]
    fn headers_that_say_something_else_are_refused() {
        let version = "MCP-Protocol-Version: 2026-07-28\n";
        let base = format!("{version}Mcp-Method: tools/call\nMcp-Name: t\n");
        let refused = |headers: &str, expected: &str| check("tools/call", CALL, headers, expected);
        refused("", "the header `MCP-Protocol-Version` is missing");
        refused(
            "MCP-Protocol-Version: 2025-11-25",
            "the header `MCP-Protocol-Version` does not match the body",
        );
        refused(version, "the header `Mcp-Method` is missing");
        refused(
            &format!("{version}Mcp-Method: TOOLS/CALL"),
            "the header `Mcp-Method` does not match the body",
        );
        refused(&format!("{version}Mcp-Method: tools/call"), "the header `Mcp-Name` is missing");
        refused(
            &format!("{version}Mcp-Method: tools/call\nMcp-Name: u"),
            "the header `Mcp-Name` does not match the body",
        );
        refused(&format!("{base}Mcp-Name: t"), "the header `Mcp-Name` is given twice");
        refused(&base, "the header `Mcp-Param-Region` is missing");
        refused(
            &format!("{base}Mcp-Param-Region: =?base64?SGVsbG8?="),
            "the header `Mcp-Param-Region` is malformed",
        );
        refused(
            &format!("{base}Mcp-Param-Region: Hello\nMcp-Param-Count: 1"),
            "the header `Mcp-Param-Count` does not match the body",
        );
        check(
            "tasks/get",
            r#"{"taskId":"7"}"#,
            "Mcp-Method: tasks/get\nMcp-Name: 8",
            "the header `Mcp-Name` does not match the body",
        );
    }

    proptest! {
        /// What is written for a request passes the check of the same request.
        #[test]
        fn what_is_written_passes(name in any::<String>(), region in any::<String>(), n in any::<i64>()) {
            let name = serde_json::to_string(&name).expect("a string");
            let region = serde_json::to_string(&region).expect("a string");
            let params = format!(r#"{{"name":{name},"arguments":{{"r":{region},"n":{n}}}}}"#);
            let annotations = Annotations::parse(SCHEMA).expect("a valid schema");
            let written = request_headers("tools/call", Some(&params), Some(&annotations));
            let headers: Vec<_> =
                written.iter().map(|(name, value)| (&**name, value.as_bytes())).collect();
            let checked = check_headers("tools/call", Some(&params), &headers, Some(&annotations));
            prop_assert_eq!(checked, Ok(()));
        }
    }
}
