//! The errors that revision 2026-07-28 defines, written and read (Base Protocol, Error Codes), and the status with
//! which an error travels over HTTP.

use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};

use super::discover::newest_common;
use super::era::Era;
use super::error::{
    ErrorObject, HEADER_MISMATCH, INVALID_REQUEST, METHOD_NOT_FOUND,
    MISSING_REQUIRED_CLIENT_CAPABILITY, PARSE_ERROR, UNSUPPORTED_PROTOCOL_VERSION,
};
use super::version::Revision;
use crate::base::json::{elements, member, string};

#[derive(Serialize)]
struct Versions<'a> {
    supported: Vec<&'static str>,
    requested: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Required {
    required_capabilities: Box<RawValue>,
}

/// The error for a request that names the revision `requested` in its `_meta`, which cannot be had that way.
pub fn unsupported_version(requested: &str) -> ErrorObject {
    // A revision with sessions is spoken here, but not by this request, which would be repeated as it was.
    let known = Revision::parse(requested).is_some();
    let supported = Revision::ALL
        .into_iter()
        .rev()
        .filter(|revision| !known || revision.era() == Era::Stateless)
        .map(Revision::as_str)
        .collect();
    ErrorObject {
        code: UNSUPPORTED_PROTOCOL_VERSION,
        message: "unsupported protocol version".to_owned(),
        data: to_raw_value(&Versions { supported, requested }).ok(),
    }
}

/// The error for a request that cannot be served without `required`: client capabilities that it does not declare, as
/// the JSON text of an object.
pub fn missing_capability(required: &str) -> ErrorObject {
    let data = RawValue::from_string(required.to_owned())
        .and_then(|required_capabilities| to_raw_value(&Required { required_capabilities }));
    ErrorObject {
        code: MISSING_REQUIRED_CLIENT_CAPABILITY,
        message: "the client does not declare a capability that the request needs".to_owned(),
        data: data.ok(),
    }
}

/// The revisions that a server names in an error of unsupported version; nothing if the error is another one.
pub fn supported_versions(error: &ErrorObject) -> Option<Vec<String>> {
    let data = error.data.as_deref().filter(|_| error.code == UNSUPPORTED_PROTOCOL_VERSION)?;
    let supported = elements(member(data.get(), "supported")?);
    Some(supported.filter_map(|date| string(date).map(Into::into)).collect())
}

/// Whether a server that refuses a revision names another stateless one, or the same, that is spoken here: then the
/// request may be repeated in it.
pub fn is_offered(error: &ErrorObject) -> bool {
    supported_versions(error).is_some_and(|dates| newest_common(&dates).is_some())
}

/// Whether only a stateless server answers so: then `initialize` need not be tried (revision 2026-07-28, Versioning,
/// Backward Compatibility).
pub fn is_of_stateless_server(error: &ErrorObject) -> bool {
    match error.code {
        HEADER_MISMATCH | MISSING_REQUIRED_CLIENT_CAPABILITY => true,
        // The bridge itself, and others before the codes were settled, answer so with sessions only.
        UNSUPPORTED_PROTOCOL_VERSION => supported_versions(error).is_some_and(|dates| {
            dates.is_empty() || dates.iter().any(|date| Era::of_revision(date) == Era::Stateless)
        }),
        _ => false,
    }
}

/// The HTTP status of an error answer of the stateless era (revision 2026-07-28, Streamable HTTP). Parameters that lack
/// the `_meta` of the era have the status 400, others that are wrong 200: this one is for the latter.
pub const fn http_status(code: i64) -> u16 {
    match code {
        HEADER_MISMATCH
        | MISSING_REQUIRED_CLIENT_CAPABILITY
        | UNSUPPORTED_PROTOCOL_VERSION
        | PARSE_ERROR
        | INVALID_REQUEST => 400,
        METHOD_NOT_FOUND => 404,
        _ => 200,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(error: &ErrorObject, code: i64, data: &str) {
        let found = error.data.as_deref().map(RawValue::get);
        assert_eq!((error.code, found), (code, Some(data)));
    }

    #[test]
    fn errors_carry_what_the_specification_demands() {
        check(
            &unsupported_version("1900-01-01"),
            -32022,
            r#"{"supported":["2026-07-28","2025-11-25","2025-06-18","2025-03-26","2024-11-05"],"requested":"1900-01-01"}"#,
        );
        check(
            &unsupported_version("2025-11-25"),
            -32022,
            r#"{"supported":["2026-07-28"],"requested":"2025-11-25"}"#,
        );
        check(
            &missing_capability(r#"{"elicitation":{"url":{}}}"#),
            -32021,
            r#"{"requiredCapabilities":{"elicitation":{"url":{}}}}"#,
        );
    }

    #[test]
    fn a_stateless_server_is_known_by_its_errors() {
        let check = |code, data: &str, expected| {
            let data = (!data.is_empty())
                .then(|| RawValue::from_string(data.to_owned()).expect("the data is JSON"));
            let error = ErrorObject { code, message: String::new(), data };
            assert_eq!(is_of_stateless_server(&error), expected, "{error:?}");
        };
        check(-32022, r#"{"supported":["2026-07-28"]}"#, true);
        check(-32022, r#"{"supported":["2027-01-01","2025-11-25"]}"#, true);
        check(-32022, r#"{"supported":["2025-11-25"]}"#, false);
        check(-32022, "", false);
        check(-32021, "", true);
        check(-32020, "", true);
        check(-32601, "", false);
        check(-32602, r#"{"supported":["2026-07-28"]}"#, false);
    }

    #[test]
    fn errors_have_their_status() {
        for (code, status) in [(-32022, 400), (-32601, 404), (-32602, 200), (-32603, 200)] {
            assert_eq!(http_status(code), status, "{code}");
        }
    }
}
