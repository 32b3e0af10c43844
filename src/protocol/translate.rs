//! Results, errors and notifications in the terms of the client that they go to, whichever era the server is of. Each
//! function leaves alone what needs no change, and what it has changed it does not change again.

use std::borrow::Cow;

use serde_json::value::RawValue;

use super::era::Era;
use super::error::{ErrorObject, INVALID_PARAMS, RESOURCE_NOT_FOUND, URL_ELICITATION_REQUIRED};
use super::freshness::{Freshness, is_cacheable};
use super::listen::untagged;
use super::log::Level;
use super::lower;
use super::meta::{IDENTITY, SERVER_INFO, with_key, without_keys};
use super::method;
use super::outcome::Facts;
use super::refusal::missing_capability;
use super::version::Revision;
use crate::base::json::{is_object, member, members, set, string, without};

/// A result for a client of this revision: with the members that its era demands, and without those that the other one
/// has brought. What is no object stays as it is.
pub fn result_for<'a>(revision: Revision, method: &str, result: &'a str) -> Cow<'a, str> {
    match revision.era() {
        _ if !is_object(result) => Cow::Borrowed(result),
        Era::Stateless => stateless(method, result),
        // Most results are such, and megabytes need be gone through only once to see it.
        Era::Session if Facts::of(result).needs_no_change(revision, method) => {
            Cow::Borrowed(result)
        }
        Era::Session => {
            let plain = session(method, result);
            match lower::result_for(revision, method, &plain) {
                Cow::Owned(lower) => Cow::Owned(lower),
                Cow::Borrowed(_) => plain,
            }
        }
    }
}

