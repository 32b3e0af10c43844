//! Errors as JSON-RPC has them: those of servers as they are, as far as they may reach the model.

use serde_json::json;
use serde_json::value::to_raw_value;

use crate::base::text::byte_of;
use crate::protocol::error::{
    ErrorObject, INTERNAL_ERROR, INVALID_PARAMS, METHOD_NOT_FOUND, RESOURCE_NOT_FOUND,
};
use crate::router::Error;
use crate::router::routing::Found;
use crate::telemetry::logging::excerpt;
use crate::upstream;

/// The bridge cannot do what is asked.
pub(super) fn internal(error: &Error) -> ErrorObject {
    ErrorObject::new(INTERNAL_ERROR, with_hint(error))
}

/// The error with what to do about it, in one sentence: a JSON-RPC error has one message.
pub(super) fn with_hint(error: &Error) -> String {
    error.hint().map_or_else(|| error.to_string(), |hint| format!("{error}; {hint}"))
}

/// Nobody behind the bridge knows the method.
pub(super) fn unknown_method(method: &str) -> ErrorObject {
    let message = format!("unknown method `{}`", excerpt(method.as_bytes(), 80));
    ErrorObject::new(METHOD_NOT_FOUND, message)
}

/// What a server has answered instead of a result, or why it has not answered.
pub(super) fn of(found: Found<'_>, source: upstream::Error) -> ErrorObject {
    match source {
        upstream::Error::Refused(error) => match found.clean(upstream::Error::Refused(error)) {
            upstream::Error::Refused(error) => fit(found, error),
            other => internal(&found.failed(other)),
        },
        other => internal(&found.failed(other)),
    }
}

/// An error of a server, whose data is clean, with a clean message.
pub(super) fn fit(found: Found<'_>, mut error: ErrorObject) -> ErrorObject {
    let max = found.longest_error();
    let short = &error.message[..byte_of(&error.message, max)];
    let clean = found.settings.guard.text(short).0.into_owned();
    error.message = if short.len() < error.message.len() { format!("{clean}…") } else { clean };
    error
}

/// No server has this resource (specification, Resources, Error Handling).
pub(super) fn no_resource(uri: &str) -> ErrorObject {
    ErrorObject {
        code: RESOURCE_NOT_FOUND,
        message: "Resource not found".to_owned(),
        data: to_raw_value(&json!({ "uri": uri })).ok(),
    }
}

/// Whether a server says no more than that it does not know what is asked for.
pub(super) fn is_unknown(error: &ErrorObject) -> bool {
    matches!(error.code, RESOURCE_NOT_FOUND | INVALID_PARAMS | METHOD_NOT_FOUND)
}