/// Adds what every result, and every result that may be used again, has to have (revision 2026-07-28, Base Protocol,
/// Responses; Caching).
fn stateless<'a>(method: &str, result: &'a str) -> Cow<'a, str> {
    let (mut kind, mut ttl, mut scope, mut meta) = (None, false, false, None);
    let mut empty = true;
    for entry in members(result) {
        empty = false;
        match &*entry.name() {
            "resultType" => kind = Some(entry.value),
            "ttlMs" => ttl = true,
            "cacheScope" => scope = true,
            "_meta" => meta = Some(entry.value),
            _ => {}
        }
    }
    let is_complete = kind.is_none_or(|kind| kind == "\"complete\"");
    // Each with a comma behind it.
    let mut added = String::with_capacity(256);
    if kind.is_none() {
        added.push_str(r#""resultType":"complete","#);
    }
    if is_complete && is_cacheable(method) {
        if !ttl {
            added.extend([r#""ttlMs":"#, &Freshness::NONE.ttl_ms.to_string(), ","]);
        }
        if !scope {
            added.extend([r#""cacheScope":""#, Freshness::NONE.scope.as_str(), "\","]);
        }
    }
    let mut text = Cow::Borrowed(result);
    match meta {
        None => added.extend([r#""_meta":{""#, SERVER_INFO, "\":", IDENTITY, "},"]),
        Some(meta) if member(meta, SERVER_INFO).is_none() => {
            text = with_key(result, SERVER_INFO, IDENTITY).map_or(text, Cow::Owned);
        }
        Some(_) => {}
    }
    let (Some(close), Some(added)) = (text.rfind('}'), added.strip_suffix(',')) else {
        return text;
    };
    let comma = if empty { "" } else { "," };
    Cow::Owned([&text[..close], comma, added, &text[close..]].concat())
}

/// Takes away what the stateless era has brought. Results of no content must have no member at all for some clients.
fn session<'a>(method: &str, result: &'a str) -> Cow<'a, str> {
    let is_brought = |name: &str, value: &str| match name {
        "resultType" => value == "\"complete\"",
        "ttlMs" | "cacheScope" => is_cacheable(method),
        "_meta" => member(value, SERVER_INFO).is_some(),
        _ => false,
    };
    let brought: Vec<_> =
        members(result).filter(|entry| is_brought(&entry.name(), entry.value)).collect();
    if brought.is_empty() {
        return Cow::Borrowed(result);
    }
    let plain =
        without(result, |name| name != "_meta" && brought.iter().any(|entry| entry.name() == name));
    let Some(meta) = member(&plain, "_meta") else {
        return plain;
    };
    match without_keys(&plain, meta, |key| key == SERVER_INFO) {
        Cow::Owned(shorter) => Cow::Owned(shorter),
        Cow::Borrowed(_) => plain,
    }
}

/// An error for a client of this revision, in answer to a request with these `params`.
///
/// A client of the stateless era hears of [`URL_ELICITATION_REQUIRED`] as of a capability that it lacks: for one that
/// has it, [`super::rounds::InputRequired::of_error`] makes a question of it instead.
pub fn error_for(
    revision: Revision,
    method: &str,
    params: Option<&str>,
    mut error: ErrorObject,
) -> ErrorObject {
    let uri = params.and_then(|params| member(params, "uri")).filter(|uri| string(uri).is_some());
    match (revision.era(), error.code) {
        (Era::Stateless, RESOURCE_NOT_FOUND) => {
            error.code = INVALID_PARAMS;
            let data = error.data.as_deref().map_or("{}", RawValue::get);
            if let (Some(uri), None) = (uri, member(data, "uri"))
                && let Some(named) = set(data, "uri", uri)
            {
                error.data = RawValue::from_string(named).ok();
            }
            error
        }
        (Era::Stateless, URL_ELICITATION_REQUIRED) => {
            let refusal = missing_capability(r#"{"elicitation":{"url":{}}}"#);
            ErrorObject { message: error.message, ..refusal }
        }
        // Only with its URI it is known to be that error rather than any other of its code.
        (Era::Session, INVALID_PARAMS) if method == method::RESOURCES_READ => {
            let named = error.data.as_deref().and_then(|data| member(data.get(), "uri"));
            if named.and_then(string).is_some() && named.and_then(string) == uri.and_then(string) {
                error.code = RESOURCE_NOT_FOUND;
            }
            error
        }
        _ => error,
    }
}

/// The parameters of a notification for a client of this revision; nothing if it has no such notification.
///
/// `level` is the one from which on the client wants log messages: of the stateless era it hears none without having named
/// one (revision 2026-07-28, Logging), of the session era all of them.
pub fn notification_for<'a>(
    revision: Revision,
    level: Option<Level>,
    method: &str,
    params: &'a str,
) -> Option<Cow<'a, str>> {
    let era = revision.era();
    let is_heard = match method {
        method::MESSAGE => match level {
            Some(level) => Level::of(params).is_none_or(|of| of >= level),
            None => era == Era::Session,
        },
        _ => method::is_notification_of(era, method),
    };
    is_heard.then(|| match era {
        Era::Session => untagged(params),
        Era::Stateless => Cow::Borrowed(params),
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::base::json::Strict;

    const NEW: Revision = Revision::V2026_07_28;
    const OLD: Revision = Revision::V2025_11_25;

    fn meta() -> String {
        format!(r#""_meta":{{"{SERVER_INFO}":{IDENTITY}}}"#)
    }

    fn check(revision: Revision, method: &str, result: &str, expected: &str) {
        let found = result_for(revision, method, result);
        assert_eq!(found, expected, "{method}");
        assert_eq!(matches!(found, Cow::Borrowed(_)), result == expected, "{method} {result}");
        assert_eq!(result_for(revision, method, &found), found, "{method} again");
    }

    #[test]
    fn stateless_clients_get_what_their_era_demands() {
        let meta = meta();
        let complete = r#""resultType":"complete""#;
        check(NEW, "tools/call", "{}", &format!("{{{complete},{meta}}}"));
        check(
            NEW,
            "tools/call",
            r#"{"content":[{"ttlMs":1}] }"#,
            &format!(r#"{{"content":[{{"ttlMs":1}}] ,{complete},{meta}}}"#),
        );
        check(
            NEW,
            "tools/list",
            r#"{"tools":[],"ttlMs":5}"#,
            &format!(r#"{{"tools":[],"ttlMs":5,{complete},"cacheScope":"private",{meta}}}"#),
        );
        check(
            NEW,
            "tools/call",
            r#"{"_meta":{"a":1},"content":[]}"#,
            &format!(r#"{{"_meta":{{"a":1,"{SERVER_INFO}":{IDENTITY}}},"content":[],{complete}}}"#),
        );
        check(
            NEW,
            "resources/read",
            r#"{"resultType":"input_required","requestState":"s"}"#,
            &format!(r#"{{"resultType":"input_required","requestState":"s",{meta}}}"#),
        );
        let own = r#"{"resultType":"task","taskId":"t","_meta":{"io.modelcontextprotocol/serverInfo":{"name":"x"}}}"#;
        check(NEW, "tools/call", own, own);
        check(NEW, "tools/call", "[1]", "[1]");
    }

    #[test]
    fn session_clients_get_nothing_of_the_other_era() {
        let meta = meta();
        check(OLD, "ping", &format!(r#"{{"resultType":"complete",{meta}}}"#), "{}");
        check(
            OLD,
            "tools/list",
            r#"{"resultType":"complete","tools":[],"ttlMs":5,"cacheScope":"public"}"#,
            r#"{"tools":[]}"#,
        );
        check(
            OLD,
            "tools/call",
            r#"{"content":[] ,"_meta":{"a":1,"io.modelcontextprotocol/serverInfo":{}}}"#,
            r#"{"content":[] ,"_meta":{"a":1}}"#,
        );
        for untouched in [
            r#"{ "content" : [], "ttlMs":1 }"#,
            r#"{"resultType":"other","content":[]}"#,
            r#"{"_meta":{},"content":[]}"#,
            "null",
        ] {
            check(OLD, "tools/call", untouched, untouched);
        }
    }

    #[test]
    fn errors_have_the_code_of_their_era() {
        let check = |revision, method, code, data: Option<&str>, expected: (i64, Option<&str>)| {
            let data = data.map(|data| RawValue::from_string(data.to_owned()).expect("JSON"));
            let error = ErrorObject { code, message: "m".to_owned(), data };
            let params = Some(r#"{"uri":"a:b"}"#);
            let mut found = error_for(revision, method, params, error);
            for _ in 0..2 {
                let data = found.data.as_deref().map(RawValue::get);
                assert_eq!((found.code, data), expected, "{method} {code}");
                assert_eq!(found.message, "m");
                found = error_for(revision, method, params, found);
            }
        };
        let named = Some(r#"{"uri":"a:b"}"#);
        let read = "resources/read";
        check(NEW, read, -32002, None, (-32602, named));
        check(NEW, read, -32002, Some(r#"{"uri":"c:d"}"#), (-32602, Some(r#"{"uri":"c:d"}"#)));
        check(NEW, read, -32002, Some("5"), (-32602, Some("5")));
        check(NEW, read, -32602, None, (-32602, None));
        check(NEW, read, -32000, None, (-32000, None));
        let url = r#"{"requiredCapabilities":{"elicitation":{"url":{}}}}"#;
        check(NEW, "tools/call", -32042, Some("{}"), (-32021, Some(url)));
        check(OLD, read, -32602, named, (-32002, named));
        check(OLD, read, -32602, Some(r#"{"uri":"c:d"}"#), (-32602, Some(r#"{"uri":"c:d"}"#)));
        check(OLD, read, -32602, None, (-32602, None));
        check(OLD, "tools/call", -32602, named, (-32602, named));
        check(OLD, "tools/call", -32042, Some("{}"), (-32042, Some("{}")));
    }

    #[test]
    fn notifications_go_to_those_who_know_them() {
        let check = |revision, level, method, params: &str, expected: Option<&str>| {
            let found = notification_for(revision, level, method, params);
            assert_eq!(found.as_deref(), expected, "{method} {params}");
        };
        let warning = r#"{"level":"warning","data":1}"#;
        check(NEW, None, "notifications/message", warning, None);
        check(NEW, Some(Level::Info), "notifications/message", warning, Some(warning));
        check(NEW, Some(Level::Error), "notifications/message", warning, None);
        check(OLD, None, "notifications/message", warning, Some(warning));
        check(OLD, Some(Level::Error), "notifications/message", warning, None);
        check(NEW, None, "notifications/elicitation/complete", "{}", None);
        check(OLD, None, "notifications/elicitation/complete", "{}", Some("{}"));
        check(OLD, None, "notifications/subscriptions/acknowledged", "{}", None);
        check(NEW, None, "notifications/tasks", "{}", Some("{}"));
        check(OLD, None, "notifications/tasks", "{}", None);
        let tagged = r#"{"uri":"a:b","_meta":{"io.modelcontextprotocol/subscriptionId":1}}"#;
        check(OLD, None, "notifications/resources/updated", tagged, Some(r#"{"uri":"a:b"}"#));
        check(NEW, None, "notifications/resources/updated", tagged, Some(tagged));
    }

    proptest! {
        /// A result of the session era that goes through the other one comes back byte for byte.
        #[test]
        fn the_way_there_and_back_changes_nothing(
            text in "[ -~é]{0,12}",
            list in any::<bool>(),
            meta in proptest::option::of(0..9_u8),
        ) {
            let text = serde_json::to_string(&text).expect("a string");
            let meta = meta.map_or_else(String::new, |meta| format!(r#","_meta":{{"m":{meta}}}"#));
            let method = if list { "prompts/list" } else { "completion/complete" };
            let result = format!(r#"{{"a":{text}{meta}}}"#);
            let there = result_for(NEW, method, &result);
            serde_json::from_str::<serde_json::Value>(&there).expect("it is still JSON");
            prop_assert_eq!(&*result_for(OLD, method, &there), &*result);
        }

        /// Nonsense may stay nonsense, but nothing panics over it, and what is written is not written twice.
        #[test]
        fn nonsense_does_no_harm(parts in proptest::collection::vec(
            proptest::sample::select(vec![
                "{", "}", "[", "]", ":", ",", "1", "\"a\"", "\"_meta\":", "\"resultType\":", "\"tools\":",
                "\"outputSchema\":", "\"content\":", "\"type\":", "\"audio\"", "\"", "\\", " ", "é",
            ]),
            0..24,
        )) {
            let text = parts.concat();
            for revision in Revision::ALL {
                for method in ["tools/list", "tools/call", "prompts/get", "ping"] {
                    let once = result_for(revision, method, &text);
                    if Strict::new().check(text.as_bytes()).is_ok() {
                        prop_assert_eq!(&*result_for(revision, method, &once), &*once);
                    }
                }
                notification_for(revision, None, "notifications/message", &text);
            }
        }
    }
}
